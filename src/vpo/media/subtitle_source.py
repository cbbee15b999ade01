"""What a subtitle track is made from if it is not copied, and the files that tracks become."""

from __future__ import annotations

from dataclasses import dataclass

from vpo.media.sidecar_names import SidecarName


@dataclass(frozen=True, slots=True)
class SubtitleSource:
    """Where the content of a subtitle track comes from, if not simply from a track of the film.

    ``sidecar`` is the name of the file that it is read from, in ``codec``; ``captions`` the stream
    index of the video whose captions it holds. Without either it is the track itself. ``plain``:
    without what only the hard of hearing need.
    """

    sidecar: str | None = None
    codec: str | None = None
    captions: int | None = None
    plain: bool = False


AS_IT_IS = SubtitleSource()
"""The source of a track that vpo reads itself, and does not change."""


@dataclass(frozen=True, slots=True)
class Extract:
    """A file to be written beside the film: a subtitle track, by stream index, in a codec.

    ``source`` is what the track is made from, ``None`` for a track of the film as it is.
    """

    name: str
    track: int
    codec: str
    source: SubtitleSource | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A subtitle file beside a film: what its name says, and what is in it.

    ``size`` is in bytes, ``mtime_ns`` in nanoseconds since 1970; ``charset`` is what text is read
    as. ``problem`` is why it cannot be added. ``content`` is a hash of what it says and when,
    and ``same_as`` are the subtitle tracks of the film that say the same, by stream index;
    ``plain_same_as`` those that do so without what only the hard of hearing need.
    """

    parsed: SidecarName
    size: int = 0
    mtime_ns: int = 0
    charset: str | None = None
    problem: str | None = None
    content: str = ""
    same_as: frozenset[int] = frozenset()
    plain_same_as: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        return self.parsed.name
