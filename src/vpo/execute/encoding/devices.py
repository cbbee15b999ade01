"""What encodes the video: the processor, or hardware that has proven itself.

That an ffmpeg lists an encoder says nothing of the machine. A device counts as present when it has
encoded one picture, of the same kind of samples; the answer is kept for the run.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from vpo.errors import CancelledError, PlanError, ToolError
from vpo.media.encode_spec import Device, Quality, VideoEncode
from vpo.media.model import Track
from vpo.tools import capabilities, encoders, filters
from vpo.tools import process as processes
from vpo.tools.capabilities import Abilities
from vpo.tools.encoder_table import VideoEncoder, accelerators, candidates
from vpo.tools.encoders import Encoding, Tonemapper
from vpo.tools.process import Tools

_PICTURE = "color=c=gray:s=640x360:r=25:d=1"
_SPEAKER = re.compile(r"^\[[^]]*\]\s*")
_POLL_SECONDS = 0.2
_proof = threading.Lock()
_proven: dict[tuple[str, str, str], str] = {}
"""By the program, the encoder and the pixel format: why it does not work, empty if it does."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The encoder for a track, and what to tell about the choice.

    ``tonemapper`` is set where tones are to be mapped.
    """

    encoder: VideoEncoder
    device: Device
    tonemapper: Tonemapper | None = None
    warnings: tuple[str, ...] = ()


def choose(tools: Tools, spec: VideoEncode, track: Track, container: str) -> Choice:
    """What encodes the track here, proven as far as it can be before the work.

    ``PlanError`` for an encoder, a device or a filter that is not there, and for what would be lost
    of the picture. Software takes over from hardware where the encode allows it.
    """
    able = capabilities.of(tools)
    tonemapper = _tonemapper(tools, able) if spec.tonemap else None
    wanted = _devices(spec)
    problems: list[str] = []
    for device in wanted:
        try:
            name = _hardware(tools, able, spec, track, container, device)
        except PlanError as error:
            problems.append(f"{device}: {error}")
        else:
            told = encoders.warnings(spec, name)
            return Choice(name, device, tonemapper, tuple(told))
    if wanted and not spec.hw_fallback:
        raise PlanError(
            f"no hardware encodes {spec.codec} here ({'; '.join(problems)}), and hw_fallback is off"
        )
    name = _fitting(able, spec, track, container, "none")
    told = encoders.warnings(spec, name)
    if wanted:
        told.insert(0, f"encoded by {name}, without hardware ({'; '.join(problems)})")
    return Choice(name, "none", tonemapper, tuple(told))


def _devices(spec: VideoEncode) -> tuple[Device, ...]:
    """The hardware to try, in order."""
    if spec.hw == "none":
        return ()
    return tuple(accelerators()) if spec.hw == "auto" else (spec.hw,)


def _hardware(
    tools: Tools, able: Abilities, spec: VideoEncode, track: Track, container: str, device: Device
) -> VideoEncoder:
    rows = candidates(spec.codec, device)
    if not rows:
        raise PlanError(f"it has no encoder for {spec.codec}")
    if able.encoders.isdisjoint(row.name for row in rows):
        raise PlanError(f"this ffmpeg was built without {rows[0]}")
    name = _fitting(able, spec, track, container, device)
    problem = prove(tools, name, spec, track)
    if problem:
        raise PlanError(problem)
    return name


def _fitting(
    able: Abilities, spec: VideoEncode, track: Track, container: str, device: Device
) -> VideoEncoder:
    """The encoder of that device that this ffmpeg has, if it can do what is asked for."""
    name = able.encoder(candidates(spec.codec, device), spec.codec)
    encoding = Encoding(_known_quality(spec), track, name, 0, container=container)
    encoders.video(encoding)
    encoders.must_carry_hdr(encoding, able.libavcodec)
    return name


def _known_quality(spec: VideoEncode) -> VideoEncode:
    """The encode with a crf, also where it is yet to be found: what can be done is the same."""
    return replace(spec, quality=Quality()) if spec.quality.vmaf is not None else spec


def prove(tools: Tools, encoder: VideoEncoder, spec: VideoEncode, track: Track) -> str:
    """Why the device does not work, empty if it does; asked of it once for each kind of samples."""
    pixels = None if spec.tonemap else track.pixel_format
    plain = replace(track, hdr=None, color=None, pixel_format=pixels or "yuv420p")
    key = (tools.need("ffmpeg"), encoder.name, plain.pixel_format or "")
    with _proof:
        if key not in _proven:
            bare = VideoEncode(spec.codec, Quality())
            _proven[key] = _try(tools, Encoding(bare, plain, encoder, 0))
        return _proven[key]


def _try(tools: Tools, encoding: Encoding) -> str:
    program = tools.need("ffmpeg")
    chain = filters.chain(encoding)
    command = [program, "-hide_banner", "-nostdin", "-loglevel", "error"]
    command += [*encoding.encoder.device_options, "-f", "lavfi", "-i", _PICTURE]
    command += ["-filter:0", chain] if chain else []
    command += [*encoders.video(encoding), "-frames:v", "1", "-f", "null", "-"]
    return _failure(tools, command)


def _failure(tools: Tools, command: list[str]) -> str:
    """Why the command does not work, empty if it does."""
    try:
        processes.run(command, stall_seconds=tools.stall_seconds)
    except ToolError as error:
        # ffmpeg says first what is wrong, and then what comes of that.
        lines = (_SPEAKER.sub("", line).strip() for line in error.stderr.splitlines())
        return next(filter(None, lines), str(error))
    return ""


def _tonemapper(tools: Tools, able: Abilities) -> Tonemapper:
    """zscale needs nothing but itself; libplacebo has to show that there is a Vulkan device."""
    found = filters.tonemappers(able.filters)
    if found[0] == "zscale":
        return found[0]
    key = (tools.need("ffmpeg"), "libplacebo", "")
    with _proof:
        if key not in _proven:
            words = ["-f", "lavfi", "-i", _PICTURE, "-vf", "libplacebo=format=yuv420p"]
            head = [key[0], "-hide_banner", "-nostdin", "-loglevel", "error"]
            _proven[key] = _failure(tools, [*head, *words, "-frames:v", "1", "-f", "null", "-"])
        if _proven[key]:
            raise PlanError(
                "this ffmpeg cannot map HDR to SDR: it lacks zscale, and libplacebo needs a Vulkan "
                f"device ({_proven[key]})"
            )
    return found[0]


class _Sessions:
    """How many encodes use hardware at this moment; devices refuse more than they can take."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken = 0

    @contextlib.contextmanager
    def one(self, limit: int) -> Iterator[None]:
        with self._free:
            while self._taken >= limit:
                if processes.is_cancelled():
                    raise CancelledError("interrupted")
                self._free.wait(_POLL_SECONDS)
            self._taken += 1
        try:
            yield
        finally:
            with self._free:
                self._taken -= 1
                self._free.notify()


_sessions = _Sessions()


def session(device: Device, limit: int) -> contextlib.AbstractContextManager[None]:
    """A place at the device, waited for; the processor needs none."""
    return contextlib.nullcontext() if device == "none" else _sessions.one(limit)
