"""Prints the events of a run as JSON: one document at the end, or one object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from vpo.report import JSON_SCHEMA_VERSION
from vpo.run.observer import Silent

if TYPE_CHECKING:
    from vpo.discover import Discovery
    from vpo.execute.outcome import Outcome
    from vpo.plan.model import Plan
    from vpo.run.progress import ProgressSource
    from vpo.run.request import Request
    from vpo.run.summary import Summary


class JsonReport(Silent):
    """Prints one JSON document at the end of each run; it has results only."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._files: list[dict[str, Any]] = []
        self._head: dict[str, Any] = {}

    def begin(
        self,
        run_id: str,
        request: Request,
        workers: int,
        found: Discovery,  # noqa: ARG002
    ) -> None:
        self._head = head_json(run_id, request, workers)
        self._files = []

    def finished(self, outcome: Outcome) -> None:
        self._files.append(file_json(outcome))

    def end(self, summary: Summary) -> None:
        document = {**self._head, "summary": summary.facts(), "files": self._files}
        json.dump(document, self._out, indent=2)
        self._out.write("\n")
        self._out.flush()


class JsonLinesReport(Silent):
    """Prints one JSON object a line for each event; its readers need no ``tick``."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begin(self, run_id: str, request: Request, workers: int, found: Discovery) -> None:
        self._event("begin", {**head_json(run_id, request, workers), "total": found.total})

    def note(self, text: str) -> None:
        self._event("note", {"text": text})

    def started(self, path: str) -> None:
        self._event("started", {"path": path})

    def finished(self, outcome: Outcome) -> None:
        self._event("file", file_json(outcome))

    def progress(self, get_progress: ProgressSource) -> None:
        state = get_progress()
        facts: dict[str, Any] = {"done": state.done, "total": state.total, "active": state.active}
        running = [
            {"path": item.path, "part": item.part, "eta_seconds": _rounded(item.left)}
            for item in state.running
        ]
        facts["part"] = state.part
        facts["eta_seconds"] = None if state.waiting else _rounded(state.left)
        self._event("progress", {**facts, "running": running, "waiting": state.waiting})

    def end(self, summary: Summary) -> None:
        self._event("end", {"summary": summary.facts()})

    def _event(self, name: str, data: dict[str, Any]) -> None:
        self._out.write(json.dumps({"event": name, **data}) + "\n")
        self._out.flush()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def head_json(run_id: str, request: Request, workers: int) -> dict[str, Any]:
    """Return the keys that describe a run."""
    return {
        "schema_version": JSON_SCHEMA_VERSION,
        "run_id": run_id,
        "library": request.library,
        "policies": list(request.policies.files),
        "dry_run": request.dry_run,
        "workers": workers,
    }


def _changes(plan: Plan) -> list[dict[str, Any]]:
    from vpo.plan.model import changes_to_json  # imported late: with a plan, it is loaded

    return changes_to_json(plan.changes)


def file_json(outcome: Outcome) -> dict[str, Any]:
    """Return the result of one file, as docs/json.md describes it."""
    plan = outcome.plan
    return {
        "path": outcome.was or outcome.path,
        "new_path": outcome.path if outcome.was else None,
        "status": outcome.status,
        "strategy": outcome.strategy,
        "changes": _changes(plan) if plan else [],
        "phases": [
            {"policy": r.policy, "name": r.name, "outcome": r.outcome, "detail": r.detail}
            for r in (plan.phases if plan else ())
        ],
        "warnings": list(outcome.warnings),
        "error": {"type": outcome.error.type, "message": outcome.error.message}
        if outcome.error
        else None,
        "seconds": outcome.seconds,
        "size_before": outcome.size_before,
        "size_after": outcome.size_after,
        "encoded": [item._asdict() for item in outcome.encoded],
        "proof": outcome.proof.to_json() if outcome.proof else None,
    }
