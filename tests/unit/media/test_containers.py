"""What containers hold, as the tools write it and give it back."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

import vpo
from vpo.media.containers import (
    CONTAINERS,
    FLAGS_KEPT,
    container,
    misnamed_as,
    unsupported_side_data,
)
from vpo.media.model import MediaFile, Track
from vpo.probe.reader import probe_file


def test_extensions_are_unique() -> None:
    extensions = [name for item in CONTAINERS.values() for name in item.extensions]
    assert len(extensions) == len(set(extensions))
    assert all(name.startswith(".") and name.islower() for name in extensions)


def test_unknown_container_holds_nothing() -> None:
    unknown = container("mpg")
    assert not unknown.muxer
    assert not unknown.flags
    assert not unknown.attachments


@pytest.mark.parametrize(
    ("path", "name", "promised"),
    [
        ("film.mp4", "mkv", "mp4"),
        ("FILM.MKV", "mp4", "mkv"),
        ("film.avi", "mpg", "avi"),
        ("film.mkv", "mkv", None),
        ("film.MKA", "mkv", None),
        ("film.f4v", "mp4", None),
        ("film", "mkv", None),
        ("film.mkv", "webm", None),
        ("film.webm", "mkv", "webm"),
        ("film.m2ts", "ts", None),
    ],
)
def test_names_that_promise_another_container(path: str, name: str, promised: str | None) -> None:
    assert misnamed_as(MediaFile(path, name, 1, 1)) == promised


def test_no_module_compares_the_names_of_containers() -> None:
    """What a container can do is an attribute of ``Container``."""
    root = Path(vpo.__file__).parent
    modules = set(root.rglob("*.py")) - {root / "media" / "containers.py"}
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted(modules)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare | ast.MatchValue)
        and not CONTAINERS.keys().isdisjoint(
            part.value for part in ast.walk(node) if isinstance(part, ast.Constant)
        )
    ]
    assert found == []


@pytest.mark.parametrize("name", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize("flag", sorted(FLAGS_KEPT))
def test_container_flags_are_those_that_ffmpeg_writes(
    corpus: Path, tmp_path: Path, name: str, flag: str
) -> None:
    """On the second of two audio tracks, and read back."""
    output = tmp_path / f"x.{name}"
    passthrough = ("-default_mode", "passthrough") if name == "mkv" else ()
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-i", corpus / "multi-audio.mkv"),
            *("-map", "0:3", "-map", "0:4", "-c", "copy", "-disposition:0", "default"),
            *("-disposition:1", flag, *passthrough, "-f", container(name).muxer, output),
        ],
        check=True,
    )
    kept = flag in probe_file(str(output)).tracks[1].dispositions
    assert kept == (flag in container(name).flags)


@pytest.mark.parametrize("flag", sorted(FLAGS_KEPT - {"dub"}))
def test_webm_flags_are_those_that_mkvmerge_writes(corpus: Path, tmp_path: Path, flag: str) -> None:
    """ffmpeg writes no more than default and forced there."""
    option = {"default": "default-track", "forced": "forced-display", "comment": "commentary"}
    name = option.get(flag, flag.replace("_", "-"))
    output = tmp_path / "x.webm"
    words = ("--webm", "--no-subtitles", f"--{name}-flag", "1:1", corpus / "clip.webm")
    subprocess.run(["mkvmerge", "-q", "-o", output, *words], check=True)
    assert flag in container("webm").flags
    assert flag in probe_file(str(output)).tracks[1].dispositions


@pytest.mark.parametrize("name", ["mp4", "mov"])
def test_ffmpeg_enables_first_track_of_each_type_without_default(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    output = tmp_path / f"x.{name}"
    words = ("-map", "0:0", "-map", "0:1", "-map", "0:2", "-c", "copy", "-disposition", "0")
    source = corpus / "mov-text.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", source, *words, output], check=True)
    assert container(name).one_default
    assert [track.default for track in probe_file(str(output)).tracks] == [True, True, False]


@pytest.mark.parametrize("name", ["mkv", "mp4", "mov"])
def test_no_tool_carries_the_second_view_of_spatial_video(name: str) -> None:
    track = Track(0, "video", "hevc", side_data=(("spatial", "MV-HEVC"),))
    assert unsupported_side_data(track, name) == ("spatial",)
