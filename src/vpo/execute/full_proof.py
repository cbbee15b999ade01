"""The proof of a result packet by packet: the source is whole, and nothing of it is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vpo.config.models import DamagedMode, VerifyMode
from vpo.errors import DamagedError, ProbeError, VerifyError
from vpo.execute.copied_streams import (
    HIDDEN_FRAMES,
    copied_streams,
    encoded_streams,
    payload_forms,
    video_forms,
)
from vpo.execute.proof import source_end_times, verify
from vpo.execute.size_limit import SizeLimit
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Plan
from vpo.probe.integrity import FirstDamage
from vpo.probe.packet_proof import Difference
from vpo.probe.service import ContentFacts, Prober

_MOST = 5
"""The most problems that a message lists."""


class ProofFacts(NamedTuple):
    """What was proven of a result: how, and for how much.

    ``copied`` and ``encoded`` are numbers of streams, ``packets`` and ``size`` (in bytes) those of
    the copied streams, ``frames`` those of the encoded videos.
    """

    mode: VerifyMode
    copied: int = 0
    packets: int = 0
    size: int = 0
    encoded: int = 0
    frames: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as docs/json.md describes it."""
        return {
            "mode": self.mode,
            "copied_streams": self.copied,
            "packets": self.packets,
            "bytes": self.size,
            "encoded_streams": self.encoded,
            "encoded_frames": self.frames,
        }


class Proof:
    """Proves the result of one rewrite; made before it begins, so that the source is read once."""

    def __init__(self, plan: Plan, prober: Prober, mode: VerifyMode, damaged: DamagedMode) -> None:
        self._plan, self._prober, self._mode, self._damaged = plan, prober, mode, damaged
        path, copied = plan.before.path, not plan.encodes
        self._ends = None if mode == "full" else source_end_times(plan, prober)
        self._source = None
        if mode == "full":
            self._source = prober.read_source(path, payload_forms(plan), copied)
        self.damage: FirstDamage | None = None
        """The first damage of the source, if the rewrite goes on in spite of it."""
        self.warnings: tuple[str, ...] = ()
        self.result: ContentFacts | None = None
        """What the packets of the result have shown, if they were read."""
        self.size_limit = SizeLimit(plan, self._source_sizes)

    def check_source(self) -> ContentFacts | None:
        """Raise ``DamagedError`` if the source is not whole, unless it is to be salvaged."""
        if self._source is None:
            return None
        facts = self._source.result()
        if facts.damage is not None and self._damaged == "refuse":
            raise DamagedError(
                f"the file is damaged: {facts.damage}; it was left alone; get it again, or let vpo "
                "keep what can be read (--salvage)"
            )
        self.damage = facts.damage
        return facts

    def _source_sizes(self) -> Mapping[int, int] | None:
        """Return the bytes of the source's streams, if all of it has been read."""
        facts = self._source.early_result() if self._source is not None else None
        return facts.sizes if facts is not None else None

    def prove(self, output: str) -> tuple[MediaFile, ProofFacts]:
        """Return the probed result and what was proven.

        Raises ``VerifyError`` if it is not as planned, and ``SavingsError`` if it does not save
        what it has to.
        """
        source = self.check_source()
        encoded = self._plan.video_encodes.keys()
        found = verify(self._plan, output, self._prober, self._ends, encoded)
        if source is None or self.damage is not None:
            self.size_limit.check_file(found.size)
            return found, ProofFacts("quick", encoded=len(self._plan.encodes))
        facts = self._prove_packets(output, found, source)
        return found.with_bit_rates(self.result.bit_rates if self.result else {}), facts

    def _prove_packets(self, output: str, found: MediaFile, source: ContentFacts) -> ProofFacts:
        copies, encodes = copied_streams(self._plan, found), encoded_streams(self._plan, found)
        forms = video_forms(encoded_videos_of(self._plan, found))
        try:
            result, differences = self._prober.compare_with_source(output, copies, encodes, forms)
        except ProbeError as error:
            if error.ended:
                raise
            raise VerifyError(f"the tool's result was discarded: {error.problem}") from None
        names = {copy.source: self._track(copy.result, found) for copy in copies}
        names |= {encode.source: self._track(encode.result, found) for encode in encodes}
        shifts = [each for each in differences if each.kind == "shift"]
        self.warnings = tuple(f"{names[each.stream]}: {each}" for each in shifts)
        problems = [f"{names[each.stream]}: {each}" for each in self._lost(differences)]
        if result.damage is not None:
            problems.append(str(result.damage))
        problems += self._lost_frames(found, source, result)
        problems += _changed_files(self._plan.after, found, source, result)
        if problems:
            raise VerifyError(
                "the result is not what was planned and was discarded: "
                + "; ".join(problems[:_MOST])
            )
        self._check_size(found, source, result)
        self.result = result
        return ProofFacts(
            "full",
            len(copies),
            sum(result.packets.get(copy.result, 0) for copy in copies),
            sum(result.sizes.get(copy.result, 0) for copy in copies),
            len(self._plan.encodes),
            sum(result.packets.get(t.index, 0) for t in encoded_videos_of(self._plan, found)),
        )

    def _lost(self, differences: Iterable[Difference]) -> Iterator[Difference]:
        """Yield the differences that the plan does not allow, but for shifts in time."""
        # The parts of these are scaled to one size, as the plan says.
        videos = self._plan.video_encodes.items()
        allowed = {("size", i) for i, how in videos if how.mixed is not None}
        allowed |= {("captions", i) for i, how in videos if how.captions != "keep"}
        for each in differences:
            if each.kind != "shift" and (each.kind, each.stream) not in allowed:
                yield each

    def _check_size(self, found: MediaFile, source: ContentFacts, result: ContentFacts) -> None:
        before = sum(source.sizes.get(index, 0) for index in self._plan.video_encodes)
        videos = encoded_videos_of(self._plan, found)
        self.size_limit.check_video(before, sum(result.sizes.get(t.index, 0) for t in videos))

    def _track(self, index: int, found: MediaFile) -> Track:
        """Return the planned track that became a stream of the result."""
        tracks = zip(self._plan.after.tracks, found.tracks, strict=True)
        return next(want for want, have in tracks if have.index == index)

    def _lost_frames(
        self, found: MediaFile, source: ContentFacts, result: ContentFacts
    ) -> Iterator[str]:
        """Yield which encoded videos lack frames."""
        before = {track.index: track for track in self._plan.before.tracks}
        for want, have in zip(self._plan.after.tracks, found.tracks, strict=True):
            if want.index in self._plan.video_encodes:
                origin = before[self._plan.origin(want.index)]
                how = self._plan.video_encodes[want.index]
                drop = how.drop
                made = result.packets.get(have.index, 0)
                by_time = how.film is not None or (drop is not None and drop.step is None)
                if not by_time:
                    step = drop.step if drop is not None else None
                    yield from _lost_frames(want, origin, source, made, step or 1)


def encoded_videos_of(plan: Plan, found: MediaFile) -> list[Track]:
    """Return the video tracks of the probed result that the plan encodes."""
    both = zip(plan.after.tracks, found.tracks, strict=True)
    return [have for want, have in both if want.index in plan.video_encodes]


def _lost_frames(
    want: Track, origin: Track, source: ContentFacts, made: int, step: int
) -> Iterator[str]:
    """Compare frames with packets; those before the first key frame cannot be decoded.

    Only every ``step``-th frame stays.
    """
    sent = source.packets.get(origin.index, 0) - source.leading.get(origin.index, 0)
    if origin.codec in HIDDEN_FRAMES:
        return  # frames that are lost leave a gap
    # Interlaced video may have a packet for each field.
    least = (sent + 1) // 2 if origin.field_order is not None else sent
    if made * step < least:
        yield f"{want} has {made} frames instead of {-(-sent // step)}"


def _changed_files(
    after: MediaFile, found: MediaFile, source: ContentFacts, result: ContentFacts
) -> Iterator[str]:
    """Yield which attachments and covers have another content."""
    left = Counter(result.files.get(item.index) for item in found.attachments)
    for item in after.attachments:
        digest = source.files.get(item.index)
        if not left[digest]:
            yield f"{item} is not that of the source"
        left[digest] -= 1
