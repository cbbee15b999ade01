"""What the subtitle files beside a film hold, and which tracks of it say the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vpo.errors import ProbeError
from vpo.media.model import MediaFile
from vpo.media.sidecar_names import SidecarName
from vpo.media.subtitle_source import Sidecar
from vpo.probe.cues import Cue, SidecarContent, alike, plain_cues
from vpo.probe.sidecars import sidecars_of

ReadSidecar = Callable[[str, str, "str | None"], SidecarContent]
ReadCues = Callable[[str, list[int]], Mapping[int, Sequence[Cue]]]
_UNREAD = "vpo does not read such files"


def sidecar_facts(
    media: MediaFile, read_sidecar: ReadSidecar, read_cues: ReadCues
) -> tuple[Sidecar, ...]:
    """Return the sidecars of a film, each with the tracks of it that say the same.

    The functions are those of ``vpo.probe.cues`` or of a prober. The film is read only if there is
    a sidecar to compare its subtitles with.
    """
    folder = os.path.dirname(media.path)
    found = [
        _read(os.path.join(folder, parsed.name), parsed, read_sidecar)
        for parsed in sidecars_of(media.path)
    ]
    if all(cues is None for _, cues in found):
        return tuple(sidecar for sidecar, _ in found)
    indexes = [track.index for track in media.of("subtitle")]
    tracks = read_cues(media.path, indexes) if indexes else {}
    return tuple(
        sidecar if cues is None else _compared(sidecar, cues, tracks) for sidecar, cues in found
    )


def named_sidecars(film: str) -> tuple[Sidecar, ...]:
    """Return the sidecars of a film by their names alone, as if no track said the same."""
    return tuple(
        Sidecar(
            parsed,
            problem=None if parsed.codec else _UNREAD,
            content=parsed.name,
        )
        for parsed in sidecars_of(film)
    )


def _read(
    path: str, parsed: SidecarName, read_sidecar: ReadSidecar
) -> tuple[Sidecar, list[Cue] | None]:
    """Return a sidecar, and what it says; ``None`` if it cannot be read."""
    if parsed.codec is None:
        return Sidecar(parsed, problem=_UNREAD), None
    try:
        content = read_sidecar(path, parsed.codec, parsed.language)
    except ProbeError as error:
        return Sidecar(parsed, problem=error.problem), None
    problem = None if content.cues else "there are no subtitles in it"
    digest = hashlib.sha256(repr(content.cues).encode("utf-8", "replace")).hexdigest()
    sidecar = Sidecar(parsed, content.size, content.mtime_ns, content.charset, problem, digest)
    return sidecar, content.cues


def _compared(
    sidecar: Sidecar, cues: Sequence[Cue], tracks: Mapping[int, Sequence[Cue]]
) -> Sidecar:
    same = (index for index, theirs in tracks.items() if alike(cues, theirs))
    plain = plain_cues(cues)
    plain_same = (i for i, theirs in tracks.items() if alike(plain, plain_cues(theirs)))
    return replace(sidecar, same_as=frozenset(same), plain_same_as=frozenset(plain_same))
