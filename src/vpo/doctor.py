"""What of this machine vpo can use, and what stands in its way; each finding says what to do."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from vpo.config.builder import Settings, require_programs
from vpo.db import maintenance
from vpo.errors import PlanError, ToolError, ToolMissingError
from vpo.execute.encoding import devices
from vpo.execute.encoding.crf_search import metric
from vpo.media.encode_spec import Quality, VideoCodec, VideoEncode
from vpo.media.model import Track
from vpo.run.workers import tools as programs
from vpo.text import format_size
from vpo.tools import capabilities, filters
from vpo.tools import process as processes
from vpo.tools.audio_encoders import ENCODERS
from vpo.tools.capabilities import Abilities
from vpo.tools.encoders import HARDWARE, SOFTWARE
from vpo.tools.process import INSTALL, Tools

State = Literal["ok", "note", "problem"]
"""A ``note`` is what some policies need, and others do without."""

_NEEDED_FOR = {
    "ffmpeg": "files other than Matroska, `container`, `transcode` and `audio_synthesis`",
    "mkvmerge": "rewriting Matroska without losing what ffmpeg does not know",
    "mkvpropedit": "new flags, titles and languages of Matroska without rewriting the file",
}
_PICTURE = Track(0, "video", "h264", width=640, height=360, pixel_format="yuv420p")
_LITTLE = 1 << 30
"""Bytes below which a file system counts as full."""


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do; ``advice`` is empty where nothing is."""

    subject: str
    state: State
    message: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order in which a person would want to read them.

    Tools are started, and every encoder and device has to encode a picture; nothing is changed.
    """
    try:
        require_programs(settings)
    except ToolMissingError as error:
        yield Finding("tools", "problem", str(error), "correct [tools] in the configuration")
        return
    found = programs(settings)
    yield from _tools(found)
    if found.ffmpeg is not None:
        able = capabilities.of(found)
        yield from _encoders(found, able)
        yield from _filters(able)
        yield from _hardware(found)
    yield from _database(settings.data_dir)
    yield from _room(settings)
    yield _clock()


def _tools(found: Tools) -> Iterator[Finding]:
    for name in processes.TOOLS:
        path: str | None = getattr(found, name)
        if path is None:
            needed = f"not installed; needed for {_NEEDED_FOR[name]}"
            state: State = "problem" if name == "ffmpeg" else "note"
            yield Finding(name, state, needed, INSTALL[name])
            continue
        try:
            yield Finding(name, "ok", f"{processes.version(path)} ({path})")
        except ToolError as error:
            yield Finding(name, "problem", f"{path}: {error}", INSTALL[name])


def _encoders(found: Tools, able: Abilities) -> Iterator[Finding]:
    """One picture by each software encoder, and whether those of audio are there."""
    for codec in get_args(VideoCodec):
        key = f"video: {{to: {codec}}}"
        try:
            name = able.encoder(SOFTWARE[codec], codec)
            problem = devices.prove(found, name, VideoEncode(codec, Quality()), _PICTURE)
        except PlanError as error:
            problem = str(error)
        if problem:
            yield Finding(key, "note", problem, "use another ffmpeg for policies with this key")
        else:
            yield Finding(key, "ok", f"by {name}, which has encoded a picture")
    missing = sorted(codec for codec, name in ENCODERS.items() if name not in able.encoders)
    if missing:
        lacks = f"this ffmpeg cannot encode {', '.join(missing)}"
        yield Finding("audio encoders", "note", lacks, "use another ffmpeg for policies that do")
    else:
        yield Finding("audio encoders", "ok", ", ".join(sorted(ENCODERS)))


def _filters(able: Abilities) -> Iterator[Finding]:
    asked: dict[str, Callable[[], str]] = {
        "hdr: tonemap": lambda: filters.tonemappers(able.filters)[0],
        "vmaf": lambda: metric(able),
    }
    for key, ask in asked.items():
        try:
            yield Finding(key, "ok", f"by {ask()}")
        except PlanError as error:
            yield Finding(key, "note", str(error), "needed only for policies with this key")


def _hardware(found: Tools) -> Iterator[Finding]:
    for device in HARDWARE:
        proven = []
        for codec in HARDWARE[device]:
            spec = VideoEncode(codec, Quality(), hw=device, hw_fallback=False)
            try:
                devices.choose(found, spec, _PICTURE, "mkv")
                proven.append(codec)
            except PlanError:
                continue
        if proven:
            yield Finding(f"hw: {device}", "ok", f"encodes {', '.join(proven)}")
        else:
            yield Finding(f"hw: {device}", "note", "encodes nothing here")


def _database(folder: Path) -> Iterator[Finding]:
    path = folder / "vpo.db"
    if not path.exists():
        yield Finding("database", "ok", f"{path} will be made by the first run")
        return
    problems = maintenance.check_database(path)
    if problems:
        advice = "`vpo db rebuild` saves what can be read and makes a new one"
        yield Finding("database", "problem", f"{path}: {'; '.join(problems[:3])}", advice)
    else:
        yield Finding("database", "ok", f"{path}")


def _room(settings: Settings) -> Iterator[Finding]:
    """Whether there is room for what vpo itself writes, and it may write there."""
    places = {"data folder": settings.data_dir}
    if settings.config.files.temporary_folder is not None:
        places["temporary folder"] = settings.config.files.temporary_folder
    for name, place in places.items():
        there = next(path for path in (place, *place.parents) if path.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            advice = "change its owner or mode, or name another one"
            yield Finding(name, "problem", f"{there} cannot be written", advice)
            continue
        free = shutil.disk_usage(there).free
        state: State = "ok" if free >= _LITTLE else "problem"
        advice = "" if state == "ok" else "make room"
        yield Finding(name, state, f"{place}, {format_size(free)} free", advice)


def _clock() -> Finding:
    """A clock that is behind makes all files young, and kept originals last for ever."""
    installed = os.stat(__file__).st_mtime
    shown = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time() < installed - 86400:
        return Finding("clock", "problem", f"{shown} is before vpo was installed", "set the clock")
    return Finding("clock", "ok", shown)
