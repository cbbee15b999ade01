"""Names that tools take for options, shells for syntax and databases for garbage; and links."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.integration.facts import litter, streams
from tests.media import make
from tests.reading import identify, read

POLICIES = {
    "header": "audio_actions: {clear_all_default: true}",
    "remux": "keep_audio: {languages: [eng]}",
    "transform": "container: {target: mp4}",
}


def policy(vpo: Vpo, kind: str) -> Path:
    body = f"schema_version: 13\nphases:\n  - name: only\n    {POLICIES[kind]}\n"
    return vpo.policy(body)


@pytest.mark.parametrize("kind", POLICIES)
def test_process_handles_odd_file_names(
    vpo: Vpo, library: Library, corpus: Path, kind: str
) -> None:
    root = library()
    for name in make.odd_names():
        if (corpus / name).exists():
            (root / Path(name).name).write_bytes((corpus / name).read_bytes())
    names = sorted(path.name for path in root.iterdir())
    result = vpo("process", "--format", "json", "-p", policy(vpo, kind), root)
    assert result.rc == 0, result
    assert sorted(Path(f["path"]).name for f in result.json["files"]) == names
    assert {f["status"] for f in result.json["files"]} == {"changed"}
    after = {path.name: path for path in root.iterdir()}
    if kind == "transform":
        assert sorted(after) == sorted(name[:-4] + ".mp4" for name in names)
    else:
        assert sorted(after) == names
    assert len(names) >= 10
    payload = {streams(path)[-1] for path in after.values()}
    assert len(payload) == 1
    again = vpo("process", "--format", "json", "-p", policy(vpo, kind), root)
    assert {f["status"] for f in again.json["files"]} == {"unchanged"}
    shown = vpo("history", "show", result.json["run_id"])
    assert shown.rc == 0
    assert shown.stdout.count("changed") > len(names)


@pytest.mark.parametrize("kind", POLICIES)
def test_process_takes_name_with_dash_after_double_dash(
    vpo: Vpo, library: Library, kind: str
) -> None:
    root = library("-i.mkv=names/-i.mkv")
    result = vpo("process", "-p", policy(vpo, kind), "--", "-i.mkv", cwd=root)
    assert result.rc == 0, result
    assert "1 changed" in result.stdout


def test_output_escapes_control_characters_in_names(vpo: Vpo, library: Library) -> None:
    """A name cannot move the cursor or begin a line."""
    name = "a\n\x1b[2Jfailed: b\r.mkv"
    root = library()
    (root / name).write_text("no video")
    result = vpo("process", "-v", "-p", policy(vpo, "header"), root)
    assert result.rc == 1
    for text in (result.stdout, result.stderr):
        assert "\x1b" not in text
        assert "\r" not in text
        assert not [line for line in text.splitlines() if line.startswith("failed: b")]


def test_conversion_fails_when_new_name_is_too_long(vpo: Vpo, library: Library) -> None:
    """255 bytes are the most; ``.mkv`` for ``.ts`` would be one more."""
    root = library("clip.ts=broadcast.ts")
    long = root / ("x" * 252 + ".ts")
    (root / "clip.ts").rename(long)
    before = long.read_bytes()
    text = "schema_version: 13\nphases: [{name: c, container: {target: mkv}}]\n"
    result = vpo("process", "-p", vpo.policy(text), root)
    assert result.rc == 1
    assert "name too long" in result.stderr
    assert [path.name for path in root.iterdir()] == [long.name]
    assert long.read_bytes() == before


@pytest.mark.parametrize("kind", ["header", "remux"])
def test_process_changes_target_of_symbolic_link(vpo: Vpo, library: Library, kind: str) -> None:
    store = library("film.mkv=names/-i.mkv", folder="store")
    root = library()
    (root / "link.mkv").symlink_to(store / "film.mkv")
    result = vpo("process", "-p", policy(vpo, kind), root)
    assert result.rc == 0, result
    assert os.readlink(root / "link.mkv") == str(store / "film.mkv")
    assert not (store / "film.mkv").is_symlink()
    assert not any(track.default for track in read(store / "film.mkv").of("audio"))
    assert litter(root) == litter(store) == []


@pytest.mark.parametrize("kind", ["header", "remux"])
def test_process_keeps_content_of_other_hard_links(vpo: Vpo, library: Library, kind: str) -> None:
    root, other = library("film.mkv=names/-i.mkv"), library(folder="other")
    (other / "seed.mkv").hardlink_to(root / "film.mkv")
    before = (other / "seed.mkv").read_bytes()
    vpo.config.write_text('[files]\nhardlinks = "replace"\n')
    for options, keeps in ((["-n"], "would keep"), ([], "keep")):
        result = vpo("process", *options, "-p", policy(vpo, kind), root)
        assert result.rc == 0, result
        assert "warning: it has further hard links (1 other name)" in result.stdout
        assert f"; the hard links of 1 file {keeps} the old content" in result.stdout
    assert (other / "seed.mkv").read_bytes() == before
    assert (root / "film.mkv").read_bytes() != before


def test_process_handles_file_reached_twice_once(vpo: Vpo, library: Library) -> None:
    root = library("film.mkv=names/-i.mkv", "below/other.mkv=names/-i.mkv")
    (root / "again.mkv").symlink_to("film.mkv")
    (root / "loop").symlink_to(root)
    (root.parent / "alias").symlink_to(root)
    paths = [root, root / "film.mkv", root.parent / "alias", root / "below" / ".."]
    result = vpo("process", "-R", "--format", "json", "-p", policy(vpo, "remux"), *paths)
    assert result.rc == 0, result
    files = sorted(file["path"] for file in result.json["files"])
    assert files == sorted(map(str, [root / "below/other.mkv", root / "film.mkv"]))


def attached(path: Path, names: list[str]) -> list[str]:
    """Attach files of these names to a film; return the attachments in the result."""
    content = path.with_suffix(".txt")
    content.write_text("text")
    words = [w for n in names for w in ("--attachment-name", n, "--attach-file", str(content))]
    result = path.with_name("attached.mkv")
    subprocess.run(["mkvmerge", "-q", "-o", result, path, *words], check=True)
    result.replace(path)
    content.unlink()
    return [item["file_name"] for item in identify(path)["attachments"]]


@pytest.mark.parametrize("names", [["../fonts/a b.ttf"], [f"{n}.ttf" for n in range(998)]])
def test_process_keeps_all_attachments_with_their_names(
    vpo: Vpo, library: Library, names: list[str]
) -> None:
    path = library("multi-audio.mkv") / "multi-audio.mkv"
    before = attached(path, names)
    assert before[-len(names) :] == names
    result = vpo("process", "-p", policy(vpo, "remux"), path)
    assert result.rc == 0, result
    after = [item["file_name"] for item in identify(path)["attachments"]]
    assert after == before
