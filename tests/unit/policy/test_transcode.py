"""What ``transcode`` encodes, and to what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.errors import PlanError
from vpo.media.encode_spec import FrameDrop, VideoEncode
from vpo.media.model import Color, MediaFile, Track
from vpo.media.notation import media
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import PolicyConfig
from vpo.policy.operations.transcode import Transcode
from vpo.policy.track_preference import Criterion


@pytest.mark.parametrize(
    ("track", "encoded", "asked"),
    [
        (Track(0, "video", "hevc"), False, [0]),
        (Track(0, "video", "hevc", bit_rate=5), False, []),
        (Track(0, "video", "h264"), False, []),  # is encoded whatever its bit rate
        (Track(0, "video", "hevc"), True, []),
        (Track(0, "audio", "hevc"), False, []),
    ],
)
def test_bit_rate_is_asked_only_where_it_decides(
    track: Track, encoded: bool, asked: list[int]
) -> None:
    skip_if = {"codec_matches": ["hevc"], "bitrate_under": "5M"}
    operation = Transcode.model_validate({"video": {"to": "hevc", "skip_if": skip_if}})
    media = MediaFile("/a.mkv", "mkv", 1, tracks=(track,))
    assert list(operation.unknown_bit_rates(media, encoded)) == asked


def test_bit_rate_is_not_asked_without_a_limit() -> None:
    media = MediaFile("/a.mkv", "mkv", 1, tracks=(Track(0, "video", "hevc"),))
    operation = Transcode.model_validate({"video": {"to": "hevc"}})
    assert list(operation.unknown_bit_rates(media, encoded=False)) == []


def test_an_encoder_option_that_is_not_allowed_fails_only_what_would_be_encoded() -> None:
    operation = Transcode.model_validate(
        {"video": {"to": "hevc", "ffmpeg_args": ["-max_muxing_queue_size", "99", "-vf", "yadif"]}}
    )
    problem = "`-vf` is not allowed in `ffmpeg_args`; use `max_resolution` or `hdr`; interlaced"
    assert operation.faults[0].startswith(problem)
    assert "-max_muxing_queue_size" in operation.run_warnings[0]
    done = DesiredState(media(["v:hevc/1920x1080"]))
    assert operation.apply(done, PolicyConfig()) is done
    with pytest.raises(PlanError, match="`-vf` is not allowed"):
        operation.apply(DesiredState(media(["v:h264/1920x1080"])), PolicyConfig())


@pytest.mark.parametrize("value", [{"max": True}, "max"])
def test_the_most_channels_are_preferred_in_both_spellings(value: object) -> None:
    assert Criterion.model_validate({"channels": value}).channels == "max"


def encoded(section: dict[str, object], line: str, **facts: object) -> VideoEncode:
    """How ``transcode`` encodes a video, in one phase for each section."""
    return encoded_twice([section], line, **facts)


def encoded_twice(sections: list[dict[str, object]], line: str, **facts: object) -> VideoEncode:
    file = media([line])
    state = DesiredState(replace(file, tracks=(replace(file.tracks[0], **facts),)))  # type: ignore[arg-type]
    for section in sections:
        state = Transcode.model_validate({"video": section}).apply(state, PolicyConfig())
    how = state.encodes[0]
    assert isinstance(how, VideoEncode)
    return how


def test_hdr_is_not_encoded_with_8_bits() -> None:
    hdr: dict[str, object] = {"color": Color(transfer="smpte2084"), "pixel_format": "yuv420p10le"}
    section: dict[str, object] = {"to": "hevc", "bit_depth": 8}
    with pytest.raises(PlanError, match="is HDR10, which needs 10 bits"):
        encoded(section, "v:h264/1920x1080", **hdr)
    assert encoded({**section, "hdr": "tonemap"}, "v:h264/1920x1080", **hdr).depth == 8


@pytest.mark.parametrize(
    ("most", "drop"),
    [
        ([30], FrameDrop("30", 4)),
        ([60, 30], FrameDrop("30", 4)),
        ([60, 24], FrameDrop("20", 6)),
        ([90, 30], FrameDrop("30")),
        ([120], None),
    ],
)
def test_frames_are_left_out_once_for_all_phases(most: list[int], drop: FrameDrop | None) -> None:
    sections = [{"to": "hevc", "max_frame_rate": value} for value in most]
    assert encoded_twice(sections, "v:h264/120fps").drop == drop


@pytest.mark.parametrize("value", [0, -1, "x", "1/0", True, 5000])
def test_what_is_no_frame_rate_is_an_error(value: object) -> None:
    with pytest.raises(ValueError, match="is not a frame rate like 30"):
        Transcode.model_validate({"video": {"to": "hevc", "max_frame_rate": value}})


def test_fields_stay_only_if_all_phases_want_it() -> None:
    never: dict[str, object] = {"to": "h264", "deinterlace": "never"}
    line = "v:mpeg2video/720x576"
    assert encoded(never, line, field_order="tt").fields
    assert not encoded_twice([never, {"to": "hevc"}], line, field_order="tt").fields


@pytest.mark.parametrize(
    ("section", "facts", "crop", "size"),
    [
        ({}, {}, "1920:804:0:138", None),
        ({"max_height": 402}, {}, "1920:804:0:138", (960, 402)),
        ({"deinterlace": "never"}, {"field_order": "tt"}, "1920:808:0:136", None),
        ({"crop": "never"}, {}, None, None),
        ({}, {"mixed": "1:1"}, None, None),
        ({}, {"side_data": (("stereo", "top_bottom"),)}, None, None),
        ({}, {"picture": None}, None, None),
    ],
)
def test_black_bars_are_cut_off_before_the_size_counts(
    section: dict[str, object],
    facts: dict[str, object],
    crop: str | None,
    size: tuple[int, int] | None,
) -> None:
    facts = {"picture": "1920:804:0:138", **facts}
    how = encoded({"to": "h264", "crop": "auto", **section}, "v:mpeg2video/1920x1080", **facts)
    assert (how.crop, how.size) == (crop, size)


def test_bars_are_a_reason_to_encode_only_if_they_are_to_go() -> None:
    (track,) = media(["v:hevc/1920x1080"]).tracks
    state = DesiredState(media([], tracks=(replace(track, picture="1440:1080:240:0"),)))
    kept = Transcode.model_validate({"video": {"to": "hevc"}})
    assert kept.apply(state, PolicyConfig()) is state
    cut = Transcode.model_validate({"video": {"to": "hevc", "crop": "auto"}})
    (after,) = cut.apply(state, PolicyConfig()).media.tracks
    assert (after.width, after.height, after.picture) == (1440, 1080, None)
