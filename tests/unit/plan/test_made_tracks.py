"""Tracks that ``audio_synthesis`` makes, and what decides among tracks before it."""

from __future__ import annotations

from typing import Any

import pytest

from vpo.media.notation import lines
from vpo.media.notation import media as media_of
from vpo.plan.evaluate import evaluate
from vpo.policy.document import Policy

STEREO = {"name": "s", "codec": "aac", "channels": 2, "title": "Stereo"}
NIGHT = {"name": "n", "codec": "opus", "channels": 1, "position": 1}
LAST = {"name": "l", "codec": "aac", "channels": 2, "position": "end"}
DEFAULT = {"default_flags": {"preferred_audio_codec": ["aac", "opus"]}}
ORDER = {"track_order": ["video", "audio_main", "audio_alternate", "audio_commentary"]}
LANGUAGES = {"audio_languages": ["eng"]}


def policy(*phases: dict[str, Any]) -> Policy:
    named = [{"name": f"p{n}", **phase} for n, phase in enumerate(phases)]
    return Policy.model_validate({"schema_version": 13, "config": LANGUAGES, "phases": named})


def sound(*tracks: dict[str, Any]) -> dict[str, Any]:
    return {"audio_synthesis": {"tracks": list(tracks)}}


@pytest.mark.parametrize(
    "phases",
    [[{**DEFAULT, **ORDER}], [DEFAULT, ORDER], [ORDER, DEFAULT]],
    ids=["one phase", "flags first", "order first"],
)
@pytest.mark.parametrize("tracks", [[STEREO], [NIGHT], [LAST], [STEREO, NIGHT, LAST]])
@pytest.mark.parametrize(
    "media",
    [
        ["v:h264 [default]", "a:dts/6ch/eng [default]"],
        ["v:h264", "a:dts/6ch/ger", "a:ac3/6ch/eng", 'a:ac3/2ch/eng "Commentary"'],
        ["a:ac3/6ch/eng", "v:h264", "a:dts/8ch/jpn [default]", "s:subrip/eng"],
    ],
)
def test_made_tracks_are_passed_over_by_the_default_and_the_order_before_them(
    phases: list[dict[str, Any]], tracks: list[dict[str, Any]], media: list[str]
) -> None:
    *earlier, last = phases
    asked = policy(*earlier, {**last, **sound(*tracks)})
    plan = evaluate([asked], media_of(media))
    assert plan.error is None
    made = [track for track in plan.after.of("audio") if track.index >= len(media)]
    assert len(made) == len(tracks)
    assert not any(track.default for track in made)
    assert not evaluate([asked], plan.expected).changes
    without = evaluate([policy(*phases)], media_of(media)).after
    old = [track for track in plan.after.tracks if track.index < len(media)]
    assert [(t.index, t.default) for t in old] == [(t.index, t.default) for t in without.tracks]


def test_a_made_track_is_a_candidate_for_a_later_phase() -> None:
    asked = policy(sound(STEREO), DEFAULT)
    plan = evaluate([asked], media_of(["v:h264 [default]", "a:dts/6ch/eng [default]"]))
    assert plan.error is None
    assert [track.codec for track in plan.after.of("audio") if track.default] == ["aac"]


def test_a_track_that_nothing_would_make_is_a_candidate() -> None:
    media = media_of(["v:h264 [default]", 'a:aac/2ch/eng "Stereo"'])
    plan = evaluate([policy({**DEFAULT, **sound(STEREO)})], media)
    assert lines(plan.after)[1] == 'a:aac/2ch/eng "Stereo" [default]'
