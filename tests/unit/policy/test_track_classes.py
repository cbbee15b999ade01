"""What a track is for."""

from __future__ import annotations

import pytest
from tests import notation

from vpo.policy.operation import PolicyConfig
from vpo.policy.track_classes import audio_kind, is_commentary, order_class

CONFIG = PolicyConfig()


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("", "speech"),
        ("Stereo", "speech"),
        ("Ghost", "speech"),
        ("Most", "speech"),
        ("Musical", "speech"),
        ("Underscored", "speech"),
        ("Aftereffects", "speech"),
        ("Commentary", "commentary"),
        ("DIRECTOR AND CAST", "commentary"),
        ("Audio Description", "commentary"),
        ("Commentary on the score", "commentary"),
        ("Music", "music"),
        ("Original OST (FLAC)", "music"),
        ("Isolated Score", "music"),
        ("isolated_score", "music"),
        ("Soundtrack", "music"),
        ("Instrumental", "music"),
        ("Music and Effects", "music"),
        ("SFX", "sfx"),
        ("Sound Effects", "sfx"),
        ("effects only", "sfx"),
        ("No Dialogue", "non_speech"),
        ("no-dialog", "non_speech"),
        ("Non-Speech", "non_speech"),
        ("nonspeech", "non_speech"),
    ],
)
def test_audio_kind_by_title(title: str, kind: str) -> None:
    assert audio_kind(notation.track(f'a:aac/eng "{title}"'), CONFIG) == kind


def test_audio_kind_by_language_and_flags() -> None:
    assert audio_kind(notation.track("a:aac/zxx"), CONFIG) == "non_speech"
    assert audio_kind(notation.track("a:aac/eng [comment]"), CONFIG) == "commentary"


def test_is_commentary_uses_patterns_of_the_policy() -> None:
    config = PolicyConfig(commentary_patterns=("^kommentar$", "xyz"))
    assert is_commentary(notation.track('a:aac "Kommentar"'), config)
    assert not is_commentary(notation.track('a:aac "Kommentare"'), config)
    assert not is_commentary(notation.track('a:aac "Commentary"'), config)
    assert not is_commentary(notation.track('a:aac "x"'), PolicyConfig(commentary_patterns=()))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("v:h264", "video"),
        ("d:bin_data", None),
        ("a:aac/eng", "audio_main"),
        ("a:aac", "audio_main"),
        ("a:aac/fra", "audio_alternate"),
        ('a:aac/fra "OST"', "audio_music"),
        ('a:aac/eng "SFX"', "audio_sfx"),
        ("a:aac/zxx", "audio_non_speech"),
        ("a:aac/eng [comment]", "audio_commentary"),
        ("s:subrip/fra", "subtitle_main"),
        ("s:subrip/fra [forced]", "subtitle_forced"),
        ('s:subrip/fra "Commentary" [forced]', "subtitle_commentary"),
    ],
)
def test_order_class_of_every_kind(line: str, name: str | None) -> None:
    assert order_class(notation.track(line), CONFIG) == name
