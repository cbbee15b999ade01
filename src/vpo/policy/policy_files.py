"""The policy files given on a command line, read at once and parsed when first needed.

A run in which every file is known to comply needs only the policies' fingerprint, which the
database has under a hash of their text.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from typing import TYPE_CHECKING

from vpo import __version__
from vpo.errors import UsageError
from vpo.policy.policy_text import read_policy
from vpo.text import suggestion

if TYPE_CHECKING:
    from vpo.policy.document import Policy


_EXTENSIONS = (".yaml", ".yml")


def find_policy(text: str, folder: str) -> str:
    """Return the path of a policy that is given as a file, or by its name in this folder.

    Raises ``UsageError`` for a name that it does not have.
    """
    return text if is_file_name(text) or os.path.lexists(text) else policy_named(text, folder)


def is_file_name(text: str) -> bool:
    """Return whether a policy is given as a file, whether that exists or not."""
    return os.sep in text or text.endswith(_EXTENSIONS)


def policy_named(text: str, folder: str) -> str:
    """Return the path of the policy with this name; raise ``UsageError`` if there is none."""
    for ending in _EXTENSIONS:
        if os.path.lexists(path := os.path.join(folder, f"{text}{ending}")):
            return path
    raise UsageError(
        f"no policy is called {text}: there is no such file, and no {text}.yaml in {folder}"
        f"{suggestion(text, policy_names(folder))}"
    )


def policy_names(folder: str) -> list[str]:
    """Return the names of the policies in a folder, which may be missing."""
    try:
        files = sorted(name for name in os.listdir(folder) if name.endswith(_EXTENSIONS))
    except OSError:
        return []
    return [os.path.splitext(name)[0] for name in files]


class PolicyFiles:
    """Policy files, applied in order as one plan, and the phases to run (``None``: all).

    Each file is read once, so that what is applied is what is recorded, even if it changes during
    the run. Raises ``PolicyError`` for a file that cannot be read.
    """

    def __init__(self, files: tuple[str, ...], phases: str | None = None) -> None:
        self.files = files
        self._phases = phases
        self.texts = tuple(map(read_policy, files))

    @cached_property
    def content_hash(self) -> str:
        """A hash of the policies' text, the phases and the version of vpo."""
        texts = [[part.text for part in text.chain()] for text in self.texts]
        identity = repr((__version__, self._phases, texts))
        return hashlib.sha256(identity.encode()).hexdigest()

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """The parsed policies with only the chosen phases.

        Raises ``PolicyError``, or ``UsageError`` for a phase that none of them has.
        """
        from vpo.policy.loader import load_text

        return _selected(tuple(map(load_text, self.texts)), self._phases)

    @cached_property
    def fingerprint(self) -> str:
        """See ``vpo.policy.document.fingerprint``."""
        from vpo.policy.document import fingerprint

        return fingerprint(self.policies)

    @property
    def uses_metadata(self) -> bool:
        """Whether any of them depends on metadata from plugins."""
        return any(policy.uses_metadata for policy in self.policies)

    @property
    def uses_sidecars(self) -> bool:
        """Whether any of them depends on the subtitle files beside a film.

        Policies without the words for that need not be parsed to know.
        """
        texts = [part.text for text in self.texts for part in text.chain()]
        named = any(word in text for text in texts for word in ("extract", "sidecar"))
        return named and any(policy.uses_sidecars for policy in self.policies)

    @cached_property
    def encode_fingerprint(self) -> str:
        """See ``vpo.policy.document.encode_fingerprint``."""
        from vpo.policy.document import encode_fingerprint

        return encode_fingerprint(self.policies)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings about the policies, to be shown once a run."""
        return tuple(text for policy in self.policies for text in policy.warnings)


def _selected(policies: tuple[Policy, ...], phases: str | None) -> tuple[Policy, ...]:
    """Keep only the named phases; ``UsageError`` for a name that no policy has."""
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
