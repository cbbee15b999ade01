"""What goes wrong between vpo and a server, and what must never come of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import KEY, Server, serving

from vpo.plugins import SourceError
from vpo.plugins.servarr import Api, parse_date, parse_language
from vpo.plugins.server_paths import ServerPaths


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def problem(settings: dict[str, Any], **more: Any) -> str:
    """Why there is no answer; never with the key in it."""
    with pytest.raises(SourceError) as error:
        Api(settings, **more).records("movie")
    assert KEY not in str(error.value)
    return str(error.value).removeprefix(f"{settings['url']}: ")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "the server refuses the API key"),
        (403, "the server refuses the API key"),
        (404, "not found; is the URL base right?"),
        (500, "HTTP status 500"),
        (503, "HTTP status 503"),
    ],
)
def test_api_reports_error_status(server: Server, status: int, said: str) -> None:
    server.put("/api/v3/movie", {"error": KEY}, status)
    assert problem(server.settings) == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!doctype html><html>", "the response is not JSON; is the URL base right?"),
        (b"", "the response is not JSON; is the URL base right?"),
        (b"\xff\xfe\xff", "the response is not JSON; is the URL base right?"),
        (b"[" * 100_000, "the response is not JSON; is the URL base right?"),
        (b'{"title": "x"}', "unexpected response; is this the right server?"),
        (b"[1, 2]", "unexpected response; is this the right server?"),
    ],
)
def test_api_reports_malformed_answer(server: Server, body: bytes, said: str) -> None:
    server.put("/api/v3/movie", body)
    assert problem(server.settings) == said


def test_api_reports_truncated_answer(server: Server) -> None:
    server.put("/api/v3/movie", b"[{}", headers={"Content-Length": "1000"})
    assert problem(server.settings) == "the response is not JSON; is the URL base right?"


def test_api_refuses_oversized_answer(server: Server) -> None:
    server.put("/api/v3/movie", b"[" + b" " * (3 << 20) + b"]")
    assert problem(server.settings, max_size=2_000_000) == "the response is larger than 2.00 MB"


def test_api_reports_unreachable_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = problem({**Server(f"http://127.0.0.1:{port}").settings, "timeout_seconds": 5})
    assert said.startswith("cannot connect: ")
    assert "refused" in said


def test_api_times_out_on_silent_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said = problem({**Server(url).settings, "timeout_seconds": 1})
    assert said == "no complete response within 1 second"


def test_api_times_out_on_endless_answer() -> None:
    done = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n[")
            while not done.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        said = problem({**Server(url).settings, "timeout_seconds": 1})
        done.set()
        thread.join()
    assert said == "no complete response within 1 second"


def test_api_follows_redirect_on_the_same_server(server: Server) -> None:
    server.put("/api/v3/movie", b"", 302, {"Location": "/radarr/api/v3/movie"})
    server.put("/radarr/api/v3/movie", [{"id": 1}])
    assert Api(server.settings).records("movie") == [{"id": 1}]


def test_api_refuses_redirect_to_another_server(server: Server) -> None:
    with serving() as other:
        server.put("/api/v3/movie", b"", 302, {"Location": f"{other.url}/api/v3/movie"})
        assert problem(server.settings) == "refused its redirect to 127.0.0.1; correct the url"
        assert other.asked == []


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//elsewhere/x"])
def test_api_refuses_redirect_out_of_http(server: Server, place: str) -> None:
    server.put("/api/v3/movie", b"", 302, {"Location": place})
    assert problem(server.settings)


def test_api_refuses_circular_redirect(server: Server) -> None:
    server.put("/api/v3/movie", b"", 302, {"Location": "/api/v3/movie"})
    assert problem(server.settings) == "HTTP status 302"


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("English", "en"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("Spanish (Latino)", "es-419"),
        ("Flemish", "nl-BE"),
        ("Unknown", None),
        ("Original", None),
        ("Any", None),
        ("Klingon", None),
    ],
)
def test_language_names_become_tags(name: str, tag: str | None) -> None:
    assert parse_language({"id": 1, "name": name}) == tag


@pytest.mark.parametrize("value", [None, 1, "English", {}, {"name": 4}])
def test_unknown_language_name_is_none(value: object) -> None:
    assert parse_language(value) is None


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("1999-03-31T00:00:00Z", "1999-03-31"),
        ("1999-03-31", "1999-03-31"),
        ("1999-03-3", None),
        ("soon", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_date_is_read_from_timestamp(value: object, day: str | None) -> None:
    assert parse_date(value) == day


@pytest.mark.parametrize("path", [None, "", 7, "relative", "C:\\unmapped", "/a\0b"])
def test_unmapped_path_is_none(path: object) -> None:
    assert ServerPaths({}).to_local(path) is None


def test_path_map_uses_longest_entry() -> None:
    places = ServerPaths({"/data": "/a", "/data/tv": "/b"})
    assert [places.to_local(p) for p in ("/data/x", "/data/tv/x", "/data/tvx")] == [
        "/a/x",
        "/b/x",
        "/a/tvx",
    ]
