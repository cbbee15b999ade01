"""The handshake, which checks that a node is compatible with the coordinator."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vpo import __version__
from vpo.policy.document import SEMANTICS_VERSION
from vpo.policy.migration import CURRENT_VERSION

_END = 64 << 10
"""Bytes at each end of a file that identify it."""


@dataclass(frozen=True)
class Sample:
    """A file that shows whether a node sees the same file system.

    It has its size in bytes and a digest of both ends. ``locked``: the coordinator holds the lock
    on it.
    """

    path: str
    size: int
    digest: str
    locked: bool = False


def file_identity(path: str) -> tuple[int, str]:
    """Return size in bytes and SHA-256 of the first and last 64 KiB. Raises ``OSError``."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(file.read(_END))
        file.seek(max(0, size - _END))
        digest.update(file.read(_END))
    return size, digest.hexdigest()


def versions() -> dict[str, object]:
    """Return the versions that must be the same on all machines."""
    return {
        "vpo": __version__,
        "policy format": CURRENT_VERSION,
        "policy semantics": SEMANTICS_VERSION,
    }


def incompatibility(
    facts: Mapping[str, Any], samples: Sequence[Sample], tools: Mapping[str, str]
) -> str | None:
    """Return why a node with these facts cannot take part, ``None`` if it can.

    ``tools`` are the coordinator's tools, by name, with their versions.
    """
    for name, ours in versions().items():
        theirs = facts["versions"].get(name)
        if theirs != ours:
            return (
                f"its {name} is {theirs}, here it is {ours}; install the same vpo on all machines"
            )
    if "problem" in facts:
        return f"{facts['problem']}; correct the configuration of vpo there"
    for sample, seen in zip(samples, facts["samples"], strict=True):
        if seen["identity"] != (sample.size, sample.digest):
            what = seen["problem"] or "another file is there"
            return (
                f"it does not see the library ({seen['path']}: {what}); mount the library there, "
                "and set [cluster] path_map if its path is another"
            )
    missing = sorted(set(tools) - set(facts["tools"]))
    if missing:
        return f"it has no {', '.join(missing)}; install the same tools there"
    return None


def compatibility_warnings(
    facts: Mapping[str, Any], samples: Sequence[Sample], tools: Mapping[str, str]
) -> Iterator[str]:
    """Yield warnings about a compatible node."""
    for name, version in facts["tools"].items():
        if name in tools and tools[name] != version:
            yield f"its {name} is another version ({version}; here: {tools[name]})"
    for sample, seen in zip(samples, facts["samples"], strict=True):
        if sample.locked and not seen["locked"]:
            yield (
                f"it does not see locks in {os.path.dirname(seen['path'])}: only the scheduler "
                "and the check for changed sources keep two programs from changing the same file"
            )
