"""``vpo report`` of a real run, in a real browser where there is one."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo

POLICY = "schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
LOOK = """
({title: document.title,
  boxes: [...document.querySelectorAll('svg')].map(item => {
    const box = item.getBoundingClientRect(); return [box.width, box.height] }),
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  fetched: performance.getEntriesByType('resource').map(item => item.name)})
"""


@pytest.fixture
def report(vpo: Vpo, library: Library, tmp_path: Path) -> Path:
    root = library("wrong-flags.mkv", "<b>x&y.mkv=multi-audio.mkv")
    (root / "broken.mkv").write_bytes(b"nothing" * 99)
    policy = tmp_path / "p.yaml"
    policy.write_text(POLICY)
    assert vpo("process", "-p", policy, root).rc == 1
    target = tmp_path / "report.html"
    found = vpo("report", "last", "--html", target)
    assert found.rc == 0, found
    return target


def test_report_shows_run_and_its_files(vpo: Vpo, report: Path, tmp_path: Path) -> None:
    text = report.read_text("utf-8")
    run = vpo("history", "--format", "json").json["runs"][0]["id"]
    assert f"Run {run[:8]}" in text
    assert "wrong-flags.mkv" in text
    assert "broken.mkv" in text
    (tmp_path / "report.html.part").write_text("mine")
    assert vpo("report", run[:8], "--html", report).rc == 0  # an earlier one is replaced
    assert (tmp_path / "report.html.part").read_text() == "mine"

    (tmp_path / "mine.html").write_text("<html>mine</html>")
    refused = vpo("report", "last", "--html", tmp_path / "mine.html")
    assert refused.rc == 2
    assert (tmp_path / "mine.html").read_text() == "<html>mine</html>"
    assert vpo("report", "nosuch", "--html", tmp_path / "new.html").rc == 2
    nowhere = vpo("report", "last", "--html", tmp_path / "no" / "new.html")
    assert nowhere.rc == 1
    assert "new.html cannot be written: No such file or directory; free" in nowhere.stderr
    assert not list(tmp_path.glob(".vpo-*"))


@pytest.mark.skipif(BROWSER is None, reason="no browser here")
@pytest.mark.parametrize("width", [400, 1200])
def test_report_renders_in_a_browser_without_fetching(
    report: Path, tmp_path: Path, width: int
) -> None:
    """It draws its pictures, fits the window, fetches nothing, and has nothing to complain of."""
    seen, complaints = asyncio.run(look(report, tmp_path / "profile", width))
    assert seen["title"].startswith("vpo run ")
    assert len(seen["boxes"]) >= 2
    assert all(wide > 100 and high > 10 for wide, high in seen["boxes"])
    assert seen["wide"] == 0
    assert seen["fetched"] == []
    assert complaints == []


async def look(path: Path, profile: Path, width: int) -> tuple[dict[str, Any], list[str]]:
    """What the browser says of the page, and what it complained of."""
    from tornado.websocket import websocket_connect

    browser = subprocess.Popen(
        [
            *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", f"--window-size={width},900"),
            *(f"--user-data-dir={profile}", "--remote-debugging-port=0"),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert browser.stderr
        port = next(
            found[1] for line in browser.stderr if (found := re.search(r":(\d+)/dev", line))
        )
        page = await page_address(int(port))
        socket = await websocket_connect(page)
        complaints: list[str] = []
        numbers, loaded = itertools.count(1), asyncio.Event()

        async def ask(method: str, **params: Any) -> Any:
            number = next(numbers)
            await socket.write_message(
                json.dumps({"id": number, "method": method, "params": params})
            )
            while True:
                answer = json.loads(await socket.read_message() or "{}")
                if answer.get("id") == number:
                    return answer["result"]
                if answer.get("method") == "Page.loadEventFired":
                    loaded.set()
                if answer.get("method") == "Log.entryAdded":
                    complaints.append(answer["params"]["entry"]["text"])

        await ask("Log.enable")
        await ask("Page.enable")
        await ask("Page.navigate", url=path.as_uri())
        while not loaded.is_set():
            await ask("Runtime.evaluate", expression="1")
        seen = await ask("Runtime.evaluate", expression=LOOK, returnByValue=True)
        return seen["result"]["value"], complaints
    finally:
        browser.kill()
        browser.communicate()


async def page_address(port: int) -> str:
    from tornado.httpclient import AsyncHTTPClient

    answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/json/list")
    pages = [item for item in json.loads(answer.body) if item["type"] == "page"]
    address: str = pages[0]["webSocketDebuggerUrl"]
    return address
