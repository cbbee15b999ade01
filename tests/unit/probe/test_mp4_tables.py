"""Sample tables that contradict each other: samples that no reader finds are found missing."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from vpo.probe.integrity import table_damage
from vpo.probe.mp4 import boxes_of, tracks

_RUN = struct.Struct(">3I")


def with_first_kind(source: Path, target: Path, kind: int) -> Path:
    """The file with samples of this kind in the first chunks of its video."""
    with source.open("rb") as file:
        at = boxes_of(file.fileno(), next(tracks(file.fileno())))[b"stsc"].data + 8
        first, each, _ = _RUN.unpack(os.pread(file.fileno(), _RUN.size, at))
    data = bytearray(source.read_bytes())
    _RUN.pack_into(data, at, first, each, kind)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("name", ["mov-text.mp4", "cover.mp4"])
def test_samples_of_unknown_kind_are_damage(corpus: Path, tmp_path: Path, name: str) -> None:
    """A bit of the tables has flipped; the header still states the right duration."""
    film = with_first_kind(corpus / name, tmp_path / name, 1 << 16)
    assert "its tables leave out" in str(table_damage(str(film)))


def test_chunk_with_fewer_samples_is_damage(corpus: Path, tmp_path: Path) -> None:
    name = "mov-text.mp4"
    with (corpus / name).open("rb") as file:
        boxes = boxes_of(file.fileno(), next(tracks(file.fileno())))
    data = bytearray((corpus / name).read_bytes())
    data[boxes[b"stsz"].data + 11] += 3  # the number of samples
    (tmp_path / name).write_bytes(data)
    assert "its tables leave out 3 packets" in str(table_damage(str(tmp_path / name)))


def test_whole_files_have_right_tables(corpus: Path) -> None:
    films = [*corpus.glob("*.mp4"), *corpus.glob("*.mov")]
    assert films
    assert [path.name for path in films if table_damage(str(path))] == []
