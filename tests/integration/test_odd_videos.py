"""Videos that an encoder does not take as they are, or of which an encode would lose something."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import Vpo
from tests.integration.test_transcode import policy, process, streams, times
from tests.reading import identify

HEVC = policy("{video: {to: hevc, crf: 40, preset: ultrafast}}")
FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
CAPTION = b"\0\0\1\x06\x04\x0e\xb5\0\x31GA94\x03\x41\xff\xfc%b\xff\x80"
"""An SEI message of H.264 with one pair of bytes of a caption (ATSC A/53)."""
NO_TEXT = (b"\x94\x2c",)
ROLL_UP = (b"\x94\x25", b"\x94\xad", b"\x94\x70", b"\xc8\xe9")
"""Two lines that roll up, a new one, its place, and the letters ``Hi`` (EIA-608, odd parity)."""


def ffmpeg(*words: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *words], check=True)


def picture(size: str, *words: str | Path, seconds: float = 1) -> None:
    ffmpeg("-f", "lavfi", "-i", f"testsrc=s={size}:r=25:d={seconds}", *words)


@pytest.fixture
def film(tmp_path: Path, media_tools: None) -> Path:  # noqa: ARG001
    (tmp_path / "in").mkdir()
    return tmp_path / "in" / "film.mkv"


def sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def captions(path: Path) -> int:
    argv = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_frames", str(path)]
    return subprocess.run(argv, check=True, capture_output=True).stdout.count(b"ATSC A53")


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_odd_sizes_are_padded_to_even_ones(vpo: Vpo, film: Path, codec: str) -> None:
    picture("161x91", "-c:v", "ffv1", "-pix_fmt", "yuv420p", film, seconds=0.4)
    text = policy(f"{{video: {{to: {codec}, crf: 40, preset: ultrafast}}}}")
    done = process(vpo, text, film)
    assert done.rc == 0, done
    assert "padded by a black line to 162x92" in str(done.json["files"][0]["warnings"])
    made = streams(film)[0]
    assert (made["codec_name"], made["width"], made["height"]) == (codec, 162, 92)
    assert process(vpo, text, film).json["files"][0]["status"] == "unchanged"


def captioned(
    folder: Path,
    film: Path,
    before: float = 0,
    seconds: float = 0.4,
    pairs: tuple[bytes, ...] = NO_TEXT,
) -> None:
    """Make a film with a pair of a caption in each frame, behind some seconds without."""
    raw = folder / "raw.h264"
    picture("96x64", *FAST, "-x264-params", "slices=1:keyint=50", raw, seconds=before + seconds)
    units = re.split(rb"\x00?\x00\x00\x01", raw.read_bytes())[1:]
    data, frames = b"", 0
    for unit in units:
        is_frame = unit[0] & 31 in (1, 5)
        frames += is_frame
        pair = pairs[frames % len(pairs)]
        data += CAPTION % pair if is_frame and frames > before * 25 else b""
        data += b"\0\0\0\1" + unit
    raw.write_bytes(data)
    ffmpeg("-fflags", "+genpts", "-r", "25", "-i", raw, "-c", "copy", film)


def test_captions_are_kept_by_x264(vpo: Vpo, film: Path, tmp_path: Path) -> None:
    captioned(tmp_path, film)
    assert captions(film) == 10
    text = policy("{video: {to: h264, crf: 40, preset: ultrafast, max_height: 32}}")
    done = process(vpo, text, film)
    assert done.rc == 0, done
    assert (streams(film)[0]["height"], captions(film)) == (32, 10)


@pytest.mark.parametrize("before", [0, 7])
@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_captions_are_never_lost(
    vpo: Vpo, film: Path, tmp_path: Path, codec: str, before: int
) -> None:
    captioned(tmp_path, film, before)
    original = sum_of(film)
    text = policy(f"{{video: {{to: {codec}, crf: 40, preset: ultrafast}}}}")
    done = process(vpo, text, film)
    assert done.rc == 1
    assert "closed captions" in str(done.json["files"][0]["error"])
    assert (sum_of(film), captions(film)) == (original, 10)


def test_late_captions_are_known_before_the_encode(vpo: Vpo, film: Path, tmp_path: Path) -> None:
    captioned(tmp_path, film, before=8, seconds=4)
    planned = vpo("process", "-n", "--format", "json", "-p", vpo.policy(HEVC), film)
    added = planned.json["files"][0]["changes"][-1]
    assert (added["kind"], added["to"][:10]) == ("add", "subtitle 1")


@pytest.mark.parametrize(("mode", "tracks"), [("keep", 1), ("drop", 0)])
def test_captions_become_a_track_or_go_where_the_encoder_cannot_write_them(
    vpo: Vpo, film: Path, tmp_path: Path, mode: str, tracks: int
) -> None:
    captioned(tmp_path, film, seconds=2, pairs=ROLL_UP)
    done = process(vpo, HEVC.rstrip() + f"\n    captions: {mode}\n", film)
    assert done.rc == 0, done
    subtitles = [s for s in streams(film) if s["codec_type"] == "subtitle"]
    assert [s["codec_name"] for s in subtitles] == ["subrip"] * tracks
    if tracks:
        argv = ["ffmpeg", "-v", "error", "-i", str(film), "-map", "0:s", "-f", "srt", "-"]
        text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        assert "Hi" in text
        assert "<" not in text


def joined(folder: Path, film: Path, *parts: tuple[str, str, float]) -> None:
    """Make a recording of parts: their sizes, the shapes of their pixels, and their seconds."""
    start, data = 0.0, b""
    for size, shape, seconds in parts:
        path = folder / f"{start}.ts"
        offset = ("-output_ts_offset", str(start))
        picture(size, *FAST, "-vf", f"setsar={shape}", *offset, path, seconds=seconds)
        start, data = start + seconds, data + path.read_bytes()
    film.write_bytes(continuous(data))


def continuous(data: bytes) -> bytes:
    """Number the packets of each PID without a gap, as a recorder gets them."""
    counts: Counter[int] = Counter()
    packets = [bytearray(data[at : at + 188]) for at in range(0, len(data), 188)]
    for packet in packets:
        pid = int.from_bytes(packet[1:3], "big") & 0x1FFF
        counts[pid] += bool(packet[3] & 0x10)
        packet[3] = packet[3] & 0xF0 | counts[pid] - 1 & 15
    return b"".join(packets)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (("64x48", "1"), ("128x96", "1")),
        (("128x96", "1"), ("64x48", "1")),
        (("64x48", "1"), ("64x48", "4/3")),
    ],
)
def test_all_of_a_video_gets_the_size_and_shape_of_its_largest_part(
    vpo: Vpo, film: Path, tmp_path: Path, small: tuple[str, str], large: tuple[str, str]
) -> None:
    film = film.with_suffix(".ts")
    joined(tmp_path, film, (*small, 0.4), (*large, 1))
    done = process(vpo, HEVC, film)
    assert done.rc == 0, done
    assert "scaled to that of the largest part" in str(done.json["files"][0]["warnings"])
    made = streams(film)[0]
    assert f"{made['width']}x{made['height']}" == large[0]
    assert made["sample_aspect_ratio"] == {"1": "1:1", "4/3": "4:3"}[large[1]]
    assert len(times(film)) == 35
    assert process(vpo, HEVC, film).json["files"][0]["status"] == "unchanged"


def test_a_change_of_size_that_the_plan_did_not_see_is_not_encoded(
    vpo: Vpo, film: Path, tmp_path: Path
) -> None:
    film = film.with_suffix(".ts")
    # Five places are looked at: none is in the second part.
    joined(tmp_path, film, ("64x48", "1", 9.4), ("96x72", "1", 0.4), ("64x48", "1", 4))
    original = sum_of(film)
    done = process(vpo, HEVC, film)
    assert done.rc == 1
    assert "its size or shape changes at" in str(done.json["files"][0]["error"])
    assert sum_of(film) == original


def interlaced_rgb(film: Path) -> None:
    picture("64x48", "-vf", "interlace", "-c:v", "ffv1", "-pix_fmt", "bgr0", "-flags", "+ildct",
            "-field_order", "tt", "-top", "1", film)  # fmt: skip
    subprocess.run(
        ["mkvpropedit", "-q", str(film), "--edit", "track:1", "--set", "interlaced=1",
         "--set", "field-order=1"], check=True,
    )  # fmt: skip
    assert (streams(film)[0]["field_order"], streams(film)[0]["pix_fmt"]) == ("tt", "bgr0")


def test_rgb_becomes_yuv_and_the_plan_says_it(vpo: Vpo, film: Path) -> None:
    interlaced_rgb(film)
    done = process(vpo, HEVC, film)
    assert done.rc == 0, done
    assert "does not take bgr0; encoded as yuv444p" in str(done.json["files"][0]["warnings"])
    made = streams(film)[0]
    assert (made["pix_fmt"], made["color_space"], made["color_range"]) == (
        "yuv444p",
        "bt709",
        "tv",
    )


def test_a_remux_keeps_the_mark_of_interlaced_video(vpo: Vpo, film: Path) -> None:
    interlaced_rgb(film)
    sound = film.with_name("two.mkv")
    ffmpeg("-i", film, "-f", "lavfi", "-i", "sine=d=1", "-map", "0", "-map", "1", "-c:v", "copy",
           "-c:a", "flac", sound)  # fmt: skip
    text = "schema_version: 13\nphases:\n  - name: o\n    track_order: [audio_main, video]\n"
    done = process(vpo, text, sound)
    assert done.json["files"][0]["status"] == "changed", done
    assert [each.get("field_order") for each in streams(sound)] == [None, "tt"]


def test_hevc_is_called_hvc1_in_mp4(vpo: Vpo, film: Path) -> None:
    picture("64x48", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=1", film)
    text = "schema_version: 13\nphases:\n  - name: c\n    container: {target: mp4}\n"
    done = process(vpo, text, film)
    assert done.rc == 0, done
    assert streams(film.with_suffix(".mp4"))[0]["codec_tag_string"] == "hvc1"


def test_an_encode_keeps_regions_and_scripts_of_languages(vpo: Vpo, film: Path) -> None:
    plain = film.with_name("plain.mkv")
    picture("64x48", "-f", "lavfi", "-i", "sine=d=1", "-map", "0", "-map", "1", "-map", "1",
            *FAST, "-c:a", "aac", plain)  # fmt: skip
    argv = ["mkvmerge", "-q", "-o", str(film), "--language", "1:pt-BR", "--language"]
    subprocess.run([*argv, "2:sr-Latn-RS", str(plain)], check=True)
    done = process(vpo, HEVC, film)
    assert done.rc == 0, done
    found = [t["properties"].get("language_ietf") for t in identify(film)["tracks"]]
    assert found[1:] == ["pt-BR", "sr-Latn-RS"]
    assert done.json["files"][0]["warnings"] == []


def test_tags_of_tools_are_no_reason_to_refuse(vpo: Vpo, film: Path, tmp_path: Path) -> None:
    picture("64x48", *FAST, film)
    simple = "<Simple><Name>ENCODER</Name><String>Lavf</String></Simple>"
    tags = tmp_path / "tags.xml"
    tags.write_text(f"<Tags><Tag><Targets/>{simple}{simple}</Tag></Tags>")
    subprocess.run(["mkvpropedit", "-q", str(film), "--tags", f"global:{tags}"], check=True)
    done = process(vpo, HEVC, film)
    assert done.rc == 0, done
    assert streams(film)[0]["codec_name"] == "hevc"


@pytest.mark.parametrize("woven", [True, False])
def test_combs_are_not_encoded_where_the_video_does_not_say_that_it_is_interlaced(
    vpo: Vpo, film: Path, woven: bool
) -> None:
    fields = "tinterlace=interleave_top" if woven else "framestep=2"
    source = "testsrc2=s=320x240:r=50:d=1.2"
    ffmpeg("-f", "lavfi", "-i", source, "-vf", f"{fields},setfield=prog", *FAST, film)
    assert streams(film)[0]["field_order"] == "progressive"
    assert combed(film) == woven
    planned = vpo("process", "-n", "--format", "json", "-p", vpo.policy(HEVC), film)
    done = process(vpo, HEVC, film)
    said = ["combed: it will be deinterlaced" in str(r.json["files"]) for r in (planned, done)]
    assert said == [woven, woven]
    assert (len(times(film)), combed(film)) == (30, False)


def combed(film: Path) -> bool:
    """Whether most frames are combed, by ffmpeg's own judgement."""
    shown = "metadata=print:key=lavfi.idet.multiple.current_frame:file=-"
    argv = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        film,
        "-vf",
        f"idet=intl_thres=1.5,{shown}",
        "-f",
        "null",
        "-",
    ]
    found = subprocess.run(list(map(str, argv)), check=True, capture_output=True).stdout
    return found.count(b"current_frame=tff") > 15
