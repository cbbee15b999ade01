"""Older policies as version 13, on plain data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from vpo.policy.loader import migrate_text
from vpo.policy.migration import migrate_data


def phase(**keys: Any) -> dict[str, Any]:
    return {"schema_version": 12, "phases": [{"name": "a", **keys}]}


def migrated_phase(**keys: Any) -> dict[str, Any]:
    data = migrate_data(phase(**keys)).data
    assert data["schema_version"] == 13
    (result,) = data["phases"]
    assert result.pop("name") == "a"
    return dict(result)


def video(**keys: Any) -> dict[str, Any]:
    return dict(migrated_phase(transcode={"video": keys})["transcode"]["video"])


@pytest.mark.parametrize("version", [11, 12, 13])
def test_migrate_sets_version_13(version: int) -> None:
    data = {"schema_version": version, "name": "x", "phases": [{"name": "a"}]}
    assert migrate_data(data).data == {**data, "schema_version": 13}


def test_migrate_does_not_change_its_argument() -> None:
    data = phase(audio_filter={"languages": ["eng"]})
    migrate_data(data)
    assert data == phase(audio_filter={"languages": ["eng"]})


def test_migrate_renames_config_keys() -> None:
    old = {
        "schema_version": 12,
        "config": {
            "audio_language_preference": ["jpn"],
            "subtitle_language_preference": ["eng"],
            "on_error": "skip",
        },
    }
    assert migrate_data(old).data["config"] == {
        "audio_languages": ["jpn"],
        "subtitle_languages": ["eng"],
        "on_error": "skip",
    }


def test_migrate_renames_filters() -> None:
    old = {
        "audio_filter": {"languages": ["eng"]},
        "subtitle_filter": {"remove_all": True},
        "attachment_filter": {"remove_all": True},
    }
    assert migrated_phase(**old) == {
        "keep_audio": {"languages": ["eng"]},
        "keep_subtitles": {"remove_all": True},
        "filter_attachments": {"remove_all": True},
    }


def test_migrate_turns_conditional_into_rules() -> None:
    items = [{"name": "x", "when": {"exists": {}}, "then": []}]
    assert migrated_phase(conditional=items) == {"rules": {"match": "first", "items": items}}


def test_migrate_sets_mode_any_for_skip_when() -> None:
    assert migrated_phase(skip_when={"video_codec": ["hevc"]}) == {
        "skip_when": {"video_codec": ["hevc"], "mode": "any"}
    }
    assert migrated_phase(skip_when={"mode": "all"}) == {"skip_when": {"mode": "all"}}


def test_migrate_flattens_video_section() -> None:
    old = {
        "target_codec": "hevc",
        "quality": {
            "mode": "constrained_quality",
            "crf": 20,
            "preset": "slow",
            "tune": "film",
            "two_pass": False,
            "min_bitrate": "1M",
            "max_bitrate": "8M",
        },
        "scaling": {
            "max_resolution": "1080p",
            "max_width": 1920,
            "max_height": 1080,
            "algorithm": "lanczos",
            "upscale": False,
        },
        "hardware_acceleration": {"enabled": "nvenc", "fallback_to_cpu": False},
        "skip_if": {"codec_matches": ["hevc"]},
    }
    assert video(**old) == {
        "to": "hevc",
        "crf": 20,
        "preset": "slow",
        "tune": "film",
        "two_pass": False,
        "min_bitrate": "1M",
        "max_bitrate": "8M",
        "max_resolution": "1080p",
        "max_width": 1920,
        "max_height": 1080,
        "scale_algorithm": "lanczos",
        "upscale": False,
        "hw": "nvenc",
        "hw_fallback": False,
        "skip_if": {"codec_matches": ["hevc"]},
    }


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        ({"mode": "crf", "crf": 20, "max_bitrate": "8M"}, {"crf": 20}),
        (
            {"mode": "bitrate", "bitrate": "5M", "two_pass": True},
            {"target_bitrate": "5M", "two_pass": True},
        ),
        ({"mode": "bitrate", "bitrate": "5M", "crf": 20}, {"target_bitrate": "5M"}),
        ({"crf": 20, "max_bitrate": "8M"}, {"crf": 20, "max_bitrate": "8M"}),
        ({}, {}),
    ],
)
def test_migrate_flattens_quality_modes(quality: dict[str, Any], expected: dict[str, Any]) -> None:
    assert video(quality=quality) == {**expected, "hw": "none"}


@pytest.mark.parametrize(
    ("enabled", "hw"), [("auto", "auto"), ("none", "none"), (True, "auto"), (False, "none")]
)
def test_migrate_flattens_hardware_acceleration(enabled: object, hw: str) -> None:
    assert video(hardware_acceleration={"enabled": enabled}) == {"hw": hw}


def test_migrate_defaults_hardware_to_none() -> None:
    assert video(target_codec="hevc") == {"to": "hevc", "hw": "none"}


def test_migrate_keeps_current_video_section() -> None:
    assert video(to="hevc", crf=20) == {"to": "hevc", "crf": 20}


def test_migrate_keeps_keys_without_equivalent() -> None:
    assert video(quality={"crf": 20, "sharpness": 3}) == {
        "quality": {"sharpness": 3},
        "crf": 20,
        "hw": "none",
    }


def test_migrate_renames_audio_keys() -> None:
    old = {"preserve_codecs": ["flac"], "transcode_to": "aac", "transcode_bitrate": "192k"}
    new = {"preserve": ["flac"], "to": "aac", "bitrate": "192k"}
    assert migrated_phase(transcode={"audio": old}) == {"transcode": {"audio": new}}


def test_origin_returns_old_path() -> None:
    migration = migrate_data(
        phase(
            audio_filter={"languages": ["eng"]},
            conditional=[{"name": "x"}],
            transcode={"video": {"quality": {"crf": 20}}},
        )
    )
    at = ("phases", 0)
    assert migration.origin((*at, "keep_audio", "languages", 0)) == (
        *at,
        "audio_filter",
        "languages",
        0,
    )
    assert migration.origin((*at, "rules", "items", 0, "name")) == (*at, "conditional", 0, "name")
    assert migration.origin((*at, "rules")) == (*at, "conditional")
    assert migration.origin((*at, "transcode", "video", "crf")) == (
        *at,
        "transcode",
        "video",
        "quality",
        "crf",
    )
    assert migration.origin((*at, "name")) == (*at, "name")
    assert migration.old_keys == ["audio_filter", "conditional", "crf"]


def test_old_and_new_at_once_is_a_conflict() -> None:
    migration = migrate_data(phase(keep_audio={}, audio_filter={}))
    assert migration.conflicts == [(("phases", 0, "audio_filter"), "keep_audio")]


@pytest.mark.parametrize(
    "data",
    [
        {"schema_version": 12},
        {"schema_version": 12, "phases": None},
        {"schema_version": 12, "phases": ["x", 5]},
        {"schema_version": 12, "config": [], "phases": {}},
        phase(transcode=None, skip_when=3, conditional=None),
        phase(transcode={"video": {"quality": 5, "scaling": None, "hardware_acceleration": []}}),
    ],
)
def test_migrate_leaves_invalid_data_to_validation(data: dict[str, Any]) -> None:
    assert migrate_data(data).data["schema_version"] == 13


PAIRS = Path(__file__).parent / "migrations"


@pytest.mark.parametrize("before", sorted(PAIRS.glob("*.before.yaml")), ids=lambda path: path.name)
def test_migrated_example_equals_its_pair(before: Path) -> None:
    """The old text becomes the new one: comments, too, at whatever distance."""
    after = before.with_name(before.name.replace(".before.", ".after."))
    old, new = before.read_text("utf-8"), after.read_text("utf-8")
    found = migrate_text(old, "p")
    assert re.sub(r" +#", " #", found) == re.sub(r" +#", " #", new)
    assert migrate_text(new, "p") == new


@pytest.mark.parametrize(
    ("keys", "old"),
    [
        ({"transcode": {"video": {"quality": {"mode": "crf"}}}}, ["mode", "quality"]),
        ({"transcode": {"video": {"scaling": {}}}}, ["scaling"]),
        ({"transcode": {"video": {"to": "hevc", "quality": {"crf": 20}}}}, ["crf"]),
        ({"transcode": {"video": {"to": "hevc", "crf": 20}}}, []),
        ({"skip_when": {"mode": "any"}}, []),
    ],
)
def test_old_keys_are_named_also_where_nothing_is_left_of_them(
    keys: dict[str, Any], old: list[str]
) -> None:
    assert migrate_data({**phase(**keys), "schema_version": 13}).old_keys == old
