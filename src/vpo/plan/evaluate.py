"""evaluate(): fold the phases of the policies over a media file, and what differs is the plan.

No I/O, no clock: the same policies and the same media give the same plan, on any machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from vpo.errors import ConvergeError, FileError, OnError, PlanError
from vpo.media.containers import FLAGS_KEPT, MATROSKA, as_stored
from vpo.media.encode_spec import AudioEncode, Encode, VideoEncode
from vpo.media.model import MediaFile, Track
from vpo.policy.desired_state import DesiredState, Fact, Reason, Timestamp
from vpo.policy.document import Phase, Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.operation import Operation
from vpo.policy.phase_conditions import skip_reason

Strategy = Literal["none", "header", "remux", "transcode"]
PhaseOutcome = Literal["changed", "unchanged", "skipped", "failed"]

NOTHING_KNOWN = ExternalFacts()
STRICTNESS: tuple[OnError, ...] = ("continue", "skip", "fail")
_HEADER_KINDS = FLAGS_KEPT | {"title", "language"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the file and what it should be.

    ``kind`` is ``remove``, ``add``, ``move``, ``title``, ``language``, ``codec``, ``size``,
    ``channels``, ``dynamic_range``, ``container``, ``tag:NAME`` or a disposition (``default``,
    ``forced``, ...).
    ``track`` is the stream index in the source, ``None`` for what concerns the whole file. A
    ``move`` goes from one place among the tracks that stay to another, counted from 1; a ``codec``
    that stays the same is encoded again.
    """

    kind: str
    track: int | None
    before: str | bool | int | None
    after: str | bool | int | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """What became of one phase; ``detail`` says why it was skipped or failed."""

    policy: str
    name: str
    outcome: PhaseOutcome
    on_error: OnError
    detail: str = ""


class Stage(NamedTuple):
    """An operation about to be applied, and the draft that it is applied to."""

    policy: Policy
    phase: Phase
    operation: Operation
    draft: DesiredState


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one file.

    ``after`` keeps the source's stream indexes, so that each track says where it comes from.
    ``encodes`` are the tracks that are encoded, by stream index, and how. ``error`` is set where a
    phase failed; unless ``on_error`` is ``continue``, nothing changes.
    """

    before: MediaFile
    after: MediaFile
    changes: tuple[Change, ...] = ()
    phases: tuple[PhaseReport, ...] = ()
    warnings: tuple[str, ...] = ()
    timestamp: Timestamp | None = None
    error: FileError | None = None
    on_error: OnError = "continue"
    encodes: tuple[tuple[int, Encode], ...] = ()

    @property
    def video_encodes(self) -> dict[int, VideoEncode]:
        return {index: how for index, how in self.encodes if isinstance(how, VideoEncode)}

    @property
    def audio_encodes(self) -> dict[int, AudioEncode]:
        return {index: how for index, how in self.encodes if isinstance(how, AudioEncode)}

    def origin(self, index: int) -> int:
        """The stream of the source that a stream of ``after`` is made from: mostly itself."""
        how = self.audio_encodes.get(index)
        return how.source if how is not None else index

    @property
    def strategy(self) -> Strategy:
        """The cheapest way that carries out the changes."""
        if not self.changes:
            return "none"
        if self.encodes:
            return "transcode"
        kinds = {change.kind for change in self.changes}
        if kinds <= _HEADER_KINDS and self.before.container in MATROSKA and self._editable:
            return "header"
        return "remux"

    @property
    def _editable(self) -> bool:
        touched = {change.track for change in self.changes}
        return all(t.matroska_id is not None for t in self.before.tracks if t.index in touched)

    @property
    def expected(self) -> MediaFile:
        """The media that a probe of the result has to find: ``after`` with its own numbers."""
        return settled(self.after)

    @property
    def removed(self) -> tuple[int, ...]:
        """The stream indexes of the tracks and attachments that the plan leaves out."""
        return tuple(c.track for c in self.changes if c.kind == "remove" and c.track is not None)


def evaluate(
    policies: Sequence[Policy],
    media: MediaFile,
    on_error: OnError | None = None,
    known: ExternalFacts = NOTHING_KNOWN,
    trail: list[Stage] | None = None,
) -> Plan:
    """The plan that makes the file match the policies, applied in order.

    ``on_error`` overrides what the policies say; ``known`` is what is known beside the media;
    ``trail``, where it is wanted, gets every step on the way. The plan is checked to be a fixpoint:
    policies that want changes on their own result contradict themselves, which is the plan's error.
    """
    fold = _fold(policies, media, on_error, known, trail)
    if fold.halted:
        return _left_alone(media, fold)
    after = as_stored(fold.draft.media)
    there = {track.index for track in after.tracks}
    encodes = {index: how for index, how in fold.draft.encodes.items() if index in there}
    if after == as_stored(media) and not encodes:
        # A rewrite would change what the policies do not ask for, and nothing else.
        after = media
    plan = Plan(
        before=media,
        after=after,
        changes=tuple(difference(media, after, fold.draft.reasons, encodes)),
        phases=tuple(fold.reports),
        warnings=fold.draft.warnings,
        timestamp=fold.draft.timestamp,
        error=fold.error,
        on_error=fold.mode,
        encodes=tuple(encodes.items()),
    )
    if not plan.changes:
        return plan
    conflict = _conflict(policies, plan, fold.draft.reasons, on_error, known)
    if conflict is None:
        return plan
    fold.error = conflict
    return _left_alone(media, fold)


def settled(media: MediaFile) -> MediaFile:
    """The media with streams numbered as they will be once written."""
    matroska = media.container in MATROSKA
    tracks = tuple(
        replace(track, index=n, matroska_id=n if matroska else None)
        for n, track in enumerate(media.tracks)
    )
    attachments = tuple(
        replace(item, index=len(tracks) + n, matroska_id=n + 1)
        for n, item in enumerate(media.attachments)
    )
    return replace(media, tracks=tracks, attachments=attachments)


@dataclass
class _Fold:
    """The state of the fold over all phases of all policies."""

    draft: DesiredState
    reports: list[PhaseReport] = field(default_factory=list)
    error: FileError | None = None
    mode: OnError = "continue"
    """The strictest ``on_error`` among the phases that changed something or failed; once a phase
    has ``halted`` the fold, that phase's."""
    halted: bool = False
    trail: list[Stage] | None = None


def _fold(
    policies: Sequence[Policy],
    media: MediaFile,
    on_error: OnError | None,
    known: ExternalFacts,
    trail: list[Stage] | None = None,
) -> _Fold:
    fold = _Fold(DesiredState(media, external=known), trail=trail)
    for policy in policies:
        outcomes: dict[str, PhaseOutcome] = {}
        for phase in policy.phases:
            mode = on_error or phase.on_error or policy.config.on_error
            report = _run_phase(fold, policy, phase, mode, outcomes)
            fold.reports.append(report)
            outcomes[phase.name] = report.outcome
            if report.outcome in ("changed", "failed"):
                fold.mode = max(fold.mode, mode, key=STRICTNESS.index)
            if report.outcome == "failed" and mode != "continue":
                fold.mode, fold.halted = mode, True
                return fold
    return fold


def _run_phase(
    fold: _Fold, policy: Policy, phase: Phase, mode: OnError, outcomes: Mapping[str, PhaseOutcome]
) -> PhaseReport:
    def report(outcome: PhaseOutcome, detail: str = "") -> PhaseReport:
        return PhaseReport(policy.name or "", phase.name, outcome, mode, detail)

    reason = _reason_to_skip(phase, fold.draft.media, outcomes)
    if reason:
        return report("skipped", reason)
    draft = replace(fold.draft, skips=frozenset(), deferred=())
    try:
        for operation in phase.operations:
            draft = draft.attributed_to(phase.name, operation.key)
            if fold.trail is not None:
                fold.trail.append(Stage(policy, phase, operation, draft))
            draft = operation.apply(draft, policy.config)
    except PlanError as error:
        detail = f"{draft.operation}: {error}" if draft.operation else str(error)
        fold.error = fold.error or PlanError(f"phase {phase.name!r}: {error}")
        return report("failed", detail)
    changed = (
        as_stored(draft.media) != as_stored(fold.draft.media) or draft.encodes != fold.draft.encodes
    )
    fold.draft = draft
    return report("changed" if changed else "unchanged")


def _reason_to_skip(
    phase: Phase, media: MediaFile, outcomes: Mapping[str, PhaseOutcome]
) -> str | None:
    for name in phase.depends_on:
        if outcomes.get(name) not in ("changed", "unchanged"):
            return f"depends on {name!r}, which did not complete"
    if phase.run_if is not None:
        modified, completed = phase.run_if.phase_modified, phase.run_if.phase_completed
        if modified and outcomes.get(modified) != "changed":
            return f"{modified!r} changed nothing"
        if completed and outcomes.get(completed) not in ("changed", "unchanged"):
            return f"{completed!r} did not complete"
    return skip_reason(phase.skip_when, media) if phase.skip_when is not None else None


def _left_alone(media: MediaFile, fold: _Fold) -> Plan:
    return Plan(
        before=media,
        after=media,
        phases=tuple(fold.reports),
        warnings=fold.draft.warnings,
        error=fold.error,
        on_error=fold.mode,
    )


def _conflict(
    policies: Sequence[Policy],
    plan: Plan,
    reasons: Mapping[Fact, Reason],
    on_error: OnError | None,
    known: ExternalFacts,
) -> ConvergeError | None:
    """What the policies want to change on their own result, as an error; ``None`` if nothing."""
    result = plan.expected
    # What an encode cannot foresee, as its bit rate, is not known of the expected result either.
    known = replace(known, encoded=known.encoded or bool(plan.video_encodes))
    again = _fold(policies, result, on_error, known).draft
    wanted = difference(result, as_stored(again.media), again.reasons, again.encodes)
    change = next(wanted, None)
    if change is None:
        return None
    streams = dict(enumerate(plan.after.streams))
    source = streams[change.track].index if change.track in streams else None
    facts: tuple[Fact, ...] = (_fact(change.kind, source), ("add", source), ("container", None))
    touched = (reasons.get(fact) for fact in facts)
    first = next(filter(None, touched), None) or next(reversed(list(reasons.values())))
    return ConvergeError(
        f"the policy contradicts itself: what {first} leads to, "
        f"{change.reason} changes again ({change.kind})"
    )


def difference(
    before: MediaFile,
    after: MediaFile,
    reasons: Mapping[Fact, Reason],
    encodes: Mapping[int, Encode] = MappingProxyType({}),
) -> Iterator[Change]:
    """Every change from one to the other, with who asked for it."""
    if before.container != after.container:
        yield _change(reasons, "container", None, before.container, after.container)
    yield from _tag_changes(before, after, reasons)
    yield from _removals(before, after, reasons)
    yield from _moves(before, after, reasons)
    old = {track.index: track for track in before.tracks}
    for track in after.tracks:
        if track.index in old:
            yield from _track_changes(old[track.index], track, reasons, track.index in encodes)
        else:
            yield _change(reasons, "add", track.index, None, str(track))


def _tag_changes(
    before: MediaFile, after: MediaFile, reasons: Mapping[Fact, Reason]
) -> Iterator[Change]:
    if before.tags == after.tags:
        return
    old, new = dict(before.tags), dict(after.tags)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield _change(reasons, f"tag:{name}", None, old.get(name), new.get(name))


def _removals(
    before: MediaFile, after: MediaFile, reasons: Mapping[Fact, Reason]
) -> Iterator[Change]:
    kept = {item.index for item in after.streams}
    for item in before.streams:
        if item.index not in kept:
            yield _change(reasons, "remove", item.index, str(item), None)


def _moves(before: MediaFile, after: MediaFile, reasons: Mapping[Fact, Reason]) -> Iterator[Change]:
    there = {track.index for track in before.tracks}
    new = [track.index for track in after.tracks if track.index in there]
    old = [track.index for track in before.tracks if track.index in new]
    if old == new:
        return
    place = {index: n for n, index in enumerate(old)}
    stay = _longest_rise([place[index] for index in new])
    for n, index in enumerate(new, 1):
        if place[index] not in stay:
            yield _change(reasons, "move", index, place[index] + 1, n)


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """The members of a longest rising subsequence: the tracks that need not be called moved.

    Of several, the one with most tracks that keep their place.
    """
    best: list[tuple[int, int, list[int]]] = []
    for n, number in enumerate(numbers):
        before = [best[m] for m in range(n) if numbers[m] < number]
        length, in_place, rise = max(before, key=lambda found: found[:2], default=(0, 0, []))
        best.append((length + 1, in_place + (n == number), [*rise, number]))
    return set(max(best, key=lambda found: found[:2])[2])


def _track_changes(
    old: Track, new: Track, reasons: Mapping[Fact, Reason], encoded: bool
) -> Iterator[Change]:
    if encoded and old.codec == new.codec:
        yield _change(reasons, "codec", new.index, old.codec, new.codec)
    for kind, was, now in (
        ("codec", old.codec, new.codec),
        ("size", _size(old), _size(new)),
        ("channels", old.channels, new.channels),
        ("dynamic_range", old.dynamic_range or "SDR", new.dynamic_range or "SDR"),
        ("language", old.language, new.language),
        ("title", old.title, new.title),
    ):
        if was != now:
            yield _change(reasons, kind, new.index, was, now)
    for flag in sorted(old.dispositions ^ new.dispositions):
        yield _change(reasons, flag, new.index, flag in old.dispositions, flag in new.dispositions)


def _size(track: Track) -> str | None:
    return f"{track.width}x{track.height}" if track.width and track.height else None


def _change(
    reasons: Mapping[Fact, Reason],
    kind: str,
    track: int | None,
    before: str | bool | int | None,
    after: str | bool | int | None,
) -> Change:
    return Change(kind, track, before, after, _reason(reasons, kind, track))


def _reason(reasons: Mapping[Fact, Reason], kind: str, track: int | None) -> Reason:
    return reasons.get(_fact(kind, track)) or (_LAST if kind == "move" else _BY_THE_CONTAINER)


_BY_THE_CONTAINER = Reason("", "", "the container gives every track type a default track")
_LAST = Reason("", "", "ffmpeg writes the timecode track last")


def _fact(kind: str, track: int | None) -> Fact:
    return {"remove": "removed", "move": "order"}.get(kind, kind), track


def to_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes as the JSON contract has them."""
    return [
        {
            "kind": change.kind,
            "track": change.track,
            "from": change.before,
            "to": change.after,
            "phase": change.reason.phase,
            "operation": change.reason.operation,
            "reason": change.reason.text,
        }
        for change in changes
    ]
