"""Processing one file: probe it, evaluate the policies, apply the plan.

Jobs and outcomes can be pickled. A worker neither prints nor uses the database.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from vpo.db.records import EncodedVideo, History, Status
from vpo.errors import (
    BusyError,
    CancelledError,
    FileError,
    OnError,
    PlanError,
    ProbeError,
    SavingsError,
    SourceChangedError,
    ToolMissingError,
)
from vpo.execute.apply import apply_plan, require_changeable
from vpo.execute.context import RunContext
from vpo.execute.encoding import loudness
from vpo.execute.full_proof import encoded_videos_of
from vpo.execute.lock import FileLock, Stamp
from vpo.execute.options import RewriteOptions
from vpo.execute.outcome import Failure, Outcome
from vpo.execute.preconditions import (
    refuse_growing,
    refuse_played,
    refuse_unchangeable,
    refuse_unwritable_folder,
    separation,
)
from vpo.execute.rename import require_free_name
from vpo.execute.work import Applied, Work
from vpo.execute.writers import Writer, choose_writer
from vpo.media.model import MediaFile
from vpo.media.sidecar_names import second_name
from vpo.plan.evaluate import NOTHING_KNOWN, STRICTNESS, evaluate
from vpo.plan.model import Plan, Strategy
from vpo.policy.change_kind import ChangeKind
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.probe.content_key import content_key
from vpo.run.convergence import Convergence
from vpo.run.recognition import (
    KnownContents,
    are_encoded,
    encoded_videos,
    recognize,
    with_captions,
    with_largest_parts,
    with_measured_facts,
)
from vpo.run.sidecar_facts import sidecar_facts
from vpo.run.sidecar_state import sidecar_state, state_after

_CHANGED = "another program changed it while it was probed; run again"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One file to process, with everything that a worker needs for it.

    ``on_error`` overrides the policies; ``seen`` is the file's (size, mtime_ns) when it was found;
    ``known`` has the facts that are not in the file, ``recorded`` those of contents that it may
    turn out to have; ``link`` is a symbolic link to it;
    ``encoding`` is the cache key of the policies' encodes; ``beside`` is the state of its sidecars
    when they were read; ``files`` are the policy files, for the
    log.
    """

    path: str
    policies: tuple[Policy, ...]
    options: RewriteOptions = field(default_factory=RewriteOptions)
    on_error: OnError | None = None
    dry_run: bool = False
    run_id: str = ""
    outcome_id: str = ""
    seen: tuple[int, int] | None = None
    known: ExternalFacts = NOTHING_KNOWN
    recorded: KnownContents = field(default_factory=KnownContents)
    link: str | None = None
    encoding: str = ""
    beside: str | None = None
    files: tuple[str, ...] = ()

    @property
    def mode(self) -> OnError:
        return strictest(self.policies, self.on_error)

    @property
    def about(self) -> dict[str, str]:
        """The fields of log records about the job."""
        return {"run": self.run_id, "file": self.path, "policy": ", ".join(self.files)}


def strictest(policies: Iterable[Policy], on_error: OnError | None) -> OnError:
    """Return what to do on an error that belongs to no phase."""
    if on_error is not None:
        return on_error
    return max((policy.config.on_error for policy in policies), key=STRICTNESS.index)


def process_file(job: Job, context: RunContext) -> Outcome:
    """Make one file match the policies; errors are returned in the outcome, not raised."""
    started = time.monotonic()
    try:
        outcome = _with_content_key(_process(job, context))
    except BusyError as error:
        outcome = Outcome(job.path, "skipped", error=Failure.of(error))
    except CancelledError as error:
        outcome = Outcome(job.path, "cancelled", error=Failure.of(error))
    except (FileError, ToolMissingError) as error:
        outcome = failed(job, error)
    except Exception as error:  # an error of one file must not end the run
        log.exception("unexpected error", extra=job.about)
        outcome = failed(job, error)
    seconds = time.monotonic() - started
    if outcome.error:
        log.warning(
            "%s: %s",
            outcome.status,
            outcome.error.message,
            extra={**job.about, "operation": outcome.strategy},
        )
    return outcome._replace(seconds=round(seconds, 3))


def _with_content_key(outcome: Outcome) -> Outcome:
    """Return the outcome with the content key, if something is to be recorded by it."""
    if outcome.stamp is None or not (outcome.touched or outcome.encode or outcome.bit_rates):
        return outcome
    try:
        key = content_key(outcome.path)
    except OSError:
        return outcome
    return outcome._replace(content=key) if _stamp(outcome.path) == outcome.stamp else outcome


def failed(
    job: Job, error: BaseException, plan: Plan | None = None, stamp: Stamp | None = None
) -> Outcome:
    """Return the outcome of a job that ended with an error; the file is unchanged."""
    mode = plan.on_error if plan is not None and plan.changes else job.mode
    return Outcome(
        job.path,
        "failed",
        plan=plan,
        error=Failure.of(error),
        warnings=plan.warnings if plan else (),
        stop=mode == "fail",
        size_before=plan.before.size if plan else None,
        media=plan.before if plan else None,
        stamp=stamp,
    )


def _process(job: Job, context: RunContext) -> Outcome:
    before = _stamp(job.path)
    try:
        media = _read(job, context)
        after = _stamp(job.path)
        job, plan, bit_rates = _planned(job, context, media)
    except ProbeError:
        _refuse_changed(job, context, before)
        raise
    stamp = before if before and after and before.resembles(after) else None
    outcome = _with_sidecars(job, _carried_out(job, context, plan, stamp))
    return outcome if outcome.bit_rates else outcome._replace(bit_rates=bit_rates)


def _with_sidecars(job: Job, outcome: Outcome) -> Outcome:
    """Return the outcome with the state of the sidecars, if the policies depend on them."""
    if job.beside is None:
        return outcome
    extracts = outcome.plan.extracts if outcome.plan and outcome.touched else ()
    names = {one.name for one in extracts}
    names |= {second for name in names if (second := second_name(name))}
    return outcome._replace(beside=state_after(outcome.path, job.beside, names))


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
        if any(change.kind is ChangeKind.NAME for change in plan.changes):
            require_free_name(job.path, plan.after.path)
        writer = choose_writer(plan, context)
        if writer is None:
            return _without_work(plan, "none", stamp)._replace(encode=_encode_history(job))
        separated = separation(job.path, job.options, writer.strategy)
        plan = _with_warnings(writer, separated)
        if job.dry_run:
            _refuse_in_dry_run(job, writer)
            outcome = _without_work(plan, writer.strategy, stamp)
            return outcome._replace(encode=_encode_history(job), separated=separated is not None)
        return _carry_out(job, writer, plan, stamp)
    except SavingsError as error:
        if job.known.futile:  # nothing else can be tried
            return failed(job, error, plan, stamp)
        return _without_encode(job, context, error)
    except (BusyError, CancelledError):
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


def _encode_history(job: Job, plan: Plan | None = None) -> tuple[str, History] | None:
    """Return the encode history to record for the file."""
    if plan is not None and plan.video_encodes:
        return job.encoding, "encoded"
    if job.known.futile:
        return job.encoding, "futile"
    return (job.encoding, "encoded") if job.known.encoded else None


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
    refuse_played(job.path, writer.context)


def _refuse_changed(job: Job, context: RunContext, before: Stamp | None) -> None:
    """Raise ``BusyError`` if the file cannot be read because another program works on it."""
    if not os.path.lexists(job.path):
        if job.seen is None:
            return
        raise BusyError("it has gone since the run began")
    try:
        now = _asked_anew(job, context)
    except BusyError:
        raise
    except FileError:
        return
    same = before and now and before.resembles(now) and before.ctime_ns == now.ctime_ns
    if not same:
        raise BusyError(_CHANGED)


def _asked_anew(job: Job, context: RunContext) -> Stamp | None:
    """Return the file's stamp; with the lock, as only that asks a file server anew."""
    if job.dry_run:
        return _stamp(job.path)
    with _locked(job.path, context) as lock:
        return lock.stamp


def _read(job: Job, context: RunContext) -> MediaFile:
    """Probe the file, with its frames if the policies use facts of frames."""
    frames = any(policy.reads_frames for policy in job.policies)
    return context.prober.probe(job.path, frames)


def _stamp(path: str) -> Stamp | None:
    try:
        return Stamp.of(os.stat(path))
    except OSError:
        return None


def _without_work(plan: Plan, strategy: Strategy, stamp: Stamp | None) -> Outcome:
    status: Status = "planned" if plan.changes else "unchanged"
    return Outcome(
        plan.before.path,
        "failed" if plan.error else status,
        strategy=strategy,
        plan=plan,
        error=Failure.of(plan.error) if plan.error else None,
        warnings=plan.warnings,
        remaining=plan.warnings,
        stop=plan.error is not None and not plan.changes and plan.on_error == "fail",
        size_before=plan.before.size,
        size_after=None if plan.changes else plan.before.size,
        media=plan.before,
        stamp=stamp,
    )


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
                return _without_work(plan, "none", lock.stamp)
            separated = separation(job.path, job.options, other.strategy)
            writer, plan = other, _with_warnings(other, separated)
        log.info("%s", writer.strategy, extra={**job.about, "operation": writer.strategy})
        ready = _ready(job, writer, plan, lock, context)
        if any(how.loudness is not None for how in plan.audio_encodes.values()):
            require_changeable(ready.work)
            ready = _with_levels(job, ready)
        if ready.writer is None:
            return _without_work(ready.work.plan, "none", stamp)
        applied = apply_plan(ready.writer, ready.work)
    outcome = _changed(job, ready.writer.strategy, ready.work.plan, applied)
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


def _changed(job: Job, strategy: Strategy, plan: Plan, applied: Applied) -> Outcome:
    found = applied.media
    now = _stamp(found.path)
    certain = now is not None and (now.size, now.mtime_ns) == (found.size, found.mtime_ns)
    return Outcome(
        found.path,
        "failed" if plan.error else "changed",
        was=job.path if job.path != found.path else None,
        strategy=strategy,
        plan=plan,
        error=Failure.of(plan.error) if plan.error else None,
        warnings=(*plan.warnings, *applied.warnings),
        touched=True,
        separated=applied.separated,
        size_before=plan.before.size,
        size_after=found.size,
        media=found,
        stamp=now if certain else None,
        kept=applied.kept,
        encoded=applied.encoded,
        proof=applied.proof,
        encode=_encode_history(job, plan),
        bit_rates=applied.content.bit_rates if applied.content else {},
        videos=_encoded_videos(plan, applied),
    )


def _encoded_videos(plan: Plan, applied: Applied) -> tuple[EncodedVideo, ...]:
    if applied.content is None:
        return ()
    return encoded_videos(encoded_videos_of(plan, applied.media), applied.content)
