"""Audio tracks that vpo makes or encodes, on real files with the real tools."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from tests.conftest import Library, ToolsOnPath, Vpo
from tests.integration.facts import litter, streams
from tests.integration.stage import Stage
from tests.reading import read

POLICY = """\
schema_version: 13
phases:
  - name: sound
    audio_synthesis:
      tracks:
        - name: Stereo
          codec: aac
          channels: stereo
          source: {prefer: [{language: eng}, {not_commentary: true}, {channels: max}]}
          title: Stereo
        - {name: Opus, codec: opus, channels: 5.1, title: Opus, position: 1}
        - {name: Night, codec: eac3, channels: mono, title: Night, position: end, language: und}
"""
FLAC = """\
schema_version: 13
phases:
  - {name: a, audio_synthesis: {tracks: [{name: F, codec: CODEC, channels: stereo}]}}
"""
TO_MP4 = """\
schema_version: 13
phases:
  - name: to-mp4
    container:
      target: mp4
      on_incompatible_codec: transcode
      codec_mappings: {flac: {codec: ac3, bitrate: 128k}}
"""
DROP_AUDIO = """\
for last; do :; done
case "$last" in -*) exec "$REAL_FFMPEG" "$@" ;; esac
"$REAL_FFMPEG" "$@" || exit
set -- -map 0 -map -0:a:1 -c copy -f matroska
"$REAL_FFMPEG" -nostdin -loglevel error -y -i "$last" "$@" "$last.x"
cat "$last.x" > "$last" && rm "$last.x"
"""


@pytest.fixture
def surround(media_tools: None, tmp_path: Path) -> Path:  # noqa: ARG001
    """A film whose six channels each have a tone of their own; the surrounds are at the sides."""
    path = tmp_path / "surround" / "film.mkv"
    path.parent.mkdir()
    tones = "|".join(f"0.1*sin({hertz}*2*PI*t)" for hertz in (300, 500, 700, 60, 1100, 1300))
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1"]
    inputs += ["-f", "lavfi", "-i", f"aevalsrc='{tones}':c=5.1(side):s=48000:d=1"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a:0", "pcm_s24le", "-c:a:1", "flac"]
    maps = ["-map", "0", "-map", "1", "-map", "1"]
    _ffmpeg(*inputs, *maps, *codecs, "-metadata:s:a", "language=eng", str(path))
    return path


def _ffmpeg(*words: str) -> str:
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-y", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def _loudness(path: Path, stream: str, *down: str, samples: str = "pcm_f32le") -> list[float]:
    """The mean of each channel, and of all, in dB, once ffmpeg has mixed the stream ``down``.

    In whole numbers (``pcm_s24le``), ffmpeg mixes so that nothing can clip; in floating point it
    keeps the level.
    """
    wav = str(path.with_suffix(".wav"))
    _ffmpeg("-i", str(path), "-map", stream, *down, "-c:a", samples, wav)
    measured = _ffmpeg("-i", wav, "-af", "astats", "-f", "null", "-")
    return [float(level) for level in re.findall(r"RMS level dB: (\S+)", measured)]


def test_audio_synthesis_adds_tracks_at_their_position(
    vpo: Vpo, library: Library, stage: Stage
) -> None:
    root = library("multi-audio.mkv")
    film = root / "multi-audio.mkv"
    before, payload = read(film), streams(film)
    policy = vpo.policy(POLICY)
    stage.record("ffmpeg", "mkvmerge", "mkvpropedit")
    result = vpo("process", "--format", "json", "-p", policy, root)
    (file,) = result.json["files"]
    assert (result.rc, file["status"], file["strategy"]) == (0, "changed", "transcode"), result
    assert [change["kind"] for change in file["changes"]] == ["add"] * 3
    assert [name for name in stage.started() if name != "unknown"] == [film.name]
    tracks = read(film).of("audio")
    made = {track.title: track for track in tracks if track.title in ("Stereo", "Opus", "Night")}
    assert [(t.codec, t.channels, t.language) for t in made.values()] == [
        ("opus", 6, "eng"),
        ("aac", 2, "eng"),
        ("eac3", 1, "und"),
    ]
    titles = [track.title for track in tracks]
    assert titles[0] == "Opus"
    assert titles[-1] == "Night"
    assert titles[titles.index("Surround 5.1") + 1] == "Stereo"
    assert not any(track.default for track in made.values())
    assert len(tracks) == len(before.of("audio")) + 3
    # What was there is there, bit for bit.
    assert not set(payload) - set(streams(film))
    started = stage.started()
    again = vpo("process", "--format", "json", "-p", policy, root)
    assert (again.rc, stage.started()) == (0, started), again


@pytest.mark.parametrize(
    ("codec", "samples"), [("flac", "pcm_s24le"), ("aac", "pcm_f32le"), ("ac3", "pcm_f32le")]
)
def test_audio_synthesis_downmix_is_as_loud_as_that_of_ffmpeg(
    vpo: Vpo, surround: Path, codec: str, samples: str
) -> None:
    reference = _loudness(surround, "0:1", "-ac", "2", samples=samples)
    bare = ["-af", "pan=3.0|c0=FL|c1=FR|c2=FC,pan=stereo|c0=FL+0.707*FC|c1=FR+0.707*FC"]
    without_surrounds = _loudness(surround, "0:1", *bare)
    policy = vpo.policy(FLAC.replace("CODEC", codec))
    assert vpo("process", "-p", policy, surround).rc == 0
    found = _loudness(surround, "0:2")
    assert found == pytest.approx(reference, abs=0.2)
    assert found != pytest.approx(without_surrounds, abs=0.6)


def test_mp4_conversion_encodes_audio_that_mp4_cannot_hold(vpo: Vpo, surround: Path) -> None:
    result = vpo("process", "-p", vpo.policy(TO_MP4), surround)
    assert result.rc == 0, result
    film = surround.with_suffix(".mp4")
    found = read(film).of("audio")
    assert [(track.codec, track.channels) for track in found] == [("aac", 6), ("ac3", 6)]
    assert _loudness(film, "0:1") == pytest.approx([-23.0] * 7, abs=0.5)
    assert not surround.exists()


def test_audio_synthesis_fails_when_tool_drops_a_track(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath
) -> None:
    root = library("multi-audio.mkv")
    film = root / "multi-audio.mkv"
    before = hashlib.sha256(film.read_bytes()).hexdigest()
    tools_on_path(ffmpeg=DROP_AUDIO)
    result = vpo("process", "-p", vpo.policy(POLICY), root)
    assert result.rc != 0
    assert "tracks instead of" in str(result)
    assert hashlib.sha256(film.read_bytes()).hexdigest() == before
    assert not litter(root)


def test_audio_synthesis_reports_missing_encoder_before_any_work(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath
) -> None:
    root = library("multi-audio.mkv")
    hidden = '"$REAL_FFMPEG" "$@" | sed "s/libopus/libnone/g"'
    others = '*-filters*) exec "$REAL_FFMPEG" "$@" ;; *) exit 9 ;;'
    tools_on_path(ffmpeg=f'case "$*" in *-encoders*) {hidden} ;; {others} esac')
    result = vpo("process", "-n", "-p", vpo.policy(POLICY), root)
    assert result.rc != 0
    assert "this ffmpeg cannot encode opus: it was built without libopus" in str(result)
