"""Parts of encoded streams are decoded: what a player could not show is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vpo.probe.content import read_content
from vpo.probe.decoded_parts import first_undecodable, undecodable


def ignore(part: float) -> None:
    """Nobody waits for it."""


def errors(path: Path) -> list[tuple[int, float]]:
    streams = read_content(str(path), {}, ignore).streams
    spans = {
        index: (float(stream.first), stream.seconds or 0.0)
        for index, stream in streams.items()
        if stream.type in ("audio", "video") and stream.packets > 1
    }
    return list(undecodable(str(path), spans, ignore))


@pytest.mark.parametrize("name", ["multi-audio.mkv", "chapters.mp4", "clip.webm", "vfr.mkv"])
def test_all_of_a_whole_file_can_be_decoded(corpus: Path, name: str) -> None:
    assert errors(corpus / name) == []


def test_a_transport_stream_of_one_key_frame_can_be_decoded(
    tmp_path: Path,
    media_tools: None,  # noqa: ARG001
) -> None:
    """It has no index: seeking finds a time, not the key frame before it."""
    path = tmp_path / "film.ts"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=4:r=25", "-g", "1000")
    subprocess.run(["ffmpeg", "-v", "error", *picture, "-c:v", "libx264", path], check=True)
    assert errors(path) == []


def test_sound_beside_av1_can_be_decoded(
    tmp_path: Path,
    media_tools: None,  # noqa: ARG001
) -> None:
    """The parser of the picture, which nobody decodes, misses frames before the part."""
    path = tmp_path / "film.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:d=4:r=24", "-f", "lavfi", "-i", "sine=d=4")
    how = ("-c:v", "libsvtav1", "-preset", "12", "-g", "200", "-c:a", "ac3")
    subprocess.run(["ffmpeg", "-v", "quiet", *picture, *how, path], check=True)
    assert errors(path) == []


def test_rubbish_in_frames_is_found(corpus: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(corpus / "chapters.mp4", tmp_path / "film.mp4"))
    assert first_undecodable(str(path), [0, 1], ignore) is None
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + 4
    data[at + 2000 : at + 12000] = b"\xa5" * 10000
    path.write_bytes(data)
    assert errors(path)
    time, problem = first_undecodable(str(path), [0, 1], ignore) or (-1.0, "")
    assert 0 <= time < 2
    assert problem
