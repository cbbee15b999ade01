"""Verification of a result against its plan: every stream must be there as planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import ParamSpec, TypeVar

from vpo.errors import ProbeError, VerifyError
from vpo.media.containers import TIMECODE, container, holds_tag, user_tags
from vpo.media.languages import same
from vpo.media.model import SIDE_DATA, Attachment, MediaFile, Track
from vpo.media.tag_values import name_key, same_value
from vpo.plan.model import Plan
from vpo.policy import dynamic_range, frame_format
from vpo.probe.integrity import is_complete, misplaced_element
from vpo.probe.service import PendingEndTimes, Prober

_END_TOLERANCE = 1.0
"""Seconds by which a track may end earlier than its source, as containers round times."""
_CHAPTER_TOLERANCE = 0.1
_FACTS_FROM_PACKETS = (
    "profile", "layout", "sample_rate", "pixel_format", "color", "frame_rate", "field_order",
    "bit_rate", "duration", "hdr",
)  # fmt: skip
"""Facts that ffmpeg reads from the packets of a track where the headers lack them."""


_Arguments = ParamSpec("_Arguments")
_Probed = TypeVar("_Probed")


def source_end_times(plan: Plan, prober: Prober) -> PendingEndTimes:
    """Start reading when the kept tracks end in the source, in the background."""
    kept = frozenset(index for index, _ in _timed(plan))
    return prober.end_times(plan.before.path, plan.before.duration, kept)


def verify(
    plan: Plan,
    output: str,
    prober: Prober,
    before: PendingEndTimes | None,
    encoded: Collection[int] = (),
) -> MediaFile:
    """Return the probed result; raise ``VerifyError`` if it is not as planned.

    ``before`` are the ``source_end_times``; ``None`` if they are not to be compared.
    ``encoded`` are, by index in the source, the encoded video tracks, whose frames are probed too.
    """
    if _copies_all_packets(plan) and not encoded:
        found, after = _probed(_headers, prober, output, before is not None)
        fields = list(_field_differences(plan, found))
        found = _with_source_facts(found, plan, replace_known=False)
    else:
        fields = []
        found = _with_copied_bit_rates(_probed(prober.probe, output, bool(encoded)), plan)
        after = {}
        if before is not None:
            after = prober.end_times(output, found.duration, found.audio_video_indexes).result()
    problems = list(_differences(plan, output, found)) or fields
    problems = problems or list(_range_differences(plan, found, encoded))
    if before is not None:
        problems = problems or list(_early_end_times(plan, found, before.result(), after))
    return _verified(found, problems)


def _headers(prober: Prober, path: str, ends: bool) -> tuple[MediaFile, dict[int, float]]:
    return prober.headers_and_end_times(path) if ends else (prober.headers(path), {})


def verify_headers(plan: Plan, output: str, prober: Prober) -> MediaFile:
    """Verify and return a result whose packets were not rewritten."""
    found = _with_source_facts(_probed(prober.headers, output), plan, replace_known=True)
    return _verified(found, list(_differences(plan, output, found)))


def _copies_all_packets(plan: Plan) -> bool:
    """Return whether the plan copies all packets from Matroska to Matroska."""
    matroska_only = all(container(m.container).matroska for m in (plan.before, plan.after))
    return matroska_only and not plan.encodes


def _with_source_facts(found: MediaFile, plan: Plan, replace_known: bool) -> MediaFile:
    """Return the result with the source's facts where reading them would decode packets.

    ``replace_known`` also replaces what the headers state, some of which the muxer guesses.
    """
    known = {track.index: track for track in plan.before.tracks}
    if len(plan.after.tracks) != len(found.tracks):
        return found
    tracks = []
    for want, have in zip(plan.after.tracks, found.tracks, strict=True):
        old = known.get(plan.origin(want.index))
        if old is not None and (old.type, old.codec) == (have.type, have.codec):
            names = [
                name for name in _FACTS_FROM_PACKETS if replace_known or getattr(have, name) is None
            ]
            have = replace(have, **{name: getattr(old, name) for name in names})
        tracks.append(have)
    return replace(found, tracks=tuple(tracks))


def _with_copied_bit_rates(found: MediaFile, plan: Plan) -> MediaFile:
    """Return the result with the bit rates of the source for copied tracks that state none."""
    if len(plan.after.tracks) != len(found.tracks):
        return found
    rates = {track.index: track.bit_rate for track in plan.before.tracks}
    encoded = dict(plan.encodes)
    copied = {
        have.index: rate
        for want, have in zip(plan.after.tracks, found.tracks, strict=True)
        if want.index not in encoded and (rate := rates.get(plan.origin(want.index)))
    }
    return found.with_bit_rates(copied)


def _verified(found: MediaFile, problems: list[str]) -> MediaFile:
    if problems:
        raise VerifyError(
            "the result is not as planned and was discarded: " + "; ".join(problems[:5])
        )
    return found


def _differences(plan: Plan, output: str, found: MediaFile) -> Iterator[str]:
    if not is_complete(output):
        yield "the file is cut off"  # its header is intact, its outermost elements are not
    # A copy with another header has what its source has, known or not.
    if plan.strategy != "header" and (at := misplaced_element(output)) is not None:
        yield f"an element has no place in a segment (byte {at})"
    yield from differences(plan.expected, found)


def _field_differences(plan: Plan, found: MediaFile) -> Iterator[str]:
    """Yield the interlaced video that the result does not say to be."""
    for want, have in zip(plan.after.tracks, found.tracks, strict=False):
        if want.field_order is not None and have.field_order is None:
            yield f"{want}: it is not marked as interlaced"


def _range_differences(plan: Plan, found: MediaFile, encoded: Collection[int]) -> Iterator[str]:
    for want, have in zip(plan.after.tracks, found.tracks, strict=True):
        if want.index in encoded:
            wrong = dynamic_range.mismatches(want, have)
            if want.field_order is not None and have.field_order is None:
                wrong.append("not marked as interlaced")
            for fact in [*wrong, *frame_format.depth_mismatches(want, have)]:
                yield f"{want}: {fact}"


def _probed(
    probe: Callable[_Arguments, _Probed], *args: _Arguments.args, **kwargs: _Arguments.kwargs
) -> _Probed:
    try:
        return probe(*args, **kwargs)
    except ProbeError as error:
        if error.ended:
            raise
        raise VerifyError(f"the tool's result was discarded: {error.problem}") from None


def differences(expected: MediaFile, found: MediaFile) -> Iterator[str]:
    """Yield the differences between the expected file and the probed one, as text."""
    if expected.container != found.container:
        yield f"container {found.container} instead of {expected.container}"
    if len(expected.tracks) != len(found.tracks):
        yield f"{len(found.tracks)} tracks instead of {len(expected.tracks)}"
    else:
        for want, have in zip(expected.tracks, found.tracks, strict=True):
            for fact in _track_differences(expected.container, want, have):
                yield f"{want}: {fact}"
    if _attachment_counts(expected) != _attachment_counts(found):
        yield f"{len(found.attachments)} attachments, not the {len(expected.attachments)} planned"
    yield from _chapter_differences(expected, found)
    held = {k: v for k, v in expected.tags if holds_tag(found.container, k)}
    yield from _tag_differences(tuple(held.items()), found.tags)


def _tag_differences(
    want: tuple[tuple[str, str], ...], have: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    """Yield the lost or changed tags of users; tags that tools write are not compared."""
    there = {name_key(name): value for name, value in have}
    wanted = user_tags(want)
    for name, value in wanted.items():
        found = there.get(name_key(name), "")
        # Of names that become the same one, only the last is read back.
        alike = (v for n, v in wanted.items() if name_key(n) == name_key(name))
        if not any(same_value(name, found, each) for each in alike):
            yield f"tag {name} is {found!r} instead of {value!r}"


def _track_differences(name: str, want: Track, have: Track) -> Iterator[str]:
    kind = container(name)
    facts = [
        ("type", want.type, have.type),
        ("codec", want.codec, have.codec),
        ("channels", want.channels, have.channels),
        ("width", want.width, have.width),
        ("height", want.height, have.height),
    ]
    if kind.titles:
        facts.append(("title", want.title or None, have.title or None))
    if kind.flags:
        flags = (sorted(want.dispositions & kind.flags), sorted(have.dispositions & kind.flags))
        facts.append(("flags", " ".join(flags[0]), " ".join(flags[1])))
    for fact, wanted, got in facts:
        # A fact that the source did not state may become known by a rewrite.
        if wanted != got and not (wanted is None and fact in ("channels", "width", "height")):
            yield f"{fact} {got or 'none'} instead of {wanted or 'none'}"
    if not _same_language(name, want, have):
        yield f"language {have.language or 'und'} instead of {want.language or 'und'}"
    if kind.data_tracks and want.codec == TIMECODE:
        yield from _tag_differences(want.tags, have.tags)
    there = dict(have.side_data)
    for fact, value in want.side_data:
        if there.get(fact) != value:
            yield f"{SIDE_DATA[fact]} is {there.get(fact, 'lost')} instead of {value}"
    if kind.track_tags:
        # ffmpeg does not keep a TITLE tag beside the name of a track; the plan warns of that.
        tags = tuple(tag for tag in want.tags if tag[0] != "title")
        yield from _tag_differences(tags, have.tags)


def _same_language(name: str, want: Track, have: Track) -> bool:
    kind = container(name)
    if kind.matroska and "-" in (want.language or "") and have.language_ietf:
        return have.language_ietf == want.language
    return not kind.languages or same(want.language, have.language)


def _attachment_counts(media: MediaFile) -> Counter[tuple[object, ...]]:
    named = container(media.container).matroska

    def key(item: Attachment) -> tuple[object, ...]:
        return (item.filename, item.mime_type, item.size) if named else (item.cover,)

    return Counter(key(item) for item in media.attachments)


def _chapter_differences(expected: MediaFile, found: MediaFile) -> Iterator[str]:
    if not container(expected.container).chapters:
        return
    if len(expected.chapters) != len(found.chapters):
        yield f"{len(found.chapters)} chapters instead of {len(expected.chapters)}"
        return
    for number, (want, have) in enumerate(zip(expected.chapters, found.chapters, strict=True), 1):
        if abs(want.start - have.start) > _CHAPTER_TOLERANCE:
            yield f"chapter {number} starts at {have.start:g} s instead of {want.start:g} s"
        if (want.title or "") != (have.title or ""):
            yield f"chapter {number} is called {have.title!r} instead of {want.title!r}"


def _timed(plan: Plan) -> Iterator[tuple[int, int]]:
    """Yield the kept audio and video tracks: index in the source, position in the result."""
    for number, track in enumerate(plan.after.tracks):
        if track.type in ("video", "audio"):
            yield plan.origin(track.index), number


def _early_end_times(
    plan: Plan, found: MediaFile, before: dict[int, float], after: dict[int, float]
) -> Iterator[str]:
    """Yield the audio and video tracks that end earlier than in the source."""
    for index, number in _timed(plan):
        if index not in before:
            continue
        end = after.get(found.tracks[number].index)
        if end is None or end + _END_TOLERANCE < before[index]:
            reached = "an unknown time" if end is None else f"{end:.1f} s"
            yield f"{plan.after.tracks[number]} ends at {reached} instead of {before[index]:.1f} s"
