"""Originals that are kept for a result that has not replaced them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.execute.lock import FileLock
from vpo.execute.originals import StoredOriginal, delete_unused, list_originals

NAME = "01234567-89ab-cdef-0123-456789abcdef.1.2.3.mkv"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"film")
    (tmp_path / ".vpo-originals").mkdir()
    return path


def kept(film: Path) -> StoredOriginal:
    (found,) = list_originals(str(film.parent))
    return found


def test_original_with_the_name_of_its_film_is_deleted(film: Path) -> None:
    os.link(film, film.parent / ".vpo-originals" / NAME)
    assert delete_unused(kept(film))
    assert film.read_bytes() == b"film"
    assert not list_originals(str(film.parent))


def test_original_of_film_that_a_vpo_is_replacing_stays(film: Path) -> None:
    os.link(film, film.parent / ".vpo-originals" / NAME)
    with FileLock(str(film)):
        assert not delete_unused(kept(film))
    assert kept(film)


@pytest.mark.parametrize("linked", [False, True])
def test_original_of_another_file_stays(film: Path, tmp_path: Path, linked: bool) -> None:
    original = film.parent / ".vpo-originals" / NAME
    original.write_bytes(b"the original")
    if linked:
        os.link(original, tmp_path / "elsewhere")
        (tmp_path / "elsewhere").rename(tmp_path / ".vpo-originals/elsewhere")
    assert not delete_unused(kept(film))
    assert original.read_bytes() == b"the original"
