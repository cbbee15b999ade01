"""The size that a result may have: that of the video, whatever becomes of other tracks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.notation import media as media_of

from vpo.errors import SavingsError
from vpo.execute.encoding.encode import SizeLimit
from vpo.media.encode_spec import AudioEncode, Encode, Quality, VideoEncode
from vpo.media.model import MediaFile
from vpo.plan.model import Plan

FILM = media_of(["v:h264", "a:dts/6ch/eng", "a:ac3/6ch/ger"], size=10_000_000, duration=100.0)
HOW = VideoEncode("hevc", Quality(crf=28), min_savings=0.2)


def _fits(size: int, after: MediaFile, *added: AudioEncode) -> bool:
    encodes: tuple[tuple[int, Encode], ...] = (
        (0, HOW),
        *((n + 3, how) for n, how in enumerate(added)),
    )
    try:
        SizeLimit(Plan(FILM, after, encodes=encodes)).check(size)
    except SavingsError:
        return False
    return True


@pytest.mark.parametrize(
    ("added", "most"),
    [
        ((), 8_000_000),
        ((AudioEncode(1, "aac", 2, 160_000),), 10_000_000),
        ((AudioEncode(1, "aac", 2, 160_000), AudioEncode(1, "opus", 1, 80_000)), 11_000_000),
        ((AudioEncode(1, "flac", 1),), 8_000_000 + 48_000 * 2 * 100),
    ],
)
def test_added_tracks_are_no_cost_of_the_video(added: tuple[AudioEncode, ...], most: int) -> None:
    new = tuple(replace(FILM.tracks[1], index=n + 3) for n in range(len(added)))
    after = replace(FILM, tracks=(*FILM.tracks, *new))
    assert _fits(most, after, *added)
    assert not _fits(most + 1, after, *added)


def test_removed_tracks_are_no_saving_of_the_video() -> None:
    before = replace(FILM.tracks[2], bit_rate=400_000)
    film = replace(FILM, tracks=(*FILM.tracks[:2], before))
    plan = Plan(film, replace(film, tracks=film.tracks[:2]), encodes=((0, HOW),))
    SizeLimit(plan).check(3_000_000)
    with pytest.raises(SavingsError):
        SizeLimit(plan).check(3_000_001)
