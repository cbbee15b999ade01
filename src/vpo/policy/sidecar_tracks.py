"""Subtitle files and tracks of one content, and tracks without what only the hard of hearing need.

Whether a file beside the film is a track of it is decided by what both say and when, never by
names: whoever added it may have given it other ones.
"""

from __future__ import annotations

import re
from dataclasses import replace

from vpo.media.codecs import canonical
from vpo.media.containers import Container, text_codec
from vpo.media.languages import UNDETERMINED, alpha3
from vpo.media.model import TEXT_SUBTITLES, Track
from vpo.media.subtitle_source import Sidecar, SubtitleSource
from vpo.policy.codec_conversion import is_unreadable
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import PolicyConfig
from vpo.policy.title_words import title_kind
from vpo.policy.track_classes import Kind, kind_of

_TITLE_PART = re.compile(r"[(\[][^()\[\]]*[)\]]|[^\s()\[\]]+")
_TITLE_ENDS = " -\N{EN DASH}/,;:|+&"


def is_in_container(sidecar: Sidecar, state: DesiredState, plain: bool) -> bool:
    """Return whether a track says what a sidecar does, or will be made from such a one.

    ``plain``: the track may lack what only the hard of hearing need.
    """
    beside = {one.name: one.content for one in state.external.sidecars or ()}
    for source in state.sources.values():
        if source.sidecar is None:
            continue
        if source.sidecar == sidecar.name:
            return True
        if sidecar.content and beside.get(source.sidecar) == sidecar.content:
            return True
    there = {track.index for track in state.media.of("subtitle")}
    same = sidecar.same_as | (sidecar.plain_same_as if plain else frozenset())
    return not same.isdisjoint(there)


def same_text(sidecar: Sidecar, index: int, source: SubtitleSource | None) -> bool:
    """Return whether a sidecar says what a track will, which is made from this source."""
    if source is None:
        return index in sidecar.same_as
    return source.captions is None and source.plain and index in sidecar.plain_same_as


def track_of(sidecar: Sidecar, index: int, kind: Container) -> Track:
    """Return the track that a sidecar becomes in a container."""
    parsed = sidecar.parsed
    codec = parsed.codec or ""
    tag = parsed.language or UNDETERMINED
    short = kind.three_letter_languages or "-" not in tag
    return Track(
        index,
        "subtitle",
        text_codec(kind, codec) if codec in TEXT_SUBTITLES else codec,
        language=alpha3(tag, "B" if kind.matroska else "T") if short else tag,
        title=parsed.title,
        dispositions=parsed.flags,
    )


def marked_flags(track: Track, kind: Kind | None) -> frozenset[str]:
    """Return the flags that the name of a track's file states: its own, and those of its kind."""
    by_kind: dict[Kind | None, str] = {
        "forced": "forced",
        "sdh": "hearing_impaired",
        "commentary": "comment",
    }
    return track.dispositions | ({by_kind[kind]} if kind in by_kind else set())


def needs_matroska(codec: str) -> bool:
    """Return whether only mkvextract writes a codec into a file, which reads only Matroska."""
    return codec == "dvd_subtitle"


def without_sdh(state: DesiredState, track: Track, config: PolicyConfig) -> DesiredState:
    """Make plain subtitles of a text track for the hard of hearing; others stay."""
    if _kind(track, config) != "sdh" or canonical(track.codec) not in TEXT_SUBTITLES:
        return state
    if is_unreadable(track) or track.encrypted:
        return state.warn(f"{track} cannot be read, and stays for the hard of hearing")
    why = "plain subtitles of those for the hard of hearing"
    source = state.sources.get(track.index, SubtitleSource())
    made = state.set_source(track.index, replace(source, plain=True), why)
    made = made.set_flag(track.index, "hearing_impaired", False, why)
    if _kind(made.track(track.index), config) == "sdh":
        title = _plain_title(track.title or "", config)
        made = made.set_title(track.index, title, why)
    if _kind(made.track(track.index), config) == "sdh":
        return state.warn(f"{track} stays for the hard of hearing: nothing else can mark it")
    return made


def _kind(track: Track, config: PolicyConfig) -> Kind | None:
    found = kind_of(track, config)
    return found.name if found else None


def _plain_title(title: str, config: PolicyConfig) -> str | None:
    """Return a title without the words that say that it is for the hard of hearing."""
    parts = (part for part in _TITLE_PART.findall(title) if not _says_sdh(part, config))
    plain = " ".join(parts).strip(_TITLE_ENDS)
    return None if not plain or _says_sdh(plain, config) else plain


def _says_sdh(text: str, config: PolicyConfig) -> bool:
    return title_kind(text, ("sdh",), config.title_patterns.by_kind) is not None
