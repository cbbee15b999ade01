"""Make the screenshots in docs/pictures: run vpo in a pseudo-terminal and render it as SVG."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import pyte

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "pictures"
COLUMNS = 132
_WIDTH, _HEIGHT, _EDGE = 7.85, 18, 14
_COLOURS = {"red": "#f0736a", "green": "#4fbf84", "brown": "#e3b341", "cyan": "#5fc3d4"}
"""As pyte names them; brown is the yellow of a terminal."""
_STYLE = f"""
.t {{ font: 13px ui-monospace, "DejaVu Sans Mono", monospace; fill: #e6eaee; white-space: pre; }}
.dim {{ fill: #8b96a1; }}
{"".join(f".{name} {{ fill: {value}; }}" for name, value in _COLOURS.items())}
"""


class Shot(NamedTuple):
    """A screenshot: its name, the command, and the height of the terminal in lines.

    It is taken at the end of the command, or when the text ``at`` is on the screen.
    """

    name: str
    command: str
    lines: int
    at: str = ""


SHOTS = (
    Shot("dry-run", "vpo process -n -p english.yaml Videos/Spirited*", 30),
    Shot("progress", "vpo process -R -p english.yaml Videos", 4, at="3/6 files"),
    Shot("mistake", "vpo process -n -R -p mistake.yaml Videos", 8),
)
_POLICY = """\
schema_version: 13
name: english
config:
  audio_languages: [eng, und]
phases:
  - name: filter
    keep_audio: {languages: [eng, und], fallback: {mode: keep_first}}
    keep_subtitles: {languages: [eng, und]}
  - name: arrange
    track_order: [video, audio_main, audio_alternate, audio_commentary, subtitle_main]
    default_flags: {}
"""


def taken(shot: Shot, folder: Path) -> list[str]:
    """Run the command and return the rows of the screen."""
    screen = pyte.Screen(COLUMNS, shot.lines)
    screen.set_mode(pyte.modes.LNM)
    stream = pyte.ByteStream(screen)
    leader, follower = pty.openpty()
    env = {
        "HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "LANG": "C.UTF-8",
    }
    size = ["stty", "cols", str(COLUMNS), "rows", str(shot.lines)]
    subprocess.run(size, stdin=follower, check=True)
    process = subprocess.Popen(
        ["sh", "-c", shot.command],
        cwd=folder,
        env=env,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    found: list[str] = []
    # At the end, reading fails (Linux) or reads nothing (macOS).
    with contextlib.suppress(OSError):
        while data := os.read(leader, 1 << 10):
            stream.feed(data)
            if shot.at and not found and any(shot.at in line for line in screen.display):
                found = [_row(screen, number) for number in range(screen.lines)]
    process.wait()
    os.close(leader)
    return found or [_row(screen, number) for number in range(screen.lines)]


def svg(shot: Shot, screen: Sequence[str]) -> str:
    """Return the SVG of the command and the screen."""
    rows = [f'<tspan class="dim">$ </tspan>{escape(shot.command)}', *screen]
    while rows and not re.sub(r"<[^>]*>", "", rows[-1]).strip():
        rows.pop()
    texts = "".join(
        f'<text x="{_EDGE}" y="{_EDGE + (number + 0.75) * _HEIGHT:g}" class="t">{row}</text>\n'
        for number, row in enumerate(rows)
    )
    width, height = COLUMNS * _WIDTH + 2 * _EDGE, len(rows) * _HEIGHT + 2 * _EDGE
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" role="img" '
        f'viewBox="0 0 {width:g} {height}">\n'
        f"<title>{escape(shot.command)}</title>\n<style>{_STYLE}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#14181c"/>\n{texts}</svg>\n'
    )


def _row(screen: pyte.Screen, number: int) -> str:
    """Return a row as SVG, in runs of characters of the same colour."""
    line = screen.buffer[number]
    parts: list[tuple[str, str]] = []
    for column in range(screen.columns):
        char = line[column]
        color = char.fg if char.fg in _COLOURS else "dim" if char.fg == "brightblack" else ""
        if parts and parts[-1][0] == color:
            parts[-1] = (color, parts[-1][1] + char.data)
        else:
            parts.append((color, char.data))
    if parts:
        parts[-1] = (parts[-1][0], parts[-1][1].rstrip())
    return "".join(
        f'<tspan class="{color}">{escape(text)}</tspan>' if color else escape(text)
        for color, text in parts
    )


def library(folder: Path) -> None:
    """Create the films of the demo and two policies."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import demo

    (folder / "home").mkdir()
    (folder / "Videos").mkdir()
    (folder / "english.yaml").write_text(_POLICY)
    (folder / "mistake.yaml").write_text(_POLICY.replace("keep_audio", "keep_audoi"))
    subtitle = folder / "hello.srt"
    subtitle.write_text("1\n00:00:00,200 --> 00:00:01,800\nHello\n")
    for name, tracks in demo.FILES.items():
        demo.make_file(demo.find_ffmpeg(), folder / "Videos" / name, tracks, subtitle)


def main(names: Sequence[str]) -> None:
    """Make all screenshots, or the named ones."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library(folder)
        for shot in SHOTS:
            screen = taken(shot, folder)
            if not names or shot.name in names:
                (TARGET / f"{shot.name}.svg").write_text(svg(shot, screen), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
