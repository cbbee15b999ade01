"""What media servers play, and what follows from an answer that does not come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import KEY, Server, serving

from vpo.errors import SourceError
from vpo.plugins.jellyfin import played_by_jellyfin
from vpo.plugins.playing import PlayedFiles
from vpo.plugins.plex import played_by_plex

SESSIONS = [
    {"UserName": "idle"},
    {"NowPlayingItem": {"Path": "/media/a.mkv", "Name": "A"}, "PlayState": {"IsPaused": True}},
    {"NowPlayingItem": {"Path": "/media/b.mkv", "MediaSources": [{"Path": "/media/b 4K.mkv"}]}},
    {"NowPlayingItem": {"Path": "https://radio.example/stream"}},
]
PLEX = {
    "MediaContainer": {
        "size": 1,
        "Metadata": [{"Media": [{"Part": [{"file": "/media/a.mkv"}, {"file": "/media/b.mkv"}]}]}],
    }
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def settings(server: Server) -> dict[str, Any]:
    return {**server.settings, "path_map": {"/media": "/mnt"}}


def test_jellyfin_plays_the_files_of_its_sessions(server: Server) -> None:
    server.put("/Sessions", SESSIONS)
    assert played_by_jellyfin(settings(server)) == {"/mnt/a.mkv", "/mnt/b.mkv", "/mnt/b 4K.mkv"}
    assert server.headers[0]["Authorization"] == f'MediaBrowser Token="{KEY}"'


def test_plex_plays_the_parts_of_its_sessions(server: Server) -> None:
    server.put("/status/sessions", PLEX)
    assert played_by_plex(settings(server)) == {"/mnt/a.mkv", "/mnt/b.mkv"}
    server.put("/status/sessions", {"MediaContainer": {"size": 0}})
    assert played_by_plex(settings(server)) == set()


@pytest.mark.parametrize("data", [{}, [1], [{"NowPlayingItem": "x"}], {"MediaContainer": [1]}])
def test_answer_of_another_server_is_refused(server: Server, data: object) -> None:
    server.put("/Sessions", data)
    server.put("/status/sessions", data)
    with pytest.raises(SourceError, match="unexpected response"):
        played_by_plex(settings(server))
    if data:
        with pytest.raises(SourceError, match="unexpected response"):
            played_by_jellyfin(settings(server))


def test_played_files_are_asked_for_anew_after_two_seconds(server: Server) -> None:
    now = 0.0
    server.put("/Sessions", SESSIONS)
    found = PlayedFiles("jellyfin", settings(server), lambda: now)
    assert found.reason("/mnt/a.mkv") == "Jellyfin is playing it"
    assert found.reason("/mnt/c.mkv") is None
    assert len(server.asked) == 1
    server.put("/Sessions", [])
    now = 2.0
    assert found.reason("/mnt/a.mkv") is None
    assert len(server.asked) == 2


def test_file_waits_while_the_server_gives_no_usable_answer(server: Server) -> None:
    server.put("/status/sessions", {}, status=401)
    found = PlayedFiles("plex", settings(server), lambda: 0.0)
    reason = found.reason("/mnt/a.mkv")
    assert reason is not None
    assert reason.startswith("whether Plex is playing it is unknown: ")
    assert KEY not in reason
    assert found.messages() == []


def test_server_that_cannot_be_reached_plays_nothing() -> None:
    now = 0.0
    known = {"url": "http://127.0.0.1:9", "api_key": KEY, "timeout_seconds": 1, "path_map": None}
    found = PlayedFiles("jellyfin", known, lambda: now)
    assert found.reason("/mnt/a.mkv") is None
    now = 100.0
    assert found.reason("/mnt/a.mkv") is None
    (message,) = found.messages()
    assert message.startswith("warning: http://127.0.0.1:9: cannot connect")
    assert found.messages() == []
