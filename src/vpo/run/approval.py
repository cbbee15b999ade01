"""The approval of a plan: its hash, and the check that nothing else is carried out."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from vpo.errors import ApprovalError
from vpo.execute.lock import Stamp
from vpo.plan.model import Plan, changes_to_json

NO_CHANGES = "nothing"
"""In place of a hash: no change is approved, only that the outcome is recorded."""


class Approval(NamedTuple):
    """The hash of the approved plan, and the fingerprint of the policies that it was made with."""

    hash: str
    fingerprint: str


def plan_hash(plan: Plan, stamp: Stamp, fingerprint: str) -> str:
    """Return the hash of what a plan changes, in which state of the file, by which policies."""
    facts = {
        "changes": changes_to_json(plan.changes),
        "file": [plan.before.path, stamp.size, stamp.mtime_ns, stamp.inode],
        "policies": fingerprint,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("ascii")).hexdigest()


def require_approved(approval: Approval | None, plan: Plan, stamp: Stamp) -> None:
    """Raise ``ApprovalError`` if a person has to approve plans, and has not approved this one."""
    if approval is None or plan_hash(plan, stamp, approval.fingerprint) == approval.hash:
        return
    raise ApprovalError(
        "its plan is another than the one that was approved; it waits for a review of the new one"
    )
