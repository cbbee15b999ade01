"""What is recorded of files is true of them, whatever happens during a run and between runs."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Library, Vpo
from tests.reading import read

DEFAULT_AUDIO = """\
schema_version: 13
config: {{audio_languages: [{language}]}}
phases:
  - name: one
    default_flags: {{set_preferred_audio_default: true, clear_other_defaults: true}}
"""


def audio_policy(vpo: Vpo, language: str) -> Path:
    return vpo.policy(DEFAULT_AUDIO.format(language=language), f"{language}.yaml")


def default_audio(path: Path) -> list[str]:
    return [track.language for track in read(path).of("audio") if track.default]


# Policies that take turns


def test_in_place_edit_invalidates_compliance_with_other_policy(vpo: Vpo, library: Library) -> None:
    """An edit in place leaves size, time and inode as they were; its record ends anyway."""
    path = library("multi-audio.mkv") / "multi-audio.mkv"
    before = path.stat()
    for language in ("eng", "ger", "eng", "ger"):
        for summary in ("1 changed", "1 unchanged"):
            result = vpo("process", "-p", audio_policy(vpo, language), path)
            assert (result.rc, summary in result.stdout) == (0, True), result
        assert default_audio(path) == [language]
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )


def test_in_place_edit_invalidates_compliance_of_all_hard_links(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text('[files]\nhardlinks = "edit"\n')
    path = library("a.mkv=multi-audio.mkv") / "a.mkv"
    other = path.with_name("b.mkv")
    other.hardlink_to(path)
    vpo("process", "-p", audio_policy(vpo, "eng"), path, other)
    vpo("process", "-p", audio_policy(vpo, "ger"), path)
    assert "1 changed" in vpo("process", "-p", audio_policy(vpo, "eng"), other).stdout
    assert default_audio(other) == ["eng"]
