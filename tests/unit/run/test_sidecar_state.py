"""The state of the sidecars of a film, by which compliance is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.plugins.metadata import Metadata
from vpo.run.sidecar_state import sidecar_state, state_after


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "Film.mkv"


def test_state_follows_the_sidecars(film: Path) -> None:
    assert sidecar_state(str(film)) == ""
    sidecar = film.with_name("Film.en.srt")
    sidecar.write_text("one")
    first = sidecar_state(str(film))
    sidecar.write_text("other")
    assert sidecar_state(str(film)) not in ("", first)
    sidecar.unlink()
    film.with_name("Other.en.srt").touch()
    assert sidecar_state(str(film)) == ""


def test_state_after_a_run_has_what_it_wrote_and_nothing_that_came_meanwhile(film: Path) -> None:
    film.with_name("Film.en.srt").write_text("one")
    before = sidecar_state(str(film))
    film.with_name("Film.de.srt").write_text("written")
    assert state_after(str(film), before, {"Film.de.srt"}) == sidecar_state(str(film))
    film.with_name("Film.fr.srt").write_text("from elsewhere")
    assert state_after(str(film), before, {"Film.de.srt"}) == before


def test_cache_key_depends_on_the_sidecars() -> None:
    metadata = Metadata(beside={"/a": "state", "/b": ""})
    assert metadata.cache_key("/b", "print") == "print"
    assert metadata.cache_key("/a", "print") != metadata.cache_key("/a", "print", "other")
    assert metadata.cache_key("/b", "print", "state") == metadata.cache_key("/a", "print")
    assert (metadata.varies("/a"), metadata.varies("/b")) == (True, False)
