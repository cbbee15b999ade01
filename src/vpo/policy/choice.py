"""The policies that a command was given, read only when somebody has to know what they say.

A run over a library in which every file is known to comply needs no more than the policies'
fingerprint, and that is on record under what the files hold.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from vpo import __version__
from vpo.errors import UsageError

if TYPE_CHECKING:
    from vpo.policy.document import Policy


class PolicyChoice:
    """Policy files, applied in order as one plan, and the phases to run (``None``: all)."""

    def __init__(self, files: tuple[str, ...], phases: str | None = None) -> None:
        self.files = files
        self._phases = phases

    @cached_property
    def content(self) -> str | None:
        """What identifies the policies by their text; ``None`` if a file cannot be read."""
        digest = hashlib.sha256(repr((__version__, self._phases)).encode())
        try:
            for name in self.files:
                with open(name, "rb") as file:
                    digest.update(hashlib.sha256(file.read()).digest())
        except OSError:
            return None
        return digest.hexdigest()

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """The policies with only the chosen phases.

        Raises ``PolicyError``, or ``UsageError`` for a phase that none of them has.
        """
        from vpo.policy.loader import load

        return _selected(tuple(load(name) for name in self.files), self._phases)

    @cached_property
    def fingerprint(self) -> str:
        """As ``vpo.policy.document.fingerprint``."""
        from vpo.policy.document import fingerprint

        return fingerprint(self.policies)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What there is to say about the policies' texts without being an error."""
        return tuple(text for policy in self.policies for text in policy.warnings)


def _selected(policies: tuple[Policy, ...], phases: str | None) -> tuple[Policy, ...]:
    """The policies with only the named phases; a name must be a phase of at least one of them."""
    if phases is None:
        return policies
    names = tuple(name.strip() for name in phases.split(",") if name.strip())
    known = {phase.name for policy in policies for phase in policy.phases}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        wrong = f"no phase is called {unknown[0]!r}" if unknown else "--phases names no phase"
        raise UsageError(f"{wrong}; there are: {', '.join(sorted(known))}")
    chosen = []
    for policy in policies:
        own = tuple(n for n in names if n in {phase.name for phase in policy.phases})
        if own:
            chosen.append(policy.select(own))
    return tuple(chosen)
