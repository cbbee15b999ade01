"""What encodes: a stand-in ffmpeg answers as one does on a machine with, or without, the device."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.made_up import AMF

from vpo.errors import CancelledError, PlanError
from vpo.execute.encoding.devices import Devices, EncoderChoice
from vpo.media.encode_spec import Quality, VideoEncode
from vpo.media.model import Color, Hdr, Mastering, Track
from vpo.tools.programs import Tools
from vpo.tools.video_encoders import VIDEO_ENCODERS

TRACK = Track(0, "video", "h264", width=1920, height=1080, pixel_format="yuv420p")
DEEP = Track(0, "video", "hevc", width=1920, height=1080, pixel_format="yuv420p10le")
HDR = Track(
    0,
    "video",
    "hevc",
    pixel_format="yuv420p10le",
    color=Color("bt2020nc", "bt2020", "smpte2084", "tv"),
    hdr=Hdr(Mastering(luminance=(1, 10_000_000)), (1000, 400)),
)
SOFTWARE = ("libx264", "libx265", "libvpx-vp9", "libaom-av1")
HARDWARE = ("h264_nvenc", "hevc_nvenc", "h264_qsv", "hevc_qsv", "hevc_vaapi")

FFMPEG = """#!/bin/sh
case " $* " in
*" -encoders "*)
    echo "  libavcodec     @VERSION. 37.100 / 59. 37.100" >&2
    echo "Encoders:"
    echo " V..... = Video"
    for name in @ENCODERS; do echo " V....D $name   an encoder"; done ;;
*" -filters "*)
    echo "Filters:"
    for name in @FILTERS; do echo " .S. $name   V->V   a filter"; done ;;
*)
    echo "$*" >> "@LOG"
    case " $* " in
    @WORKS) exit 0 ;;
    *) echo "[enc @ 0x1] No capable devices found" >&2; echo "Conversion failed!" >&2; exit 1 ;;
    esac ;;
esac
"""

Machine = Callable[..., Tools]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """``machine("*hevc_qsv*") -> Tools``: which commands succeed is a pattern of the shell."""

    def build(
        works: str = "-",
        encoders: tuple[str, ...] = (*SOFTWARE, *HARDWARE),
        filters: str = "scale zscale tonemap",
        version: int = 59,
    ) -> Tools:
        program = tmp_path / "ffmpeg"
        text = FFMPEG.replace("@ENCODERS", " ".join(encoders)).replace("@FILTERS", filters)
        text = text.replace("@LOG", str(tmp_path / "log")).replace("@WORKS", works)
        program.write_text(text.replace("@VERSION", str(version)))
        program.chmod(0o755)
        return Tools(ffmpeg=str(program), stall_seconds=60)

    return build


def tried(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    return log.read_text().splitlines() if log.exists() else []


def choose(tools: Tools, spec: VideoEncode, track: Track, container: str) -> EncoderChoice:
    return Devices(tools).choose(spec, track, container)


def encode(**wanted: Any) -> VideoEncode:
    return VideoEncode(**{"codec": "hevc", "quality": Quality(crf=24), **wanted})


def test_choose_software_runs_no_test(machine: Machine, tmp_path: Path) -> None:
    found = choose(machine(), encode(), TRACK, "mkv")
    assert (found.encoder.name, found.device, found.warnings) == ("libx265", "none", ())
    assert tried(tmp_path) == []


def test_choose_takes_device_that_encodes_a_test_frame(machine: Machine, tmp_path: Path) -> None:
    found = choose(machine("*hevc_nvenc*"), encode(hw="nvenc"), TRACK, "mkv")
    assert (found.encoder.name, found.device, found.warnings) == ("hevc_nvenc", "nvenc", ())
    (line,) = tried(tmp_path)
    assert "-f lavfi" in line and "-frames:v 1" in line and "-pix_fmt:0 nv12" in line


def test_device_is_tested_once_per_pixel_format(machine: Machine, tmp_path: Path) -> None:
    devices = Devices(machine("*hevc_nvenc*nv12*"))
    threads = [
        threading.Thread(target=devices.choose, args=(encode(hw="nvenc"), TRACK, "mkv"))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tried(tmp_path)) == 1
    assert devices.choose(encode(hw="nvenc"), DEEP, "mkv").device == "none"
    assert len(tried(tmp_path)) == 2


def test_a_device_is_proven_again_in_the_next_run(machine: Machine, tmp_path: Path) -> None:
    """A long process notices that a card has come or gone."""
    tools = machine("-")
    assert Devices(tools).choose(encode(hw="nvenc"), TRACK, "mkv").device == "none"
    machine("*hevc_nvenc*")
    assert Devices(tools).choose(encode(hw="nvenc"), TRACK, "mkv").device == "nvenc"
    assert len(tried(tmp_path)) == 2


def test_choose_auto_takes_first_device_that_works(machine: Machine, tmp_path: Path) -> None:
    found = choose(machine("*hevc_vaapi*"), encode(hw="auto"), TRACK, "mkv")
    assert (found.encoder.name, found.device, found.warnings) == ("hevc_vaapi", "vaapi", ())
    order = ["nvenc", "qsv", "vaapi"]
    assert [next(d for d in order if f"hevc_{d}" in line) for line in tried(tmp_path)] == order


def test_auto_tries_a_device_that_has_only_a_row(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VIDEO_ENCODERS, AMF.name, AMF)
    tools = machine("*amf=hw*hevc_amf*", encoders=(*SOFTWARE, *HARDWARE, AMF.name))
    found = choose(tools, encode(hw="auto"), TRACK, "mkv")
    assert (found.encoder, found.device, found.warnings) == (AMF, AMF.device, ())


def test_choose_falls_back_to_software_with_a_warning(machine: Machine) -> None:
    found = choose(machine(), encode(hw="qsv"), TRACK, "mkv")
    assert (found.encoder.name, found.device) == ("libx265", "none")
    assert found.warnings == (
        "encoded by libx265, without hardware (qsv: No capable devices found)",
    )


def test_choose_fails_without_device_and_fallback(machine: Machine) -> None:
    with pytest.raises(PlanError, match=r"no hardware encoder for hevc is available .*hw_fallback"):
        choose(machine(), encode(hw="auto", hw_fallback=False), TRACK, "mkv")


def test_choose_avoids_device_that_cannot_take_the_pixel_format(
    machine: Machine, tmp_path: Path
) -> None:
    found = choose(machine("*"), encode(codec="h264", hw="nvenc"), DEEP, "mkv")
    assert found.encoder.name == "libx264"
    assert "h264_nvenc cannot encode 4:2:0 with 10 bits" in found.warnings[0]
    found = choose(machine("*"), encode(codec="vp9", hw="nvenc"), TRACK, "mkv")
    assert found.encoder.name == "libvpx-vp9"
    assert tried(tmp_path) == []


def test_choose_avoids_device_that_would_lose_hdr(machine: Machine) -> None:
    found = choose(machine("*"), encode(hw="nvenc"), HDR, "mkv")
    assert found.encoder.name == "libx265"
    assert "would lose the HDR metadata" in found.warnings[0]
    assert choose(machine("*"), encode(hw="vaapi"), HDR, "mkv").encoder.name == "hevc_vaapi"
    with pytest.raises(PlanError, match="libvpx-vp9 would lose the HDR metadata"):
        choose(machine(), encode(codec="vp9"), HDR, "mkv")


def test_choose_fails_for_missing_encoder(machine: Machine) -> None:
    with pytest.raises(
        PlanError, match="cannot encode hevc: it was built without libx265; install"
    ):
        choose(machine(encoders=("libx264",)), encode(), TRACK, "mkv")


def test_choose_takes_next_encoder_when_the_best_is_missing(machine: Machine) -> None:
    assert choose(machine(), encode(codec="av1"), TRACK, "mkv").encoder.name == "libaom-av1"


def test_choose_takes_zscale_for_tone_mapping(machine: Machine, tmp_path: Path) -> None:
    assert choose(machine(), encode(tonemap=True), HDR, "mkv").tonemapper == "zscale"
    assert tried(tmp_path) == []


def test_choose_tests_device_for_libplacebo(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"libplacebo needs a Vulkan device .No capable devices"):
        choose(machine(filters="scale libplacebo"), encode(tonemap=True), HDR, "mkv")
    assert "libplacebo" in tried(tmp_path)[0]


def test_choose_fails_without_tone_mapping_filter(machine: Machine) -> None:
    with pytest.raises(PlanError, match="neither zscale with tonemap nor libplacebo"):
        choose(machine(filters="scale tonemap"), encode(tonemap=True), HDR, "mkv")


def test_device_sessions_are_limited() -> None:
    devices = Devices(Tools(), 2)
    held, running = threading.Event(), threading.Event()
    most = [0, 0]
    lock = threading.Lock()

    def work() -> None:
        with devices.session("nvenc"):
            with lock:
                most[0] += 1
                most[1] = max(most)
                if most[0] == 2:
                    running.set()
            held.wait()
            with lock:
                most[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert running.wait(60)
    with devices.session("none"):  # the processor has as many as it likes
        held.set()
    for thread in threads:
        thread.join()
    assert most == [0, 2]


def test_cancel_ends_wait_for_a_device_session() -> None:
    tools = Tools()
    devices = Devices(tools, 1)
    with devices.session("nvenc"):
        tools.processes.cancel()
        with pytest.raises(CancelledError), devices.session("nvenc"):
            pass
    with devices.session("nvenc"):
        pass


def test_device_is_tested_in_a_session_of_its_own(machine: Machine, tmp_path: Path) -> None:
    devices = Devices(machine("*hevc_nvenc*"), 1)
    found: list[str] = []
    thread = threading.Thread(
        target=lambda: found.append(devices.choose(encode(hw="nvenc"), TRACK, "mkv").device)
    )
    with devices.session("nvenc"):
        thread.start()
        thread.join(0.5)
        assert tried(tmp_path) == []
    thread.join()
    assert found == ["nvenc"]
