"""The loudness of audio tracks: what a policy asks for, and which tracks have it.

A track that was brought to a loudness says so in a tag, where its container has tags of tracks.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pydantic import Field

from vpo.media.containers import container
from vpo.media.encode_spec import AudioEncode, Loudness
from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Model

TAG = "vpo_loudness"
_TAG_VALUE = re.compile(r"(-?[\d.]+) LUFS (-?[\d.]+) dBTP")


class LoudnessTarget(Model):
    """The loudness to bring audio to (EBU R 128), without a change of its dynamic range."""

    target: float = Field(
        default=-23, ge=-70, le=-5, description="Integrated loudness in LUFS (ITU-R BS.1770)."
    )
    true_peak: float = Field(
        default=-1, ge=-9, le=0, description="Maximum true peak in dBTP, which a limiter holds."
    )

    @property
    def loudness(self) -> Loudness:
        return Loudness(self.target, self.true_peak)


def has_loudness(state: DesiredState, track: Track, wanted: Loudness) -> bool:
    """Return whether a track is known to have a loudness, or is brought to it already."""
    how = state.encodes.get(track.index)
    if isinstance(how, AudioEncode) and how.loudness is not None:
        return how.loudness == wanted
    return wanted in (stated_loudness(track), state.external.loudness.get(track.index))


def stated_loudness(track: Track) -> Loudness | None:
    """Return the loudness that the track's tag says it was brought to."""
    found = _TAG_VALUE.fullmatch(dict(track.tags).get(TAG, ""))
    try:
        return Loudness(float(found[1]), float(found[2])) if found else None
    except ValueError:
        return None


def with_stated_loudness(track: Track, loudness: Loudness | None, kind: str) -> Track:
    """Return the track with the tag for a loudness, in a container of that name; or without."""
    tags = dict(track.tags)
    tags.pop(TAG, None)
    if loudness is not None and container(kind).track_tags:
        tags[TAG] = f"{loudness.target:g} LUFS {loudness.true_peak:g} dBTP"
    return replace(track, tags=tuple(tags.items()))
