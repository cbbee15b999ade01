"""The drills by name, the longest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from drill import changing, damaged, full, interrupted, killed, misbehaving, together
from drill.bench import Bench

Drill = Callable[[Bench], None]

ALL: Mapping[str, Drill] = MappingProxyType(
    {
        "killed at random": killed.at_random,
        "killed at every step": killed.at_every_step,
        "damaged: mutated": damaged.mutated,
        "interrupted at random": interrupted.at_random,
        "tools misbehave": misbehaving.misbehaving,
        "interrupted": interrupted.interrupted,
        "two at once": together.two,
        "two at once: a user": together.user,
        "two at once: what is alive": together.living,
        "source changes": changing.changing,
        "source changes: mount gone": changing.mount_gone,
        "disk full": full.full,
        "disk full: keep_free": full.keep_free,
        "disk full: database": full.database,
        "damaged: parser": damaged.parser,
        "damaged: not media": damaged.not_media,
        "tools missing": misbehaving.missing,
        "tools warn": misbehaving.warnings,
    }
)
