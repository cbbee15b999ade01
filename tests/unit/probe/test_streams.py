"""Tracks of containers and codecs beyond the everyday ones, against ffprobe and mkvmerge."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest
from tests.reading import identify

from vpo.errors import ProbeError
from vpo.media.model import MediaFile, Track
from vpo.probe import matroska
from vpo.probe.packets import end_times
from vpo.probe.reader import probe_file

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1")
TELEVISION = ("-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=1")
TONE = ("-f", "lavfi", "-i", "sine=d=1:r=48000")
STEREO = (*TONE, "-ac", "2")


def ffmpeg(*args: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-nostdin", *args], check=True)


def ffprobe(path: Path) -> list[tuple[str, str]]:
    shown = ("-show_entries", "stream=codec_type,codec_name", "-of", "json", path)
    found = subprocess.run(["ffprobe", "-v", "error", *shown], check=True, capture_output=True)
    return [(s["codec_type"], s["codec_name"]) for s in json.loads(found.stdout)["streams"]]


def probed(path: Path) -> tuple[MediaFile, list[tuple[str, str]]]:
    media = probe_file(os.fspath(path))
    return media, [(track.type, track.codec) for track in media.tracks]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dts.ts", (*PICTURE, *TONE, "-c:a", "dca", "-strict", "-2")),
        ("truehd.ts", (*PICTURE, *STEREO, "-c:a", "truehd", "-strict", "-2")),
        ("lpcm.m2ts", (*PICTURE, *STEREO, "-c:a", "pcm_bluray", "-mpegts_m2ts_mode", "1")),
        ("aac.avi", (*PICTURE, *STEREO, "-c:v", "mpeg4", "-c:a", "aac")),
        ("flac.avi", (*PICTURE, *STEREO, "-c:v", "mpeg4", "-c:a", "flac")),
        ("real.rm", (*PICTURE, *TONE, "-s", "176x144", "-c:v", "rv10", "-c:a", "ac3")),
        ("broadcast.mxf", (*TELEVISION, *TONE, "-c:v", "mpeg2video", "-c:a", "pcm_s16le")),
        ("recorded.wtv", (*PICTURE, *TONE, "-c:v", "mpeg2video", "-c:a", "mp2")),
        ("camera.dv", (*TELEVISION, *STEREO, "-c:v", "dvvideo", "-pix_fmt", "yuv420p")),
    ],
)
def test_tracks_are_those_that_ffprobe_reads(
    media_tools: None,  # noqa: ARG001
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
) -> None:
    """Codec tags that are numbers above 127, and containers of broadcasters, recorders, cameras."""
    path = tmp_path / name
    ffmpeg(*options, path)
    media, tracks = probed(path)
    assert tracks == ffprobe(path)
    assert media.container == path.suffix[1:]
    assert media.tracks[0].frame_rate == "25"


def test_pgs_subtitles_of_blu_ray_are_read(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "disc.m2ts"
    source = ("-i", corpus / "bitmap-subtitles.mkv", "-map", "0:v", "-map", "0:s:0", "-c", "copy")
    ffmpeg(*source, "-mpegts_m2ts_mode", "1", path)
    media, tracks = probed(path)
    assert tracks == ffprobe(path)
    assert (media.container, media.of("subtitle")[0].codec) == ("m2ts", "hdmv_pgs_subtitle")


TAGS = """<Tags><Tag><Targets><TrackUID>{}</TrackUID></Targets>
<Simple><Name>LANGUAGE</Name><String>und</String></Simple>
<Simple><Name>TITLE</Name><String>Song</String></Simple></Tag></Tags>"""


@pytest.fixture
def tagged(corpus: Path, tmp_path: Path) -> Path:
    """A file whose audio has tags that contradict the track's language and name."""
    path, tags = tmp_path / "tagged.mkv", tmp_path / "tags.xml"
    names = ("--language", "1:eng", "--track-name", "1:Main", "--no-subtitles")
    subprocess.run(["mkvmerge", "-q", "-o", path, *names, corpus / "und.mkv"], check=True)
    tags.write_text(TAGS.format(identify(path)["tracks"][1]["properties"]["uid"]))
    subprocess.run(["mkvpropedit", "-q", path, "--tags", f"track:2:{tags}"], check=True)
    return path


def audio_of(path: Path) -> Track:
    return probe_file(os.fspath(path)).of("audio")[0]


def test_language_and_name_of_matroska_tracks_win_over_tags(tagged: Path) -> None:
    """ffmpeg shows the tags, which old versions of it wrote beside the track's own language."""
    properties = identify(tagged)["tracks"][1]["properties"]
    assert (properties["language"], properties["track_name"]) == ("eng", "Main")
    track = audio_of(tagged)
    assert (track.language, track.title) == ("eng", "Main")
    assert dict(track.tags)["title"] == "Song"


def test_title_tag_is_no_name(tagged: Path) -> None:
    edit = ("--edit", "track:2", "--delete", "name")
    subprocess.run(["mkvpropedit", "-q", tagged, *edit], check=True)
    track = audio_of(tagged)
    assert (track.title, dict(track.tags)["title"]) == (None, "Song")


def test_mp4_language_that_says_nothing_is_none(corpus: Path, tmp_path: Path) -> None:
    """0x7FFF is QuickTime's code for no language."""
    data = bytearray((corpus / "cover.mp4").read_bytes())
    at = -1
    while (at := data.find(b"mdhd", at + 1)) >= 0:
        data[at + 24 : at + 26] = b"\x7f\xff"
    path = tmp_path / "unspecified.mp4"
    path.write_bytes(data)
    assert {track.language for track in probe_file(os.fspath(path)).tracks} == {None}


def test_file_without_a_brand_is_quicktime(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.mov"
    path.write_bytes((corpus / "cover.mp4").read_bytes().replace(b"ftyp", b"free", 1))
    assert probe_file(os.fspath(path)).container == "mov"


def element(identity: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return name + struct.pack(">I", len(data) | 0x10000000) + data


@pytest.mark.parametrize(("kind", "encrypted"), [(0x5034, False), (0x5035, True)])
def test_encryption_of_matroska_is_told_from_compression(
    tmp_path: Path, kind: int, encrypted: bool
) -> None:
    encodings = element(0x6D80, element(0x6240, element(kind)))
    track = element(0xAE, element(0x83, b"\1"), element(0x86, b"V_VP8"), encodings)
    path = tmp_path / "x.mkv"
    segment = element(0x18538067, element(0x1654AE6B, track))
    path.write_bytes(element(0x1A45DFA3, element(0x4282, b"matroska")) + segment)
    with path.open("rb") as file:
        entries = matroska.track_entries(file.fileno(), matroska.read_structure(file.fileno()))
    assert [(entry.encrypted, entry.language) for entry in entries] == [(encrypted, "eng")]


def test_audio_types_of_dvb_are_flags(corpus: Path, tmp_path: Path) -> None:
    """ISO/IEC 13818-1, 2.6.19: audio type 3 is commentary for the visually impaired."""
    path = tmp_path / "broadcast.ts"
    audio = ("-map", "0:a:0", "-map", "0:a:0", "-map", "0:a:0", "-metadata:s", "language=eng")
    flags = ("-disposition:1", "visual_impaired", "-disposition:2", "hearing_impaired")
    ffmpeg("-i", corpus / "multi-audio.mkv", *audio, "-c", "copy", *flags, path)
    found = [track.dispositions for track in probe_file(os.fspath(path)).tracks]
    assert found == [set(), {"visual_impaired", "descriptions"}, {"hearing_impaired"}]


def test_common_encryption_is_read(media_tools: None, tmp_path: Path) -> None:  # noqa: ARG001
    path, key = tmp_path / "protected.mp4", "00112233445566778899aabbccddeeff"
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    ffmpeg(*PICTURE, *TONE, *scheme, path)
    assert [track.encrypted for track in probe_file(os.fspath(path)).tracks] == [True, True]
    ffmpeg(*PICTURE, *TONE, tmp_path / "free.mp4")
    assert not any(t.encrypted for t in probe_file(os.fspath(tmp_path / "free.mp4")).tracks)


@pytest.mark.parametrize("name", ["words.mkv", "words.mks", "words.mp4", "bitmaps.ts"])
def test_files_of_subtitles_only_have_no_end_times(corpus: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".ts":
        ffmpeg("-i", corpus / "bitmap-subtitles.mkv", "-map", "0:s", "-c:s", "dvbsub", path)
    elif path.suffix == ".mp4":
        ffmpeg("-i", corpus / "multi-audio.mkv", "-map", "0:s:0", "-c:s", "mov_text", path)
    else:
        options = ("--no-audio", "--no-video", corpus / "multi-audio.mkv")
        subprocess.run(["mkvmerge", "-q", "-o", path, *options], check=True)
    media = probe_file(os.fspath(path))
    assert {track.type for track in media.tracks} == {"subtitle"}
    assert end_times(os.fspath(path), media.duration, media.audio_video_indexes) == {}


def test_end_of_a_file_whose_video_starts_late_is_read(
    media_tools: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    """Without an index of the audio, ffmpeg cannot go to a time before the first key frame."""
    path = tmp_path / "late.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=4")
    tone = ("-f", "lavfi", "-i", "sine=d=4:r=48000", "-c:a", "aac", "-c:v", "libx264")
    ffmpeg("-itsoffset", "1.98", *picture, *tone, path)
    ends = end_times(os.fspath(path), 5.98, frozenset({0, 1}))
    assert {index: round(end) for index, end in ends.items()} == {0: 6, 1: 4}


def test_error_says_nothing_that_is_not_about_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + b"\0\0\1\0mdat")
    with pytest.raises(ProbeError) as info:
        probe_file(os.fspath(path))
    assert str(info.value) == (
        "cannot be read as a video file: its structure is invalid; it is damaged, incomplete, or "
        "not a video"
    )
