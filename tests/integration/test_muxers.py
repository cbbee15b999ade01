"""The table of what ffmpeg's muxers write, against ffmpeg: each codec into every container."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import av
import pytest

from vpo.media.containers import CONTAINERS
from vpo.media.muxers import can_mux

MUXERS = {name: kind.muxer for name, kind in CONTAINERS.items()}
OPTIONS = {"m2ts": ":mpegts_m2ts_mode=1"}
HARDWARE = re.compile(r"_(amf|mf|nvenc|omx|qsv|v4l2m2m|vaapi|videotoolbox|vulkan)$")
READ_AS_ANOTHER = (
    "a64_multi a64_multi5 alias_pix apng ayuv bitpacked bmp fits h263p ljpeg rawvideo roq sonic"
    " sonicls v308 v408 v410 vbn wrapped_avframe xface"
)
"""Codecs whose packets every demuxer gives another name, and such as make no film."""
SPECIAL = {
    "adpcm_swf": ["-ar", "44100"],
    "adpcm_ima_amv": ["-ar", "22050"],
    "codec2": ["-ar", "8000", "-mode", "2400"],
    "comfortnoise": ["-ar", "8000"],
    "g723_1": ["-ar", "8000", "-b:a", "6300"],
    "gsm": ["-ar", "8000"],
    "gsm_ms": ["-ar", "8000"],
    "nellymoser": ["-ar", "8000"],
    "pcm_alaw": ["-ar", "8000"],
    "pcm_mulaw": ["-ar", "8000"],
    "ra_144": ["-ar", "8000"],
    "s302m": ["-ac", "2", "-sample_fmt", "s16"],
    "truehd": ["-ac", "2"],
    "speex": ["-ar", "16000"],
    "adpcm_g726": ["-ar", "8000", "-b:a", "32k"],
    "adpcm_g726le": ["-ar", "8000", "-b:a", "32k"],
    "dnxhd": ["-s", "1920x1080", "-pix_fmt", "yuv422p", "-b:v", "120M"],
    "dvvideo": ["-s", "720x576", "-pix_fmt", "yuv420p"],
    "smc": ["-pix_fmt", "pal8"],
}
TOGETHER = 12
TEXTS = {
    "ass": "ass",
    "mov_text": "mov_text",
    "subrip": "srt",
    "text": "text",
    "ttml": "ttml",
    "webvtt": "webvtt",
}
BITMAPS = {"dvb_subtitle": "dvbsub", "dvd_subtitle": "dvdsub", "hdmv_pgs_subtitle": "copy"}
"""Subtitles and how ffmpeg makes them, of text and of the pictures of a PGS track."""


def encoders() -> dict[str, tuple[str, str]]:
    """By codec, the type and the name of the first software encoder of this ffmpeg."""
    listed = subprocess.run(["ffmpeg", "-v", "error", "-encoders"], capture_output=True, check=True)
    found: dict[str, tuple[str, str]] = {}
    for line in listed.stdout.decode().splitlines():
        row = re.match(r" ([VA])[A-Z.]{5} ([\w-]+) (.*)", line)
        if row and not HARDWARE.search(row[2]):
            codec = re.search(r"\(codec (\w+)\)", row[3])
            found.setdefault(codec[1] if codec else row[2], (row[1], row[2]))
    return {codec: how for codec, how in found.items() if codec not in READ_AS_ANOTHER.split()}


def output(folder: Path, codec: str, stream: Sequence[str]) -> list[str]:
    """The options for one sample of a codec in each container; a muxer that refuses is ignored."""
    targets = [
        f"[f={muxer}:strict=experimental:onfail=ignore{OPTIONS.get(name, '')}]"
        f"{folder}/{codec}.{name}"
        for name, muxer in (*MUXERS.items(), ("nut", "nut"))
    ]
    start = [*stream, "-flags", "+global_header", "-strict", "experimental"]
    return [*start, *SPECIAL.get(codec, []), "-f", "tee", "|".join(targets)]


def make(folder: Path, codecs: Sequence[tuple[str, tuple[str, str]]]) -> None:
    """Mux several codecs by one ffmpeg; where that fails, each by its own."""
    inputs = ["-f", "lavfi", "-i", "testsrc=s=176x144:r=5:d=0.8"]
    inputs += ["-f", "lavfi", "-i", "sine=r=48000:d=2"]
    streams = {"V": ["-map", "0:v", "-c:v"], "A": ["-map", "1:a", "-c:a"]}
    outputs = [
        part
        for codec, (kind, encoder) in codecs
        for part in output(folder, codec, [*streams[kind], encoder])
    ]
    argv = ["ffmpeg", "-v", "quiet", "-nostdin", "-y", *inputs, *outputs]
    done = subprocess.run(argv, capture_output=True, check=False)
    if done.returncode and len(codecs) > 1:
        for one in codecs:
            make(folder, [one])


@pytest.fixture(scope="module")
def samples(media_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("muxed")
    left = iter(encoders().items())
    while some := list(itertools.islice(left, TOGETHER)):
        make(folder, some)
    return folder


@pytest.fixture(scope="module")
def subtitles(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subtitles")
    (folder / "words.srt").write_text("1\n00:00:00,100 --> 00:00:01,000\nHello\n")
    pictures = ["-fix_sub_duration", "-canvas_size", "160x90"]
    inputs = [
        "-i",
        str(folder / "words.srt"),
        *pictures,
        "-i",
        str(corpus / "bitmap-subtitles.mkv"),
    ]
    outputs = [
        part
        for number, encoders_of in enumerate((TEXTS, BITMAPS))
        for codec, encoder in encoders_of.items()
        for part in output(folder, codec, ["-map", f"{number}:s", "-c:s", encoder])
    ]
    argv = ["ffmpeg", "-v", "quiet", "-nostdin", "-y", *inputs, *outputs]
    subprocess.run(argv, check=True)
    return folder


def holds(path: Path, codec: str, expected: bool = True) -> bool:
    """Whether the file has packets of the codec, as FFmpeg's libraries read it.

    What is expected and not named by them is asked of ffprobe, too.
    """
    try:
        with av.open(str(path)) as source:
            (stream,) = source.streams
            context = stream.codec_context
            named = context is not None and context.codec.canonical_name == codec
            packets = any(packet.size for packet in source.demux(stream))
            return packets and (named or (expected and probed(path) == codec))
    except (av.FFmpegError, UnicodeDecodeError, ValueError):
        return False


def probed(path: Path) -> str:
    """The codec as ffprobe calls it, which looks longer where headers do not say it."""
    argv = ["ffprobe", "-v", "quiet", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]
    done = subprocess.run([*argv, str(path)], capture_output=True, check=False)
    return done.stdout.decode().split("\n")[0].strip()


def wrong(folder: Path, codecs: Iterable[str]) -> Iterator[str]:
    for codec in codecs:
        if not any(holds(folder / f"{codec}.{name}", codec) for name in ("nut", "mkv", "mp4")):
            continue  # no sample could be made
        for name in MUXERS:
            if (name, codec) == ("m2ts", "truehd"):
                continue  # ffprobe knows it when muxed alone, not from tee
            if (name, codec) == ("wmv", "flac"):
                continue  # it is written, and read again with wrong times
            if codec == "adpcm_swf" and name != "flv":
                continue  # the encoder states a frame size, without which no copy is written
            expected = can_mux(name, codec)
            found = holds(folder / f"{codec}.{name}", codec, expected)
            if found != expected:
                yield f"{codec} in {name}: {'written' if found else 'not written'}"


def test_table_of_muxers_is_what_ffmpeg_does(samples: Path) -> None:
    assert not "\n".join(wrong(samples, encoders()))
    assert len(list(samples.glob("*.mkv"))) > 30


def test_table_of_muxers_is_what_ffmpeg_does_with_subtitles(subtitles: Path) -> None:
    assert not "\n".join(wrong(subtitles, [*TEXTS, *BITMAPS]))
    assert all(holds(subtitles / f"{codec}.mkv", codec) for codec in ("ass", "subrip", *BITMAPS))
