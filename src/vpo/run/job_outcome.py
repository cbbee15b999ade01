"""What a worker returns for a job: what became of the file, and what is to be recorded of it."""

from __future__ import annotations

import os

from vpo.db.records import EncodedVideo, History, Status
from vpo.execute.full_proof import encoded_videos_of
from vpo.execute.lock import Stamp
from vpo.execute.outcome import Failure, Outcome
from vpo.execute.work import Applied
from vpo.media.sidecar_names import second_name
from vpo.plan.model import Plan, Strategy
from vpo.probe.content_key import content_key
from vpo.run.job import Job
from vpo.run.recognition import encoded_videos
from vpo.run.sidecar_state import state_after


def with_content_key(outcome: Outcome) -> Outcome:
    """Return the outcome with the content key, if something is to be recorded by it."""
    if outcome.stamp is None or not (outcome.touched or outcome.encode or outcome.bit_rates):
        return outcome
    try:
        key = content_key(outcome.path)
    except OSError:
        return outcome
    return outcome._replace(content=key) if stamp_of(outcome.path) == outcome.stamp else outcome


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


def with_sidecar_state(job: Job, outcome: Outcome) -> Outcome:
    """Return the outcome with the state of the sidecars, if the policies depend on them."""
    if job.beside is None:
        return outcome
    extracts = outcome.plan.extracts if outcome.plan and outcome.touched else ()
    names = {one.name for one in extracts}
    names |= {second for name in names if (second := second_name(name))}
    return outcome._replace(beside=state_after(outcome.path, job.beside, names))


def encode_history(job: Job, plan: Plan | None = None) -> tuple[str, History] | None:
    """Return the encode history to record for the file."""
    if plan is not None and plan.video_encodes:
        return job.encoding, "encoded"
    if job.known.futile:
        return job.encoding, "futile"
    return (job.encoding, "encoded") if job.known.encoded else None


def stamp_of(path: str) -> Stamp | None:
    """Return the stamp of the file at a path, ``None`` if it cannot be asked for."""
    try:
        return Stamp.of(os.stat(path))
    except OSError:
        return None


def without_work(plan: Plan, strategy: Strategy, stamp: Stamp | None) -> Outcome:
    """Return the outcome of a plan that is not carried out: nothing to do, or a dry run."""
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


def changed_outcome(job: Job, strategy: Strategy, plan: Plan, applied: Applied) -> Outcome:
    """Return the outcome of a plan that was carried out."""
    found = applied.media
    now = stamp_of(found.path)
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
        encode=encode_history(job, plan),
        bit_rates=applied.content.bit_rates if applied.content else {},
        videos=_encoded_videos(plan, applied),
    )


def _encoded_videos(plan: Plan, applied: Applied) -> tuple[EncodedVideo, ...]:
    if applied.content is None:
        return ()
    return encoded_videos(encoded_videos_of(plan, applied.media), applied.content)
