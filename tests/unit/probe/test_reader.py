"""What vpo reads from a file, against what its manifest says and what ffprobe and mkvmerge read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.media import make
from tests.reading import read

from vpo.errors import CancelledError, ProbeError
from vpo.media.languages import same
from vpo.media.model import MediaFile, Track
from vpo.probe import service
from vpo.probe.packets import cover_image, end_times, keyframes
from vpo.probe.reader import headers_and_end_times, probe_file
from vpo.probe.service import Prober
from vpo.tools.process import Processes

FILES: dict[str, Any] = make.manifest()
WHOLE = sorted(name for name, facts in FILES.items() if not facts.get("broken"))


@pytest.mark.parametrize("name", WHOLE)
def test_probe_agrees_with_the_manifest(corpus: Path, name: str) -> None:
    facts, media = FILES[name], probe_file(str(corpus / name))
    assert media.container == facts["container"]
    assert (media.duration or 0) == pytest.approx(facts["duration"], abs=0.06)
    assert dict(media.tags).get("title") == facts.get("title")
    assert [c.title for c in media.chapters] == [c["title"] for c in facts.get("chapters", [])]
    names = [item.get("name") for item in facts.get("attachments", [])]
    assert [a.filename for a in media.attachments] == names
    for track, wanted in zip(media.tracks, facts["tracks"], strict=True):
        assert (track.type, track.title) == (wanted["type"], wanted.get("title"))
        assert same(track.language, wanted.get("ietf") or wanted.get("language"))
        assert track.dispositions == set(wanted.get("flags", ()))
        assert track.channels == wanted.get("channels")
        if wanted["codec"] != "unknown":
            assert track.codec == wanted["codec"]


@pytest.mark.parametrize("name", [n for n in WHOLE if FILES[n]["container"] in ("mkv", "webm")])
def test_probe_matroska_ids_agree_with_mkvmerge(corpus: Path, name: str) -> None:
    wanted = read(corpus / name)
    media = probe_file(str(corpus / name))
    assert [(t.index, t.matroska_id, t.matroska_uid) for t in media.tracks] == [
        (t.index, t.matroska_id, t.matroska_uid) for t in wanted.tracks
    ]
    assert [a.matroska_id for a in media.attachments] == list(range(1, len(wanted.attachments) + 1))


PLAYLISTS = {
    "hls.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "concat.mkv": "ffconcat version 1.0\nfile '{}'\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_probe_follows_no_playlist(corpus: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(PLAYLISTS[name].format(corpus / "broadcast.ts"))
    with pytest.raises(ProbeError, match="not a video container that vpo knows"):
        probe_file(str(path))


def test_probe_counts_tracks_that_ffmpeg_ignores_for_matroska_ids(corpus: Path) -> None:
    media = probe_file(str(corpus / "unknown-track.mkv"))
    assert [(t.index, t.matroska_id) for t in media.tracks] == [(0, 0), (1, 1), (2, 3)]


def test_probe_names_subtitle_codecs_that_ffmpeg_does_not_name(corpus: Path) -> None:
    assert probe_file(str(corpus / "webvtt.mkv")).of("subtitle")[0].codec == "webvtt"


def test_probe_sets_no_matroska_ids_for_other_containers(corpus: Path) -> None:
    media = probe_file(str(corpus / "data-first.mp4"))
    assert {t.matroska_id for t in media.tracks} == {None}


@pytest.mark.parametrize("name", ["bad/zero.mkv", "bad/text.mkv", "bad/no-moov.mp4"])
def test_probe_refuses_files_without_video(corpus: Path, name: str) -> None:
    with pytest.raises(ProbeError):
        probe_file(str(corpus / name))


def test_probe_reports_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="cannot be opened: No such file"):
        probe_file(str(tmp_path / "x.mkv"))
    os.mkfifo(tmp_path / "x.mkv")
    with pytest.raises(ProbeError, match="not a regular file"):
        probe_file(str(tmp_path / "x.mkv"))


def test_probe_refuses_playlists_text_and_pictures(tmp_path: Path, corpus: Path) -> None:
    """ffmpeg also reads text files, pictures and playlists, which may name other files."""
    (tmp_path / "x.mkv").write_text(f"#EXTM3U\n#EXTINF:1,\n{corpus}/chapters.mkv\n")
    with pytest.raises(ProbeError):
        probe_file(str(tmp_path / "x.mkv"))
    (tmp_path / "x.mkv").write_text(f"ffconcat version 1.0\nfile {corpus}/chapters.mkv\n")
    with pytest.raises(ProbeError):
        probe_file(str(tmp_path / "x.mkv"))


@pytest.mark.parametrize("name", sorted(make.odd_names()))
def test_probe_reads_odd_names(corpus: Path, name: str) -> None:
    path = os.fspath(corpus / name)
    if not os.path.exists(path):
        pytest.skip("this system refuses such a name")
    media = probe_file(path)
    assert media.path == path
    assert len(media.tracks) == 3
    assert Prober(Processes(), 120).probe(path) == media


def test_end_times_of_streams(corpus: Path) -> None:
    path = str(corpus / "statistics.mkv")
    media = probe_file(path)
    ends = end_times(path, media.duration, frozenset({0, 1}))
    assert ends == {0: pytest.approx(2.0, abs=0.05), 1: pytest.approx(2.016, abs=0.05)}
    assert end_times(path, media.duration, frozenset({1})).keys() == {1}
    assert end_times(path, None, frozenset({0})) == {}


@pytest.mark.parametrize(("name", "index"), [("cover.mp4", 2), ("attachments.mkv", 5)])
def test_cover_image_returns_its_data(corpus: Path, name: str, index: int) -> None:
    assert cover_image(str(corpus / name), index).startswith(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ProbeError, match="cover image cannot be read"):
        cover_image(str(corpus / name), 99)


def test_prober_returns_what_the_reader_returns(corpus: Path, tmp_path: Path) -> None:
    path = str(corpus / "attachments.mkv")
    prober = Prober(Processes(), 120)
    media: MediaFile = prober.probe(path)
    assert media == probe_file(path)
    assert prober.end_times(path, 2.0, frozenset({0})).result() == end_times(
        path, 2.0, frozenset({0})
    )
    assert prober.headers_and_end_times(path) == headers_and_end_times(path)
    assert prober.cover_image(path, 5) == cover_image(path, 5)
    with pytest.raises(ProbeError, match="cannot be opened"):
        prober.probe(str(tmp_path / "gone"))
    assert prober.probe(path) == media  # an error does not end it


def test_prober_allows_several_pending_requests(corpus: Path, tmp_path: Path) -> None:
    path, prober = str(corpus / "statistics.mkv"), Prober(Processes(), 120)
    first = prober.end_times(path, 2.0, frozenset({0}))
    lost = prober.end_times(str(tmp_path / "gone"), 2.0, frozenset({0}))
    second = prober.end_times(path, 2.0, frozenset({1}))
    assert prober.probe(path) == probe_file(path)
    ends = [request.result().keys() for request in (second, first, first)]
    assert ends == [{1}, {0}, {0}]
    with pytest.raises(ProbeError, match="its end cannot be read: no such file"):
        lost.result()


def test_headers_and_end_times_equal_two_separate_reads(corpus: Path) -> None:
    for file in sorted(corpus.glob("*.mkv")):
        media, ends = headers_and_end_times(str(file))
        assert media == probe_file(str(file), decode=False)
        assert ends == end_times(str(file), media.duration, media.audio_video_indexes)


def test_prober_replaces_a_child_that_has_ended(corpus: Path) -> None:
    prober = Prober(Processes(), 120)
    before = prober.probe(str(corpus / "multi-audio.mkv"))
    prober.processes.close()
    assert prober.probe(str(corpus / "multi-audio.mkv")) == before


def test_prober_of_a_cancelled_run_reads_nothing(corpus: Path) -> None:
    prober = Prober(Processes(), 120)
    prober.probe(str(corpus / "multi-audio.mkv"))
    prober.processes.cancel()
    with pytest.raises(CancelledError):
        prober.probe(str(corpus / "multi-audio.mkv"))


@pytest.mark.parametrize("words", ["no JSON", "[" * 20_000, "5", "{}"])
def test_prober_replaces_a_child_that_answers_with_something_else(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    prober, path = Prober(Processes(), 120), str(corpus / "multi-audio.mkv")
    taken_over = [sys.executable, "-c", "import sys; input(); print(sys.argv[1]); input()", words]
    with monkeypatch.context() as patch:
        patch.setattr(service, "python_module", lambda _: taken_over)
        with pytest.raises(ProbeError, match="the parser gave no valid answer"):
            prober.probe(path)
    assert prober.probe(path) == probe_file(path)


def test_prober_survives_damaged_files(corpus: Path, tmp_path: Path) -> None:
    """A position behind the end of every file, in a file that is read by all parts of vpo."""
    path = Path(shutil.copyfile(corpus / "statistics.mkv", tmp_path / "x.mkv"))
    data = bytearray(path.read_bytes())
    at = data.index(b"\x53\xac\x82")  # a SeekPosition of two bytes
    data[at + 3 : at + 5] = b"\xff\xff"
    path.write_bytes(data)
    assert len(probe_file(str(path)).tracks) == 2


def test_track_str() -> None:
    track = Track(2, "audio", "aac", language="ger", title="T" * 70, layout="stereo")
    assert str(track) == f'audio 2 (aac stereo, ger, "{"T" * 60}…")'
    assert str(Track(0, "video", "h264", width=160, height=90)) == "video 0 (h264 160x90, und)"


def test_end_times_of_audio_that_ends_before_video_begins(corpus: Path, tmp_path: Path) -> None:
    """Seeking goes to a key frame of the picture, even if that is behind all of the sound."""
    path = tmp_path / "late.mkv"
    picture = ("--no-audio", "--sync", "0:2500", corpus / "und.mkv")
    words = ("--no-video", "--no-subtitles", corpus / "und.mkv", "--no-subtitles", *picture)
    subprocess.run(["mkvmerge", "-q", "-o", path, *words], check=True)
    media = probe_file(str(path))
    assert [track.type for track in media.tracks] == ["audio", "video"]
    ends = end_times(str(path), media.duration, frozenset({0, 1}))
    assert {index: round(end) for index, end in ends.items()} == {0: 2, 1: 4}


def test_keyframes_are_those_before_the_times(corpus: Path) -> None:
    path = str(corpus / "multi-audio.mkv")
    found = keyframes(path, 0, [0.0, 0.7, 1.9])
    assert found == Prober(Processes(), 120).keyframes(path, 0, [0.0, 0.7, 1.9])
    reading = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_packets", "-of", "json"),
            *("-show_entries", "packet=pts_time,flags", path),
        ],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    packets = json.loads(reading)["packets"]
    keys = [float(item["pts_time"]) for item in packets if "K" in item["flags"]]
    for time, key in zip((0.0, 0.7, 1.9), found, strict=True):
        assert key == pytest.approx(max(k for k in keys if k <= time + 0.05), abs=0.05)


def test_keyframes_of_missing_track_are_an_error(corpus: Path) -> None:
    with pytest.raises(ProbeError, match="keyframes cannot be found"):
        keyframes(str(corpus / "multi-audio.mkv"), 99, [0.0])
