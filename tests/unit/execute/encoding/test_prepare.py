"""The encodes of a plan: what will encode, what was found, and real HDR through real encoders."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from vpo.errors import PlanError
from vpo.execute.context import RunContext, new_run_context
from vpo.execute.encoding.crf_search import CrfResult, SourceVideo
from vpo.execute.encoding.devices import EncoderChoice
from vpo.execute.encoding.prepare import (
    PreparedEncodes,
    prepare_encodes,
    with_crfs,
    without_hardware,
)
from vpo.execute.outcome import Encoded
from vpo.execute.workspace import Workspace
from vpo.media.encode_spec import Quality, VideoCodec, VideoEncode
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Plan
from vpo.policy import dynamic_range
from vpo.probe.picture_scan import VideoSample
from vpo.probe.reader import probe_file
from vpo.probe.service import Prober
from vpo.tools import filters, video_options
from vpo.tools.programs import Tools
from vpo.tools.video_encoders import VIDEO_ENCODERS
from vpo.tools.video_options import Encoding, source_time_base

SOUND = Track(0, "audio", "aac")
PICTURE = Track(1, "video", "h264", width=640, height=360, pixel_format="yuv420p")
MEDIA = MediaFile("/a.mkv", "mkv", 1, tracks=(SOUND, PICTURE))
SWAPPED = replace(MEDIA, tracks=(PICTURE, SOUND), container="mp4")
HEVC = VideoEncode("hevc", Quality(crf=24))


@pytest.fixture
def real(media_tools: None) -> Tools:  # noqa: ARG001
    return Tools(ffmpeg=shutil.which("ffmpeg"), stall_seconds=120)


def test_capabilities_of_real_ffmpeg_are_read(real: Tools) -> None:
    able = real.capabilities()
    assert {"libx264", "libx265", "aac", "mpeg4"} <= able.encoders
    assert {"scale", "concat", "null"} <= able.filters
    assert not able.encoders & {"=", "Encoders:", "V....."}
    assert able.libavcodec >= 58
    assert real.capabilities() is able


def test_prepare_numbers_streams_as_in_the_output(real: Tools) -> None:
    found = prepared(real, Plan(MEDIA, SWAPPED, encodes=((1, HEVC),)))
    base = source_time_base(real.capabilities().libavcodec)
    row = VIDEO_ENCODERS["libx265"]
    assert found.encodings[1] == Encoding(HEVC, PICTURE, row, 0, 1, "mp4", time_base=base)
    assert (found.device, found.warnings) == ("none", ())
    assert found.encoded() == (Encoded(1, "libx265"),)


def test_prepare_fails_for_vmaf_without_a_metric(real: Tools) -> None:
    if real.capabilities().filters & {"libvmaf", "xpsnr"}:
        pytest.skip("this ffmpeg can measure it")
    with pytest.raises(PlanError, match="neither libvmaf nor xpsnr"):
        prepared(real, Plan(MEDIA, MEDIA, encodes=((1, replace(HEVC, quality=Quality(vmaf=95))),)))


class PlainVideo(Prober):
    """Finds nothing special in videos, which need not exist."""

    def video_sample(self, path: str, index: int) -> VideoSample:  # noqa: ARG002
        return self.head

    head = VideoSample()


def context(tools: Tools, head: VideoSample = PlainVideo.head) -> RunContext:
    prober = PlainVideo(tools.processes, 120)
    prober.head = head
    return new_run_context(tools, prober, threads=1)


def prepared(tools: Tools, plan: Plan) -> PreparedEncodes:
    return prepare_encodes(plan, context(tools))


def hardware(spec: VideoEncode, found: dict[int, CrfResult]) -> PreparedEncodes:
    nvenc = VIDEO_ENCODERS["hevc_nvenc"]
    encoding = Encoding(spec, PICTURE, nvenc, 1)
    return PreparedEncodes({1: encoding}, {1: EncoderChoice(nvenc, "nvenc")}, found)


def test_without_hardware_replaces_failed_device_by_software(real: Tools) -> None:
    spec = replace(HEVC, hw="nvenc", quality=Quality(crf=30.0, vmaf=95))
    found = without_hardware(
        hardware(spec, {1: CrfResult(30.0, 95.0)}), context(real), "out of memory"
    )
    assert found is not None
    assert found.encodings[1].encoder.name == "libx265"
    assert found.warnings == ("encoded by libx265: nvenc failed (out of memory)",)
    # The crf was found for the device.
    assert (found.found, found.encodings[1].spec.quality.crf) == ({}, None)


def test_without_hardware_returns_none_without_fallback(real: Tools) -> None:
    assert (
        without_hardware(hardware(replace(HEVC, hw_fallback=False), {}), context(real), "x") is None
    )
    software = prepared(real, Plan(MEDIA, MEDIA, encodes=((1, HEVC),)))
    assert without_hardware(software, context(real), "x") is None


def encode(tools: Tools, media: MediaFile, encodes: PreparedEncodes, output: Path) -> None:
    (encoding,) = encodes.encodings.values()
    mapping, filtering = filters.mapped(encoding)
    words = [*mapping, *filtering, *video_options.video(encoding), "-frames:v", "5"]
    command = [tools.need("ffmpeg"), "-nostdin", "-v", "error", "-y", "-i", media.path, *words]
    subprocess.run([*command, output], check=True, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize("codec", ["hevc", "h264", "av1"])
def test_encode_keeps_hdr10_metadata(
    corpus: Path, tmp_path: Path, real: Tools, codec: VideoCodec, suffix: str
) -> None:
    media = probe_file(str(corpus / "hdr10.mkv"), frames=True)
    (track,) = media.of("video")
    spec = VideoEncode(codec, Quality(crf=40), "ultrafast")
    output = tmp_path / f"result.{suffix}"
    after = replace(media, container=suffix)
    plan = Plan(media, after, encodes=((track.index, spec),))
    encode(real, media, prepared(real, plan), output)
    (result,) = probe_file(str(output), frames=True).of("video")
    assert dynamic_range.mismatches(dynamic_range.after_encode(track, tonemap=False), result) == []
    assert result.codec == codec
    assert result.hdr is not None and track.hdr is not None
    assert result.hdr.light == track.hdr.light


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_tone_mapped_encode_has_no_hdr_metadata(
    corpus: Path, tmp_path: Path, real: Tools, suffix: str
) -> None:
    if "zscale" not in real.capabilities().filters:
        pytest.skip("this ffmpeg has no zscale")
    media = probe_file(str(corpus / "hdr10.mkv"), frames=True)
    (track,) = media.of("video")
    spec = VideoEncode("h264", Quality(crf=40), "ultrafast", size=(64, 36), tonemap=True)
    output = tmp_path / f"result.{suffix}"
    plan = Plan(media, media, encodes=((track.index, spec),))
    encode(real, media, prepared(real, plan), output)
    (result,) = probe_file(str(output), frames=True).of("video")
    assert dynamic_range.mismatches(dynamic_range.after_encode(track, tonemap=True), result) == []
    assert (result.pixel_format, result.width, result.height) == ("yuv420p", 64, 36)
    assert (result.color, result.hdr, result.side_data) == (dynamic_range.SDR, None, ())


def test_search_with_real_ffmpeg_reaches_vmaf(corpus: Path, tmp_path: Path) -> None:
    bundled = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    tools = Tools(ffmpeg=bundled, stall_seconds=120)
    if "libvmaf" not in tools.capabilities().filters:
        pytest.skip("the bundled ffmpeg has no libvmaf")
    media = probe_file(str(corpus / "multi-audio.mkv"))
    (track,) = media.of("video")
    spec = VideoEncode("h264", Quality(vmaf=85), "ultrafast")
    encodes = prepared(tools, Plan(media, media, encodes=((track.index, spec),)))
    source = SourceVideo(media.path, media.path, (), media.duration, media.container)
    with Workspace(str(tmp_path), 0o600) as workspace:
        found = with_crfs(encodes, context(tools), source, workspace)
    (told,) = found.encoded()
    assert told.crf == found.encodings[track.index].spec.quality.crf
    assert told.vmaf == pytest.approx(85, abs=2)
    video_options.video(found.encodings[track.index])
