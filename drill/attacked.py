"""``vpo serve`` as an attacker in the network, on another site, or with a file in the library would."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

from drill.bench import Bench, Rig, Started, expect, until

_POLICY = """\
schema_version: 13
name: films
phases: [{name: flags, default_flags: {}}]
"""
_SCRIPT = "<script>alert(1)</script>"
_ODD = f"x\"'><img src=x onerror=alert(1)>{_SCRIPT[:8]}.mkv"
_OUTSIDE = "outside, not a film of this library"
_WRONG = (200, 10_000)
"""How many wrong tokens are tried, in the short form and the long one."""


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Server(NamedTuple):
    """A server that listens for other machines, with a token."""

    rig: Rig
    started: Started
    port: int
    token: str

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        token: str | None = "",
    ) -> _Answer:
        """Send one request; ``token`` is the right one if empty, none if ``None``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token or self.token}")
        try:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            return _Answer(answer.status, dict(answer.getheaders()), answer.read())
        except (ConnectionError, http.client.HTTPException):
            return _Answer(0, {}, b"")  # the server has hung up, which is a refusal, too
        finally:
            connection.close()


def attacked(bench: Bench) -> None:
    """Try what must be refused, and that nothing outside the library is read or changed."""
    with _serving(bench) as server:
        _foreign(bench, server)
        _sites(bench, server)
        _traversal(bench, server)
        _scripts(bench, server)
        _bodies(bench, server)
        with bench.trial("the library after all that"):
            kept = server.rig.folder / "outside" / "secret.mkv"
            expect(kept.read_text() == _OUTSIDE, "a file outside the library was changed")
            expect(server.ask("GET", "/healthz").status == 200, "the server does not answer")
            page = server.ask("GET", "/library", {"Accept": "text/html"})
            expect(page.status == 200, "the pages do not answer")
        _tokens(bench, server)


@contextlib.contextmanager
def _serving(bench: Bench) -> Iterator[_Server]:
    rig = bench.rig("film.mkv=multi-audio.mkv", f"{_ODD}=multi-audio.mkv")
    outside = rig.folder / "outside"
    outside.mkdir()
    (outside / "secret.mkv").write_text(_OUTSIDE)
    (rig.library / "link.mkv").symlink_to(outside / "secret.mkv")
    (rig.library / "folder").symlink_to(outside)
    policy = rig.policy(_POLICY, "films.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rig.configure(serve=f'host = "0.0.0.0"\nport = {port}')
    with (rig.folder / "config.toml").open("a") as config:
        config.write(
            f'[[libraries]]\nname = "films"\nfolders = ["{rig.library}"]\npolicy = "{policy}"\n'
        )
    rig.run("scan", "-R", rig.library)
    rig.run("pause")
    started = rig.start("serve")
    try:
        until(lambda: "open http" in started.shown, "the server did not begin")
        (token,) = re.findall(r"shown only now: (\S+)", started.shown)
        yield _Server(rig, started, port, token)
    finally:
        started.process.terminate()
        ended = started.end()
        expect(ended.rc == 0, f"the server did not end well: {ended}")
        rig.throw_away()


def _refused(bench: Bench, label: str, answer: _Answer, *allowed: int) -> None:
    with bench.trial(label):
        wanted = allowed or (400, 401, 403, 404, 405, 421, 422)
        expect(answer.status in (0, *wanted), f"answered {answer.status}: {answer.body[:200]!r}")
        expect(_OUTSIDE.encode() not in answer.body, "it has what is outside the library")


def _foreign(bench: Bench, server: _Server) -> None:
    """Other hosts, by name and without a token."""
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "a@127.0.0.1"):
        answer = server.ask("GET", "/api/v1/status", {"Host": host})
        _refused(bench, f"Host: {host}", answer)
    for path in ("/", "/api/v1/status", "/api/v1/events", "/metrics", "/file?path=x", "/policies"):
        _refused(bench, f"{path} without a token", server.ask("GET", path, token=None))
    _refused(bench, "another token", server.ask("GET", "/metrics", token=os.urandom(16).hex()))


def _sites(bench: Bench, server: _Server) -> None:
    """What a page of another site can have a browser send, with the browser's cookie."""
    cookie = {"Cookie": f"vpo_token={server.token}"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1.evil.example:{server.port}"},
        {"Origin": f"http://127.0.0.1:{server.port + 1}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        for path, body in (("/", b"action=resume"), ("/queue", b"id=1&action=cancel")):
            sent = {**cookie, **form, **headers}
            answer = server.ask("POST", path, sent, body, token=None)
            _refused(bench, f"POST {path} with {headers}", answer, 403)
    with bench.trial("still paused"):
        status = json.loads(server.ask("GET", "/api/v1/status").body)
        expect(status["paused"], "another site has resumed the runs")


def _traversal(bench: Bench, server: _Server) -> None:
    """Paths out of the library in everything that names a file."""
    rig = server.rig
    outside = str(rig.folder / "outside" / "secret.mkv")
    wanted = [
        outside,
        f"{rig.library}/link.mkv",
        f"{rig.library}/folder/secret.mkv",
        f"{rig.library}/../outside/secret.mkv",
        f"{rig.library}/./..//outside/secret.mkv",
        "/etc/passwd",
        f"{rig.data}/vpo.db",
        f"{rig.folder}/config.toml",
        f"file://{outside}",
        f"{rig.library}/film.mkv\0.txt",
        "",
        ".",
        "/",
    ]
    for path in wanted:
        for target in (
            "/file?path=",
            "/file?plan=yes&path=",
            "/file/picture?path=",
            "/policy?path=",
        ):
            answer = server.ask("GET", target + quote(path))
            with bench.trial(f"{target}{path!r}"):
                expect(answer.status < 500, f"answered {answer.status}")
                expect(_OUTSIDE.encode() not in answer.body, "it shows what is outside")
                expect(b"root:" not in answer.body, "it shows /etc/passwd")
        body = json.dumps({"paths": [path]}).encode()
        answer = server.ask("POST", "/api/v1/queue", {"Content-Type": "application/json"}, body)
        if path not in (".", f"{rig.library}/link.mkv"):
            _refused(bench, f"queue {path!r}", answer)
        text = json.dumps({"path": path, "text": _POLICY, "digest": "x"}).encode()
        answer = server.ask(
            "PUT", "/api/v1/policies/text", {"Content-Type": "application/json"}, text
        )
        _refused(bench, f"policy {path!r}", answer)
    for raw in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fapp.py", "//etc"):
        _refused(bench, raw, server.ask("GET", raw))


def _scripts(bench: Bench, server: _Server) -> None:
    """A name with script in it, on every page that shows it, and what a page may run."""
    odd = f"{server.rig.library}/{_ODD}"
    pages = ["/", "/queue", "/library", "/review", "/runs", "/system", "/policies"]
    pages += [f"/file?path={quote(odd)}", f"/library?{urlencode({'name': _SCRIPT})}"]
    body = json.dumps({"paths": [odd]}).encode()
    server.ask("POST", "/api/v1/queue", {"Content-Type": "application/json"}, body)
    for path in pages:
        answer = server.ask("GET", path)
        with bench.trial(f"script in {path}"):
            expect(answer.status in (200, 400), f"answered {answer.status}")
            for part in (b"<img src=x", b"<script>", _SCRIPT.encode()):
                expect(part not in answer.body, f"{part!r} is not escaped")
            rule = answer.headers.get("content-security-policy", "")
            expect("script-src 'self'" in rule and "unsafe" not in rule, f"the rule is {rule!r}")


def _bodies(bench: Bench, server: _Server) -> None:
    """Bodies that are too large, said and unsaid, and ones that are none."""
    for size in (2 << 20, 50 << 20):
        answer = server.ask("POST", "/login", {}, b"x" * size, token=None)
        _refused(bench, f"a body of {size:,} bytes", answer, 413, 403)
    headers = {"Content-Length": str(10**15)}
    answer = server.ask("POST", "/api/v1/queue", headers, b"{}")
    _refused(bench, "a length that is a lie", answer, 400, 413, 422)
    for body in (b"\xff\xfe", b"{" * 100_000, b"[1]", b"null", b'{"paths": 1}'):
        sent = {"Content-Type": "application/json"}
        for path in ("/api/v1/queue", "/api/v1/hooks/sonarr", "/api/v1/policies/check"):
            answer = server.ask("POST", path, sent, body)
            _refused(bench, f"{body[:12]!r} to {path}", answer, 400, 413, 422)


def _tokens(bench: Bench, server: _Server) -> None:
    """Wrong tokens, one after the other: they are slowed down, and cost the server little."""
    number = bench.scale(*_WRONG)
    began, seen = time.monotonic(), set()
    for _ in range(number):
        seen.add(server.ask("GET", "/api/v1/status", token=os.urandom(16).hex()).status)
    with bench.trial(f"{number} wrong tokens", number):
        expect(seen <= {401, 429}, f"answered {seen}")
        expect(429 in seen, "nothing slowed them down")
        waited = server.ask("GET", "/api/v1/status")
        expect(
            waited.status == 429, "the right token is taken at once after thousands of wrong ones"
        )
    bench.remarks.append(f"{number} wrong tokens in {time.monotonic() - began:.0f} s")
    if bench.short:
        return
    # Who waits as told is let in.
    until(
        lambda: server.ask("GET", "/api/v1/status").status == 200, "it never forgives", limit=90.0
    )
