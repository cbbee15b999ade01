"""An encoded video whose file is renamed, moved, copied, restored and remuxed between the runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.reading import frame_hashes

from drill.bench import Bench, Rig, expect
from drill.checks import database_sound

_FILM = (
    *("-f", "lavfi", "-i", "testsrc2=s=192x108:d=1:r=12", "-f", "lavfi", "-i", "sine=d=1"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-c:a", "ac3"),
)
"""What ffmpeg makes a film from that is large for what it shows."""
ENCODE = """\
schema_version: 13
phases:
  - name: encode
    transcode:
      video:
        to: hevc
        crf: 34
        preset: ultrafast
        skip_if: {codec_matches: [hevc], bitrate_under: 1k}
"""
"""No result can be under the limit, so that only what is known keeps it from another encode."""

Change = Callable[[Path, Path], Path]
"""Gives the file of the first path a new place in the folder; returns where it is."""


def _rename(path: Path, new: Path) -> Path:
    return path.rename(new)


def _move(path: Path, new: Path) -> Path:
    folder = new.with_suffix("")
    folder.mkdir()
    return path.rename(folder / path.name)


def _copy(path: Path, new: Path) -> Path:
    return Path(shutil.copyfile(path, new))


def _copy_with_times(path: Path, new: Path) -> Path:
    return Path(shutil.copy2(path, new))


def _link(path: Path, new: Path) -> Path:
    new.hardlink_to(path)
    return new


def _restore(path: Path, new: Path) -> Path:
    """Lose the file, and restore it from a backup."""
    backup = shutil.copyfile(path, new)
    path.unlink()
    os.replace(shutil.copyfile(backup, backup.with_suffix(".tmp")), path)
    backup.unlink()
    return path


def _remux(path: Path, new: Path) -> Path:
    subprocess.run(["mkvmerge", "-q", "-o", new, path], check=True)
    path.unlink()
    return new


def _edit(path: Path, new: Path) -> Path:
    """Edit the header, at the start of the file."""
    edit = ("--edit", "info", "--set", f"title={new.stem}", "--edit", "track:1")
    subprocess.run(["mkvpropedit", "-q", path, *edit, "--set", f"name={new.stem}"], check=True)
    return path.rename(new)


CHANGES: tuple[Change, ...] = (
    *(_rename, _move, _copy, _copy_with_times, _link, _restore, _remux, _edit),
)


def renamed(bench: Bench) -> None:
    """No file whose video vpo has encoded is encoded again, wherever it turns up."""
    for number in range(bench.scale(1, 10)):
        rig = bench.rig()
        film = rig.library / "film.mkv"
        subprocess.run(["ffmpeg", "-v", "error", *_FILM, film], check=True)
        rig.configure(files='hardlinks = "replace"')
        first = rig.process(ENCODE)
        with bench.trial(f"library {number}"):
            expect(first.status("film.mkv") == "changed", f"{first}")
        changes = list(CHANGES)
        bench.random.shuffle(changes)
        _go_on(bench, rig, changes)
        rig.throw_away()


def _go_on(bench: Bench, rig: Rig, changes: list[Change]) -> None:
    path = rig.library / "film.mkv"
    frames = frame_hashes(path, ["0:v"])
    for step, change in enumerate(changes):
        with bench.trial(f"step {step}, {change.__name__.strip('_')}"):
            path = change(path, path.with_name(f"film {step}.mkv"))
            ended = rig.process(ENCODE)
            states = [entry["status"] for entry in ended.files.values()]
            expect(set(states) <= {"unchanged"} and ended.rc == 0, f"{ended}")
            expect(frame_hashes(path, ["0:v"]) == frames, "its video is another one")
            database_sound(rig)
