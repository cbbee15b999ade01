"""The channels of encoded audio: each has the tone of its own, at its level, that it had before."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.conftest import Vpo

CHANNELS = {
    "2.1": "FL FR LFE", "3.0(back)": "FL FR BC", "4.0": "FL FR FC BC", "quad": "FL FR BL BR",
    "quad(side)": "FL FR SL SR", "3.1": "FL FR FC LFE", "5.0": "FL FR FC BL BR",
    "5.0(side)": "FL FR FC SL SR", "4.1": "FL FR FC LFE BC", "5.1(side)": "FL FR FC LFE SL SR",
    "6.0": "FL FR FC BC SL SR", "6.1": "FL FR FC LFE BC SL SR",
    "7.1(wide)": "FL FR FC LFE BL BR FLC FRC", "FL+FR+LFE+BC": "FL FR LFE BC",
}  # fmt: skip
LEVELS = {
    "FL": -13, "FR": -15, "FC": -17, "LFE": -19, "BL": -21, "BR": -23, "SL": -25, "SR": -27,
    "BC": -29, "FLC": -31, "FRC": -33,
}  # fmt: skip
KEPT = {
    "aac": ["2.1", "3.0(back)", "4.0", "quad", "quad(side)", "5.0"],
    "eac3": ["2.1", "3.0(back)", "4.0", "quad(side)", "3.1", "5.0(side)", "4.1", "5.1(side)"],
    "opus": ["quad", "5.0", "6.1"],
    "flac": [*CHANNELS][:-1],
}
"""The layouts that ffprobe finds again after an encode."""
MIXED = {"eac3": {"6.0", "6.1", "7.1(wide)"}}
"""The layouts of more channels than the codec has, which are mixed down."""
POLICY = "schema_version: 13\nphases: [{name: a, transcode: {audio: {to: CODEC}}}]\n"


def _run(*words: str | Path) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stderr


@pytest.fixture(scope="module")
def layouts(media_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    """A file with an audio track of every layout, each channel of which has its own level."""
    path = tmp_path_factory.mktemp("layouts") / "layouts.mkv"
    words: list[str | Path] = ["ffmpeg", "-nostdin", "-y"]
    for layout, channels in CHANNELS.items():
        names = channels.split()
        tones = [
            f"{10 ** (LEVELS[name] / 20):.5f}*sin(2*PI*{60 if name == 'LFE' else 300 + 70 * n}*t)"
            for n, name in enumerate(names)
        ]
        words += ["-f", "lavfi", "-i", f"aevalsrc={'|'.join(tones)}:c={layout}:s=48000:d=0.6"]
    for n, layout in enumerate(CHANNELS):
        words += ["-map", str(n), f"-metadata:s:{n}", f"title={layout}"]
    _run(*words, "-c:a", "wavpack", path)
    return path


def _levels(path: Path) -> list[list[float]]:
    """Return by stream the level of a full swing of each channel that is not silent, in dB."""
    measured = "atrim=0.1:0.5,astats=measure_perchannel=RMS_level:measure_overall=none"
    words: list[str | Path] = ["ffmpeg", "-nostdin", "-y", "-i", path]
    for n in range(len(CHANNELS)):
        lines = f"ametadata=mode=print:file={path}.{n}"
        words += [
            "-map",
            f"0:{n}",
            "-af",
            f"{measured}:metadata=1:reset=0,{lines}",
            "-f",
            "null",
            "-",
        ]
    _run(*words)
    return [_last_levels(Path(f"{path}.{n}").read_text()) for n in range(len(CHANNELS))]


def _last_levels(lines: str) -> list[float]:
    """Return the levels of the channels over the whole stream, from those after every frame."""
    found = dict(re.findall(r"astats\.(\d+)\.RMS_level=(\S+)", lines))
    return [level for level in (float(text) + 3.01 for text in found.values()) if level > -60]


def _found(path: Path) -> list[str]:
    words = ("ffprobe", "-v", "error", "-show_entries", "stream=channel_layout", "-of", "csv=p=0")
    return subprocess.run((*words, path), check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )


@pytest.mark.parametrize("codec", [*KEPT])
def test_every_channel_keeps_its_level_in_an_encode(
    vpo: Vpo, layouts: Path, tmp_path: Path, codec: str
) -> None:
    film = tmp_path / "film.mkv"
    film.write_bytes(layouts.read_bytes())
    result = vpo("process", "-p", vpo.policy(POLICY.replace("CODEC", codec)), film, "-v")
    assert result.rc == 0, result
    found = dict(zip(CHANNELS, _found(film), strict=False))
    assert {name: found[name] for name in KEPT[codec]} == {name: name for name in KEPT[codec]}
    for levels, (layout, channels) in zip(_levels(film), CHANNELS.items(), strict=True):
        if layout in MIXED.get(codec, ()):
            continue
        wanted = sorted(LEVELS[name] for name in channels.split())
        assert sorted(levels) == pytest.approx(wanted, abs=0.5), (codec, layout)
    assert codec != "opus" or "becomes 5.1, with each channel at its level" in str(result)
