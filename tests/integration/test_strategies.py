"""Every way to carry out a plan, on real files with the real tools: what is not to change stays."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.conftest import Library, Result, ToolsOnPath, Vpo
from tests.integration.facts import (
    clusters,
    everything_else,
    litter,
    original,
    path_with,
    samples,
    streams,
)
from tests.integration.stage import Stage
from tests.media import make
from tests.reading import frame_hashes, read, stream_hashes

NO_FLAGS = """\
schema_version: 13
phases:
  - name: flags
    audio_actions: {clear_all_default: true, clear_all_forced: true}
    subtitle_actions: {clear_all_default: true, clear_all_forced: true}
    video_actions: {clear_all_default: true, clear_all_forced: true}
"""
TURNED = """\
schema_version: 13
phases:
  - name: turn
    track_order:
      - subtitle_commentary
      - subtitle_forced
      - subtitle_main
      - audio_commentary
      - audio_music
      - audio_sfx
      - audio_non_speech
      - audio_alternate
      - audio_main
      - video
"""
TO_HEVC = (
    "schema_version: 13\nphases: [{name: c, container: {target: mkv}}, {name: t, transcode: {video:"
    " {to: hevc, preset: ultrafast}}}]\n"
)
TO_MKV = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
TO_MP4 = "schema_version: 13\nphases: [{name: c, container: {target: mp4}}]\n"

MATROSKA = [
    name
    for name, facts in make.manifest().items()
    if facts.get("container") == "mkv"
    and not facts.get("broken")
    and name not in ("unknown-track.mkv", "audio-only.mka")
]


MP4 = [
    name
    for name, facts in make.manifest().items()
    if facts.get("container") in ("mp4", "mov") and not facts.get("broken")
]
BY_FFMPEG = (
    "attachments.mkv",
    "bitmap-subtitles.mkv",
    "chapters.mkv",
    "front-tags.mkv",
    "hdr10.mkv",
    "multi-audio.mkv",
    "no-language.mkv",
    "wrong-flags.mkv",
)


def run(vpo: Vpo, policy: str, root: Path, env: Mapping[str, str | None] | None = None) -> Result:
    return vpo("process", "--format", "json", "-p", vpo.policy(policy), root, env=env)


def failures(result: Result) -> list[str]:
    return [f"{f['path']}: {f['error']['message']}" for f in result.json["files"] if f["error"]]


def one(result: Result) -> dict[str, object]:
    (file,) = result.json["files"]
    found: dict[str, object] = file
    return found


def test_header_edit_keeps_inode_clusters_and_other_facts(
    vpo: Vpo, library: Library, corpus: Path
) -> None:
    """In place: the same inode, every cluster where it was and as it was."""
    root = library(*MATROSKA)
    inodes = {path.name: path.stat().st_ino for path in root.iterdir()}
    result = run(vpo, NO_FLAGS, root)
    assert failures(result) == []
    for file in result.json["files"]:
        path = Path(file["path"])
        before, payload = original(corpus / path.name)
        after = read(path)
        flagged = any(track.flags & {"default", "forced"} for track in before.tracks)
        wanted = ("changed", "header") if flagged else ("unchanged", "none")
        assert (file["status"], file["strategy"]) == wanted
        assert [t.flags for t in after.tracks] == [
            t.flags - {"default", "forced"} for t in before.tracks
        ]
        assert everything_else(after) == everything_else(before), path.name
        assert clusters(path) == clusters(corpus / path.name) != []
        assert streams(path) == payload
        assert path.stat().st_ino == inodes[path.name]
    assert len(result.json["files"]) == len(MATROSKA)
    assert litter(root) == []


SWEDISH = """\
schema_version: 13
phases:
  - name: swedish
    subtitle_actions: {clear_all_forced: true}
    titles: {audio: "På svenska"}
    rules:
      items:
        - name: r
          when: {exists: {track_type: audio}}
          then:
            - set_language: {track_type: audio, new_language: swe}
"""


def test_header_edit_of_mp4_keeps_inode_samples_and_other_facts(
    vpo: Vpo, library: Library, corpus: Path
) -> None:
    """The list of tracks is behind the samples in all but one, in which a title has no room."""
    root = library("cover.mp4", "chapters.mp4", "camera.mov", "data-first.mp4", "mov-text.mp4")
    inodes = {path.name: path.stat().st_ino for path in root.iterdir()}
    result = run(vpo, SWEDISH, root)
    assert failures(result) == []
    for file in result.json["files"]:
        path = Path(file["path"])
        (before, payload), after = original(corpus / path.name), read(path)
        changed = [t for t in after.tracks if t.type == "audio"]
        assert {(t.language, t.title) for t in changed} == {("swe", "På svenska")}
        assert streams(path) == payload
        assert [t for t in after.tracks if t.type != "audio"] == [
            t for t in before.tracks if t.type != "audio"
        ]
        if path.name == "mov-text.mp4":
            assert file["strategy"] == "remux"
            assert "it grows by" in file["warnings"][0]
            continue
        assert file["strategy"] == "header"
        assert path.stat().st_ino == inodes[path.name]
        old, new = (item.read_bytes() for item in (corpus / path.name, path))
        assert new[: new.index(b"moov")][:-4] == old[: old.index(b"moov")][:-4]
        assert (after.attachments, after.chapters) == (before.attachments, before.chapters)
    assert litter(root) == []


EVERYTHING = f"""\
schema_version: 13
phases:
  - name: everything
    audio_actions: {{clear_all_forced: true, clear_all_default: true}}
    subtitle_actions: {{clear_all_forced: true, clear_all_default: true}}
    titles: {{audio: {"ä" * 200}, subtitle: {"s" * 300}, video: Film, container: {"t" * 500}}}
    rules:
      match: all
      items:
        - name: audio
          when: {{exists: {{track_type: audio}}}}
          then: [{{set_language: {{track_type: audio, new_language: pt-BR}}}}]
        - name: subtitles
          when: {{exists: {{track_type: subtitle}}}}
          then: [{{set_language: {{track_type: subtitle, new_language: zh-Hant}}}}]
"""


@pytest.mark.parametrize("policy", [NO_FLAGS, EVERYTHING], ids=["flags", "everything"])
def test_header_edits_leave_every_byte_of_clusters_and_samples_where_it_was(
    vpo: Vpo, library: Library, corpus: Path, policy: str
) -> None:
    """In all of the sample media, whether the header keeps its length, moves or grows."""
    root = library(*MATROSKA, "clip.webm", *MP4)
    edited = set()
    for file in run(vpo, policy, root).json["files"]:
        assert file["error"] is None, file
        path = Path(file["path"])
        if file["strategy"] == "header":
            edited.add(path.suffix)
            payload = samples if path.name in MP4 else clusters
            assert payload(path) == payload(corpus / path.name) != [], path.name
    assert edited >= {".mkv", ".mp4"}


SHORT_TEXTS = """\
schema_version: 13
phases:
  - name: texts
    titles: {audio: "简"}
    rules:
      items:
        - name: r
          when: {exists: {track_type: audio}}
          then: [{set_container_metadata: {field: comment, value: "Två"}}]
"""


@pytest.mark.parametrize("name", ["cover.mp4", "camera.mov"])
def test_short_texts_are_read_as_they_were_written(vpo: Vpo, library: Library, name: str) -> None:
    root = library(name)
    assert one(run(vpo, SHORT_TEXTS, root))["strategy"] == "header"
    after = read(root / name)
    assert [track.title for track in after.of("audio")] == ["简"]
    assert after.tags["comment"] == "Två"
    assert one(run(vpo, SHORT_TEXTS, root))["status"] == "unchanged"


@pytest.mark.parametrize("name", ["fragmented.mp4", "mov-text.mp4", "live.webm", "cover.mp4"])
def test_all_commands_name_the_same_strategy(vpo: Vpo, library: Library, name: str) -> None:
    """Whether a header can be edited depends on its room, which the file alone shows."""
    root, policy = library(name), vpo.policy(SWEDISH)
    vpo("scan", root)
    asked = (
        ("process", "--dry-run", "--format", "json", "-p", policy, root),
        ("library", "check", "--format", "json", "-p", policy),
        ("process", "--format", "json", "-p", policy, root),
    )
    explained = vpo("policy", "explain", "--format", "json", policy, root / name).json
    found = [explained, *(one(vpo(*words)) for words in asked)]
    strategy = "header" if name in ("cover.mp4", "live.webm") else "remux"
    assert [each["strategy"] for each in found] == [strategy] * 4
    assert len({tuple(each["warnings"]) for each in found}) == 1


@pytest.mark.parametrize("tools", ["mkvtoolnix", "ffmpeg"])
def test_remux_keeps_streams_facts_mode_and_times(
    vpo: Vpo, library: Library, corpus: Path, tmp_path: Path, tools: str
) -> None:
    """With all tools mkvmerge does it; without mkvtoolnix ffmpeg."""
    root = library(*(MATROSKA if tools == "mkvtoolnix" else BY_FFMPEG))
    for path in root.iterdir():
        path.chmod(0o640)
        os.utime(path, ns=(1_500_000_000 * 10**9, 1_500_000_001 * 10**9))
    env = path_with(tmp_path / "bin", "ffmpeg") if tools == "ffmpeg" else None
    result = run(vpo, TURNED, root, env)
    assert failures(result) == []
    for file in result.json["files"]:
        path = Path(file["path"])
        before, payload = original(corpus / path.name)
        assert (file["status"], file["strategy"]) == ("changed", "remux")
        assert file["new_path"] is None
        after = read(path)
        assert after.tracks[-1].type == "video"
        assert everything_else(after) == everything_else(before), path.name
        assert sorted(sorted(t.flags) for t in after.tracks) == sorted(
            sorted(t.flags) for t in before.tracks
        )
        assert streams(path) == payload, path.name
        assert path.stat().st_mode & 0o777 == 0o640
        assert path.stat().st_mtime_ns == 1_500_000_001 * 10**9
    assert litter(root) == []


def regions(path: Path) -> list[str]:
    """The languages with a region or a script, which only the newer element can have."""
    return sorted(str(track.ietf) for track in read(path).tracks if "-" in (track.ietf or ""))


def test_ffmpeg_remux_keeps_regions_of_languages_without_mkvtoolnix(
    vpo: Vpo, library: Library, tmp_path: Path
) -> None:
    path = library("ietf.mkv") / "ietf.mkv"
    before = regions(path)
    result = run(vpo, TURNED, path, path_with(tmp_path / "bin", "ffmpeg"))
    assert result.rc == 0, result
    assert one(result)["strategy"] == "remux"
    assert regions(path) == before != []


def test_flags_are_changed_in_the_header_without_any_tool(
    vpo: Vpo, library: Library, tmp_path: Path
) -> None:
    path = library("multi-audio.mkv") / "multi-audio.mkv"
    before, payload = read(path), stream_hashes(path)
    result = run(vpo, NO_FLAGS, path, path_with(tmp_path / "nothing"))
    assert result.rc == 0, result
    assert one(result)["strategy"] == "header"
    assert not any(track.default or track.forced for track in read(path).tracks)
    assert everything_else(read(path)) == everything_else(before)
    assert stream_hashes(path) == payload


@pytest.mark.parametrize("name", ["clip.webm", "live.webm"])
@pytest.mark.parametrize("tools", ["mkvtoolnix", "ffmpeg"])
def test_remux_keeps_webm(
    vpo: Vpo, library: Library, tmp_path: Path, name: str, tools: str
) -> None:
    path = library(name) / name
    before, payload = read(path), streams(path)
    env = path_with(tmp_path / "bin", "ffmpeg") if tools == "ffmpeg" else None
    result = run(vpo, TURNED, path, env)
    assert result.rc == 0, result
    after = read(path)
    assert after.container == "webm"
    assert after.tracks[-1].type == "video"
    assert everything_else(after)["tracks"] == everything_else(before)["tracks"]
    assert streams(path) == payload


CODECS = {"mov_text": "subrip", "subrip": "mov_text", "ass": "mov_text"}


@pytest.mark.parametrize(
    ("policy", "suffix", "names"),
    [
        (
            TO_MKV,
            ".mkv",
            [
                "mov-text.mp4",
                "cover.mp4",
                "chapters.mp4",
                "no-language.mp4",
                "fragmented.mp4",
                "old.avi",
                "clip.webm",
                "live.webm",
            ],
        ),
        (TO_MP4, ".mp4", ["front-tags.mkv", "chapters.mkv", "hdr10.mkv", "und.mkv"]),
    ],
    ids=["mkv", "mp4"],
)
def test_conversion_keeps_streams_titles_chapters_and_covers(
    vpo: Vpo, library: Library, corpus: Path, policy: str, suffix: str, names: list[str]
) -> None:
    """Streams, text subtitles, languages, titles, chapters and covers find their places."""
    root = library(*(f"{n}/{name}={name}" for n, name in enumerate(names)))
    result = vpo("process", "-R", "--format", "json", "-p", vpo.policy(policy), root)
    assert failures(result) == []
    for file, name in zip(result.json["files"], names, strict=True):
        path, before = Path(file["path"]), read(corpus / name)
        target = path.with_suffix(suffix)
        assert (path.name, file["new_path"]) == (name, str(target))
        assert list(path.parent.iterdir()) == [target]
        after = read(target)
        assert after.container == suffix[1:]
        assert [(t.type, t.codec, t.language, t.channels) for t in after.tracks] == [
            (t.type, CODECS.get(t.codec, t.codec), t.language, t.channels) for t in before.tracks
        ], name
        assert [t.title for t in after.tracks] == [t.title for t in before.tracks]
        assert [(c.start, c.title) for c in after.chapters] == [
            (c.start, c.title) for c in before.chapters
        ]
        assert [a.mime for a in after.attachments] == [a.mime for a in before.attachments]
        assert after.tags.get("title") == before.tags.get("title")
        assert frame_hashes(target, ("0:V",)) == frame_hashes(corpus / name, ("0:V",))
        # Sound that is decoded begins with what the codec needs to start, which MP4 cuts off.
        assert stream_hashes(target, ("0:a?",)) == stream_hashes(corpus / name, ("0:a?",)), name


def test_transport_stream_is_converted_to_mkv(vpo: Vpo, library: Library) -> None:
    """It counts its time from anywhere, and ends later than it is long."""
    path = library("broadcast.ts") / "broadcast.ts"
    payload = stream_hashes(path)
    assert float(ffprobe_start(path)) > 1
    result = run(vpo, TO_MKV, path)
    assert failures(result) == []
    assert stream_hashes(path.with_suffix(".mkv")) == payload


def ffprobe_start(path: Path) -> str:
    shown = ("-show_entries", "format=start_time", "-of", "csv=p=0", path)
    return subprocess.run(
        ["ffprobe", "-v", "error", *shown], capture_output=True, check=True, text=True
    ).stdout


def test_conversion_keeps_cover_picture_unchanged(
    vpo: Vpo, library: Library, tmp_path: Path
) -> None:
    path = library("cover.mp4") / "cover.mp4"
    assert run(vpo, TO_MKV, path).rc == 0
    (cover,) = read(path.with_suffix(".mkv")).attachments
    assert cover.name == "cover.png"
    picture = tmp_path / "picture.png"
    make.run("mkvextract", path.with_suffix(".mkv"), "attachments", f"1:{picture}")
    kit = tmp_path / "cover.png"
    make._parts["cover.png"](make.Kit(tmp_path), kit)
    assert picture.read_bytes() == kit.read_bytes()


@pytest.mark.parametrize(
    ("name", "policy", "what"),
    [
        ("bitmap-subtitles.mkv", TO_MP4, "hdmv_pgs_subtitle"),
        ("attachments.mkv", TO_MP4, "Sample.ttf"),
        ("home-cinema.mkv", TO_MP4, "truehd"),
    ],
)
def test_conversion_fails_for_tracks_the_container_cannot_hold(
    vpo: Vpo, library: Library, name: str, policy: str, what: str
) -> None:
    path = library(name) / name
    before = path.read_bytes()
    result = run(vpo, policy, path)
    assert result.rc == 1
    assert what in one(result)["error"]["message"]  # type: ignore[index]
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [name]


def test_conversion_fails_when_new_name_exists(vpo: Vpo, library: Library) -> None:
    root = library("film.mp4=cover.mp4", "film.mkv=und.mkv")
    before = {p.name: p.read_bytes() for p in root.iterdir()}
    result = run(vpo, TO_MKV, root)
    assert result.rc == 1
    assert {Path(f["path"]).name: f["status"] for f in result.json["files"]} == {
        "film.mp4": "failed",
        "film.mkv": "unchanged",
    }
    assert "film.mkv exists already" in str(result.json["files"])
    assert {p.name: p.read_bytes() for p in root.iterdir()} == before


def no_bundled_ffmpeg(folder: Path) -> dict[str, str | None]:
    """The environment of an installation without the ffmpeg that pip can bring along."""
    (folder / "imageio_ffmpeg.py").write_text("raise ImportError\n")
    others = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), others]))}


@pytest.mark.parametrize("policy", [TURNED, TO_MP4], ids=["order", "mp4"])
def test_process_exits_3_without_tools(
    vpo: Vpo, library: Library, tmp_path: Path, policy: str
) -> None:
    root = library("chapters.mkv", "und.mkv")
    before = {p.name: p.read_bytes() for p in root.iterdir()}
    args = ("process", "-p", vpo.policy(policy), root)
    result = vpo(*args, env=path_with(tmp_path / "nothing") | no_bundled_ffmpeg(tmp_path))
    assert result.rc == 3, result
    said = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert len(said) == 2
    assert all("is needed and not installed: install" in line for line in said)
    assert {p.name: p.read_bytes() for p in root.iterdir()} == before


@pytest.mark.parametrize(
    ("policy", "samples"),
    [
        (NO_FLAGS, MATROSKA),
        (TURNED, ["multi-audio.mkv", "attachments.mkv", "clip.webm", "many-tracks.mkv"]),
        (TO_MKV, ["mov-text.mp4", "cover.mp4", "old.avi", "clip.webm", "chapters.mkv"]),
        (TO_MP4, ["front-tags.mkv", "hdr10.mkv", "cover.mp4"]),
    ],
    ids=["flags", "order", "mkv", "mp4"],
)
def test_second_run_starts_no_tool_and_opens_no_file(
    vpo: Vpo, library: Library, stage: Stage, policy: str, samples: list[str]
) -> None:
    """Even though, unnoticed by size and time, the files hold nothing but zeros by then."""
    root = library(*samples)
    assert run(vpo, policy, root).rc == 0
    forced = vpo("process", "--force", "--format", "json", "-p", vpo.policy(policy), root)
    assert forced.rc == 0
    assert {file["status"] for file in forced.json["files"]} == {"unchanged"}
    for path in root.iterdir():
        status = path.stat()
        with path.open("r+b") as file:
            file.write(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    stage.record("mkvpropedit", "mkvmerge", "ffmpeg", "ffprobe")
    result = run(vpo, policy, root)
    assert result.rc == 0, result
    assert {file["status"] for file in result.json["files"]} == {"unchanged"}
    assert result.json["summary"]["unchanged"] == len(samples)
    assert stage.events == []


def test_header_that_no_tool_can_edit_is_written_anew(vpo: Vpo, library: Library) -> None:
    """Its SeekHead leads to places where nothing begins."""
    film = library("wrong-flags.mkv") / "wrong-flags.mkv"
    data = bytearray(film.read_bytes())
    at = data.index(b"\x53\xab\x84\x16\x54\xae\x6b\x53\xac") + 9
    data[at + (data[at] & 0x0F)] ^= 0x15
    film.write_bytes(data)
    hashes = stream_hashes(film)
    (outcome,) = run(vpo, NO_FLAGS, film).json["files"]
    assert (outcome["status"], outcome["strategy"]) == ("changed", "remux"), outcome
    assert "the file is written anew, as its header cannot be edited: mkvpropedit failed" in str(
        outcome["warnings"]
    )
    assert stream_hashes(film) == hashes
    assert not any(track.default for track in read(film).tracks)
    assert run(vpo, NO_FLAGS, film).json["files"][0]["status"] == "unchanged"


TITLED = "schema_version: 13\nphases: [{name: t, titles: {video: Film}}]\n"


@pytest.mark.parametrize("linked", [False, True])
def test_warnings_of_mkvpropedit_are_reported(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath, linked: bool
) -> None:
    """It ends with status 1 then, as mkvmerge does; it edits what vpo itself cannot."""
    tools_on_path(mkvpropedit='"$REAL_MKVPROPEDIT" "$@"; echo "#GUI#warning it is odd"; exit 1')
    root = library("live.webm")
    if linked:
        vpo.config.write_text('[files]\nhardlinks = "replace"\n')
        os.link(root / "live.webm", root.parent / "other.mkv")
    done = vpo("process", "--format", "json", "-p", vpo.policy(TITLED), root)
    assert done.rc == 0, done
    (outcome,) = done.json["files"]
    assert outcome["strategy"] == "header"
    assert "mkvpropedit: it is odd" in outcome["warnings"]
    assert "mkvpropedit edits the header, which vpo itself cannot" in str(outcome["warnings"])


def test_copy_that_mkvpropedit_damaged_is_not_published(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath
) -> None:
    """Its headers are as planned; a film of unknown size is edited in a full copy."""
    cut = 'for f; do if [ -f "$f" ]; then truncate -s -9000 "$f"; fi; done'
    tools_on_path(mkvpropedit=f'"$REAL_MKVPROPEDIT" "$@"; {cut}')
    film = library("live.webm") / "live.webm"
    hashes = stream_hashes(film)
    (outcome,) = run(vpo, TITLED, film).json["files"]
    assert (outcome["status"], outcome["strategy"]) == ("changed", "remux"), outcome
    assert stream_hashes(film) == hashes


@pytest.mark.parametrize(
    ("source", "wrong", "policy", "right"),
    [("multi-audio.mkv", "film.mp4", TO_MKV, "film.mkv"), ("cover.mp4", "x.mkv", TO_MP4, "x.mp4")],
)
def test_name_of_another_container_is_said_and_put_right(
    library: Library, vpo: Vpo, source: str, wrong: str, policy: str, right: str
) -> None:
    root = library(f"{wrong}={source}")
    (root / "turn.yaml").write_text(NO_FLAGS)
    (root / "container.yaml").write_text(policy)
    before = stream_hashes(root / wrong)
    promised, real = wrong[-3:], right[-3:]
    said = vpo("process", "-n", "-v", "-p", root / "turn.yaml", root).stdout
    assert f"its name says {promised}, but it is {real}" in said
    result = vpo("process", "-v", "-p", root / "container.yaml", root)
    assert f"extension: .{promised} -> .{real}" in result.stdout
    assert "its name says" not in result.stdout
    assert not (root / wrong).exists()
    assert read(root / right).container == real
    assert stream_hashes(root / right) == before
    assert "1 unchanged" in vpo("process", "-p", root / "container.yaml", root).stdout


def test_file_of_subtitles_only_is_processed(library: Library, vpo: Vpo) -> None:
    root = library("multi-audio.mkv")
    path, policy = root / "words.mkv", root / "policy.yaml"
    words = ("--no-audio", "--no-video", root / "multi-audio.mkv")
    subprocess.run(["mkvmerge", "-q", "-o", path, *words], check=True)
    keep = "schema_version: 13\nphases: [{name: k, keep_subtitles: {languages: [fre]}}]\n"
    policy.write_text(keep)
    vpo.config.write_text('[files]\nverify = "quick"\n')
    assert "1 changed" in vpo("process", "-p", policy, path).stdout
    assert [track.language for track in read(path).tracks] == ["fre"]


@pytest.mark.parametrize("policy", [TO_MKV, TO_MP4, TO_HEVC], ids=["mkv", "mp4", "hevc"])
def test_frames_of_avi_are_shown_in_their_order(vpo: Vpo, tmp_path: Path, policy: str) -> None:
    """AVI has no times of presentation; for B-frames of H.264, ffmpeg takes those of decoding."""
    film = tmp_path / "in" / "film.avi"
    film.parent.mkdir()
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:d=1:r=25", "-c:v", "libx264", "-bf", "3"]
    sound = ["-f", "lavfi", "-i", "sine=d=1", "-c:a", "mp3", "-metadata", "title=Film"]
    order = ["-x264-params", "b-adapt=0"]
    subprocess.run(
        ["ffmpeg", "-v", "error", *picture[:4], *sound[:4], *picture[4:], *order, *sound[4:],
         str(film)], check=True,
    )  # fmt: skip
    frames, streams = frame_hashes(film, ["0:v"]), stream_hashes(film, ["0:a"])
    result = run(vpo, policy, film)
    assert result.rc == 0, result
    (made,) = film.parent.iterdir()
    assert made.suffix == (".mp4" if policy == TO_MP4 else ".mkv")
    assert shown_at(made) == [f"{n / 25:.6f}" for n in range(25)]
    assert stream_hashes(made, ["0:a"]) == streams
    assert read(made).tags["title"] == "Film"
    assert policy == TO_HEVC or frame_hashes(made, ["0:v"]) == frames


def shown_at(path: Path) -> list[str]:
    argv = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time"]
    done = subprocess.run([*argv, "-of", "csv=p=0", path], capture_output=True, check=True)
    return [line.rstrip(",") for line in done.stdout.decode().split()]


def test_frames_of_avi_are_no_promise_without_mkvmerge(
    vpo: Vpo, tmp_path: Path, tools_on_path: ToolsOnPath
) -> None:
    film = tmp_path / "film.avi"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:d=1:r=25", "-c:v", "libx264", "-bf", "3"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, str(film)], check=True)
    tools_on_path(only=True, ffmpeg='exec "$REAL_FFMPEG" "$@"')
    done = vpo("process", "-n", "--format", "json", "-p", vpo.policy(TO_MP4), film)
    assert "mkvmerge is needed" in str(done.json["files"])


WRITES = 'for f; do if [ -f "$f" ]; then cat "$f" > copy; cat copy > "$f"; fi; done'


@pytest.mark.parametrize(("script", "status"), [("", "changed"), (WRITES, "failed")])
def test_failure_of_mkvpropedit_is_harmless_only_before_it_writes(
    vpo: Vpo, library: Library, tools_on_path: ToolsOnPath, script: str, status: str
) -> None:
    """It only adds statistics; but a player may find less in half an edit than the proof does."""
    tools_on_path(mkvpropedit=f'cd "$(dirname "$0")"\n{script}\nexit 2')
    root = library("mov-text.mp4")
    before = (root / "mov-text.mp4").read_bytes()
    text = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
    (outcome,) = vpo("process", "--format", "json", "-p", vpo.policy(text), root).json["files"]
    assert outcome["status"] == status
    if status == "failed":
        assert (root / "mov-text.mp4").read_bytes() == before
    else:
        assert "statistics tags" in str(outcome["warnings"])
