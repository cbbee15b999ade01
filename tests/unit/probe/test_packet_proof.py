"""Copied streams are compared packet by packet: what a tool could do wrong is found."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from fractions import Fraction

import pytest

from vpo.probe.content import Content
from vpo.probe.encode_proof import differences_of_encodes
from vpo.probe.packet_proof import (
    CopiedStream,
    Difference,
    EncodedStream,
    common_offset,
    differences_of_copies,
)
from vpo.probe.stream_content import StreamContent

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


def test_a_shift_within_the_delay_of_a_track_is_reported_if_it_is_noticed() -> None:
    copies = [CopiedStream(0, 0), CopiedStream(1, 1, slack=0.1)]
    opus = stream([0, 21, 43, 64])
    opus.delay = Fraction(1, 10)
    unnoticed = content(VIDEO, stream([-44, -23, -1, 20]))
    assert found(content(VIDEO, opus), unnoticed, copies) == []
    early = content(VIDEO, stream([-45, -24, -2, 19]))
    assert found(content(VIDEO, opus), early, copies) == [(1, "shift")]
    late = content(VIDEO, stream([200, 221, 243, 264]))
    assert found(content(VIDEO, opus), late, copies) == [(1, "times")]
    assert found(content(VIDEO, AUDIO), early, copies) == [(1, "times")]


def test_one_of_sixty_subtitles_that_is_missing_is_found() -> None:
    subtitles = [stream([n]) for n in range(60)]
    copies = [CopiedStream(n, n) for n in range(60)]
    result = content(*subtitles)
    del result.streams[37]
    assert found(content(*subtitles), result, copies) == [(37, "missing")]


def test_a_shift_of_the_only_copied_track_shows_against_what_is_encoded() -> None:
    shifted = content(VIDEO, stream([100, 121, 143, 164]))
    source, copies, encodes = content(VIDEO, AUDIO), [CopiedStream(1, 1)], [EncodedStream(0, 0)]
    offset = common_offset(source, shifted, copies, encodes)
    (difference,) = differences_of_encodes(source, shifted, encodes, offset)
    assert (difference.stream, difference.kind) == (0, "begins")


def test_a_gap_of_an_encode_is_found_among_many_that_its_source_has_too() -> None:
    times = [at for second in range(0, 600_000, 1000) for at in range(second, second + 800, 40)]
    source, result = content(stream(times)), content(stream(times))
    source.streams[0].end = result.streams[0].end = times[-1]
    encodes = [EncodedStream(0, 0)]
    assert list(differences_of_encodes(source, result, encodes, Fraction(0))) == []
    result.streams[0].times = array("q", [at for at in times if not 90_100 < at < 90_700])
    (gap,) = differences_of_encodes(source, result, encodes, Fraction(0))
    assert (gap.kind, gap.source, gap.result) == ("gap", 90.12, 90.72)


def picture(times: Sequence[int]) -> StreamContent:
    made = stream(times)
    made.type, made.end = "video", times[-1]
    return made


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ([0, 40, 80, 120], None),
        ([1, 41, 79, 121], None),
        ([0, 40, 80], "frames"),
        ([0, 20, 40, 60, 80, 100, 120], "frames"),
        ([0, 40, 100, 120], "times"),
    ],
)
def test_every_second_frame_is_found_at_its_time(result: list[int], kind: str | None) -> None:
    source = content(picture(range(0, 140, 20)))
    encodes = [EncodedStream(0, 0, step=2)]
    found = differences_of_encodes(source, content(picture(result)), encodes, Fraction(0))
    assert next((each.kind for each in found), None) == kind


@pytest.mark.parametrize(("frames", "kind"), [(24, None), (23, None), (21, "frames"), (25, None)])
def test_a_constant_rate_has_its_number_of_frames(frames: int, kind: str | None) -> None:
    source = content(picture(range(0, 1000, 40)))
    result = content(picture([round(n * 1000 / 24) for n in range(frames)]))
    encodes = [EncodedStream(0, 0, rate="24")]
    found = differences_of_encodes(source, result, encodes, Fraction(0))
    assert next((each.kind for each in found), None) == kind


def test_frames_that_are_not_shown_may_be_packed_with_the_next_one() -> None:
    copies = [CopiedStream(0, 0, "vp9"), CopiedStream(1, 1)]
    packed = stream([0, 40, 120])
    packed.digest = VIDEO.digest
    assert found(content(VIDEO, AUDIO), content(packed, AUDIO), copies) == []
    shifted = stream([0, 60, 120])
    shifted.digest = VIDEO.digest
    assert found(content(VIDEO, AUDIO), content(shifted, AUDIO), copies) == [(0, "times")]
    ended = stream([0, 40, 80])
    ended.digest = VIDEO.digest
    assert found(content(VIDEO, AUDIO), content(ended, AUDIO), copies) == [(0, "times")]


def test_a_subtitle_that_is_shown_for_longer_is_found() -> None:
    one, other = stream([0, 40, 80, 120]), stream([0, 40, 80, 120])
    one.type = other.type = "subtitle"
    one.lengths, other.lengths = array("q", [30, 0, 30, 30]), array("q", [30, 10, 30, 30])
    assert found(content(one), content(other), [CopiedStream(0, 0, "text")]) == []
    other.lengths[2] = 90
    assert found(content(one), content(other), [CopiedStream(0, 0, "text")]) == [(0, "lengths")]


def test_the_same_bytes_in_other_packets_are_found() -> None:
    other = stream([0, 40, 80, 120])
    other.lengths = array("q", [1, 2, 0, 1])
    assert found(content(VIDEO), content(other), [CopiedStream(0, 0)]) == [(0, "payload")]


@pytest.mark.parametrize(("times", "kinds"), [([0, 40], []), ([100, 140], ["times"])])
def test_pcm_is_compared_by_when_its_bytes_are_heard(times: list[int], kinds: list[str]) -> None:
    source, result = stream([0, 20, 40, 60]), stream(times, "abcdefgh")
    result.digest, result.lengths = source.digest, array("q", [2, 2])
    copies = [CopiedStream(0, 0), CopiedStream(1, 1, "stream")]
    differences = found(content(VIDEO, source), content(VIDEO, result), copies)
    assert [kind for _, kind in differences] == kinds


def test_packets_of_pcm_may_be_cut_in_other_places() -> None:
    one, other = stream([0, 40, 80, 120]), stream([0])
    other.digest = hashlib.sha256(b"abcd")
    assert found(content(one), content(other), [CopiedStream(0, 0, "stream")]) == []
    other.digest = hashlib.sha256(b"abce")
    assert found(content(one), content(other), [CopiedStream(0, 0, "stream")]) == [(0, "payload")]


def test_a_difference_says_numbers_and_times() -> None:
    assert str(Difference(0, "packets", 60, 58)) == "58 packets instead of 60"
    assert str(Difference(0, "times", 1.0, 1.1)) == "a packet at 1.100 s instead of 1.000 s"
