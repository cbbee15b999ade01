"""The desired state: what its methods change, and the reasons that they record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.media.model import Attachment, MediaFile, Track
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.desired_state import DesiredState, Reason

MEDIA = MediaFile(
    path="/films/One.Two.mkv",
    container="mkv",
    size=1,
    tracks=(
        Track(0, "video", "h264"),
        Track(1, "audio", "aac", language="eng", dispositions=frozenset({"default", "original"})),
        Track(2, "subtitle", "subrip", title="Full"),
    ),
    attachments=(Attachment(3, "cover.jpg", "image/jpeg", cover=True, size=9),),
    tags=(("title", "One"),),
)
STATE = DesiredState(MEDIA).attributed_to("phase", "operation")
FORCED = Fact(ChangeKind.FLAG, 2, "forced")


def test_change_records_phase_operation_and_reason() -> None:
    state = STATE.set_flag(2, "forced", True, "because")
    assert state.track(2).forced
    assert state.reasons == {FORCED: Reason("phase", "operation", "because")}
    assert str(state.reasons[FORCED]) == "phase/operation: because"


def test_last_reason_is_recorded() -> None:
    state = STATE.set_flag(2, "forced", True, "one").attributed_to("later", "other")
    state = state.set_flag(2, "forced", False, "two")
    assert state.media == MEDIA
    assert state.reasons[FORCED] == Reason("later", "other", "two")


def test_methods_do_not_change_the_state() -> None:
    STATE.remove([1, 2], "gone")
    STATE.set_title(2, None, "gone")
    assert STATE.media == MEDIA
    assert not STATE.reasons


@pytest.mark.parametrize(
    "same",
    [
        STATE.set_flag(1, "default", True, "x"),
        STATE.set_title(2, "Full", "x"),
        STATE.set_title(1, None, "x"),
        STATE.set_title(1, "", "x"),
        STATE.set_language(1, "eng", "x"),
        STATE.set_tag("title", "One", "x"),
        STATE.set_tag("none", "", "x"),
        STATE.reorder([0, 1, 2], "x"),
        STATE.remove([], "x"),
    ],
)
def test_methods_without_effect_return_an_equal_state(same: DesiredState) -> None:
    assert same == STATE


def test_title_and_language() -> None:
    state = STATE.set_title(2, None, "a").set_language(2, "deu", "b")
    assert (state.track(2).title, state.track(2).language) == (None, "deu")
    assert set(state.reasons) == {Fact(ChangeKind.TITLE, 2), Fact(ChangeKind.LANGUAGE, 2)}


def test_state_warns_if_container_cannot_hold_flag_title_or_language() -> None:
    state = DesiredState(replace(MEDIA, container="avi"))
    changed = state.set_flag(2, "forced", True, "x").set_title(2, "y", "x")
    changed = changed.set_language(2, "deu", "x").set_flag(0, "forced", True, "x")
    assert changed.media == state.media
    assert changed.warnings == (
        "avi cannot hold the forced flag; left unchanged",
        "avi cannot hold track titles; left unchanged",
        "avi cannot hold languages; left unchanged",
    )


def test_remove() -> None:
    state = STATE.remove([2, 3], {2: "two", 3: "three"})
    assert [track.index for track in state.media.tracks] == [0, 1]
    assert state.media.attachments == ()
    assert {fact: reason.text for fact, reason in state.reasons.items()} == {
        Fact(ChangeKind.REMOVE, 2): "two",
        Fact(ChangeKind.REMOVE, 3): "three",
    }
    with pytest.raises(KeyError):
        state.track(2)


def test_order() -> None:
    state = STATE.reorder([2, 0, 1], "x")
    assert [track.index for track in state.media.tracks] == [2, 0, 1]
    assert set(state.reasons) == {Fact(ChangeKind.MOVE, index) for index in range(3)}
    with pytest.raises(ValueError, match=r"leaves out the tracks \[1\]"):
        STATE.reorder([0, 2], "x")


def test_set_container_drops_flags_it_cannot_hold() -> None:
    state = STATE.set_container("mp4", "x")
    assert (state.media.container, state.media.path) == ("mp4", "/films/One.Two.mp4")
    assert state.track(1).dispositions == {"default"}
    assert (
        state.reasons[Fact(ChangeKind.FLAG, 1, "original")].text
        == "mp4 cannot hold the original flag"
    )
    assert state.media.attachments == (Attachment(3, cover=True, size=9),)


def test_set_container_names_cover_in_containers_with_attachments() -> None:
    cover = Attachment(3, cover=True, codec="png")
    media = replace(MEDIA, container="mp4", attachments=(cover,))
    (found,) = DesiredState(media).set_container("mkv", "x").media.attachments
    assert (found.filename, found.mime_type) == ("cover.png", "image/png")


def test_set_codec_clears_profile() -> None:
    media = replace(MEDIA, tracks=(Track(0, "audio", "dts", profile="DTS-HD MA"),))
    track = DesiredState(media).set_codec(0, "flac", "x").track(0)
    assert (track.codec, track.profile) == ("flac", None)


def test_tags() -> None:
    state = STATE.set_tag("title", "", "x").set_tag("artist", "y", "x").set_tag("a", "z", "x")
    assert state.media.tags == (("a", "z"), ("artist", "y"))
    assert set(state.reasons) == {
        Fact(ChangeKind.TAG, name=name) for name in ("title", "artist", "a")
    }


def test_warning_is_added_once() -> None:
    assert STATE.warn("a").warn("b").warn("a").warnings == ("a", "b")


def test_last_timestamp_wins() -> None:
    assert STATE.timestamp is None
    assert STATE.set_timestamp("now").set_timestamp("preserve").timestamp == "preserve"
