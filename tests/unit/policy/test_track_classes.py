"""What a track is for."""

from __future__ import annotations

import pytest

from vpo.media import notation
from vpo.policy.operation import PolicyConfig
from vpo.policy.track_classes import audio_kind, order_class, subtitle_kind

CONFIG = PolicyConfig()


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("", "main"),
        ("Stereo", "main"),
        ("Ghost", "main"),
        ("Most", "main"),
        ("Musical", "main"),
        ("Underscored", "main"),
        ("Aftereffects", "main"),
        ("Commentary", "commentary"),
        ("DIRECTOR AND CAST COMMENTARY", "commentary"),
        ("Director's Cut - DTS 5.1", "main"),
        ("Director's Edition", "main"),
        ("Original Soundtrack (5.1)", "main"),
        ("Visual Effects", "main"),
        ("Without commentary", "main"),
        ("Regiekommentar", "commentary"),
        ("Kommentarspår", "commentary"),
        ("监督导演评论音轨", "commentary"),
        ("監督コメンタリー", "commentary"),
        ("감독 코멘터리", "commentary"),
        ("Isolierte Filmmusik", "music"),
        ("Audiokommentar", "commentary"),
        ("Commentaires du réalisateur", "commentary"),
        ("Комментарии режиссёра", "commentary"),
        ("コメンタリー", "commentary"),
        ("Audio Description", "descriptive"),
        ("English AD", "descriptive"),
        ("Ad astra", "main"),
        ("audiodescription", "descriptive"),
        ("Hörfilmfassung", "descriptive"),
        ("Commentary on the score", "commentary"),
        ("Music", "music"),
        ("Original OST (FLAC)", "music"),
        ("Isolated Score", "music"),
        ("isolated_score", "music"),
        ("Soundtrack", "main"),
        ("Karaoke", "music"),
        ("M&E", "non_speech"),
        ("Ambient", "non_speech"),
        ("Foley", "sfx"),
        ("Instrumental", "music"),
        ("Music and Effects", "non_speech"),
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


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("English", "full"),
        ("Full + Signs", "full"),
        ("Dialogue & Songs", "full"),
        ("Signs (no dialogue)", "signs"),
        ("Signs & Songs", "signs"),
        ("Panneaux", "signs"),
        ("Non-Forced", "full"),
        ("Zwangsuntertitel", "forced"),
        ("Italiano (forzato)", "forced"),
        ("中文强制字幕", "forced"),
        ("Non udenti", "sdh"),
        ("Para surdos", "sdh"),
        ("Commentary", "commentary"),
    ],
)
def test_subtitle_kind_by_title(title: str, kind: str) -> None:
    assert subtitle_kind(notation.track(f's:subrip/eng "{title}"'), CONFIG) == kind


def test_audio_kind_by_language_and_flags() -> None:
    assert audio_kind(notation.track("a:aac/zxx"), CONFIG) == "non_speech"
    assert audio_kind(notation.track("a:aac/eng [comment]"), CONFIG) == "commentary"


def test_commentary_is_found_by_patterns_of_the_policy() -> None:
    config = PolicyConfig(commentary_patterns=("^kommentar$", "xyz"))
    assert audio_kind(notation.track('a:aac "Kommentar"'), config) == "commentary"
    assert audio_kind(notation.track('a:aac "Kommentare"'), config) != "commentary"
    assert audio_kind(notation.track('a:aac "Commentary"'), config) != "commentary"
    assert (
        audio_kind(notation.track('a:aac "x"'), PolicyConfig(commentary_patterns=()))
        != "commentary"
    )


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
