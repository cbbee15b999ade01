"""The size that encoded video may have, whatever becomes of other tracks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.errors import SavingsError
from vpo.execute.size_limit import SizeLimit, Sizes
from vpo.media.encode_spec import AudioEncode, Encode, Quality, VideoEncode
from vpo.media.model import MediaFile
from vpo.media.notation import media as media_of
from vpo.plan.model import Plan

FILM = media_of(["v:h264", "a:dts/6ch/eng", "a:ac3/6ch/ger"], size=10_000_000, duration=100.0)
HOW = VideoEncode("hevc", Quality(crf=28), min_savings=0.2)
MOST_SOUND: Sizes = {0: 1_000_000, 1: 7_000_000, 2: 2_000_000}


def _plan(film: MediaFile, kept: int, *added: AudioEncode) -> Plan:
    encodes: tuple[tuple[int, Encode], ...] = (
        (0, HOW),
        *((n + 3, how) for n, how in enumerate(added)),
    )
    new = tuple(replace(film.tracks[1], index=n + 3) for n in range(len(added)))
    return Plan(film, replace(film, tracks=(*film.tracks[:kept], *new)), encodes=encodes)


def _most(limit: SizeLimit) -> int:
    """Return the largest file that the limit lets pass."""
    low, high = 0, 1 << 30
    while low < high:
        middle = (low + high + 1) // 2
        try:
            limit.check_file(middle)
        except SavingsError:
            high = middle - 1
        else:
            low = middle
    return low


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
    assert _most(SizeLimit(_plan(FILM, 3, *added))) == most


def test_removed_and_copied_tracks_are_no_saving_of_the_video() -> None:
    assert _most(SizeLimit(_plan(FILM, 2), lambda: MOST_SOUND)) == 10_000_000 - 2_000_000 - 200_000
    removed = replace(FILM.tracks[2], bit_rate=400_000)
    film = replace(FILM, tracks=(*FILM.tracks[:2], removed))
    assert _most(SizeLimit(_plan(film, 2))) == 10_000_000 - 5_000_000 - 1_000_000


def test_bytes_of_the_video_decide_where_they_are_known() -> None:
    limit = SizeLimit(_plan(FILM, 3))
    limit.check_video(1_000_000, 800_000)
    with pytest.raises(SavingsError, match="800 kB instead of"):
        limit.check_video(1_000_000, 800_001)


@pytest.mark.parametrize(
    ("sizes", "written", "ends"),
    [
        (None, 1_140_000, False),
        (None, 1_160_000, True),
        (MOST_SOUND, 1_120_000, False),
        (MOST_SOUND, 1_130_000, True),
        ({0: 9_000_000, 1: 500_000, 2: 500_000}, 950_000, True),
        ({0: 9_000_000, 1: 500_000, 2: 500_000}, 940_000, False),
    ],
)
def test_encode_ends_early_only_where_it_is_clear(
    sizes: Sizes | None, written: int, ends: bool
) -> None:
    """``written`` are the bytes of a tenth of the film."""
    limit = SizeLimit(_plan(FILM, 3), lambda: sizes)
    limit.project(5_000_000, 0.1)  # too early to say
    if ends:
        with pytest.raises(SavingsError):
            limit.project(written * 2, 0.2)
    else:
        limit.project(written * 2, 0.2)
