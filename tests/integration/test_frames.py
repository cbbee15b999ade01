"""How many frames an encode leaves, in which depth, and whether as fields."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from tests.conftest import Vpo
from tests.integration.test_odd_videos import FAST, ffmpeg, sum_of
from tests.integration.test_transcode import policy, process, streams, times

QUICK = "crf: 40, preset: ultrafast"


@pytest.fixture
def film(tmp_path: Path, media_tools: None) -> Path:  # noqa: ARG001
    (tmp_path / "in").mkdir()
    return tmp_path / "in" / "film.mkv"


def moving(film: Path, rate: str, *words: str, seconds: float = 1) -> list[float]:
    """Make a moving picture; return when its frames are shown."""
    source = f"testsrc2=s=96x64:r={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, *words, *FAST, film)
    return times(film)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_every_second_frame_stays_with_10_bits(vpo: Vpo, film: Path, suffix: str) -> None:
    film = film.with_suffix(f".{suffix}")
    before = moving(film, "60", "-f", "lavfi", "-i", "sine=d=1")
    text = policy(f"{{video: {{to: h264, max_frame_rate: 30, bit_depth: 10, {QUICK}}}}}")
    done = process(vpo, text, film)
    assert done.rc == 0, done
    kinds = {change["kind"] for change in done.json["files"][0]["changes"]}
    assert kinds == {"codec", "bit_depth", "frame_rate"}
    made = streams(film)[0]
    assert (made["codec_name"], made["pix_fmt"]) == ("h264", "yuv420p10le")
    assert times(film) == pytest.approx(before[::2], abs=0.0015)
    assert process(vpo, text, film).json["files"][0]["status"] == "unchanged"


def test_a_constant_rate_is_made_of_one_that_no_whole_number_divides(vpo: Vpo, film: Path) -> None:
    moving(film, "25", seconds=2)
    text = policy(f"{{video: {{to: hevc, max_frame_rate: 24, {QUICK}}}}}")
    done = process(vpo, text, film)
    assert done.rc == 0, done
    assert Fraction(streams(film)[0]["avg_frame_rate"]) == 24
    assert times(film) == pytest.approx([n / 24 for n in range(48)], abs=0.0015)
    assert process(vpo, text, film).json["files"][0]["status"] == "unchanged"


def test_a_variable_rate_is_divided_by_whole_numbers_only(vpo: Vpo, film: Path) -> None:
    uneven = ("-vf", "setpts='(N+gt(N,20)*(N-20))/30/TB'", "-fps_mode", "passthrough")
    before = moving(film, "30", *uneven, "-enc_time_base", "1:1000")
    original = sum_of(film)
    refused = process(vpo, policy(f"{{video: {{to: hevc, max_frame_rate: 25, {QUICK}}}}}"), film)
    assert "has a variable frame rate" in str(refused.json["files"][0]["error"])
    assert sum_of(film) == original
    done = process(vpo, policy(f"{{video: {{to: hevc, max_frame_rate: 15, {QUICK}}}}}"), film)
    assert done.rc == 0, done
    assert times(film) == pytest.approx(before[::2], abs=0.0015)


FIELDS = ("-vf", "interlace", "-flags", "+ildct+ilme", "-x264-params", "interlaced=1")


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_fields_stay_where_the_encoder_has_them(vpo: Vpo, film: Path, codec: str) -> None:
    before = moving(film, "50", *FIELDS)
    original, order = sum_of(film), streams(film)[0]["field_order"]
    text = policy(f"{{video: {{to: {codec}, deinterlace: never, max_height: 32, {QUICK}}}}}")
    done = process(vpo, text, film)
    if codec == "hevc":
        assert "libx265 cannot encode interlaced video" in str(done.json["files"][0]["error"])
        assert sum_of(film) == original
        return
    assert (done.rc, done.json["files"][0]["warnings"]) == (0, []), done
    made = streams(film)[0]
    assert (made["height"], made["field_order"]) == (32, order)
    assert times(film) == pytest.approx(before, abs=0.0015)


def test_black_bars_are_cut_off(vpo: Vpo, film: Path) -> None:
    moving(film, "25", "-vf", "pad=112:96:8:24", seconds=1.8)
    pictures = len(times(film))
    text = policy(f"{{video: {{to: h264, crop: auto, {QUICK}}}}}")
    planned = vpo("process", "-n", "--format", "json", "-p", vpo.policy(text), film)
    sizes = [c for c in planned.json["files"][0]["changes"] if c["kind"] == "size"]
    assert [(c["from"], c["to"], c["reason"]) for c in sizes] == [
        ("112x96", "96x64", "black bars surround 96x64")
    ]
    done = process(vpo, text, film)
    assert done.rc == 0, done
    assert (streams(film)[0]["width"], streams(film)[0]["height"]) == (96, 64)
    assert len(times(film)) == pictures
    argv = ["ffmpeg", "-v", "error", "-i", str(film), "-frames:v", "1", "-pix_fmt", "gray"]
    luma = subprocess.run([*argv, "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
    edges = (luma[:96], luma[-96:], luma[::96], luma[95::96])
    assert [max(line) > 60 for line in edges] == [True] * 4, [max(line) for line in edges]
    assert process(vpo, text, film).json["files"][0]["status"] == "unchanged"


def test_telecined_film_has_its_own_frames_again(vpo: Vpo, film: Path) -> None:
    fields = ("-vf", "telecine,setfield=tff", "-flags", "+ildct+ilme", "-x264-params", "tff=1")
    moving(film, "24000/1001", *fields, seconds=4)
    before = len(times(film))
    text = policy(f"{{video: {{to: hevc, deinterlace: detelecine, {QUICK}}}}}")
    done = process(vpo, text, film)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    rates = [(c["from"], c["to"]) for c in outcome["changes"] if c["kind"] == "frame_rate"]
    assert rates == [("30000/1001", "24000/1001")]
    assert "is telecined" in outcome["warnings"][0]
    after = times(film)
    assert len(after) == before * 4 // 5
    assert after == pytest.approx([n * 1001 / 24000 for n in range(len(after))], abs=0.0015)
    assert process(vpo, text, film, "--force").json["files"][0]["status"] == "unchanged"
