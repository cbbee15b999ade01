"""Make the pictures of the pages in docs/pictures: run vpo serve and photograph it in Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "pictures"
PORT = 18790
SIZE = ViewportSize(width=1100, height=760)
HOME = Path("/srv/media")
"""Shown on the pages; it must not exist."""
FILMS = (
    "A Long Way Home (1998)",
    "Midnight Trains (2004)",
    "The Lighthouse Keeper (2011)",
    "Paper Boats (1987)",
    "Under Northern Skies (2016)",
    "The Last Orchard (1973)",
)
CONFIGURATION = """\
[processing]
max_workers = 2
[serve]
port = {port}
[[libraries]]
name = "Films"
folders = ["{films}"]
policy = "small"
"""
POLICY = """\
# HEVC where it saves, English first, and no wrong default tracks.
schema_version: 13
name: small
config:
  audio_languages: [eng, und]
phases:
  - name: encode
    transcode:
      video: {to: hevc, crf: 28, preset: slower, skip_if: {codec_matches: [hevc]}}
  - name: flags
    default_flags: {}
"""


def _count(page: Page) -> None:
    page.get_by_role("button", name="What would this change?").click()
    page.locator("#impact .card").wait_for()


def _nothing(page: Page) -> None:
    page.wait_for_timeout(4000)


class Shot(NamedTuple):
    """A picture: its name, the page, and what is done there before."""

    name: str
    path: str
    before: Callable[[Page], None] = _nothing


def main() -> None:
    """Make the library, start the server, and take the pictures."""
    HOME.mkdir(parents=True)
    try:
        _photograph(HOME)
    finally:
        shutil.rmtree(HOME)


def _photograph(folder: Path) -> None:
    films = _films(folder)
    environment = _configured(folder, films)
    for command in (["scan", "-R", films], ["queue", "add", films]):
        subprocess.run(_vpo(*command), env=environment, check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(_vpo("serve"), env=environment)
    try:
        time.sleep(12)
        _take(
            [
                Shot("serve-now", "/"),
                Shot("serve-policy", f"/policy?path={folder}/policies/small.yaml", _count),
                Shot("serve-library", "/library"),
            ]
        )
    finally:
        server.terminate()
        server.wait()


def _films(folder: Path) -> Path:
    films = folder / "films"
    films.mkdir()
    for number, name in enumerate(FILMS):
        sources = ["-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=24:d={40 + 5 * number}"]
        sound = ["-f", "lavfi", "-i", "sine", "-shortest", "-metadata:s:a:0", "language=eng"]
        codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
        path = films / f"{name}.mkv"
        command = ["ffmpeg", "-nostdin", "-v", "error", *sources, *sound, *codecs, str(path)]
        subprocess.run(command, check=True)
    return films


def _configured(folder: Path, films: Path) -> dict[str, str]:
    (folder / "policies").mkdir()
    (folder / "policies" / "small.yaml").write_text(POLICY)
    (folder / "config.toml").write_text(CONFIGURATION.format(port=PORT, films=films))
    own = {"VPO_CONFIG": str(folder / "config.toml"), "VPO_DATA_DIR": str(folder / "data")}
    return {key: value for key, value in os.environ.items() if not key.startswith("VPO_")} | own


def _vpo(*words: object) -> list[str]:
    return [sys.executable, "-m", "vpo", *map(str, words)]


def _take(shots: list[Shot]) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(base_url=f"http://127.0.0.1:{PORT}", viewport=SIZE)
        for shot in shots:
            page.goto(shot.path)
            shot.before(page)
            page.screenshot(path=TARGET / f"{shot.name}.png")
        browser.close()


if __name__ == "__main__":
    main()
