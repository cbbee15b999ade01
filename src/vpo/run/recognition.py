"""Recognizing files by their content, so that what is recorded of one holds under any name.

``KnownFiles`` is what the coordinator looks up by name and inode. The rest is done by workers,
which open the file anyway.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from vpo.db.records import EncodedVideo, EncodeRecord, History, KnownContent, VideoShape
from vpo.discover import Candidate
from vpo.errors import ProbeError
from vpo.execute.copied_streams import video_forms
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Plan
from vpo.policy import frame_rate
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.probe.black_bars import common_box
from vpo.probe.content_key import content_key
from vpo.probe.service import ContentFacts, Prober

_UNSTATED_SHAPE = "0:1"


@dataclass(frozen=True)
class KnownContents:
    """Contents that a file may turn out to have, by content key, and videos by shape."""

    contents: Mapping[str, KnownContent] = field(default_factory=dict)
    videos: Mapping[VideoShape, Set[str]] = field(default_factory=dict)


class KnownFiles:
    """What earlier runs recorded of the encodes of the policies of this run."""

    def __init__(
        self,
        encodes: Sequence[EncodeRecord] = (),
        contents: Mapping[int, Mapping[str, KnownContent]] | None = None,
        videos: Mapping[VideoShape, Set[str]] | None = None,
    ) -> None:
        self._contents, self._videos = contents or {}, videos or {}
        self._by_path = {row.path: row for row in encodes}
        self._by_identity = {
            (row.device, row.size, row.mtime_ns, row.inode): row.history for row in encodes
        }

    def history(self, item: Candidate) -> History | None:
        """Return the history of the file at its path, or of the same file before a rename."""
        row = self._by_path.get(os.fsencode(item.path))
        if row is not None and (row.size, row.inode) == (item.size, item.inode):
            return row.history
        unknown = self._by_identity.get((None, *item.stat))
        return self._by_identity.get((item.device, *item.stat), unknown)

    def contents(self, item: Candidate) -> KnownContents:
        """Return the contents of the file's size, and all videos."""
        return KnownContents(self._contents.get(item.size, {}), self._videos)


class Recognized(NamedTuple):
    """What is known of a probed file: ``media`` with its bit rates, and ``known`` with encodes."""

    media: MediaFile
    known: ExternalFacts


def recognize(media: MediaFile, known: ExternalFacts, recorded: KnownContents) -> Recognized:
    """Return the file with what is recorded of its content."""
    if not recorded.contents:
        return Recognized(media, known)
    try:
        found = recorded.contents.get(content_key(media.path))
    except OSError:
        found = None
    if found is None:
        return Recognized(media, known)
    known = replace(
        known,
        encoded=known.encoded or found.history == "encoded",
        futile=known.futile or found.history == "futile",
    )
    return Recognized(media.with_bit_rates(found.bit_rates), known)


def measured_bit_rates(media: MediaFile, prober: Prober) -> dict[int, int]:
    """Return the bit rates of audio and video by reading all packets; empty if it is damaged."""
    facts = prober.read_source(media.path, {}).result()
    return {} if facts.damage is not None else facts.bit_rates


def with_measured_facts(
    media: MediaFile, policies: Sequence[Policy], encoded: bool, prober: Prober
) -> tuple[MediaFile, dict[int, int]]:
    """Return the file with what the policies depend on and no header states, and the bit rates.

    ``encoded``: the policies have encoded its video before.
    """
    bit_rates: dict[int, int] = {}
    if any(policy.unknown_bit_rates(media, encoded) for policy in policies):
        bit_rates = measured_bit_rates(media, prober)
        media = media.with_bit_rates(bit_rates)
    if not encoded:
        media = looked_at(media, policies, prober)
    return media, bit_rates


def are_encoded(
    tracks: Sequence[Track], path: str, videos: Mapping[VideoShape, Set[str]], prober: Prober
) -> bool:
    """Return whether these videos of a file are known; it is read only if they can be."""
    if not all((track.codec, track.width, track.height) in videos for track in tracks):
        return False
    made = encoded_videos(tracks, prober.read_source(path, video_forms(tracks)).result())
    return len(made) == len(tracks) and all(one.digest in videos[one.shape] for one in made)


def with_largest_parts(plan: Plan, prober: Prober) -> MediaFile:
    """Return the file with the size of the largest part of videos that are to be encoded.

    Only those whose frames change their size or shape midway differ.
    """
    tracks = list(plan.before.tracks)
    for number, track in enumerate(tracks):
        if track.index not in plan.video_encodes:
            continue
        try:
            largest = prober.video_sample(plan.before.path, track.index).largest
        except ProbeError:
            continue  # the encode will report it
        if largest is not None:
            width, height, pixels = largest
            tracks[number] = replace(
                track, width=width, height=height, mixed=pixels or _UNSTATED_SHAPE
            )
    return replace(plan.before, tracks=tuple(tracks))


def looked_at(media: MediaFile, policies: Sequence[Policy], prober: Prober) -> MediaFile:
    """Return the file with what the policies need to know of its pictures."""
    if any(policy.crops for policy in policies):
        media = with_pictures(media, prober)
    if any(policy.detelecines for policy in policies):
        media = _with_telecine(media, prober)
    return media


def _with_telecine(media: MediaFile, prober: Prober) -> MediaFile:
    tracks = list(media.tracks)
    for number, track in enumerate(tracks):
        if track.type == "video" and frame_rate.may_be_telecined(track):
            with contextlib.suppress(ProbeError):  # the encode will report it
                found = prober.is_telecined(media.path, track.index)
                tracks[number] = replace(track, telecined=found)
    return replace(media, tracks=tuple(tracks))


def with_captions(media: MediaFile, indexes: Collection[int], prober: Prober) -> MediaFile:
    """Return the file with whether its videos with these indexes have captions."""
    tracks = list(media.tracks)
    for number, track in enumerate(tracks):
        if track.type != "video" or track.index not in indexes:
            continue
        try:
            sample = prober.video_sample(media.path, track.index)
        except ProbeError:
            continue  # the encode will report it
        if sample.captions:
            tracks[number] = replace(track, captions=True)
    return replace(media, tracks=tuple(tracks))


def with_pictures(media: MediaFile, prober: Prober) -> MediaFile:
    """Return the file with the part of the frames of its videos that black bars surround."""
    tracks = list(media.tracks)
    for number, track in enumerate(tracks):
        if track.type != "video" or not track.width or not track.height:
            continue
        try:
            boxes = prober.picture_boxes(media.path, track.index)
        except ProbeError:
            continue  # the encode will report it
        if (box := common_box(boxes, track.width, track.height)) is not None:
            tracks[number] = replace(track, picture=str(box))
    return replace(media, tracks=tuple(tracks))


def encoded_videos(tracks: Sequence[Track], facts: ContentFacts) -> tuple[EncodedVideo, ...]:
    """Return the videos of these tracks, read in their ``video_forms``."""
    return tuple(
        EncodedVideo(facts.digests[track.index], (track.codec, track.width, track.height))
        for track in tracks
        if track.index in facts.digests
    )
