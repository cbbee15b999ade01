"""The choice of the encoder for a video track: software, or hardware that was tested.

That ffmpeg lists an encoder says nothing about the machine. A device is available if it has encoded
one frame of the same pixel format in this run.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from vpo.errors import CancelledError, PlanError, ToolError
from vpo.media.encode_spec import Device, Quality, VideoEncode
from vpo.media.model import Track
from vpo.tools import filters, video_options
from vpo.tools.capabilities import Capabilities
from vpo.tools.memo import Memo
from vpo.tools.process import Command
from vpo.tools.programs import Tools
from vpo.tools.video_encoders import VideoEncoder, accelerators, candidates
from vpo.tools.video_options import Encoding, Tonemapper

_TEST_FRAME = "color=c=gray:s=640x360:r=25:d=1"
_PREFIX = re.compile(r"^\[[^]]*\]\s*")
"""The component that ffmpeg names at the start of a line."""
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """The encoder for a track, with warnings about the choice.

    ``tonemapper`` is set for tone mapping.
    """

    encoder: VideoEncoder
    device: Device
    tonemapper: Tonemapper | None = None
    warnings: tuple[str, ...] = ()


class Devices:
    """The encoders of this machine: each tested once in a run, and shared by its workers.

    ``sessions`` is how many encodes may use hardware at the same time, tests included.
    """

    def __init__(self, tools: Tools, sessions: int = 1) -> None:
        self._tools, self._sessions = tools, sessions
        self._proofs: Memo[tuple[str, str], str] = Memo()
        """By encoder and pixel format: the reason why it does not work, empty if it does."""
        self._free = threading.Condition()
        self._taken = 0

    def choose(self, spec: VideoEncode, track: Track, container: str) -> EncoderChoice:
        """Return the encoder for a track, tested before the work.

        Raises ``PlanError`` for an encoder, a device or a filter that is missing, and for metadata
        that the encode would lose. Software replaces hardware where the policy allows it.
        """
        capabilities = self._tools.capabilities()
        tonemapper = self._tonemapper(capabilities) if spec.tonemap else None
        wanted = _devices(spec)
        problems: list[str] = []
        for device in wanted:
            try:
                name = self._hardware(spec, track, container, device)
            except PlanError as error:
                problems.append(f"{device}: {error}")
            else:
                return EncoderChoice(
                    name, device, tonemapper, tuple(video_options.warnings(spec, name, track))
                )
        if wanted and not spec.hw_fallback:
            raise PlanError(
                f"no hardware encoder for {spec.codec} is available ({'; '.join(problems)}); "
                "correct that, or set hw_fallback: true"
            )
        name = _suitable(capabilities, spec, track, container, "none")
        warnings = video_options.warnings(spec, name, track)
        if wanted:
            warnings.insert(0, f"encoded by {name}, without hardware ({'; '.join(problems)})")
        return EncoderChoice(name, "none", tonemapper, tuple(warnings))

    def prove(self, encoder: VideoEncoder, spec: VideoEncode, track: Track) -> str:
        """Encode one frame; return why the encoder does not work, empty if it does."""
        pixels = None if spec.tonemap else track.pixel_format
        plain = replace(track, hdr=None, color=None, pixel_format=pixels or "yuv420p")
        encoding = Encoding(VideoEncode(spec.codec, Quality(), depth=spec.depth), plain, encoder, 0)
        key = encoder.name, encoding.pixel_format or ""
        return self._proofs.get(key, partial(self._proof, encoding))

    def _proof(self, encoding: Encoding) -> str:
        # Without a free session a device that works would fail.
        with self.session(encoding.encoder.device):
            return self._failure(_test_arguments(encoding))

    @contextlib.contextmanager
    def session(self, device: Device) -> Iterator[None]:
        """Hold one of the sessions of the hardware; software needs none."""
        if device == "none":
            yield
            return
        with self._free:
            while self._taken >= self._sessions:
                if self._tools.processes.cancelled:
                    raise CancelledError("interrupted")
                self._free.wait(_POLL_SECONDS)
            self._taken += 1
        try:
            yield
        finally:
            with self._free:
                self._taken -= 1
                self._free.notify()

    def _hardware(
        self, spec: VideoEncode, track: Track, container: str, device: Device
    ) -> VideoEncoder:
        capabilities = self._tools.capabilities()
        rows = candidates(spec.codec, device)
        if not rows:
            raise PlanError(f"it has no encoder for {spec.codec}")
        if capabilities.encoders.isdisjoint(row.name for row in rows):
            raise PlanError(f"this ffmpeg was built without {rows[0]}")
        name = _suitable(capabilities, spec, track, container, device)
        problem = self.prove(name, spec, track)
        if problem:
            raise PlanError(problem)
        return name

    def _tonemapper(self, capabilities: Capabilities) -> Tonemapper:
        """Return the filter for tone mapping; libplacebo is tested, as it needs a Vulkan device."""
        found = filters.tonemappers(capabilities.filters)[0]
        if found == "zscale":
            return found
        arguments = ["-f", "lavfi", "-i", _TEST_FRAME, "-vf", "libplacebo=format=yuv420p"]
        problem = self._proofs.get(("libplacebo", ""), partial(self._failure, arguments))
        if problem:
            raise PlanError(
                "this ffmpeg cannot map HDR to SDR: it lacks zscale, and libplacebo needs a Vulkan "
                f"device ({problem})"
            )
        return found

    def _failure(self, arguments: list[str]) -> str:
        """Return why ffmpeg fails to write one frame with these arguments, empty if it succeeds."""
        argv = [self._tools.need("ffmpeg"), "-hide_banner", "-nostdin", "-loglevel", "error"]
        try:
            self._tools.run(Command([*argv, *arguments, "-frames:v", "1", "-f", "null", "-"]))
        except ToolError as error:
            # The first line is the cause, the others are consequences.
            lines = (_PREFIX.sub("", line).strip() for line in error.stderr.splitlines())
            return next(filter(None, lines), str(error))
        return ""


def _devices(spec: VideoEncode) -> tuple[Device, ...]:
    """Return the hardware devices to try, in order."""
    if spec.hw == "none":
        return ()
    return tuple(accelerators()) if spec.hw == "auto" else (spec.hw,)


def _suitable(
    capabilities: Capabilities, spec: VideoEncode, track: Track, container: str, device: Device
) -> VideoEncoder:
    """Return the device's encoder; raise ``PlanError`` if it cannot do the encode."""
    name = capabilities.encoder(candidates(spec.codec, device), spec.codec)
    encoding = Encoding(_with_crf(spec), track, name, 0, container=container)
    video_options.video(encoding)
    video_options.must_carry_hdr(encoding, capabilities.libavcodec)
    return name


def _with_crf(spec: VideoEncode) -> VideoEncode:
    """Return the encode with any crf instead of a ``vmaf``: the options are the same."""
    return replace(spec, quality=Quality()) if spec.quality.vmaf is not None else spec


def _test_arguments(encoding: Encoding) -> list[str]:
    steps = filters.chain(encoding)
    arguments = [*encoding.encoder.device_options, "-f", "lavfi", "-i", _TEST_FRAME]
    arguments += ["-filter:0", steps] if steps else []
    return [*arguments, *video_options.video(encoding)]
