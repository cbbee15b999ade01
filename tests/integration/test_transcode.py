"""Video that is encoded, on real files with the real encoders."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Result, ToolsOnPath, Vpo
from tests.integration.facts import rotated

COUNTING = 'case " $* " in *" -map "*) echo run >> "$RUNS";; esac; exec "$REAL_FFMPEG" "$@"'


def policy(section: str, *more: str) -> str:
    lines = ["schema_version: 13", "phases:", "  - name: encode", *(f"    {line}" for line in more)]
    return "\n".join([*lines, f"    transcode: {section}", ""])


def process(vpo: Vpo, text: str, path: Path, *words: str) -> Result:
    return vpo("process", "--format", "json", *words, "-p", vpo.policy(text), path)


def streams(path: Path) -> list[dict[str, Any]]:
    argv = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(path)]
    found: list[dict[str, Any]] = json.loads(
        subprocess.run(argv, check=True, capture_output=True).stdout
    )["streams"]
    return found


@pytest.fixture
def film(tmp_path: Path, media_tools: None) -> Path:  # noqa: ARG001
    """Two seconds of moving picture, large for what they are, with two audio tracks."""
    root = tmp_path / "films"
    root.mkdir()
    path = root / "film.mkv"
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=192x108:d=2:r=12", "-f", "lavfi", "-i", "sine=d=2"]
    encode = ["-map", "0", "-map", "1", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast"]
    encode += ["-qp", "4", "-c:a:0", "ac3", "-c:a:1", "flac"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *encode, str(path)], check=True)
    return path


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each time that the tool of ``COUNTING`` has worked on a file."""
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("section", "codec"),
    [
        ("{video: {to: hevc, crf: 34, preset: ultrafast}}", "hevc"),
        ("{video: {to: hevc, target_bitrate: 60k, two_pass: true, preset: ultrafast}}", "hevc"),
        ("{video: {to: vp9, crf: 50}}", "vp9"),
        ("{video: {to: av1, crf: 50, preset: ultrafast}}", "av1"),
    ],
)
def test_transcode_to_every_codec_is_stable(vpo: Vpo, film: Path, section: str, codec: str) -> None:
    done = process(vpo, policy(section), film)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    assert outcome["strategy"] == "transcode"
    assert [s["codec_name"] for s in streams(film)] == [codec, "ac3", "flac"]
    again = process(vpo, policy(section), film, "--force")
    assert again.json["files"][0]["status"] == "unchanged", again
    assert [path.name for path in film.parent.iterdir()] == ["film.mkv"]


def test_transcode_works_with_the_bundled_ffmpeg(vpo: Vpo, film: Path) -> None:
    """It is newer than that of most systems, and has dropped options that were deprecated."""
    bundled = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    vpo.config.write_text(f'[tools]\nffmpeg = "{bundled}"\n')
    done = process(vpo, policy("{video: {to: hevc, crf: 34, preset: ultrafast}}"), film)
    assert done.rc == 0, done
    assert streams(film)[0]["codec_name"] == "hevc"


def test_transcode_with_all_operations_is_one_run_of_ffmpeg(
    vpo: Vpo,
    film: Path,
    tools_on_path: ToolsOnPath,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = tmp_path / "runs"
    monkeypatch.setenv("RUNS", str(runs))
    tools_on_path(ffmpeg=COUNTING, mkvmerge="exit 2", mkvpropedit="exit 2")
    text = policy(
        "{video: {to: h264, crf: 40, preset: ultrafast, max_width: 96}, audio: {to: aac}}",
        "container: {target: mp4}",
        "keep_audio: {languages: [und]}",
        "default_flags: {}",
        "audio_synthesis: {tracks: [{name: m, codec: aac, channels: mono, title: Mono}]}",
        "rules: {items: [{name: r, when: exists(video), then: [{warn: seen}]}]}",
    )
    done = process(vpo, text, film)
    assert done.rc == 0, done
    result = film.with_suffix(".mp4")
    assert not film.exists()
    video, *sound = streams(result)
    assert (video["codec_name"], video["width"]) == ("h264", 96)
    assert {s["codec_name"] for s in sound} == {"aac"}
    assert runs.read_text().split() == ["run"]
    again = process(vpo, text, result)
    assert again.json["files"][0]["status"] == "unchanged"
    assert runs.read_text().split() == ["run"]


def test_min_savings_keeps_video_and_is_not_tried_again(
    vpo: Vpo,
    film: Path,
    tools_on_path: ToolsOnPath,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The picture stays, what else the policy wants is done, and nobody tries again."""
    runs = tmp_path / "runs"
    monkeypatch.setenv("RUNS", str(runs))
    tools_on_path(ffmpeg=COUNTING)
    section = "{video: {to: hevc, crf: 0, preset: ultrafast, min_savings: 90%}}"
    text = policy(section, "audio_actions: {clear_all_default: true}")
    before = streams(film)[0]
    done = process(vpo, text, film)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    assert (outcome["status"], outcome["strategy"]) == ("changed", "header")
    assert "min_savings" in outcome["warnings"][-1]
    after = streams(film)
    assert after[0]["codec_name"] == before["codec_name"]
    assert not any(s["disposition"]["default"] for s in after if s["codec_type"] == "audio")
    count = len(runs.read_text().split())
    again = process(vpo, text, film, "--force")
    assert again.json["files"][0]["status"] == "unchanged", again
    assert len(runs.read_text().split()) == count


def test_sound_that_outweighs_the_video_is_no_matter_of_min_savings(vpo: Vpo, film: Path) -> None:
    """Most of the file is sound of an unknown bit rate: of its size, nothing like half can go."""
    loud = film.with_name("loud.mkv")
    sound = ["-f", "lavfi", "-i", "anoisesrc=d=2:r=48000", "-c", "copy", "-c:a:0", "flac"]
    argv = ["ffmpeg", "-v", "error", "-i", str(film), *sound, "-map", "0:v", "-map", "1", str(loud)]
    subprocess.run(argv, check=True)
    film.unlink()
    before = loud.stat().st_size
    section = "{video: {to: hevc, crf: 40, preset: ultrafast, min_savings: 50%}}"
    done = process(vpo, policy(section), loud)
    assert done.rc == 0, done
    assert streams(loud)[0]["codec_name"] == "hevc", done
    assert loud.stat().st_size > before * 0.5


def test_transcode_is_not_repeated_for_high_bit_rate(vpo: Vpo, film: Path) -> None:
    limits = "skip_if: {codec_matches: [hevc], bitrate_under: 1k}"
    text = policy(f"{{video: {{to: hevc, crf: 34, preset: ultrafast, {limits}}}}}")
    assert process(vpo, text, film).json["files"][0]["status"] == "changed"
    again = process(vpo, text, film, "--force")
    assert again.json["files"][0]["status"] == "unchanged", again


def test_transcode_keeps_hdr_or_tone_maps_it(vpo: Vpo, library: Library) -> None:
    path = library("hdr10.mkv") / "hdr10.mkv"
    keep = policy("{video: {to: hevc, crf: 30, preset: ultrafast, min_savings: 0%}}")
    done = process(vpo, keep, path)
    assert done.rc == 0, done
    assert streams(path)[0]["color_transfer"] == "smpte2084"
    tone = policy("{video: {to: h264, crf: 50, preset: ultrafast, hdr: tonemap}}")
    done = process(vpo, tone, path)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    video = streams(path)[0]
    if outcome["status"] == "changed":
        assert (video["color_transfer"], video["pix_fmt"]) == ("bt709", "yuv420p")
    else:
        assert "min_savings" in outcome["warnings"][-1]


def test_transcode_fails_when_tool_drops_a_track(
    vpo: Vpo, film: Path, tools_on_path: ToolsOnPath
) -> None:
    before = film.read_bytes()
    script = (
        'for last; do :; done\n"$REAL_FFMPEG" "$@" || exit\n'
        'case "$last" in *.part) set -- -map 0 -map -0:a:1 -c copy -f matroska\n'
        '"$REAL_FFMPEG" -nostdin -v error -y -i "$last" "$@" "$last.x"\n'
        'cat "$last.x" > "$last" && rm "$last.x";; esac'
    )
    tools_on_path(ffmpeg=script)
    done = process(vpo, policy("{video: {to: hevc, crf: 34, preset: ultrafast}}"), film)
    assert done.rc == 1
    assert "2 tracks instead of 3" in done.json["files"][0]["error"]["message"]
    assert film.read_bytes() == before
    assert [path.name for path in film.parent.iterdir()] == ["film.mkv"]


def test_transcode_without_hardware_and_fallback_is_a_plan_error(vpo: Vpo, film: Path) -> None:
    before = film.read_bytes()
    section = "{video: {to: hevc, crf: 30, hw: videotoolbox, hw_fallback: false}}"
    done = process(vpo, policy(section), film)
    assert done.json["files"][0]["error"]["type"] == "PlanError"
    assert film.read_bytes() == before


DEVICE = r"""
case " $* " in
  *" -encoders "*)
    "$REAL_FFMPEG" "$@" && echo " V....D hevc_nvenc           NVIDIA NVENC hevc encoder"
    exit ;;
esac
left=$#
while [ $left -gt 0 ]; do
  word=$1; shift; left=$((left - 1))
  case "$word" in
    hevc_nvenc) word=libx265; echo "$*" >> "$RUNS" ;;
    -rc:*|-cq:*|-b:*|-preset:*|-tune:*) shift; left=$((left - 1)); continue ;;
  esac
  set -- "$@" "$word"
done
exec "$REAL_FFMPEG" "$@"
"""
"""An ffmpeg whose hardware is the processor."""


def test_transcode_uses_device_that_passes_its_test(
    vpo: Vpo, film: Path, tools_on_path: ToolsOnPath, runs: Path
) -> None:
    tools_on_path(ffmpeg=DEVICE)
    section = "{video: {to: hevc, crf: 30, preset: medium, hw: nvenc, hw_fallback: false}}"
    done = process(vpo, policy(section), film)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    assert outcome["encoded"] == [{"track": 0, "encoder": "hevc_nvenc", "crf": None, "vmaf": None}]
    assert outcome["warnings"] == []
    assert [s["codec_name"] for s in streams(film)] == ["hevc", "ac3", "flac"]
    proof, work = runs.read_text().splitlines()
    assert "-frames:v 1" in proof
    assert "-cq:0" in work


@pytest.mark.usefixtures("runs")
def test_transcode_falls_back_to_software_when_device_fails(
    vpo: Vpo, film: Path, tools_on_path: ToolsOnPath
) -> None:
    """It proves itself, and then has no session left."""
    broken = 'case "$*" in *-map*hevc_nvenc*) echo "no session" >&2; exit 1 ;; esac'
    tools_on_path(ffmpeg=f"{broken}\n{DEVICE}")
    section = "{video: {to: hevc, crf: 30, preset: ultrafast, hw: nvenc}}"
    done = process(vpo, policy(section), film)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    assert outcome["encoded"][0]["encoder"] == "libx265"
    assert any("nvenc failed" in text for text in outcome["warnings"]), done
    assert streams(film)[0]["codec_name"] == "hevc"


def made(path: Path, *words: str) -> Path:
    """A film that ffmpeg makes with these options."""
    path.parent.mkdir(exist_ok=True)
    picture = ["-f", "lavfi", "-i", "testsrc2=s=128x72:d=2:r=25"]
    argv = ["ffmpeg", "-v", "error", *picture, "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([*argv, *words, str(path)], check=True)
    return path


ONLY_AOM = """case " $* " in
*" -encoders "*) "$REAL_FFMPEG" "$@" | grep -v libsvtav1 ;;
*) exec "$REAL_FFMPEG" "$@" ;;
esac"""
"""An ffmpeg without SVT-AV1, which has no second pass."""


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize(
    ("codec", "preset", "encoder"),
    [
        ("h264", "ultrafast", "libx264"),
        ("h264", "medium", "libx264"),
        ("hevc", "ultrafast", "libx265"),
        ("vp9", "ultrafast", "libvpx-vp9"),
        ("vp9", "superfast", "libvpx-vp9"),
        ("av1", "ultrafast", "libaom-av1"),
    ],
)
def test_transcode_in_two_passes(
    vpo: Vpo,
    tmp_path: Path,
    tools_on_path: ToolsOnPath,
    suffix: str,
    codec: str,
    preset: str,
    encoder: str,
) -> None:
    """With every encoder that has two: the second has to understand what the first wrote."""
    tools_on_path(ffmpeg=ONLY_AOM)
    film = made(tmp_path / "in" / f"film.{suffix}", "-c:v", "mpeg4", "-q:v", "1")
    section = f"{{video: {{to: {codec}, target_bitrate: 60k, two_pass: true, preset: {preset}}}}}"
    done = process(vpo, policy(section), film)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    assert outcome["encoded"][0]["encoder"] == encoder
    assert streams(film)[0]["codec_name"] == codec


def test_transcode_in_two_passes_without_frame_times(vpo: Vpo, tmp_path: Path) -> None:
    film = made(tmp_path / "in" / "film.avi", "-c:v", "mpeg4", "-q:v", "1")
    done = process(vpo, policy("{video: {to: h264, target_bitrate: 60k, two_pass: true}}"), film)
    assert done.rc == 0, done
    assert streams(film)[0]["codec_name"] == "h264"


def test_transcode_in_two_passes_behind_audio(vpo: Vpo, film: Path) -> None:
    """ffmpeg names the statistics by the number of the stream in the output."""
    behind = film.with_name("behind.mkv")
    order = ["-map", "0:1", "-map", "0:2", "-map", "0:0", "-c", "copy", str(behind)]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(film), *order], check=True)
    section = "{video: {to: vp9, target_bitrate: 60k, two_pass: true, preset: ultrafast}}"
    done = process(vpo, policy(section), behind)
    assert done.rc == 0, done
    assert [s["codec_name"] for s in streams(behind)] == ["ac3", "flac", "vp9"]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_statistics_of_a_killed_first_pass_are_removed(
    vpo: Vpo, tmp_path: Path, tools_on_path: ToolsOnPath, codec: str
) -> None:
    """Also in a folder with a long path, which x265 would cut off."""
    kill = (
        '"$REAL_FFMPEG" "$@"; case "$*" in *testsrc*) ;; *pass*=1:*|*-pass*) kill -9 $PPID;; esac'
    )
    folder = tmp_path / "in" / ("long " * 40)
    folder.parent.mkdir()
    film = made(folder / "film.mkv", "-c:v", "mpeg4", "-q:v", "1")
    text = policy(f"{{video: {{to: {codec}, target_bitrate: 60k, two_pass: true}}}}")
    tools_on_path(ffmpeg=kill)
    assert process(vpo, text, film).rc == -9
    left = [path.name for path in folder.iterdir() if ".part-" in path.name]
    assert left
    assert all(name.startswith(".vpo-") for name in left)
    tools_on_path(ffmpeg='exec "$REAL_FFMPEG" "$@"')
    done = process(vpo, text, film)
    assert done.rc == 0, done
    assert [path.name for path in folder.iterdir()] == ["film.mkv"]


def times(path: Path) -> list[float]:
    """When each picture is shown, in seconds."""
    argv = ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "csv=p=0"]
    argv += ["-show_entries", "packet=pts_time", str(path)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return sorted(float(line.strip(",")) for line in said.split())


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_transcode_keeps_frame_times(vpo: Vpo, tmp_path: Path, suffix: str) -> None:
    """A quarter of the film has half of the pictures a second, and one of them comes late."""
    uneven = "setpts='(N+gt(N,25)*(N-25)+eq(N,30)*0.4)/25/TB',settb=1/1000"
    encode = ("-vf", uneven, "-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-bf", "0")
    film = made(tmp_path / "in" / f"film.{suffix}", *encode)
    before = times(film)
    assert len(set(before)) == 50
    done = process(vpo, policy("{video: {to: hevc, crf: 40, preset: ultrafast}}"), film)
    assert done.rc == 0, done
    assert times(film) == pytest.approx(before, abs=0.0015)


def test_transcode_keeps_rotation(vpo: Vpo, tmp_path: Path) -> None:
    plain = made(tmp_path / "plain.mp4")
    film = tmp_path / "in" / "phone.mp4"
    film.parent.mkdir()
    rotated(plain, film)
    (before,) = streams(film)
    done = process(vpo, policy("{video: {to: hevc, crf: 40, preset: ultrafast}}"), film)
    assert done.rc == 0, done
    (after,) = streams(film)
    assert after["codec_name"] == "hevc"
    assert (after["width"], after["height"]) == (before["width"], before["height"])
    sides = [
        next(item for item in stream["side_data_list"] if "Matrix" in item["side_data_type"])
        for stream in (before, after)
    ]
    assert sides[0]["rotation"] == sides[1]["rotation"] != 0


def test_transcode_deinterlaces_with_a_warning(vpo: Vpo, tmp_path: Path) -> None:
    interlaced = ("-vf", "interlace", "-flags", "+ildct+ilme", "-x264-params", "interlaced=1")
    film = made(tmp_path / "in" / "broadcast.mkv", *interlaced)
    shown = vpo("inspect", "--format", "json", film).json["files"][0]["tracks"][0]
    if shown["field_order"] is None:
        pytest.skip("this PyAV does not tell the order of fields")
    assert streams(film)[0]["field_order"] in ("tt", "bb", "tb", "bt")
    pictures = len(times(film))
    done = process(vpo, policy("{video: {to: hevc, crf: 30, preset: ultrafast}}"), film)
    assert done.rc == 0, done
    assert "is interlaced" in done.json["files"][0]["warnings"][0]
    assert streams(film)[0].get("field_order", "progressive") == "progressive"
    assert len(times(film)) == pictures


SMALLER_THAN_ANY_ENCODE = (
    "-f lavfi -i color=gray:s=160x120:r=12:d=1 -c:v libvpx -b:v 10k -deadline realtime"
)


@pytest.mark.parametrize(
    ("operations", "codec", "most"),
    [
        (["container: {target: mp4, on_incompatible_codec: transcode}"], "h264", 1),
        (["container: {target: mp4, codec_mappings: {vp8: {codec: hevc}}}"], "hevc", 1),
        (["transcode: {video: {to: hevc, crf: 0, preset: ultrafast}}"], "hevc", 1),
        (["transcode: {video: {to: hevc, crf: 0, preset: ultrafast, min_savings: 0%}}"], "vp8", 1),
        (
            [
                "container: {target: mp4, on_incompatible_codec: transcode}",
                "transcode: {video: {to: hevc, crf: 0, preset: ultrafast, min_savings: 90%}}",
            ],
            "h264",
            2,
        ),
    ],
)
def test_no_policy_encodes_a_file_more_often_than_once_and_once_instead(
    vpo: Vpo,
    tmp_path: Path,
    tools_on_path: ToolsOnPath,
    runs: Path,
    operations: list[str],
    codec: str,
    most: int,
) -> None:
    """A required codec is made although the result is larger; only what asks for savings is not."""
    path = tmp_path / "film.mkv"
    argv = ["ffmpeg", "-v", "error", *SMALLER_THAN_ANY_ENCODE.split(), str(path)]
    subprocess.run(argv, check=True)
    tools_on_path(ffmpeg=COUNTING)
    text = "\n  ".join(["schema_version: 13\nphases:\n- name: p", *operations, ""])
    done = process(vpo, text, path)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    result = Path(outcome["new_path"] or outcome["path"])
    assert [s["codec_name"] for s in streams(result)] == [codec]
    count = len(runs.read_text().split()) if runs.exists() else 0
    assert count == most
    not_done = ["min_savings" in text for text in outcome["warnings"]]
    assert any(not_done) == ("min_savings" in text)
    again = process(vpo, text, result)
    assert again.json["files"][0]["status"] == "unchanged"
    assert any("min_savings" in t for t in again.json["files"][0]["warnings"]) == any(not_done)
    assert count == (len(runs.read_text().split()) if runs.exists() else 0)
