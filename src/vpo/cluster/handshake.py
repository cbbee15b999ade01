"""Whether a node can take part: what it says of itself, against what the coordinator is."""

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
"""Bytes at both ends of a file by which it is recognised."""


@dataclass(frozen=True)
class Sample:
    """A file by which a node proves that it sees the same file system: its size in bytes and a
    digest of both ends. ``locked``: the coordinator holds the lock on it."""

    path: str
    size: int
    digest: str
    locked: bool = False


def file_identity(path: str) -> tuple[int, str]:
    """Size in bytes, and the SHA-256 of the first and last 64 KiB. Raises ``OSError``."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(file.read(_END))
        file.seek(max(0, size - _END))
        digest.update(file.read(_END))
    return size, digest.hexdigest()


def versions() -> dict[str, object]:
    """What has to be the same on all machines for the same job to have the same result."""
    return {
        "vpo": __version__,
        "policy format": CURRENT_VERSION,
        "policy semantics": SEMANTICS_VERSION,
    }


def incompatibility(
    facts: Mapping[str, Any], samples: Sequence[Sample], tools: Mapping[str, str]
) -> str | None:
    """Why a node that says this of itself is left out, and what to do; ``None`` if it fits.

    ``tools`` are the coordinator's, by name, with their versions.
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
            what = seen["problem"] or "it is another file there"
            return (
                f"it does not see the library ({seen['path']}: {what}); mount the library there, "
                "and set [cluster] path_map if it is in another place"
            )
    missing = sorted(set(tools) - set(facts["tools"]))
    if missing:
        return f"it has no {', '.join(missing)}; install there what is installed here"
    return None


def compatibility_warnings(
    facts: Mapping[str, Any], samples: Sequence[Sample], tools: Mapping[str, str]
) -> Iterator[str]:
    """What there is to tell of a node that fits."""
    for name, version in facts["tools"].items():
        if name in tools and tools[name] != version:
            yield f"its {name} is another one ({version}; here: {tools[name]})"
    for sample, seen in zip(samples, facts["samples"], strict=True):
        if sample.locked and not seen["locked"]:
            yield (
                f"locks are not seen there in {os.path.dirname(seen['path'])}: only the scheduler, "
                "and the check for changed sources, keep two programs from working on one file"
            )
