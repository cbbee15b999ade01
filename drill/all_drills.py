"""The drills by name, the longest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from drill import damaged, interrupted, killed, misbehaving
from drill.bench import Bench

Drill = Callable[[Bench], None]

ALL: Mapping[str, Drill] = MappingProxyType(
    {
        "killed at random": killed.at_random,
        "killed at every step": killed.at_every_step,
        "damaged: mutated": damaged.mutated,
        "damaged: parser": damaged.parser,
        "damaged: not media": damaged.not_media,
        "interrupted": interrupted.interrupted,
        "interrupted at random": interrupted.at_random,
        "tools misbehave": misbehaving.misbehaving,
        "tools missing": misbehaving.missing,
        "tools warn": misbehaving.warnings,
    }
)
