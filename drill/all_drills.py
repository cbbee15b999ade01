"""The drills by name, the longest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from drill import (
    changing,
    damaged,
    database,
    every_call,
    file_systems,
    full,
    header_edits,
    hostile,
    hosts,
    interrupted,
    killed,
    large,
    misbehaving,
    not_whole,
    odd,
    power_loss,
    present,
    proofs,
    read_errors,
    renamed,
    settings,
    together,
)
from drill.bench import Bench

Drill = Callable[[Bench], None]

ALL: Mapping[str, Drill] = MappingProxyType(
    {
        "killed at random": killed.at_random,
        "killed at every step": killed.at_every_step,
        "killed while copying": killed.while_copying,
        "every system call": every_call.every_call,
        "power loss": power_loss.power_loss,
        "header edits: killed": header_edits.killed,
        "header edits: mutated": header_edits.mutated,
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
        "database: locked": database.locked,
        "database: unusable": database.unusable,
        "database: read-only": database.read_only,
        "database: gone": database.gone,
        "odd files: names": odd.names,
        "odd files: too long": odd.too_long,
        "odd files: links": odd.links,
        "odd files: hard links": odd.hard_links,
        "odd files: no files": odd.not_files,
        "odd files: rights": odd.rights,
        "odd files: attributes": odd.attributes,
        "hostile folder": hostile.hostile,
        "renamed": renamed.renamed,
        "policies": settings.policies,
        "configurations": settings.configurations,
        "never absent: replacements": present.replacements,
        "never absent: runs": present.runs,
        "20 GB": large.header_edit,
        "clones": large.clones,
        "damaged: parser": damaged.parser,
        "proof": proofs.proofs,
        "not whole: damaged": not_whole.damaged,
        "not whole: unusual": not_whole.whole,
        "damaged: not media": damaged.not_media,
        "read errors: tools": read_errors.tools,
        "read errors: vpo": read_errors.own,
        "cluster: two hosts": hosts.hosts,
        "file systems": file_systems.local,
        "network file systems": file_systems.network,
        "tools missing": misbehaving.missing,
        "tools warn": misbehaving.warnings,
    }
)
