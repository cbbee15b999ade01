"""Sidecars get free names only, all of them or none."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vpo.errors import PublishError, SpaceError
from vpo.execute.extraction import Extraction, _Ready
from vpo.execute.folder import Folder
from vpo.execute.lock import FileLock
from vpo.execute.workspace import Workspace


@contextlib.contextmanager
def extraction(film: Path, *names: str) -> Iterator[Extraction]:
    """An extraction that has written these sidecars, and published none."""
    with FileLock(str(film)) as lock, Workspace(str(film.parent), 0o640) as place:
        work: Any = SimpleNamespace(
            plan=SimpleNamespace(extracts=()), lock=lock, check=lambda _: None
        )
        with Folder(str(film.parent)) as folder, Extraction(work) as found:
            found._folder = folder
            found._ready = [_Ready(place.store(name.encode()), name) for name in names]
            yield found


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "Film.mkv"
    path.write_bytes(b"film")
    path.chmod(0o755)
    return path


def names(film: Path) -> list[str]:
    return sorted(path.name for path in film.parent.iterdir())


def publish(found: Extraction) -> None:
    nothing: Any = None
    found.check(nothing)


def test_sidecars_get_their_names_and_the_rights_of_the_film(film: Path) -> None:
    with extraction(film, "Film.en.srt", "Film.de.srt") as found:
        publish(found)
    assert names(film) == ["Film.de.srt", "Film.en.srt", "Film.mkv"]
    sidecar = film.with_name("Film.de.srt")
    assert (sidecar.read_text(), sidecar.stat().st_mode & 0o777) == ("Film.de.srt", 0o644)


@pytest.mark.parametrize("link", [False, True])
def test_name_that_came_meanwhile_is_left_and_others_are_taken_back(film: Path, link: bool) -> None:
    mine = film.with_name("Film.de.srt")
    if link:
        mine.symlink_to("/nowhere")
    else:
        mine.write_text("mine")
    with (
        pytest.raises(PublishError, match=r"Film\.de\.srt has come since the film was read"),
        extraction(film, "Film.en.srt", "Film.de.srt") as found,
    ):
        publish(found)
    assert names(film) == ["Film.de.srt", "Film.mkv"]
    assert link or mine.read_text() == "mine"


def test_full_disk_leaves_no_sidecar(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Folder.link

    def full(self: Folder, name: str, new: str, to: Folder | None = None) -> None:
        if new == "Film.de.srt":
            raise OSError(errno.ENOSPC, "No space left on device")
        link(self, name, new, to)

    monkeypatch.setattr(Folder, "link", full)
    with (
        pytest.raises(SpaceError, match="is full"),
        extraction(film, "Film.en.srt", "Film.de.srt") as found,
    ):
        publish(found)
    assert names(film) == ["Film.mkv"]


def test_sidecars_stay_where_the_film_was_replaced(film: Path) -> None:
    with pytest.raises(KeyboardInterrupt), extraction(film, "Film.en.srt") as found:
        publish(found)
        film.with_name("new").write_bytes(b"without")
        os.replace(film.with_name("new"), film)
        raise KeyboardInterrupt
    assert names(film) == ["Film.en.srt", "Film.mkv"]


def test_file_system_without_hard_links_is_served(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Folder, "link", no_links)
    with extraction(film, "Film.en.srt") as found:
        publish(found)
    assert film.with_name("Film.en.srt").read_text() == "Film.en.srt"
    with (
        pytest.raises(PublishError, match="has come since"),
        extraction(film, "Film.en.srt") as found,
    ):
        publish(found)
    assert film.with_name("Film.en.srt").read_text() == "Film.en.srt"
