"""Create a small library in demo/ and process it with vpo, in half a minute.

Works without installed tools (with the bundled ffmpeg), can be run again at any time, and changes
nothing outside demo/.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parent.parent / "demo"
LIBRARY = DEMO / "library"
POLICY = DEMO / "policy.yaml"

SHOWN = "Spirited Journey (2001).mkv"
"""The file whose plan is shown."""

POLICY_TEXT = """\
# Keep English and Japanese audio and English subtitles, with useful order and flags.
schema_version: 13
name: Demo
config:
  audio_languages: [eng, jpn]
  subtitle_languages: [eng]
  on_error: continue
phases:
  - name: clean
    audio_actions: {clear_all_forced: true}
    subtitle_actions: {clear_all_titles: true}
    keep_audio: {languages: [eng, jpn], fallback: {mode: keep_first}}
    keep_subtitles: {languages: [eng]}
  - name: arrange
    track_order: [video, audio_main, audio_alternate, audio_commentary, subtitle_main]
    default_flags: {}
"""

CONFIGURATION = f"""\
[processing]
max_workers = 2

[[libraries]]
name = "Demo"
folders = [{json.dumps(str(LIBRARY))}]
policy = "policy.yaml"
"""

Track = tuple[str, str, str, str]
"""Type, language, title, flags (ffmpeg's ``-disposition``)."""

VIDEO: Track = ("v", "und", "", "default")
FILES: dict[str, tuple[Track, ...]] = {
    SHOWN: (
        VIDEO,
        ("a", "ger", "Deutsch", "default"),
        ("a", "eng", "Director's Commentary", "comment"),
        ("a", "eng", "English", "0"),
        ("a", "jpn", "日本語", "original"),
        ("s", "ger", "Deutsch", "default+forced"),
        ("s", "eng", "English (full)", "0"),
    ),
    "Only Flags Are Wrong (1994).mkv": (
        VIDEO,
        ("a", "eng", "", "forced"),
        ("a", "eng", "Commentary by the cast", "default"),
    ),
    "From a Phone (2019).mp4": (
        VIDEO,
        ("a", "spa", "", "default"),
        ("a", "eng", "", "0"),
        ("s", "spa", "", "0"),
        ("s", "eng", "", "0"),
    ),
    "Nothing to Do (2010).mkv": (VIDEO, ("a", "eng", "", "default")),
    "Nobody Speaks English (1957).mkv": (
        VIDEO,
        ("a", "swe", "", "default"),
        ("s", "swe", "", "0"),
        ("s", "eng", "", "0"),
    ),
    "shows/🎬 The 'Odd' Show/-01 - pilot & more.mkv": (
        VIDEO,
        ("a", "fre", "VF", "default"),
        ("a", "eng", "VO", "0"),
        ("s", "fre", "", "default"),
    ),
}


def main() -> int:
    """Create the library, inspect, preview, process, inspect again, and process again."""
    make_library(find_ffmpeg())
    heading("A small library and its tracks")
    inspect()
    heading("The policy: demo/policy.yaml")
    say(POLICY.read_text(encoding="utf-8"))
    heading("The plan for one file (-n changes nothing)")
    vpo("process", "-n", "-p", "demo/policy.yaml", f"demo/library/{SHOWN}")
    heading("Process all files, two at a time")
    first = process()
    heading("The library afterwards")
    inspect()
    heading("The same command again: all files comply, none is opened")
    again = process()
    heading("The history of runs")
    vpo("history")
    say("\nThe library is in demo/library; `make clean` removes it. In the browser:")
    say("\n  VPO_CONFIG=demo/config.toml VPO_DATA_DIR=demo/data .venv/bin/vpo serve")
    return first or again


def say(text: str) -> None:
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


def heading(text: str) -> None:
    say(f"\n\033[1m== {text}\033[0m\n" if sys.stdout.isatty() else f"\n== {text}\n")


def find_ffmpeg() -> str:
    """Return the ffmpeg on PATH, else the bundled one."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def make_library(ffmpeg: str) -> None:
    """Create the library from scratch, so that every demo is the same."""
    shutil.rmtree(DEMO, ignore_errors=True)
    LIBRARY.mkdir(parents=True)
    POLICY.write_text(POLICY_TEXT, encoding="utf-8")
    # Two workers on any machine: these files are tiny.
    (DEMO / "config.toml").write_text(CONFIGURATION, encoding="utf-8")
    subtitle = DEMO / "hello.srt"
    subtitle.write_text("1\n00:00:00,200 --> 00:00:01,800\nHello\n")
    for name, tracks in FILES.items():
        make_file(ffmpeg, LIBRARY / name, tracks, subtitle)
    subtitle.unlink()


def make_file(ffmpeg: str, path: Path, tracks: tuple[Track, ...], subtitle: Path) -> None:
    """Create a file of two seconds with a test pattern, tones and a line of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs: list[str] = []
    options: list[str] = []
    for number, (kind, language, title, flags) in enumerate(tracks):
        inputs += source(kind, number, subtitle)
        options += ["-map", str(number), f"-disposition:{number}", flags]
        options += [f"-metadata:s:{number}", f"language={language}"]
        options += [f"-metadata:s:{number}", f"title={title}"] if title else []
    text = "mov_text" if path.suffix == ".mp4" else "srt"
    codecs = ["-c:v", "mpeg4", "-c:a", "aac", "-b:a", "48k", "-c:s", text]
    subprocess.run(
        [ffmpeg, "-nostdin", "-v", "error", *inputs, *options, *codecs, f"file:{path}"],
        check=True,
    )


def source(kind: str, number: int, subtitle: Path) -> list[str]:
    """Return the input of a track; each tone has its own pitch."""
    if kind == "s":
        return ["-i", str(subtitle)]
    tone = f"sine=frequency={220 + 110 * number}:duration=2"
    pattern = "testsrc2=size=320x180:rate=25:duration=2"
    return ["-f", "lavfi", "-i", pattern if kind == "v" else tone]


def vpo(*args: str) -> int:
    """Print and run a command, with configuration and database in demo/."""
    own = {"VPO_DATA_DIR": str(DEMO / "data"), "VPO_CONFIG": str(DEMO / "config.toml")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VPO_")} | own
    shown = args if args[0] != "inspect" else ("inspect", "demo/library/...")
    say(f"$ vpo {shlex.join(shown)}")
    argv = [sys.executable, "-m", "vpo", *args]
    return subprocess.run(argv, cwd=DEMO.parent, env=environment, check=False).returncode


def inspect() -> None:
    vpo("inspect", *(f"demo/library/{name}" for name in sorted(FILES)))


def process() -> int:
    return vpo("process", "-R", "-w", "2", "-p", "demo/policy.yaml", "demo/library")


if __name__ == "__main__":
    sys.exit(main())
