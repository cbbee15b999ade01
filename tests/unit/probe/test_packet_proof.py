"""Copied streams are compared packet by packet: what a tool could do wrong is found."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from fractions import Fraction

import pytest

from vpo.probe.content import Content, StreamContent
from vpo.probe.packet_proof import (
    CopiedStream,
    Difference,
    common_offset,
    differences_of_copies,
)

MILLI = Fraction(1, 1000)
TS = Fraction(1, 90000)
COPIES = [CopiedStream(0, 0), CopiedStream(1, 1)]


def stream(
    times: Sequence[int], payload: str = "abcdefgh", base: Fraction = MILLI
) -> StreamContent:
    parts = payload[: len(times)]
    digest = hashlib.sha256(parts.encode())
    return StreamContent(
        "audio",
        "aac",
        base,
        len(times),
        len(parts),
        times=array("q", times),
        digest=digest,
        lengths=array("q", [1] * len(times)),
    )


def content(*streams: StreamContent) -> Content:
    return Content("matroska,webm", 0.0, 1.0, dict(enumerate(streams)))


def found(
    source: Content, result: Content, copies: Sequence[CopiedStream] = COPIES
) -> list[tuple[int, str]]:
    offset = common_offset(source, result, copies)
    differences = differences_of_copies(source, result, copies, offset)
    return [(each.stream, each.kind) for each in differences]


VIDEO = stream([0, 40, 80, 120])
AUDIO = stream([0, 21, 43, 64])


def test_the_same_packets_at_the_same_times_are_no_difference() -> None:
    assert found(content(VIDEO, AUDIO), content(stream([0, 40, 80, 120]), AUDIO)) == []


def test_one_offset_for_all_streams_is_no_difference() -> None:
    later = content(stream([7, 47, 87, 127]), stream([7, 28, 50, 71]))
    assert found(content(VIDEO, AUDIO), later) == []


def test_time_stamps_may_be_rounded_to_the_time_base() -> None:
    exact = content(stream([0, 3604, 7207, 10811], base=TS), stream([0, 1920, 3840], base=TS))
    rounded = content(stream([0, 40, 80, 120]), stream([0, 21, 43]))
    assert found(exact, rounded) == []


@pytest.mark.parametrize(
    ("video", "kind"),
    [
        (stream([0, 40, 80]), "packets"),
        (stream([0, 40, 80, 120], "abdc"), "payload"),
        (stream([0, 40, 80, 120], "abcX"), "payload"),
        (stream([0, 40, 90, 120]), "times"),
        (stream([0, 80, 40, 120]), "times"),
    ],
)
def test_what_a_tool_does_wrong_is_found(video: StreamContent, kind: str) -> None:
    assert found(content(VIDEO, AUDIO), content(video, AUDIO)) == [(0, kind)]


def test_a_track_that_is_shifted_against_the_others_is_found() -> None:
    shifted = content(VIDEO, stream([100, 121, 143, 164]))
    assert found(content(VIDEO, AUDIO), shifted) == [(1, "times")]


def test_a_shift_within_the_slack_of_a_track_is_reported_if_it_is_noticed() -> None:
    copies = [CopiedStream(0, 0), CopiedStream(1, 1, slack=0.1)]
    unnoticed = content(VIDEO, stream([-44, -23, -1, 20]))
    assert found(content(VIDEO, AUDIO), unnoticed, copies) == []
    early = content(VIDEO, stream([-45, -24, -2, 19]))
    assert found(content(VIDEO, AUDIO), early, copies) == [(1, "shift")]
    late = content(VIDEO, stream([200, 221, 243, 264]))
    assert found(content(VIDEO, AUDIO), late, copies) == [(1, "times")]


def test_one_of_sixty_subtitles_that_is_missing_is_found() -> None:
    subtitles = [stream([n]) for n in range(60)]
    copies = [CopiedStream(n, n) for n in range(60)]
    result = content(*subtitles)
    del result.streams[37]
    assert found(content(*subtitles), result, copies) == [(37, "missing")]


def test_packets_of_pcm_may_be_cut_in_other_places() -> None:
    one, other = stream([0, 40, 80, 120]), stream([0])
    other.digest = hashlib.sha256(b"abcd")
    assert found(content(one), content(other), [CopiedStream(0, 0, "stream")]) == []
    other.digest = hashlib.sha256(b"abce")
    assert found(content(one), content(other), [CopiedStream(0, 0, "stream")]) == [(0, "payload")]


def test_a_difference_says_numbers_and_times() -> None:
    assert str(Difference(0, "packets", 60, 58)) == "58 packets instead of 60"
    assert str(Difference(0, "times", 1.0, 1.1)) == "a packet at 1.100 s instead of 1.000 s"
