"""Tests of what the server refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from vpo.errors import ConfigError
from vpo.serve.events import Events
from vpo.serve.hosts import Address, client_address, is_own_host, is_own_origin
from vpo.serve.logins import Logins
from vpo.serve.security import BODY_LIMIT, COOKIE, Security
from vpo.serve.tokens import ensure_token, is_token, read_hash, token_hash

LOCAL = Address("127.0.0.1", 8790)
OPEN = Address("0.0.0.0", 8790)  # noqa: S104 - not listened on
PROXIED = Address("127.0.0.1", 8790, "https://vpo.example.org")


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def _client(address: Address = LOCAL, token: str | None = None) -> TestClient:
    app = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST"])])
    stored = None if token is None else token_hash(token)
    guarded = Security(app, address, stored, Logins(lambda: 0.0))
    return TestClient(guarded, base_url="http://127.0.0.1:8790", follow_redirects=False)


@pytest.mark.parametrize(
    ("header", "address", "own"),
    [
        ("127.0.0.1:8790", LOCAL, True),
        ("LOCALHOST", LOCAL, True),
        ("[::1]:8790", LOCAL, True),
        ("evil.example", LOCAL, False),
        ("192.168.1.5:8790", LOCAL, False),
        ("", LOCAL, False),
        ("127.0.0.1@evil.example", LOCAL, False),
        ("127.0.0.1:port", LOCAL, False),
        ("192.168.1.5:8790", OPEN, True),
        ("evil.example", OPEN, False),
        ("vpo.example.org", PROXIED, True),
    ],
)
def test_host_names_this_server(header: str, address: Address, own: bool) -> None:
    assert is_own_host(header, address) is own


@pytest.mark.parametrize(
    ("origin", "site", "own"),
    [
        (None, None, True),
        (None, "same-origin", True),
        (None, "cross-site", False),
        ("http://127.0.0.1:8790", "same-origin", True),
        ("http://127.0.0.1:9000", None, False),
        ("https://evil.example", None, False),
        ("null", None, False),
    ],
)
def test_origin_is_a_page_of_this_server(origin: str | None, site: str | None, own: bool) -> None:
    assert is_own_origin(origin, site, "127.0.0.1:8790", LOCAL) is own


def test_proxied_origin_is_own() -> None:
    assert is_own_origin("https://vpo.example.org", None, "127.0.0.1:8790", PROXIED)
    assert not is_own_origin("http://vpo.example.org", None, "127.0.0.1:8790", PROXIED)


def test_token_is_needed_except_on_loopback_without_proxy() -> None:
    assert [each.needs_token for each in (LOCAL, OPEN, PROXIED)] == [False, True, True]


def test_token_is_made_once_and_stored_hashed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    token = ensure_token(path)
    assert token is not None
    assert ensure_token(path) is None
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert is_token(token, read_hash(path))
    assert not is_token(token + "x", read_hash(path))


def test_damaged_token_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("")
    with pytest.raises(ConfigError, match="delete the file"):
        read_hash(path)


def test_foreign_host_is_refused() -> None:
    reply = _client().get("/", headers={"host": "evil.example"})
    assert reply.status_code == 421
    assert reply.headers["content-type"] == "application/problem+json"


def test_post_from_another_site_is_refused() -> None:
    client = _client()
    assert client.post("/", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/", headers={"origin": "http://127.0.0.1:8790"}).status_code == 200


def test_token_by_header_or_cookie() -> None:
    client = _client(OPEN, "right")
    assert client.get("/").status_code == 401
    assert client.get("/", headers={"authorization": "Bearer right"}).status_code == 200
    assert client.get("/", headers={"cookie": f"{COOKIE}=right"}).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_browser_without_token_is_led_to_the_login() -> None:
    reply = _client(OPEN, "right").get("/", headers={"accept": "text/html"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/login")


def test_wrong_tokens_are_slowed_down() -> None:
    client = _client(OPEN, "right")
    wrong = {"authorization": "Bearer wrong"}
    found = [client.get("/", headers=wrong).status_code for _ in range(7)]
    assert found == [401] * 5 + [429] * 2
    right = client.get("/", headers={"authorization": "Bearer right"})
    assert (right.status_code, right.headers["retry-after"]) == (429, "2")


def test_wait_doubles_up_to_a_minute() -> None:
    now = 0.0
    logins, waits = Logins(lambda: now), []
    for _ in range(13):
        logins.failed("a")
        waits.append(logins.wait("a"))
        now += waits[-1]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert logins.wait("b") == 0


def test_large_bodies_are_refused_with_and_without_length() -> None:
    client = _client()
    assert client.post("/", content=b"x" * BODY_LIMIT).text == str(BODY_LIMIT)
    assert client.post("/", content=b"x" * (BODY_LIMIT + 1)).status_code == 413
    parts = (b"x" * 65536 for _ in range(17))
    assert client.post("/", content=parts).status_code == 413


def test_policy_of_content_allows_no_inline_script() -> None:
    policy = _client().get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_slow_stream_is_ended_and_others_go_on() -> None:
    async def listen() -> tuple[list[str], list[str]]:
        events = Events(capacity=2)
        slow, fast = events.stream(), events.stream()
        await anext(slow)
        await anext(fast)
        received = []
        for number in range(4):
            events.publish("number", number)
            await asyncio.sleep(0)
            received.append(await anext(fast))
        assert events.count == 1
        return received, [text async for text in slow]

    received, rest = asyncio.run(listen())
    assert received[-1] == "event: number\ndata: 3\n\n"
    assert rest == []


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "203.0.113.5", "203.0.113.5"),
        ("172.16.0.9", "198.51.100.1, 203.0.113.5", "203.0.113.5"),  # the first is made up
        ("172.16.0.9", "203.0.113.5, 10.0.0.2", "203.0.113.5"),  # through two proxies
        ("172.16.0.9", "not an address", "172.16.0.9"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a client itself
        ("fd00::1", "2001:db8::5", "2001:db8::5"),
    ],
)
def test_only_trusted_proxies_say_who_the_client_is(peer: str, forwarded: str, client: str) -> None:
    trusted = ("10.0.0.2", "172.16.0.0/12", "fd00::/8")
    assert client_address(peer, forwarded, trusted) == client
    assert client_address(peer, forwarded, ()) == peer
