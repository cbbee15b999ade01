"""The desired state: what its methods change, and whom they remember for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.media.model import Attachment, MediaFile, Track
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.desired_state import Draft, Reason

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
DRAFT = Draft(MEDIA).at("phase", "operation")
FORCED = Fact(ChangeKind.FLAG, 2, "forced")


def test_set_flag_records_its_reason() -> None:
    draft = DRAFT.set_flag(2, "forced", True, "because")
    assert draft.track(2).forced
    assert draft.reasons == {FORCED: Reason("phase", "operation", "because")}
    assert str(draft.reasons[FORCED]) == "phase/operation: because"


def test_last_reason_is_kept() -> None:
    draft = DRAFT.set_flag(2, "forced", True, "one").at("later", "other")
    draft = draft.set_flag(2, "forced", False, "two")
    assert draft.media == MEDIA
    assert draft.reasons[FORCED] == Reason("later", "other", "two")


def test_operations_do_not_modify_earlier_state() -> None:
    DRAFT.remove([1, 2], "gone")
    DRAFT.set_title(2, None, "gone")
    assert DRAFT.media == MEDIA
    assert not DRAFT.reasons


@pytest.mark.parametrize(
    "same",
    [
        DRAFT.set_flag(1, "default", True, "x"),
        DRAFT.set_title(2, "Full", "x"),
        DRAFT.set_title(1, None, "x"),
        DRAFT.set_title(1, "", "x"),
        DRAFT.set_language(1, "eng", "x"),
        DRAFT.set_tag("title", "One", "x"),
        DRAFT.set_tag("none", "", "x"),
        DRAFT.order([0, 1, 2], "x"),
        DRAFT.remove([], "x"),
    ],
)
def test_setting_the_same_value_is_no_change(same: Draft) -> None:
    assert same == DRAFT


def test_set_title_and_set_language_record_reasons() -> None:
    draft = DRAFT.set_title(2, None, "a").set_language(2, "deu", "b")
    assert (draft.track(2).title, draft.track(2).language) == (None, "deu")
    assert set(draft.reasons) == {Fact(ChangeKind.TITLE, 2), Fact(ChangeKind.LANGUAGE, 2)}


def test_set_flag_warns_where_container_cannot_hold_it() -> None:
    draft = Draft(replace(MEDIA, container="avi"))
    changed = draft.set_flag(2, "forced", True, "x").set_title(2, "y", "x")
    changed = changed.set_language(2, "deu", "x").set_flag(0, "forced", True, "x")
    assert changed.media == draft.media
    assert changed.warnings == (
        "avi cannot hold the forced flag; left as it is",
        "avi cannot hold track titles; left as they are",
        "avi cannot hold languages; left as they are",
    )


def test_remove_drops_tracks_and_attachments_with_reasons() -> None:
    draft = DRAFT.remove([2, 3], {2: "two", 3: "three"})
    assert [track.index for track in draft.media.tracks] == [0, 1]
    assert draft.media.attachments == ()
    assert {fact: reason.text for fact, reason in draft.reasons.items()} == {
        Fact(ChangeKind.REMOVE, 2): "two",
        Fact(ChangeKind.REMOVE, 3): "three",
    }
    with pytest.raises(KeyError):
        draft.track(2)


def test_order_requires_every_track() -> None:
    draft = DRAFT.order([2, 0, 1], "x")
    assert [track.index for track in draft.media.tracks] == [2, 0, 1]
    assert set(draft.reasons) == {Fact(ChangeKind.MOVE, index) for index in range(3)}
    with pytest.raises(ValueError, match=r"leaves out the tracks \[1\]"):
        DRAFT.order([0, 2], "x")


def test_set_container_adapts_path_and_flags() -> None:
    draft = DRAFT.set_container("mp4", "x")
    assert (draft.media.container, draft.media.path) == ("mp4", "/films/One.Two.mp4")
    assert draft.track(1).dispositions == {"default"}
    assert (
        draft.reasons[Fact(ChangeKind.FLAG, 1, "original")].text
        == "mp4 cannot hold the original flag"
    )
    assert draft.media.attachments == (Attachment(3, cover=True, size=9),)


def test_set_container_names_cover_in_mkv() -> None:
    cover = Attachment(3, cover=True, codec="png")
    media = replace(MEDIA, container="mp4", attachments=(cover,))
    (found,) = Draft(media).set_container("mkv", "x").media.attachments
    assert (found.filename, found.mime_type) == ("cover.png", "image/png")


def test_set_codec_clears_the_profile() -> None:
    media = replace(MEDIA, tracks=(Track(0, "audio", "dts", profile="DTS-HD MA"),))
    track = Draft(media).set_codec(0, "flac", "x").track(0)
    assert (track.codec, track.profile) == ("flac", None)


def test_set_tag_adds_replaces_and_removes() -> None:
    draft = DRAFT.set_tag("title", "", "x").set_tag("artist", "y", "x").set_tag("a", "z", "x")
    assert draft.media.tags == (("a", "z"), ("artist", "y"))
    assert set(draft.reasons) == {
        Fact(ChangeKind.TAG, name=name) for name in ("title", "artist", "a")
    }


def test_warnings_come_once() -> None:
    assert DRAFT.warn("a").warn("b").warn("a").warnings == ("a", "b")


def test_last_timestamp_wins() -> None:
    assert DRAFT.timestamp is None
    assert DRAFT.set_timestamp("now").set_timestamp("preserve").timestamp == "preserve"
