"""Results that are written on another file system than the library."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Library, ToolsOnPath, Vpo
from tests.integration.facts import tree
from tests.reading import stream_hashes

REMUX = "schema_version: 13\nphases: [{name: r, track_order: [audio_main, video]}]\n"


@pytest.fixture
def elsewhere(vpo: Vpo, tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, which is set as the temporary folder."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        vpo.config.write_text(f'[files]\ntemporary_folder = "{folder}"\n')
        yield Path(folder)


def test_result_is_written_elsewhere_and_takes_the_place_of_the_original(
    vpo: Vpo, library: Library, elsewhere: Path, tools_on_path: ToolsOnPath
) -> None:
    film = library("multi-audio.mkv") / "multi-audio.mkv"
    os.utime(film, ns=(1, 1_600_000_000_000_000_000))
    film.chmod(0o640)
    before = stream_hashes(film)
    seen = elsewhere.parent / f"{elsewhere.name}.seen"
    tools_on_path(mkvmerge=f'ls -A "{elsewhere}" > "{seen}"; exec "$REAL_MKVMERGE" "$@"')
    found = vpo("process", "--format", "json", "-p", vpo.policy(REMUX), film)
    written = seen.read_text()
    seen.unlink()
    assert found.json["files"][0]["status"] == "changed"
    assert written.startswith(".vpo-")
    assert sorted(stream_hashes(film)) == sorted(before)
    status = film.stat()
    assert (status.st_mtime_ns, status.st_mode & 0o777) == (1_600_000_000_000_000_000, 0o640)
    assert os.listdir(elsewhere) == []
    assert os.listdir(film.parent) == ["multi-audio.mkv"]


def test_failed_tool_leaves_nothing_in_either_place(
    vpo: Vpo, library: Library, elsewhere: Path, tools_on_path: ToolsOnPath
) -> None:
    film = library("multi-audio.mkv") / "multi-audio.mkv"
    before = tree(film)
    tools_on_path(mkvmerge="exit 2")
    assert vpo("process", "-p", vpo.policy(REMUX), film).rc == 1
    assert (tree(film), os.listdir(film.parent)) == (before, [film.name])
    assert os.listdir(elsewhere) == []
