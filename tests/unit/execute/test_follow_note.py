"""Sidecars follow their film to a new name, also where the run is killed in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.execute.follow_note import FOLLOW_EXTENSION, noted_followers
from vpo.execute.leftovers import clean_up_leftovers, ignore_record

RENAMES = [("old.en.srt", "new.en.srt"), ("old.de.srt", "new.de.srt")]


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """The note of a run that was killed when the film had its new name, and no sidecar had."""
    for name in ("old.mkv", "old.en.srt", "old.de.srt"):
        (tmp_path / name).write_text(name)
    with noted_followers(str(tmp_path / "old.mkv"), str(tmp_path / "new.mkv"), RENAMES):
        (found,) = tmp_path.glob(f".*{FOLLOW_EXTENSION}")
        data = found.read_bytes()
        assert clean_up(found) == []  # the run lives
    assert not found.exists()
    found.write_bytes(data)
    (tmp_path / "old.mkv").rename(tmp_path / "new.mkv")
    return found


def clean_up(note: Path) -> list[str]:
    return list(clean_up_leftovers([str(note)], ignore_record))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_sidecars_follow_a_film_whose_run_was_killed(note: Path) -> None:
    assert len(clean_up(note)) == 2
    assert names(note.parent) == ["new.de.srt", "new.en.srt", "new.mkv"]


def test_no_other_file_is_replaced(note: Path) -> None:
    (note.parent / "new.en.srt").write_text("another")
    assert len(clean_up(note)) == 1
    assert names(note.parent) == ["new.de.srt", "new.en.srt", "new.mkv", "old.en.srt"]
    assert (note.parent / "new.en.srt").read_text() == "another"


def test_sidecars_stay_with_a_film_that_has_its_old_name(note: Path) -> None:
    (note.parent / "new.mkv").rename(note.parent / "old.mkv")
    assert clean_up(note) == []
    assert names(note.parent) == ["old.de.srt", "old.en.srt", "old.mkv"]


@pytest.mark.parametrize("content", [b"", b'[["YQ==', b'[["Li4vYQ==", "YQ=="]]', b"[1]"])
def test_note_that_is_incomplete_or_names_other_folders_changes_nothing(
    note: Path, content: bytes
) -> None:
    note.write_bytes(content)
    assert clean_up(note) == []
    assert names(note.parent) == ["new.mkv", "old.de.srt", "old.en.srt"]
