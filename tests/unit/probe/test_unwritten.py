"""Holes of preallocated downloads, and those that mean nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vpo.probe.unwritten import is_unwritten

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not every system has holes")

HEADER, SEGMENT, CLUSTER, BLOCK, VOID = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xA3, 0xEC
HOLE = 1 << 20


def head(ident: int, size: int) -> bytes:
    ident_bytes = ident.to_bytes((ident.bit_length() + 7) // 8, "big")
    return ident_bytes + (size | 1 << 56).to_bytes(8, "big")


def film(path: Path, inner: int, hole: int = HOLE) -> Path:
    """A file with one cluster, which has one element with nothing but a hole in it."""
    inside = head(inner, hole)
    cluster = head(CLUSTER, len(inside) + hole)
    start = head(HEADER, 0) + head(SEGMENT, len(cluster) + len(inside) + hole) + cluster + inside
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + hole)
    return path


def unwritten(path: Path) -> bool:
    with path.open("rb") as file:
        return is_unwritten(file.fileno())


def test_hole_in_data_is_unwritten(tmp_path: Path) -> None:
    assert unwritten(film(tmp_path / "film.mkv", BLOCK))


def test_hole_between_elements_is_unwritten(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", BLOCK, 100)
    with path.open("r+b") as file:
        file.truncate(HOLE)
    assert unwritten(path)


def test_hole_in_a_void_is_none(tmp_path: Path) -> None:
    assert not unwritten(film(tmp_path / "film.mkv", VOID))


def test_file_without_holes_is_written(tmp_path: Path, corpus: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes((corpus / "wrong-flags.mkv").read_bytes())
    assert not unwritten(path)
