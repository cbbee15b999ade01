"""Checks what vpo needs on this machine: tools, encoders, database, free space, permissions."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from vpo.config.builder import Settings, require_programs
from vpo.config.services import SERVERS
from vpo.db import maintenance
from vpo.errors import ConfigError, PlanError, SourceError, ToolError, ToolMissingError
from vpo.execute.encoding.crf_search import metric
from vpo.execute.encoding.devices import Devices
from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.encode_spec import Quality, VideoCodec, VideoEncode
from vpo.media.model import Track
from vpo.run.workers import installed_tools
from vpo.text import counted, format_size
from vpo.tools.capabilities import Capabilities
from vpo.tools.filters import tonemappers
from vpo.tools.programs import INSTALL, TOOLS, Tools, tool_version
from vpo.tools.video_encoders import accelerators, candidates

CheckState = Literal["ok", "info", "problem"]
"""``info`` concerns only some policies."""

_NEEDED_FOR = {
    "ffmpeg": "files other than Matroska, `container`, `transcode` and `audio_synthesis`",
    "mkvmerge": "rewriting Matroska without losing what ffmpeg does not support",
    "mkvpropedit": "editing the headers of unusual Matroska files, and true statistics in new ones",
}
_FRAME = Track(0, "video", "h264", width=640, height=360, pixel_format="yuv420p")
_MIN_FREE = 1_000_000_000
"""Bytes; a file system with less free space is a problem."""

_OPTIONAL = "only needed for policies with this key"


class CheckResult(NamedTuple):
    """What was checked, its state, and what to do; ``advice`` may be empty."""

    subject: str
    state: CheckState
    message: str
    advice: str = ""


def run_checks(settings: Settings, test_message: bool = False) -> Iterator[CheckResult]:
    """Yield the result of every check.

    Starts the tools, encodes a frame with every encoder and device, and asks the configured
    servers for their version; changes nothing. With ``test_message`` notifications are sent.
    """
    try:
        require_programs(settings)
    except ToolMissingError as error:
        yield CheckResult("tools", "problem", str(error), "correct [tools] in the configuration")
        return
    found = installed_tools(settings)
    yield from _tools(found)
    if found.ffmpeg is not None:
        able, devices = found.capabilities(), Devices(found)
        yield from _encoders(devices, able)
        yield from _filters(able)
        yield from _hardware(devices)
    yield from _database(settings.database_path)
    yield from _folders(settings)
    yield _clock()
    yield from _servers(settings)
    yield from _notifications(settings, test_message)


def _tools(found: Tools) -> Iterator[CheckResult]:
    for name in TOOLS:
        path: str | None = getattr(found, name)
        if path is None:
            needed = f"not installed; needed for {_NEEDED_FOR[name]}"
            state: CheckState = "problem" if name == "ffmpeg" else "info"
            yield CheckResult(name, state, needed, INSTALL[name])
            continue
        try:
            yield CheckResult(name, "ok", f"{tool_version(found, name)} ({path})")
        except ToolError as error:
            yield CheckResult(name, "problem", f"{path}: {error}", INSTALL[name])


def _encoders(devices: Devices, able: Capabilities) -> Iterator[CheckResult]:
    """Encode a frame with each software encoder, and list the audio encoders."""
    for codec in get_args(VideoCodec):
        key = f"video: {{to: {codec}}}"
        try:
            name = able.encoder(candidates(codec, "none"), codec)
            problem = devices.prove(name, VideoEncode(codec, Quality()), _FRAME)
        except PlanError as error:
            problem = str(error)
        if problem:
            yield CheckResult(
                key, "info", problem, "install an ffmpeg with this encoder to use this key"
            )
        else:
            yield CheckResult(key, "ok", f"available: {name}")
    missing = sorted(c for c, row in AUDIO_ENCODERS.items() if row.name not in able.encoders)
    if missing:
        lacks = f"not available: {', '.join(missing)}"
        yield CheckResult(
            "audio encoders", "info", lacks, "install an ffmpeg with these encoders to use them"
        )
    else:
        yield CheckResult("audio encoders", "ok", ", ".join(sorted(AUDIO_ENCODERS)))


def _filters(able: Capabilities) -> Iterator[CheckResult]:
    try:
        yield CheckResult("hdr: tonemap", "ok", f"available: {tonemappers(able.filters)[0]}")
    except PlanError as error:
        yield CheckResult("hdr: tonemap", "info", str(error), _OPTIONAL)
    try:
        yield CheckResult("vmaf", "ok", f"available: {metric(able)}")
    except PlanError as error:
        yield CheckResult("vmaf", "info", str(error), _OPTIONAL)


def _hardware(devices: Devices) -> Iterator[CheckResult]:
    for device, codecs in accelerators().items():
        proven = []
        for codec in codecs:
            spec = VideoEncode(codec, Quality(), hw=device, hw_fallback=False)
            try:
                devices.choose(spec, _FRAME, "mkv")
                proven.append(codec)
            except PlanError:
                continue
        if proven:
            yield CheckResult(f"hw: {device}", "ok", f"available: {', '.join(proven)}")
        else:
            yield CheckResult(f"hw: {device}", "info", "not available")


def _database(path: Path) -> Iterator[CheckResult]:
    if not path.exists():
        yield CheckResult("database", "ok", f"{path} will be created by the first run")
        return
    problems = maintenance.check_database(path)
    if problems:
        advice = "`vpo db rebuild` saves what can be read and creates a new database"
        yield CheckResult("database", "problem", f"{path}: {'; '.join(problems[:3])}", advice)
    else:
        yield CheckResult("database", "ok", f"{path}")


def _folders(settings: Settings) -> Iterator[CheckResult]:
    """Check free space and permissions of the folders that vpo itself writes to."""
    folders = {"data folder": settings.data_dir}
    if settings.config.files.temporary_folder is not None:
        folders["temporary folder"] = settings.config.files.temporary_folder
    for name, folder in folders.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(existing, os.W_OK | os.X_OK):
            advice = "change its owner or mode, or configure another folder"
            yield CheckResult(name, "problem", f"{existing} is not writable", advice)
            continue
        free = shutil.disk_usage(existing).free
        state: CheckState = "ok" if free >= _MIN_FREE else "problem"
        advice = "" if state == "ok" else "free some space"
        yield CheckResult(name, state, f"{folder}, {format_size(free)} free", advice)


def _servers(settings: Settings) -> Iterator[CheckResult]:
    """Ask each configured server for its version, with the key."""
    for name in SERVERS:
        server = getattr(settings.config, name)
        if server.url is None:
            continue
        from vpo.plugins.server_status import server_status  # late: many have no server

        try:
            found = server_status(name, asdict(server))
            yield CheckResult(name, "ok", f"{found} ({server.url})")
        except SourceError as error:
            advice = f"correct [plugins.{name}], or start the server"
            yield CheckResult(name, "problem", str(error), advice)


def _notifications(settings: Settings, test_message: bool) -> Iterator[CheckResult]:
    """Send a test message to each target; none shows its URL, which may hold a password."""
    urls = settings.config.notify.urls or ()
    if urls and not test_message:
        targets = counted(len(urls), "target")
        advice = "vpo doctor --test-message sends a message to each"
        yield CheckResult("notify", "info", f"{targets}, not tried", advice)
        return
    for number, url in enumerate(urls, 1):
        from vpo.plugins.notify import send_test_message

        subject = f"notify: url {number}"
        try:
            send_test_message(url)
            yield CheckResult(subject, "ok", "accepted a test message")
        except (ConfigError, SourceError) as error:
            yield CheckResult(subject, "problem", str(error), "correct [plugins.notify] urls")


def _clock() -> CheckResult:
    """Check that the clock is not behind: files would be too new, and originals kept for ever."""
    installed = os.stat(__file__).st_mtime
    shown = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time() < installed - 86400:
        return CheckResult(
            "clock", "problem", f"{shown} is before the installation of vpo", "set the clock"
        )
    return CheckResult("clock", "ok", shown)
