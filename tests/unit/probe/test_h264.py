"""What the header of H.264 says, against what ffprobe finds by decoding."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from vpo.media.model import Color
from vpo.probe import h264
from vpo.probe.reader import probe_file

ENCODES = {
    "plain": ("yuv420p",),
    "full": ("yuvj420p", "-color_range", "pc"),
    "colours": ("yuv422p", "-colorspace", "bt709", "-color_primaries", "bt470bg",
                "-color_trc", "bt709"),
    "matrices": ("yuv444p", "-color_range", "tv", "-x264-params", "cqm=jvt"),
    "stretched": ("yuv420p", "-aspect", "37:13"),
    "baseline": ("yuv420p", "-profile:v", "baseline"),
}  # fmt: skip
OTHERS = {
    "deep": ("yuv420p10le", "-color_trc", "smpte2084"),
    "fields": ("yuv420p", "-flags", "+ildct+ilme", "-x264-params", "interlaced=1"),
}
NAMES = ("color_space", "color_primaries", "color_transfer", "color_range")


def encode(target: Path, pixels: str, *options: str) -> Path:
    picture = "testsrc2=size=66x48:rate=25:duration=0.2"
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture]
    argv += ["-c:v", "libx264", "-pix_fmt", pixels, *options, str(target)]
    subprocess.run(argv, check=True)
    return target


def extradata(path: Path) -> bytes:
    import av

    with av.open(str(path)) as source:
        return bytes(source.streams[0].codec_context.extradata or b"")


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize("name", ENCODES)
def test_frame_format_agrees_with_a_decoder(name: str, suffix: str, tmp_path: Path) -> None:
    path = encode(tmp_path / f"film.{suffix}", *ENCODES[name])
    assert h264.frame_format(extradata(path)) is not None
    entries = ",".join(("pix_fmt", *NAMES))
    argv = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        f"stream={entries}",
        "-of",
        "json",
        str(path),
    ]
    said = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["streams"][0]
    track = probe_file(str(path)).tracks[0]
    color = track.color or Color()
    assert track.pixel_format == said["pix_fmt"]
    assert [color.space, color.primaries, color.transfer, color.range] == [
        said.get(name) for name in NAMES
    ]


@pytest.mark.parametrize("name", OTHERS)
def test_frame_format_leaves_unusual_video_to_a_decoder(name: str, tmp_path: Path) -> None:
    path = encode(tmp_path / "film.mkv", *OTHERS[name])
    assert h264.frame_format(extradata(path)) is None
    assert probe_file(str(path)).tracks[0].pixel_format == OTHERS[name][0]


def test_frame_format_ignores_damaged_headers(tmp_path: Path) -> None:
    data = extradata(encode(tmp_path / "film.mkv", *ENCODES["colours"]))
    assert h264.frame_format(None) is None
    assert h264.frame_format(b"\0\0\0\1" + data[8:]) is None
    for length in range(len(data)):
        h264.frame_format(data[:length])
    assert h264.frame_format(data[:12]) is None
