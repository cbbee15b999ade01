"""Facts of a container that no probing library reports and vpo's own parsers read."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field

from vpo.media.containers import container
from vpo.probe import matroska, matroska_tags, mp4, mpegts
from vpo.probe.ebml import StructureError

_DOCTYPES = {"webm": "webm"}


@dataclass(frozen=True)
class ContainerFacts:
    """What vpo's own parsers found in a container.

    ``entries`` are the tracks of Matroska in order, ``mp4_tracks`` those of MP4 by track id, which
    is PyAV's stream id. ``title_known`` says that ``title`` is right, even if it is ``None``.
    ``fragile`` are features that ffmpeg silently drops or flattens on remux, as display text, and
    ``outside`` is what lies outside of what it reads. ``chapter_pictures`` are tracks of MP4,
    ``stream_kinds`` names of data in a transport stream, by PID.
    """

    container: str
    entries: tuple[matroska.TrackEntry, ...] = ()
    mp4_tracks: dict[int, mp4.Mp4Track] = field(default_factory=dict)
    title_known: bool = False
    title: str | None = None
    fragile: tuple[str, ...] = ()
    chapter_pictures: frozenset[int] = frozenset()
    outside: tuple[str, ...] = ()
    stream_kinds: dict[int, str] = field(default_factory=dict)


def read_container_facts(fd: int, name: str) -> ContainerFacts:
    """Return the facts of an open file in the container of that name, Matroska excepted."""
    if container(name).mp4_family:
        pictures = mp4.chapter_pictures(fd)
        return ContainerFacts(
            name,
            mp4_tracks={track.id: track for track in mp4.read_tracks(fd)},
            chapter_pictures=pictures,
            fragile=("the pictures of its chapters",) if pictures else (),
            outside=tuple(mp4.outside(fd)),
        )
    if container(name).transport_stream:
        programs = mpegts.programs(fd)
        return ContainerFacts(
            "m2ts" if mpegts.packet_size(fd) > mpegts.PLAIN else "ts",
            fragile=(f"{programs} programs",) if programs > 1 else (),
            stream_kinds=mpegts.stream_kinds(fd),
        )
    return ContainerFacts(name)


def read_matroska_facts(fd: int) -> ContainerFacts | None:
    """Return the facts of an open Matroska file; ``None`` if it cannot be parsed as one.

    Raises ``OSError`` if it cannot be read: nothing is planned without what might be lost.
    """
    try:
        structure = matroska.read_structure(fd)
    except StructureError:
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None  # an element that claims to lie before the file
        raise
    tags = matroska_tags.read_tags(fd, structure)
    entries = matroska.track_entries(fd, structure)
    return ContainerFacts(
        _DOCTYPES.get(structure.doctype, "mkv"),
        entries,
        title_known=tags is not None,
        title=tags.title if tags else None,
        fragile=(*(tags.fragile if tags else ()), *_fragile_tracks(entries)),
        outside=(f"the {structure.stray:,} bytes behind its end",) if structure.stray else (),
    )


def _fragile_tracks(entries: tuple[matroska.TrackEntry, ...]) -> Iterator[str]:
    if any(not entry.enabled for entry in entries):
        yield "tracks that are disabled"
    if any(not entry.type for entry in entries):
        yield "tracks of a type that ffmpeg does not know"
