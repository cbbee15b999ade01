"""The progress that a run leaves for other processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.run.progress import FileProgress, RunningFile, RunProgress, read_progress, write_progress


def test_progress_is_read_as_it_was_written_also_if_it_shrinks(tmp_path: Path) -> None:
    path = str(tmp_path / "run.lock")
    name = os.fsdecode(b"/na\xefve.mkv")
    long = RunProgress(1, 9, 1, 2.5, (RunningFile(name, 0.5, 1.0),), "paused")
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        for progress in (long, RunProgress(2, 9, 0)):
            write_progress(fd, progress)
            assert read_progress(path) == progress
    finally:
        os.close(fd)


@pytest.mark.parametrize("text", ["", "[1,"])
def test_progress_that_is_incomplete_is_unknown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.lock"
    path.write_text(text)
    assert read_progress(str(path)) is None
    assert read_progress(str(tmp_path / "none")) is None


def test_stage_of_a_file_follows_from_the_fraction() -> None:
    stages = [RunningFile("/a", part).stage for part in (None, 0.2, 1.0)]
    assert stages == ["preparing", "writing", "verifying"]


def test_preparation_has_a_fraction_until_the_file_is_written() -> None:
    parts, file = FileProgress(), RunningFile("/a.mkv")
    assert parts.with_details(file).prepared is None
    for part in (1.0, 0.5):  # a search after a measurement
        parts.prepare("/a.mkv", part)
    assert parts.with_details(file).prepared == 0.5
    assert parts.with_details(file._replace(part=0.1)).prepared is None
