"""The video encodes of one plan, with the encoders of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vpo.errors import PlanError
from vpo.execute.context import RunContext
from vpo.execute.encoding import crf_search
from vpo.execute.encoding.crf_search import CrfResult, SampleTools, SourceVideo
from vpo.execute.encoding.devices import EncoderChoice
from vpo.execute.outcome import Encoded
from vpo.execute.workspace import Workspace
from vpo.media.encode_spec import Device, VideoEncode
from vpo.media.model import Track
from vpo.plan.model import Plan
from vpo.tools.video_options import Encoding, must_carry_captions, source_time_base

if TYPE_CHECKING:
    from vpo.probe.picture_scan import VideoSample

_TO_FRAMES = "will be deinterlaced"


@dataclass(frozen=True)
class PreparedEncodes:
    """The encodes, the choice of encoders, and the crf results, by track index in the source."""

    encodings: Mapping[int, Encoding]
    choices: Mapping[int, EncoderChoice]
    found: Mapping[int, CrfResult]

    @property
    def device(self) -> Device:
        """The hardware device that is used; the encodes of a file share one session of it."""
        used = (choice.device for choice in self.choices.values() if choice.device != "none")
        return next(used, "none")

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(w for c in self.choices.values() for w in c.warnings))

    def encoded(self) -> tuple[Encoded, ...]:
        """Return the encodes as the outcome reports them."""
        return tuple(
            Encoded(
                index,
                choice.encoder.name,
                self.found[index].crf if index in self.found else None,
                self.found[index].score if index in self.found else None,
            )
            for index, choice in self.choices.items()
        )


def prepare_encodes(plan: Plan, context: RunContext) -> PreparedEncodes:
    """Choose the encoders for the video of a plan, before anything is written.

    Raises ``PlanError`` for an encoder, a device or a filter that is missing.
    """
    sources = {track.index: track for track in plan.before.tracks}
    numbers = {track.index: number for number, track in enumerate(plan.after.tracks)}
    choices, encodings = {}, {}
    for index, spec in plan.video_encodes.items():
        container = plan.after.container
        sample = context.prober.video_sample(plan.before.path, index)
        _refuse_changing(sources[index], spec, sample)
        seen = _seen(sources[index], spec, sample)
        choice = choices[index] = context.devices.choose(spec, seen.track, container)
        if seen.warning is not None and not spec.fields and spec.film is None:
            choices[index] = _with_warning(choice, seen.warning)
        encodings[index] = encoding = Encoding(
            spec,
            seen.track,
            choice.encoder,
            numbers[index],
            context.threads,
            container,
            tonemapper=choice.tonemapper,
            time_base=source_time_base(context.tools.capabilities().libavcodec),
            fields=seen.fields,
        )
        if sample.captions and spec.captions == "keep":
            must_carry_captions(encoding)
        if spec.quality.vmaf is not None:
            crf_search.metric(context.tools.capabilities())
    return PreparedEncodes(encodings, choices, {})


def _refuse_changing(track: Track, spec: VideoEncode, sample: VideoSample) -> None:
    """Raise ``PlanError`` for a video that is not the same throughout, as its encode needs it."""
    if sample.change is not None and (spec.mixed is None or spec.quality.vmaf is not None):
        raise PlanError(
            f"{track} changes its size or shape from {sample.change}, and an encode would give "
            "all of it the first one; cut the file where it changes"
        )
    if sample.uneven and spec.drop is not None and spec.drop.step is None:
        raise PlanError(
            f"{track} has a variable frame rate, of which {spec.drop.rate} frames a second "
            "cannot be kept evenly; use a max_frame_rate that is half of its rate"
        )
    if sample.uneven and spec.film is not None:
        raise PlanError(
            f"{track} has a variable frame rate, so that not each five of its frames are four "
            "of a film; use deinterlace: auto"
        )


class _Seen(NamedTuple):
    """A video as its frames show it: ``fields`` is which comes first, if only they show that."""

    track: Track
    fields: str | None = None
    warning: str | None = None


def _seen(track: Track, spec: VideoEncode, sample: VideoSample) -> _Seen:
    """Return a video as interlaced if its frames are, whatever its header says."""
    if track.field_order is not None:
        return _Seen(track)
    if sample.interlaced:
        warning = f"{track} is interlaced and {_TO_FRAMES}"
        return _Seen(replace(track, field_order="tt"), None, warning)
    if sample.fields is not None and not spec.fields:
        why = "is not marked as interlaced, but its pictures are combed: it"
        return _Seen(track, sample.fields, f"{track} {why} {_TO_FRAMES}")
    return _Seen(track)


def _with_warning(choice: EncoderChoice, warning: str) -> EncoderChoice:
    return replace(choice, warnings=(*choice.warnings, warning))


def with_crfs(
    encodes: PreparedEncodes, context: RunContext, source: SourceVideo, workspace: Workspace
) -> PreparedEncodes:
    """Search for the crf of each ``vmaf``, and return the encodes with it."""
    encodings, found = dict(encodes.encodings), dict(encodes.found)
    for index, encoding in encodes.encodings.items():
        quality = encoding.spec.quality
        if quality.vmaf is None or index in found:
            continue
        report = partial(context.preparing, source.path)
        sampling = SampleTools(context.tools, context.prober, workspace.store(b""), report)
        result = found[index] = context.crf_searches.find(sampling, source, encoding)
        spec = replace(encoding.spec, quality=replace(quality, crf=result.crf))
        encodings[index] = replace(encoding, spec=spec)
    return replace(encodes, encodings=encodings, found=found)


def without_hardware(
    encodes: PreparedEncodes, context: RunContext, why: str
) -> PreparedEncodes | None:
    """Return the encodes with software encoders; ``None`` if one does not allow the fallback.

    A crf that was found for the hardware is not valid for software, and is dropped.
    """
    specs = {index: encoding.spec for index, encoding in encodes.encodings.items()}
    used = [index for index, choice in encodes.choices.items() if choice.device != "none"]
    if not used or not all(specs[index].hw_fallback for index in used):
        return None
    encodings, choices = dict(encodes.encodings), dict(encodes.choices)
    for index in used:
        old = encodings[index]
        quality = old.spec.quality
        if quality.vmaf is not None:
            quality = replace(quality, crf=None)
        bare = replace(old.spec, hw="none", quality=quality)
        choice = context.devices.choose(bare, old.track, old.container)
        warning = f"encoded by {choice.encoder}: {encodes.choices[index].device} failed ({why})"
        choices[index] = replace(choice, warnings=(warning, *choice.warnings))
        encodings[index] = replace(old, spec=bare, encoder=choice.encoder)
    found = {index: item for index, item in encodes.found.items() if index not in used}
    return PreparedEncodes(encodings, choices, found)
