"""Processing one file: probe it, evaluate the policies, apply the plan.

A worker neither prints nor uses the database.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from vpo.errors import (
    ApprovalError,
    BusyError,
    CancelledError,
    FileError,
    PlanError,
    ProbeError,
    SavingsError,
    SourceChangedError,
    ToolError,
    ToolMissingError,
    VerifyError,
)
from vpo.execute.apply import apply_plan, require_changeable
from vpo.execute.context import RunContext
from vpo.execute.encoding import loudness
from vpo.execute.lock import FileLock, Stamp
from vpo.execute.outcome import Failure, Outcome
from vpo.execute.preconditions import (
    refuse_cut_off,
    refuse_growing,
    refuse_played,
    refuse_unchangeable,
    refuse_unwritable_folder,
    separation,
)
from vpo.execute.rename import require_free_name
from vpo.execute.work import Work
from vpo.execute.writers import choose_writer, fallback
from vpo.execute.writers.writer import Writer
from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.run.approval import require_approved
from vpo.run.convergence import Convergence
from vpo.run.job import Job
from vpo.run.job_outcome import (
    changed_outcome,
    encode_history,
    failed,
    stamp_of,
    with_content_key,
    with_sidecar_state,
    without_work,
)
from vpo.run.recognition import (
    are_encoded,
    recognize,
    with_captions,
    with_largest_parts,
    with_measured_facts,
)
from vpo.run.sidecar_facts import sidecar_facts
from vpo.run.sidecar_state import sidecar_state

_CHANGED = "another program changed it while it was probed; run again"
log = logging.getLogger(__name__)


def process_file(job: Job, context: RunContext) -> Outcome:
    """Make one file match the policies; errors are returned in the outcome, not raised."""
    started = time.monotonic()
    processes = context.tools.processes
    with processes.working_on(job.path):
        outcome = _ended(job, context)
        if outcome.error is not None and processes.cancelled:
            # A parser that was killed may be reported as any other failure.
            failure = Failure.of(CancelledError("interrupted"))
            outcome = outcome._replace(status="cancelled", error=failure)
    seconds = time.monotonic() - started
    if outcome.error:
        log.warning(
            "%s: %s",
            outcome.status,
            outcome.error.message,
            extra={**job.about, "operation": outcome.strategy},
        )
    return outcome._replace(seconds=round(seconds, 3))


def _ended(job: Job, context: RunContext) -> Outcome:
    """Return the outcome of the file, whatever error ended its processing."""
    outcome: Outcome
    try:
        outcome = with_content_key(_process(job, context))
    except (ApprovalError, BusyError) as error:
        outcome = Outcome(job.path, "skipped", error=Failure.of(error))
    except CancelledError as error:
        outcome = Outcome(job.path, "cancelled", error=Failure.of(error))
    except (FileError, ToolMissingError) as error:
        outcome = failed(job, error)
    except Exception as error:  # an error of one file must not end the run
        log.exception("unexpected error", extra=job.about)
        outcome = failed(job, error)
    return outcome


def _process(job: Job, context: RunContext) -> Outcome:
    before = stamp_of(job.path)
    try:
        media = _read(job, context)
        after = stamp_of(job.path)
        job, plan, bit_rates = _planned(job, context, media)
    except ProbeError:
        _refuse_changed(job, context, before)
        raise
    stamp = before if before and after and before.resembles(after) else None
    outcome = with_sidecar_state(job, _carried_out(job, context, plan, stamp))
    return outcome if outcome.bit_rates else outcome._replace(bit_rates=bit_rates)


def _planned(
    job: Job, context: RunContext, media: MediaFile
) -> tuple[Job, Plan, Mapping[int, int]]:
    """Return the plan, the job with what is known of its content, and what was measured for it."""
    media, known = recognize(media, job.known, job.recorded)
    media, bit_rates = with_measured_facts(media, job.policies, known.encoded, context.prober)
    if any(policy.finds_captions for policy in job.policies):
        media = with_captions(media, [t.index for t in media.of("video")], context.prober)
    if any(policy.uses_sidecars for policy in job.policies):
        job = replace(job, beside=sidecar_state(media.path))
        known = replace(
            known, sidecars=sidecar_facts(media, context.prober.sidecar, context.prober.cues)
        )
    plan = evaluate(job.policies, media, job.on_error, known)
    videos = [t for t in media.tracks if t.index in map(plan.origin, plan.video_encodes)]
    if (
        videos
        and not known.encoded
        and are_encoded(videos, media.path, job.recorded.videos, context.prober)
    ):
        known = replace(known, encoded=True)
        plan = evaluate(job.policies, media, job.on_error, known)
    mixed = with_largest_parts(plan, context.prober)
    mixed = with_captions(mixed, plan.video_encodes, context.prober)
    if mixed != media:
        plan = evaluate(job.policies, mixed, job.on_error, known)
    return replace(job, known=known), plan, bit_rates


def _carried_out(job: Job, context: RunContext, plan: Plan, stamp: Stamp | None) -> Outcome:
    try:
        _refuse_broken_link(job, plan)
        if plan.after.path != job.path:
            require_free_name(job.path, plan.after.path)
        writer = choose_writer(plan, context)
        if writer is None:
            return without_work(plan, "none", stamp)._replace(encode=encode_history(job))
        separated = separation(job.path, job.options, writer.strategy)
        plan = _with_warnings(writer, separated)
        if job.dry_run:
            _refuse_in_dry_run(job, writer)
            outcome = without_work(plan, writer.strategy, stamp)
            return outcome._replace(encode=encode_history(job), separated=separated is not None)
        context.chosen(job.path, writer.strategy)
        return _carry_out(job, writer, plan, stamp)
    except SavingsError as error:
        if job.known.futile:  # nothing else can be tried
            return failed(job, error, plan, stamp)
        return _without_encode(job, context, error)
    except (ApprovalError, BusyError, CancelledError):
        raise
    except (FileError, ToolMissingError) as error:
        return failed(job, error, plan, stamp)


def _with_warnings(writer: Writer, separated: str | None) -> Plan:
    plan = writer.plan
    warnings = (*plan.warnings, *writer.warnings, *([separated] if separated else []))
    return replace(plan, warnings=warnings)


def _without_encode(job: Job, context: RunContext, error: SavingsError) -> Outcome:
    """Process the file once more, without an encode that would not save enough."""
    outcome = _process(replace(job, known=replace(job.known, futile=True)), context)
    return outcome._replace(warnings=(*outcome.warnings, str(error)))


def _refuse_broken_link(job: Job, plan: Plan) -> None:
    if job.link is not None and plan.after.path != plan.before.path:
        raise PlanError(
            f"the symbolic link {job.link} leads to it, and would lead nowhere once the file has "
            "another name; process the file itself, then create the link again"
        )


def _refuse_in_dry_run(job: Job, writer: Writer) -> None:
    """Refuse in a dry run what the run would refuse."""
    try:
        status = os.stat(job.path)
    except OSError:
        raise BusyError("it has gone since the run began") from None
    if writer.strategy == "extract":
        refuse_unwritable_folder(job.path)
    else:
        refuse_unchangeable(job.path, status, job.options)
    refuse_cut_off(job.path, writer.strategy, job.options)
    refuse_played(job.path, writer.context)


def _refuse_changed(job: Job, context: RunContext, before: Stamp | None) -> None:
    """Raise ``BusyError`` if the file cannot be read because another program works on it."""
    if not os.path.lexists(job.path):
        if job.seen is None:
            return
        raise BusyError("it has gone since the run began")
    try:
        now = _stamp_now(job, context)
    except BusyError:
        raise
    except FileError:
        return
    same = before and now and before.resembles(now) and before.ctime_ns == now.ctime_ns
    if not same:
        raise BusyError(_CHANGED)


def _stamp_now(job: Job, context: RunContext) -> Stamp | None:
    """Return the file's stamp; with the lock, as only that asks a file server again."""
    if job.dry_run:
        return stamp_of(job.path)
    with _locked(job.path, context) as lock:
        return lock.stamp


def _read(job: Job, context: RunContext) -> MediaFile:
    """Probe the file, with its frames if the policies use facts of frames."""
    frames = any(policy.reads_frames for policy in job.policies)
    return context.prober.probe(job.path, frames)


@contextlib.contextmanager
def _locked(path: str, context: RunContext) -> Iterator[FileLock]:
    """Hold the lock on the file; ``BusyError`` if the file was replaced before."""
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(FileLock(path, context.turns))
        except SourceChangedError as error:
            raise BusyError(f"another program changed it first: {error}") from None
        yield lock


def _carry_out(job: Job, writer: Writer, plan: Plan, stamp: Stamp | None) -> Outcome:
    context = writer.context
    with _locked(job.path, context) as lock:
        if not lock.beside and (stamp is None or not lock.stamp.resembles(stamp)):
            raise BusyError(_CHANGED)
        if stamp is None or lock.may_differ(stamp):
            # Another vpo, or a worker with another hard link, may have processed it already; or
            # inode numbers do not last there. A file server's client may state an old status.
            job, plan, _ = _planned(job, context, _read(job, context))
            refuse_growing(lock, _CHANGED)
            other = choose_writer(plan, context)
            if other is None:
                return without_work(plan, "none", lock.stamp)
            separated = separation(job.path, job.options, other.strategy)
            writer, plan = other, _with_warnings(other, separated)
        require_approved(job.approval, plan, lock.stamp)
        log.info("%s", writer.strategy, extra={**job.about, "operation": writer.strategy})
        ready = _ready(job, writer, plan, lock, context)
        if any(how.loudness is not None for how in plan.audio_encodes.values()):
            require_changeable(ready.work)
            ready = _with_levels(job, ready)
        if ready.writer is None:
            return without_work(ready.work.plan, "none", stamp)
        return _applied(job, ready.writer, ready)


def _applied(job: Job, writer: Writer, ready: _Ready) -> Outcome:
    """Apply the plan; a header that no tool can edit is written anew, once."""
    try:
        applied = apply_plan(writer, ready.work)
    except (ToolError, VerifyError) as error:
        other = fallback(writer, str(error))
        if other is None:
            raise
        ready = _ready(job, other, _with_warnings(other, None), ready.work.lock, writer.context)
        writer, applied = other, apply_plan(other, ready.work)
    outcome = changed_outcome(job, writer.strategy, ready.work.plan, applied)
    return outcome._replace(remaining=ready.check.warnings)


class _Ready(NamedTuple):
    """A plan for a locked file; ``writer`` is ``None`` where nothing is left to do."""

    writer: Writer | None
    work: Work
    check: Convergence


def _ready(
    job: Job, writer: Writer | None, plan: Plan, lock: FileLock, context: RunContext
) -> _Ready:
    check = Convergence(plan, job.policies, job.on_error, job.known)
    work = Work(plan, lock, job.options, context, check, job.outcome_id, job.seen)
    return _Ready(writer, work, check)


def _with_levels(job: Job, ready: _Ready) -> _Ready:
    """Measure the loudness; what has the one that it shall have is not encoded for that."""
    work = ready.work
    levels = loudness.measure_levels(work.plan, work.lock, work.context)
    if done := loudness.reached(work.plan, levels):
        job = replace(job, known=replace(job.known, loudness=done))
        plan = evaluate(job.policies, work.plan.before, job.on_error, job.known)
        writer = choose_writer(plan, work.context)
        if writer is not None:
            separated = separation(job.path, job.options, writer.strategy)
            plan = _with_warnings(writer, separated)
        ready = _ready(job, writer, plan, work.lock, work.context)
    return ready._replace(work=replace(ready.work, levels=levels))
