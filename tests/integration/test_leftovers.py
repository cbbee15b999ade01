"""What an interrupted run has left beside a film is dealt with before the film is looked at."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.unit.execute.edits import applied, saved, torn

from vpo.execute.header_edits.patch_set import PatchSet
from vpo.execute.undo_file import Patch

FLAGS = """\
schema_version: 13
phases:
  - name: flags
    default_flags: {}
"""
NOTHING = "schema_version: 13\nphases:\n  - name: nothing\n"
REMUX = """\
schema_version: 13
phases:
  - name: filter
    keep_audio: {languages: [eng], fallback: {mode: keep_first}}
"""
CONVERT = """\
schema_version: 13
phases:
  - name: convert
    container: {target: mkv}
"""


@pytest.mark.parametrize("command", ["process", "inspect", "scan", "undo"])
def test_named_film_is_repaired_before_it_is_looked_at(
    vpo: Vpo, library: Library, command: str
) -> None:
    film = library("film.mkv=multi-audio.mkv") / "film.mkv"
    before = torn(film)
    words: list[str | Path] = ["-p", vpo.policy(NOTHING)] if command == "process" else []
    ended = vpo(command, *words, film)
    assert f"rolled back {film}" in ended.stdout + ended.stderr
    assert ended.rc == (2 if command == "undo" else 0)  # there is no original to restore
    assert film.read_bytes() == before
    assert [path.name for path in film.parent.iterdir()] == ["film.mkv"]


def test_scan_of_a_folder_repairs_its_films(vpo: Vpo, library: Library) -> None:
    film = library("film.mkv=multi-audio.mkv") / "film.mkv"
    before = torn(film)
    found = vpo("scan", "--format", "json", film.parent)
    assert f"rolled back {film}" in found.stderr
    assert (found.json["summary"]["new"], found.json["unreadable"]) == (1, [])
    assert film.read_bytes() == before


def test_dry_run_repairs_nothing(vpo: Vpo, library: Library) -> None:
    film = library("film.mkv=multi-audio.mkv") / "film.mkv"
    torn(film)
    half = film.read_bytes()
    vpo("process", "-n", "-p", vpo.policy(NOTHING), film)
    assert film.read_bytes() == half
    assert len(list(film.parent.glob(".vpo-*.undo"))) == 1


def test_film_that_was_rolled_back_does_not_comply_any_more(vpo: Vpo, library: Library) -> None:
    """An undo file that a power cut brought back; size, time and inode are the recorded ones."""
    film = library("film.mkv=wrong-flags.mkv") / "film.mkv"
    before = film.read_bytes()
    assert vpo("process", "-p", vpo.policy(FLAGS), film).rc == 0
    after, times = film.read_bytes(), film.stat().st_mtime_ns
    film.write_bytes(before)
    os.utime(film, ns=(times, times))
    edit = PatchSet((Patch(0, before[:65536], after[:65536]),), len(after))
    saved(film, edit)
    applied(film, edit)
    os.utime(film, ns=(times, times))
    assert film.read_bytes() == after
    again = vpo("process", "--format", "json", "-p", vpo.policy(FLAGS), film)
    assert [file["status"] for file in again.json["files"]] == ["changed"]
    assert film.read_bytes() == after


def test_film_whose_edit_was_undone_does_not_comply_any_more(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    film = library("film.mkv=wrong-flags.mkv") / "film.mkv"
    assert vpo("process", "-p", vpo.policy(FLAGS), film).rc == 0
    assert vpo("undo", film).rc == 0
    again = vpo("process", "--format", "json", "-p", vpo.policy(FLAGS), film)
    assert [file["status"] for file in again.json["files"]] == ["changed"]


def test_undo_that_cannot_remove_the_result_leaves_one_name(vpo: Vpo, library: Library) -> None:
    """The last step fails: nothing is restored, and it can be tried again."""
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    film = library("film.mp4=mov-text.mp4") / "film.mp4"
    before = film.read_bytes()
    assert vpo("process", "-p", vpo.policy(CONVERT), film).rc == 0
    stops = site(
        vpo,
        "import os\nreal = os.unlink\n"
        "def unlink(path, **where):\n"
        "    if os.fspath(path) == 'film.mkv':\n"
        "        raise PermissionError(13, 'Permission denied')\n"
        "    real(path, **where)\n"
        "os.unlink = unlink\n",
    )
    refused = vpo("undo", film.with_suffix(".mkv"), env=stops)
    assert refused.rc == 1
    assert "could not be restored: Permission denied; it is still kept" in refused.stderr
    assert seen(film.parent) == ["film.mkv"]
    assert vpo("undo", film.with_suffix(".mkv")).rc == 0
    assert seen(film.parent) == ["film.mp4"]
    assert film.read_bytes() == before


@pytest.mark.parametrize("keep", ["none", "trash"])
def test_film_that_the_file_system_removed_is_the_result(
    vpo: Vpo, library: Library, keep: str
) -> None:
    """As the SMB client of Linux does it, whose server refuses to rename over an open file."""
    vpo.config.write_text(f'[originals]\nkeep = "{keep}"\n')
    film = library("film.mkv=multi-audio.mkv") / "film.mkv"
    before = film.read_bytes()
    smb = site(
        vpo,
        "import os\nreal = os.replace\n"
        "def replace(name, new, **where):\n"
        "    if new == 'film.mkv':\n"
        "        os.unlink(new, dir_fd=where['dst_dir_fd'])\n"
        "        raise PermissionError(13, 'Permission denied')\n"
        "    real(name, new, **where)\n"
        "os.replace = replace\n",
    )
    ended = vpo("process", "--format", "json", "-p", vpo.policy(REMUX), film, env=smb)
    assert [file["status"] for file in ended.json["files"]] == ["changed"]
    assert seen(film.parent) == ["film.mkv"]
    assert list(film.parent.glob(".vpo-*.*")) == []
    result = film.read_bytes()
    assert result != before
    if keep == "trash":
        assert vpo("undo", film).rc == 0
        assert film.read_bytes() == before


def site(vpo: Vpo, code: str) -> dict[str, str]:
    """The environment of a vpo that runs this code first."""
    folder = vpo.folder / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    path = f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep)
    return {"PYTHONPATH": path}


def seen(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_originals_folder_that_is_a_link_deletes_nothing_elsewhere(
    vpo: Vpo, library: Library
) -> None:
    root = library("film.mkv=multi-audio.mkv")
    backups = vpo.folder / "backups"
    backups.mkdir()
    key = "01234567-89ab-cdef-0123-456789abcdef"
    for name in ("backup.2024.01.02.gz", f"{key}.1.2.3.mkv"):
        (backups / name).write_text("keep")
    (root / ".vpo-originals").symlink_to(backups)
    vpo.config.write_text("[originals]\ndays = 1\n")
    later = site(vpo, "import time\nnow = time.time\ntime.time = lambda: now() + 2 * 86400\n")
    assert vpo("process", "-p", vpo.policy(NOTHING), root, env=later).rc == 0
    assert len(list(backups.iterdir())) == 2


@contextlib.contextmanager
def exfat(folder: Path) -> Iterator[Path]:
    """A file system whose inode numbers are others after each mount."""
    image, point = folder / "exfat.image", folder / "exfat"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(64 << 20)
    mount = shutil.which("mount.exfat-fuse")
    if os.geteuid() != 0 or mount is None or shutil.which("mkfs.exfat") is None:
        pytest.skip("exFAT cannot be mounted here")
    subprocess.run(["mkfs.exfat", image], check=True, capture_output=True)
    loop = subprocess.run(
        ["losetup", "-f", "--show", image], check=False, capture_output=True, text=True
    )
    if loop.returncode:
        pytest.skip("there are no loop devices here")
    device = loop.stdout.strip()
    try:
        if subprocess.run([mount, device, point], check=False, capture_output=True).returncode:
            pytest.skip("exFAT cannot be mounted here")
        yield point
    finally:
        subprocess.run(["umount", point], check=False, capture_output=True)
        subprocess.run(["losetup", "-d", device], check=False, capture_output=True)


def test_torn_film_on_exfat_is_repaired_after_it_was_mounted_again(
    vpo: Vpo, corpus: Path, tmp_path: Path
) -> None:
    with exfat(tmp_path) as point:
        film = Path(shutil.copyfile(corpus / "multi-audio.mkv", point / "film.mkv"))
        before = torn(film)
        device = next(
            line.split()[0]
            for line in Path("/proc/mounts").read_text().splitlines()
            if str(point) in line
        )
        subprocess.run(["umount", point], check=True)
        subprocess.run(["mount.exfat-fuse", device, point], check=True, capture_output=True)
        (point / "another").mkdir()
        list(point.iterdir())
        ended = vpo("process", "-p", vpo.policy(NOTHING), film)
        assert f"rolled back {film}" in ended.stdout + ended.stderr
        assert film.read_bytes() == before


@pytest.mark.parametrize(
    ("policy", "sample", "result"),
    [
        (FLAGS, "wrong-flags.mkv", "film.mkv"),
        (CONVERT, "mov-text.mp4", "film.mkv"),
    ],
)
def test_films_on_exfat_are_processed(
    vpo: Vpo, corpus: Path, tmp_path: Path, policy: str, sample: str, result: str
) -> None:
    """It has no links, modes, owners or attributes."""
    with exfat(tmp_path) as point:
        film = point / f"film{Path(sample).suffix}"
        shutil.copyfile(corpus / sample, film)
        ended = vpo("process", "--format", "json", "-p", vpo.policy(policy), point)
        assert [file["status"] for file in ended.json["files"]] == ["changed"], ended
        assert sorted(path.name for path in point.iterdir()) == [result]
