"""``rules``: conditional decisions on a file."""

from __future__ import annotations

from vpo.policy.pending import Pending


class Rules(Pending):
    """Conditional decisions on a file."""

    key = "rules"
    step = 20
