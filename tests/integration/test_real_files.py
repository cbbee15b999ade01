"""The judges of ``python -m drill.real_files``: they pass what is right, and find what is lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from drill.real_files import Film, judge, outcomes


def test_judges_pass_what_vpo_does(corpus: Path, tmp_path: Path) -> None:
    names = ("multi-audio.mkv", "mov-text.mp4", "bad/truncated.mkv")
    rows = list(outcomes("filter", [corpus / name for name in names], tmp_path))
    assert [row.wrong for row in rows] == [(), (), ()]
    assert {row.name: row.status for row in rows}["truncated.mkv"] in ("failed", "unchanged")
    assert "changed" in {row.status for row in rows}
    assert list(tmp_path.iterdir()) == []


def said(path: Path, status: str, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "new_path": None,
        "error": None,
        "warnings": [],
        "phases": [],
        "changes": [],
    }
    return {"path": str(path), "status": status, **empty, **more}


def test_judges_find_a_lost_track(corpus: Path, tmp_path: Path) -> None:
    film, result = corpus / "multi-audio.mkv", tmp_path / "multi-audio.mkv"
    subprocess.run(["mkvmerge", "-q", "-o", result, "--no-audio", film], check=True)
    wrong = judge("mkv", Film(film), tmp_path, said(result, "changed")).wrong
    assert "all audio is gone" in wrong
    assert any("tracks instead of" in text for text in wrong)


def test_judges_find_other_content(corpus: Path, tmp_path: Path) -> None:
    film, result = corpus / "und.mkv", tmp_path / "und.mkv"
    louder = ["-map", "0", "-c:v", "copy", "-af", "volume=0.5"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", film, *louder, result], check=True)
    wrong = judge("mkv", Film(film), tmp_path, said(result, "changed")).wrong
    assert any("is none of the source's" in text for text in wrong)


@pytest.mark.parametrize(
    ("status", "error"),
    [("failed", {"type": "PlanError", "message": "mp4 cannot hold it"}), ("unchanged", None)],
)
def test_judges_find_a_changed_byte_of_a_file_left_alone(
    corpus: Path, tmp_path: Path, status: str, error: object
) -> None:
    film, result = corpus / "und.mkv", tmp_path / "und.mkv"
    result.write_bytes(film.read_bytes()[:-1] + b"\x00")
    outcome = judge("mkv", Film(film), tmp_path, said(result, status, error=error))
    assert outcome.wrong == ("it is not the same file",)


def test_judges_want_a_reason_and_no_litter(corpus: Path, tmp_path: Path) -> None:
    film, result = corpus / "und.mkv", Path(shutil.copy(corpus / "und.mkv", tmp_path))
    assert judge("mkv", Film(film), tmp_path, said(result, "failed")).wrong == ("no reason",)
    (tmp_path / ".vpo-1.part").touch()
    assert "the folder has .vpo-1.part" in judge("mkv", Film(film), tmp_path, None).wrong[0]
