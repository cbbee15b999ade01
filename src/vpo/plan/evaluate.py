"""Evaluation: fold the phases of the policies over a media file, and what differs is the plan.

No I/O, no clock: the same policies and the same media give the same plan, on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

from vpo.errors import ConvergeError, FileError, OnError, PlanError
from vpo.media.containers import as_stored, can_copy_data, misnamed_as, with_defaults
from vpo.media.encode_spec import Loudness
from vpo.media.model import MediaFile, Track
from vpo.plan.diff import Reasons, difference, extractions
from vpo.plan.model import PhaseOutcome, PhaseReport, Plan
from vpo.plan.sidecars_after import named_after, sidecars_after
from vpo.policy.caption_tracks import with_kept_captions
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState, Reason
from vpo.policy.document import Phase, Policy
from vpo.policy.external_facts import ExternalFacts, original_language
from vpo.policy.loudness import stated_loudness
from vpo.policy.operation import Operation, PolicyConfig
from vpo.policy.phase_conditions import skip_reason

_UNCARRIED = "no tool can carry it"
NOTHING_KNOWN = ExternalFacts()
STRICTNESS: tuple[OnError, ...] = ("continue", "skip", "fail")


class Stage(NamedTuple):
    """An operation about to be applied, and the desired state that it is applied to."""

    policy: Policy
    phase: Phase
    operation: Operation
    state: DesiredState
    config: PolicyConfig


def evaluate(
    policies: Sequence[Policy],
    media: MediaFile,
    on_error: OnError | None = None,
    known: ExternalFacts = NOTHING_KNOWN,
    trail: list[Stage] | None = None,
) -> Plan:
    """Return the plan that makes the file match the policies, applied in order.

    ``on_error`` overrides what the policies say; ``known`` is what is known besides the media;
    ``trail``, if given, collects every step on the way. The plan is checked to be a fixpoint:
    policies that want changes on their own result contradict themselves, which is the plan's error.
    """
    fold = _fold(policies, media, on_error, known, trail)
    fold.state = with_kept_captions(fold.state.attributed_to("", ""))
    plan = _unchanged(media, fold) if fold.halted else _planned(media, fold)
    if plan.strategy in ("remux", "transcode") and (lost := _uncarried_data(plan)):
        if fold.state.data_required:
            return replace(_unchanged(media, fold), error=_data_error(lost))
        fold.state = _without_data(fold.state, lost)
        plan = _planned(media, fold)
    if not plan.changes:
        return plan
    conflict = _conflict(policies, plan, fold.state.reasons, on_error, known)
    return plan if conflict is None else replace(_unchanged(media, fold), error=conflict)


@dataclass
class _Fold:
    """The state of the fold over all phases of all policies."""

    state: DesiredState
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

    context = ConditionContext.of(fold.state, policy.config)
    reason = _reason_to_skip(phase, context, outcomes)
    if reason:
        return report("skipped", reason)
    state = replace(fold.state, skips=frozenset(), deferred=())
    config = policy.config
    if config.names_original:
        config = config.with_original(original_language(state.media, state.external))
    phases = policy.phases[policy.phases.index(phase) + 1 :]
    later = tuple(operation for one in phases for operation in one.operations)
    try:
        for number, operation in enumerate(phase.operations):
            ahead = phase.operations[number + 1 :] + later
            if operation.sees_all_made:
                ahead = tuple(one for each in policy.phases for one in each.operations)
            made = (one.made_tracks(state, config) for one in ahead)
            state = replace(state, made=frozenset[int]().union(*made))
            state = state.attributed_to(phase.name, operation.key)
            if fold.trail is not None:
                fold.trail.append(Stage(policy, phase, operation, state, config))
            state = operation.apply(state, config)
    except PlanError as error:
        detail = f"{state.operation}: {error}" if state.operation else str(error)
        fold.error = fold.error or PlanError(f"phase {phase.name!r}: {error}")
        return report("failed", detail)
    changed = (
        as_stored(state.media) != as_stored(fold.state.media)
        or state.encodes != fold.state.encodes
        or (state.sources, state.extracts) != (fold.state.sources, fold.state.extracts)
    )
    fold.state = state
    return report("changed" if changed else "unchanged")


def _reason_to_skip(
    phase: Phase, context: ConditionContext, outcomes: Mapping[str, PhaseOutcome]
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
    return skip_reason(phase.skip_when, context) if phase.skip_when is not None else None


def _planned(media: MediaFile, fold: _Fold) -> Plan:
    """Return the plan that leads to the state that the fold has come to."""
    plan = _plan(media, fold, with_defaults(fold.state.media))
    if plan.strategy not in ("remux", "transcode"):
        return plan
    return _plan(media, fold, as_stored(fold.state.media))


def rewritten(plan: Plan) -> Plan:
    """Return a plan for an edit of the header as one that writes the file anew.

    Raises ``PlanError`` if it would lose a data track that has to be kept.
    """
    lost = _uncarried_data(plan)
    if lost and plan.data_required:
        raise _data_error(lost)
    tracks = tuple(track for track in plan.after.tracks if track not in lost)
    after = as_stored(replace(plan.after, tracks=tracks))
    reasons = {Fact(ChangeKind.REMOVE, t.index): Reason("", "", _UNCARRIED) for t in lost}
    return replace(
        plan,
        after=after,
        changes=(*plan.changes, *difference(plan.after, after, reasons)),
        warnings=(*plan.warnings, *(_left_out(track, after.container) for track in lost)),
        anew=True,
    )


def _plan(media: MediaFile, fold: _Fold, after: MediaFile) -> Plan:
    there = {track.index for track in after.tracks}
    encodes = {index: how for index, how in fold.state.encodes.items() if index in there}
    sources = {index: how for index, how in fold.state.sources.items() if index in there}
    if as_stored(after) == as_stored(media) and not encodes and not sources:
        # A rewrite would change what the policies do not ask for, and nothing else.
        after = media
    return Plan(
        before=media,
        after=after,
        changes=(
            *difference(media, after, fold.state.reasons, encodes, sources),
            *extractions(
                named_after(fold.state.extracts, media.path, after.path), fold.state.reasons
            ),
        ),
        phases=tuple(fold.reports),
        warnings=(*fold.state.warnings, *_name_warnings(after)),
        timestamp=fold.state.timestamp,
        error=fold.error,
        on_error=fold.mode,
        encodes=tuple(encodes.items()),
        named_by=fold.state.named_by,
        sources=tuple(sources.items()),
        extracts=named_after(fold.state.extracts, media.path, after.path),
        data_required=fold.state.data_required,
    )


def _uncarried_data(plan: Plan) -> list[Track]:
    """Return the data tracks that would be lost in a rewrite, as no tool can carry them."""
    name = plan.after.container
    return [t for t in plan.after.of("data") if not can_copy_data(plan.before, t, name)]


def _without_data(state: DesiredState, lost: list[Track]) -> DesiredState:
    name = state.media.container
    for track in lost:
        state = state.warn(_left_out(track, name))
    state = state.attributed_to("", "")
    return state.remove((track.index for track in lost), _UNCARRIED)


def _left_out(track: Track, name: str) -> str:
    return (
        f"{track} is left out: no tool can carry it into {name} "
        "(keep_data: true leaves such files unchanged)"
    )


def _data_error(lost: list[Track]) -> PlanError:
    return PlanError(
        f"keep_data is true, and no tool can carry {', '.join(map(str, lost))}; "
        "keep_data: false leaves such tracks out"
    )


def _unchanged(media: MediaFile, fold: _Fold) -> Plan:
    """Return the plan that leaves the file as it is, with what the fold reports."""
    return Plan(
        before=media,
        after=media,
        phases=tuple(fold.reports),
        warnings=(*fold.state.warnings, *_name_warnings(media)),
        error=fold.error,
        on_error=fold.mode,
    )


def _name_warnings(media: MediaFile) -> Iterator[str]:
    if (named := misnamed_as(media)) is not None:
        yield f"its name says {named}, but it is {media.container}"


def known_of_result(plan: Plan, known: ExternalFacts) -> ExternalFacts:
    """Return what is known of the result of a plan besides its content.

    What an encode cannot foresee, as its bit rate, is no reason for another one. Audio that was
    brought to a loudness, or had it, has it in any container.
    """
    before = {track.index: stated_loudness(track) for track in plan.before.tracks}
    levels: dict[int, Loudness] = {}
    for number, track in enumerate(plan.after.tracks):
        how = plan.audio_encodes.get(track.index)
        mixed = how is not None and (how.source != track.index or how.channels is not None)
        old = None if mixed else known.loudness.get(track.index) or before.get(track.index)
        if found := (how.loudness if how is not None else None) or old:
            levels[number] = found
    encoded = known.encoded or bool(plan.video_encodes)
    sidecars = sidecars_after(plan, known.sidecars)
    return replace(known, encoded=encoded, loudness=levels, sidecars=sidecars)


def _conflict(
    policies: Sequence[Policy],
    plan: Plan,
    reasons: Reasons,
    on_error: OnError | None,
    known: ExternalFacts,
) -> ConvergeError | None:
    """Return an error if the policies want to change their own result, else ``None``."""
    result = plan.expected
    again = _fold(policies, result, on_error, known_of_result(plan, known)).state
    there = {track.index for track in again.media.tracks}
    sources = {index: how for index, how in again.sources.items() if index in there}
    wanted = chain(
        difference(
            as_stored(result), as_stored(again.media), again.reasons, again.encodes, sources
        ),
        extractions(again.extracts, again.reasons),
    )
    change = next(wanted, None)
    if change is None:
        return None
    streams = dict(enumerate(plan.after.streams))
    source = streams[change.track].index if change.track in streams else None
    facts = (
        change.fact._replace(track=source),
        Fact(ChangeKind.ADD, source),
        Fact(ChangeKind.CONTAINER),
        Fact(ChangeKind.EXTENSION),
        Fact(ChangeKind.NAME),
    )
    touched = (reasons.get(fact) for fact in facts)
    first = next(filter(None, touched), None) or next(reversed(list(reasons.values())))
    return ConvergeError(
        f"the policy contradicts itself: what {first} leads to, "
        f"{change.reason} changes again ({change.fact.label})"
    )
