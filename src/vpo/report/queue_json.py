"""The queue and the plans in review as JSON; ``docs/json.md`` describes it."""

from __future__ import annotations

from typing import Any

from vpo.db.queue import QueueItem
from vpo.db.reviews import Review


def item_json(item: QueueItem) -> dict[str, Any]:
    """Return an item of the queue as documented for JSON."""
    return {
        **item._asdict(),
        "added_at": item.added_at.isoformat(),
        "approved": item.approved is not None,
    }


def review_json(item: Review) -> dict[str, Any]:
    """Return a plan in review as documented for JSON."""
    plan = item.plan
    return {
        "path": plan.path,
        "library": plan.library,
        "hash": plan.hash,
        "strategy": plan.strategy,
        "changes": plan.changes,
        "kinds": plan.kinds,
        "warnings": plan.warnings,
        "planned_at": item.planned_at.isoformat(),
    }
