"""The video encodes of one plan, as they are carried out on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vpo.execute.encoding import crf_search
from vpo.execute.encoding.crf_search import Found, Search, Source
from vpo.execute.encoding.devices import Choice, choose
from vpo.execute.outcome import Encoded
from vpo.execute.workspace import Workspace
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import MediaFile
from vpo.probe.service import Prober
from vpo.tools import capabilities, encoders
from vpo.tools.encoders import Device, Encoding
from vpo.tools.process import Tools


@dataclass(frozen=True)
class Encodes:
    """By the tracks' indexes in the source: what encodes them, and the crf that was found."""

    encodings: Mapping[int, Encoding]
    choices: Mapping[int, Choice]
    found: Mapping[int, Found]

    @property
    def device(self) -> Device:
        """The hardware that is used, of which the encodes of a file share one session."""
        used = (choice.device for choice in self.choices.values() if choice.device != "none")
        return next(used, "none")

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(w for c in self.choices.values() for w in c.warnings))

    def told(self) -> tuple[Encoded, ...]:
        """What the outcome says of them."""
        return tuple(
            Encoded(
                index,
                choice.encoder,
                self.found[index].crf if index in self.found else None,
                self.found[index].score if index in self.found else None,
            )
            for index, choice in self.choices.items()
        )


def prepare(
    tools: Tools,
    before: MediaFile,
    after: MediaFile,
    encodes: Mapping[int, VideoEncode],
    threads: int | None = None,
) -> Encodes:
    """What will encode these tracks here, before anything runs.

    ``PlanError`` for an encoder, a device or a filter that is not there.
    """
    sources = {track.index: track for track in before.tracks}
    numbers = {track.index: number for number, track in enumerate(after.tracks)}
    choices, encodings = {}, {}
    for index, spec in encodes.items():
        track = sources[index]
        choice = choices[index] = choose(tools, spec, track, after.container)
        encodings[index] = Encoding(
            spec,
            track,
            choice.encoder,
            numbers[index],
            threads,
            after.container,
            tonemapper=choice.tonemapper,
            time_base=encoders.source_time_base(capabilities.of(tools).libavcodec),
        )
        if spec.quality.vmaf is not None:
            crf_search.metric(capabilities.of(tools))
    return Encodes(encodings, choices, {})


def settled(
    encodes: Encodes, tools: Tools, prober: Prober, source: Source, workspace: Workspace
) -> Encodes:
    """The same with a crf for each ``vmaf``, which is looked for."""
    able = capabilities.of(tools)
    encodings, found = dict(encodes.encodings), dict(encodes.found)
    for index, encoding in encodes.encodings.items():
        quality = encoding.spec.quality
        if quality.vmaf is None or index in found:
            continue
        look = Search(tools, prober, able, workspace)
        result = found[index] = look.crf(source, encoding)
        spec = replace(encoding.spec, quality=replace(quality, crf=result.crf))
        encodings[index] = replace(encoding, spec=spec)
    return replace(encodes, encodings=encodings, found=found)


def without_hardware(encodes: Encodes, tools: Tools, why: str) -> Encodes | None:
    """The same by the processor, where every encode that used hardware allows that.

    What was found for the hardware is not so for the processor, and is forgotten.
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
        choice = choose(tools, bare, old.track, old.container)
        told = f"encoded by {choice.encoder}: {encodes.choices[index].device} failed ({why})"
        choices[index] = replace(choice, warnings=(told, *choice.warnings))
        encodings[index] = replace(old, spec=bare, encoder=choice.encoder)
    found = {index: item for index, item in encodes.found.items() if index not in used}
    return Encodes(encodings, choices, found)
