"""The subtitle files beside a film when a plan is carried out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vpo.media.sidecar_names import sidecar_names
from vpo.media.subtitle_source import Extract, Sidecar
from vpo.plan.model import Plan


def sidecars_after(plan: Plan, sidecars: tuple[Sidecar, ...] | None) -> tuple[Sidecar, ...] | None:
    """Return the sidecars of the result of a plan; ``None`` if nobody has looked.

    Tracks have their numbers in the written file.
    """
    if sidecars is None:
        return None
    numbers = {track.index: number for number, track in enumerate(plan.after.tracks)}
    contents = {sidecar.name: sidecar.content for sidecar in sidecars}
    before = (_after(plan, sidecar, numbers, contents) for sidecar in sidecars)
    written = (one for found in plan.extracts for one in _written(plan, found, numbers))
    return (*before, *written)


def named_after(extracts: Sequence[Extract], film: str, new: str) -> tuple[Extract, ...]:
    """Return the files to be written with their names beside a film that gets another name."""
    old, base = (os.path.splitext(os.path.basename(path))[0] for path in (film, new))
    return tuple(
        replace(found, name=base + found.name.removeprefix(old)) if base != old else found
        for found in extracts
    )


def _after(
    plan: Plan, sidecar: Sidecar, numbers: Mapping[int, int], contents: Mapping[str, str]
) -> Sidecar:
    """Return what an existing sidecar has in common with the tracks of the result."""
    same, plain = set(sidecar.same_as), set(sidecar.plain_same_as)
    for index, source in plan.sources:
        if source.plain:
            same.discard(index)
        alike = sidecar.content and contents.get(source.sidecar or "") == sidecar.content
        if source.sidecar == sidecar.name or alike:
            plain.add(index)
            same |= set() if source.plain else {index}
    return replace(
        sidecar, same_as=_numbered(same, numbers), plain_same_as=_numbered(plain, numbers)
    )


def _written(plan: Plan, found: Extract, numbers: Mapping[int, int]) -> Iterable[Sidecar]:
    """Yield a sidecar that the plan writes."""
    same = _numbered({found.track}, numbers)
    final = dict(plan.sources).get(found.track)
    exact = same if final == found.source else frozenset[int]()
    for parsed in sidecar_names(plan.after.path, [found.name]):
        yield Sidecar(parsed, same_as=exact, plain_same_as=same)


def _numbered(indexes: Iterable[int], numbers: Mapping[int, int]) -> frozenset[int]:
    return frozenset(numbers[index] for index in indexes if index in numbers)
