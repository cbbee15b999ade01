"""The policies that a command was given, parsed only when somebody has to know what they say.

A run over a library in which every file is known to comply needs no more than the policies'
fingerprint, and that is on record under what the files hold.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from vpo import __version__
from vpo.errors import UsageError
from vpo.policy.yaml_source import read
from vpo.text import suggestion

if TYPE_CHECKING:
    from vpo.policy.document import Policy


class PolicyChoice:
    """Policy files, applied in order as one plan, and the phases to run (``None``: all).

    The files are read here, once: whatever becomes of them later, what is carried out is what
    goes on record. Raises ``PolicyError`` for one that cannot be read.
    """

    def __init__(self, files: tuple[str, ...], phases: str | None = None) -> None:
        self.files = files
        self._phases = phases
        self._texts = tuple(read(name) for name in files)

    @cached_property
    def content(self) -> str:
        """What identifies the policies by their text."""
        identity = repr((__version__, self._phases, self._texts))
        return hashlib.sha256(identity.encode()).hexdigest()

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """The policies with only the chosen phases.

        Raises ``PolicyError``, or ``UsageError`` for a phase that none of them has.
        """
        from vpo.policy.loader import loads

        loaded = (loads(text, name) for text, name in zip(self._texts, self.files, strict=True))
        return _selected(tuple(loaded), self._phases)

    @cached_property
    def fingerprint(self) -> str:
        """As ``vpo.policy.document.fingerprint``."""
        from vpo.policy.document import fingerprint

        return fingerprint(self.policies)

    @property
    def use_metadata(self) -> bool:
        """Whether what metadata sources say matters to any of them."""
        return any(policy.uses_metadata for policy in self.policies)

    @cached_property
    def encoding(self) -> str:
        """As ``vpo.policy.document.encoding``."""
        from vpo.policy.document import encoding

        return encoding(self.policies)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What there is to say about the policies' texts without being an error."""
        return tuple(text for policy in self.policies for text in policy.warnings)


def _selected(policies: tuple[Policy, ...], phases: str | None) -> tuple[Policy, ...]:
    """The policies with only the named phases; a name must be a phase of at least one of them."""
    if phases is None:
        return policies
    names = tuple(name.strip() for name in phases.split(","))
    known = list(dict.fromkeys(phase.name for policy in policies for phase in policy.phases))
    if "" in names:
        raise UsageError(
            f"--phases {phases!r} has an empty name; the phases are: {', '.join(known)}"
        )
    for name in names:
        if name not in known:
            raise UsageError(f"no phase is called {name!r}{suggestion(name, known)}")
    chosen = (policy.select(names) for policy in policies)
    return tuple(policy for policy in chosen if policy.phases)
