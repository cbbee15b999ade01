"""Audio at a loudness: measured by ffmpeg afterwards, and brought there only once."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.conftest import Vpo
from tests.integration.test_odd_videos import ffmpeg
from tests.integration.test_transcode import policy, process, streams

_QUIET = (
    "aevalsrc='0.02*sin(600*t)|0.02*sin(620*t)|0.05*sin(900*t)*(1.5+sin(6*t))|0|0|0'"
    ":c=5.1:d=3:s=48000"
)
NIGHT = """\
audio_synthesis:
      tracks:
        - {name: n, codec: aac, channels: 2, title: Night, night_mode: true}
"""


def levels(film: Path) -> list[float]:
    """The integrated loudness of each audio track, in LUFS."""
    found = []
    for number in range(sum(s["codec_type"] == "audio" for s in streams(film))):
        argv = ["ffmpeg", "-hide_banner", "-nostdin", "-i", str(film), "-map", f"0:a:{number}"]
        argv += ["-af", "ebur128=framelog=verbose", "-f", "null", "-"]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
        found.append(float(re.findall(r"I: +(-[\d.]+) LUFS", said)[-1]))
    return found


@pytest.fixture
def film(tmp_path: Path, media_tools: None) -> Path:  # noqa: ARG001
    path = tmp_path / "in" / "film.mkv"
    path.parent.mkdir()
    tone = ("-f", "lavfi", "-i", "sine=d=3:sample_rate=44100,volume=-20dB")
    video = ("-f", "lavfi", "-i", "color=s=64x48:r=5:d=3")
    maps = ("-map", "0", "-map", "1", "-map", "2", "-c:a:0", "flac", "-c:a:1", "aac")
    ffmpeg(*video, "-f", "lavfi", "-i", _QUIET, *tone, *maps, "-c:v", "mpeg4", path)
    return path


def test_audio_is_brought_to_a_loudness_once(vpo: Vpo, film: Path) -> None:
    text = policy("{audio: {to: aac, loudness: {target: -18, true_peak: -1}}}", NIGHT.rstrip())
    before = levels(film)
    assert min(abs(level + 18) for level in before) > 3
    done = process(vpo, text, film)
    assert done.rc == 0, done
    changes = done.json["files"][0]["changes"]
    said = {(change["kind"], change["to"]) for change in changes if change["track"] == 2}
    assert said == {("loudness", "-18 LUFS, peaks up to -1 dBTP")}
    assert levels(film) == pytest.approx([-18, -18, -18], abs=0.5)
    audio = [s for s in streams(film) if s["codec_type"] == "audio"]
    facts = [(s["channel_layout"], s["sample_rate"]) for s in audio]
    assert facts == [("5.1", "48000"), ("stereo", "48000"), ("mono", "44100")]
    assert audio[0]["tags"]["VPO_LOUDNESS"] == "-18 LUFS -1 dBTP"
    assert process(vpo, text, film, "--force").json["files"][0]["status"] == "unchanged"
    _is_measured_without_its_tag(vpo, text, film)


def _is_measured_without_its_tag(vpo: Vpo, text: str, film: Path) -> None:
    copy = film.with_name("copy.mp4")
    ffmpeg("-i", film, "-map", "0", "-c", "copy", copy)
    planned = process(vpo, text, copy, "-n").json["files"][0]
    assert {change["kind"] for change in planned["changes"]} == {"loudness"}
    original = copy.read_bytes()
    assert process(vpo, text, copy).json["files"][0]["status"] == "unchanged"
    assert copy.read_bytes() == original
