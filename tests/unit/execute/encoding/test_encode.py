"""The runs of ffmpeg for one file: a stand-in says how far it is, and fails where it has to."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.errors import CancelledError
from vpo.execute.context import RunContext, new_run_context
from vpo.execute.encoding import encode as module
from vpo.execute.encoding.crf_search import SourceVideo
from vpo.execute.encoding.devices import EncoderChoice
from vpo.execute.encoding.encode import encode
from vpo.execute.encoding.prepare import PreparedEncodes
from vpo.execute.lock import FileLock
from vpo.execute.options import RewriteOptions
from vpo.execute.work import Work
from vpo.execute.workspace import Workspace
from vpo.media.encode_spec import Device, Quality, VideoEncode
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Plan
from vpo.probe.service import Prober
from vpo.tools.ffmpeg import NO_FILES
from vpo.tools.programs import Tools
from vpo.tools.video_encoders import VIDEO_ENCODERS
from vpo.tools.video_options import Encoding

PICTURE = Track(0, "video", "mpeg4", width=640, height=360, pixel_format="yuv420p")
TWICE = VideoEncode("hevc", Quality(target_bitrate=60_000, two_pass=True))
FFMPEG = """#!/bin/sh
case "$*" in *nvenc*) exit 1;; esac
echo out_time_us=5000000
echo out_time_us=10000000
"""


def prepared(name: str, device: Device = "none") -> PreparedEncodes:
    row = VIDEO_ENCODERS[name]
    return PreparedEncodes(
        {0: Encoding(TWICE, PICTURE, row, 0)}, {0: EncoderChoice(row, device)}, {}
    )


def run(folder: Path, context: RunContext, encodes: PreparedEncodes) -> PreparedEncodes:
    path = folder / "film.mkv"
    path.write_bytes(bytes(100))
    media = MediaFile(str(path), "mkv", 100, duration=10.0, tracks=(PICTURE,))
    plan = Plan(media, media, encodes=((0, TWICE),))
    source = SourceVideo(str(path), str(path), (), 10.0, "mkv")
    with FileLock(str(path)) as lock, Workspace(str(folder), 0o644) as workspace:
        work = Work(plan, lock, RewriteOptions(), context, lambda _: None)
        return encode(encodes, work, source, workspace, NO_FILES)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    program = tmp_path / "ffmpeg"
    program.write_text(FFMPEG)
    program.chmod(0o755)
    return Tools(ffmpeg=str(program), stall_seconds=60)


def test_progress_of_two_passes_only_grows(tools: Tools, tmp_path: Path) -> None:
    parts: list[float] = []
    prober = Prober(tools.processes, 60)
    context = new_run_context(tools, prober, progress=lambda _, part: parts.append(part))
    run(tmp_path, context, prepared("libx265"))
    assert parts == [0.25, 0.5, 0.75, 1.0]


def test_software_that_replaces_a_device_holds_no_session(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = new_run_context(tools, Prober(tools.processes, 60), hardware_sessions=1)

    free: list[bool] = []

    def in_software(*_: object) -> PreparedEncodes:
        tools.processes.cancel()  # it ends a wait for a session
        with context.devices.session("nvenc"):
            free.append(True)
        return prepared("libx265")

    monkeypatch.setattr(module, "without_hardware", in_software)
    with pytest.raises(CancelledError):
        run(tmp_path, context, prepared("hevc_nvenc", "nvenc"))
    assert free == [True]
