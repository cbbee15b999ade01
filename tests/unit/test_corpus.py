"""The sample media are what their manifest says, as ffprobe and mkvmerge read them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.media import make
from tests.reading import Reading, TrackReading, decodes, read, stream_hashes

FILES: dict[str, Any] = make.manifest()
WHOLE = sorted(name for name, facts in FILES.items() if not facts.get("broken"))
BROKEN = sorted(name for name, facts in FILES.items() if facts.get("broken"))
LARGEST = 200_000


def test_recipes_and_manifest_name_the_same_files() -> None:
    assert set(FILES) == make.recipes()
    assert all(facts["why"] for facts in FILES.values())


@pytest.mark.parametrize("name", WHOLE)
def test_sample_file_agrees_with_manifest(corpus: Path, name: str) -> None:
    facts = FILES[name]
    reading = read(corpus / name)
    assert reading.container == facts["container"]
    assert (reading.duration or 0) == pytest.approx(facts["duration"], abs=0.06)
    assert reading.tags.get("title") == facts.get("title")
    expected = facts["tracks"]
    assert [_stated(t, e) for t, e in zip(reading.tracks, expected, strict=True)] == expected
    assert _attachments(reading) == facts.get("attachments", [])
    chapters = [{"start": c.start, "title": c.title} for c in reading.chapters]
    assert chapters == facts.get("chapters", [])


def _stated(track: TrackReading, expected: dict[str, Any]) -> dict[str, Any]:
    """The track's facts in the manifest's form; mkvmerge's own only where the manifest has them."""
    facts: dict[str, Any] = {
        "type": track.type,
        "codec": track.codec,
        "language": track.language if track.language != "und" else None,
        "title": track.title,
        "channels": track.channels,
        "flags": sorted(track.flags) or None,
    }
    own = {key: getattr(track, key) for key in expected if key in ("ietf", "matroska_id")}
    facts.update(own)
    return {key: value for key, value in facts.items() if value is not None}


def _attachments(reading: Reading) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in vars(item).items() if value is not None}
        for item in reading.attachments
    ]


@pytest.mark.parametrize("name", WHOLE)
def test_sample_file_is_small_and_decodes(corpus: Path, name: str) -> None:
    assert (corpus / name).stat().st_size < LARGEST
    assert decodes(corpus / name) == []


@pytest.mark.parametrize("name", sorted(set(BROKEN) - {"bad/truncated.mkv"}))
def test_broken_sample_is_no_media(corpus: Path, name: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        read(corpus / name)


def test_truncated_sample_has_an_intact_header(corpus: Path) -> None:
    """That is the trap: readers only look at the header, and decode up to the cut."""
    cut, whole = (corpus / name for name in ("bad/truncated.mkv", "statistics.mkv"))
    assert read(cut).duration == read(whole).duration
    assert cut.read_bytes() == whole.read_bytes()[: cut.stat().st_size]
    assert stream_hashes(cut) != stream_hashes(whole)


def test_hdr10_sample_has_hdr_metadata(corpus: Path) -> None:
    shown = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", "%+#1"),
            *("-show_entries", "frame:stream=color_transfer,pix_fmt", corpus / "hdr10.mkv"),
        ],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for fact in ("smpte2084", "yuv420p10le", "Mastering display", "max_content=1000"):
        assert fact in shown


def test_stale_statistics_sample_has_stale_tags(corpus: Path) -> None:
    true, stale = (
        read(corpus / name).tracks[1].tags for name in ("statistics.mkv", "stale-statistics.mkv")
    )
    assert true["number_of_bytes"] == stale["number_of_bytes"]


def test_oddly_named_samples_are_copies_of_one_file(corpus: Path) -> None:
    source = stream_hashes(corpus / "names" / "-i.mkv")
    assert len(source) == 3
    for name in make.odd_names():
        if (corpus / name).exists():
            assert stream_hashes(corpus / name) == source


def test_sample_media_are_generated_once(corpus: Path) -> None:
    assert make.cached() == corpus
