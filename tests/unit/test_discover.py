"""Finding files: each once, in a fixed order, whatever a folder holds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vpo.discover import Discovery, Search, discover


def find(*paths: Path | str, recursive: bool = True) -> Discovery:
    return discover([str(p) for p in paths], Search(["mkv", ".MP4"], recursive))


def names(found: Discovery, root: Path) -> list[str]:
    return [os.path.relpath(item.path, root) for item in found.candidates]


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x" * 5)


def test_find_sorts_by_name_and_filters_by_extension(tmp_path: Path) -> None:
    put(tmp_path, "b.mkv", "a.MKV", "c.txt", "d.mp4", "sub/e.mkv", "a.d/f.mkv", "mkv", ".g.mkv")
    assert names(find(tmp_path), tmp_path) == [
        "a.MKV",
        "b.mkv",
        "d.mp4",
        "a.d/f.mkv",
        "sub/e.mkv",
    ]
    assert names(find(tmp_path, recursive=False), tmp_path) == ["a.MKV", "b.mkv", "d.mp4"]


def test_find_returns_size_time_and_inode(tmp_path: Path) -> None:
    put(tmp_path, "a.mkv")
    os.utime(tmp_path / "a.mkv", ns=(1, 1_700_000_000_123_456_789))
    (found,) = find(tmp_path).candidates
    status = (tmp_path / "a.mkv").stat()
    assert found == (
        str(tmp_path / "a.mkv"),
        5,
        1_700_000_000_123_456_789,
        status.st_ino,
        status.st_dev,
        None,
    )


def test_find_returns_every_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "lib/a.mkv", "lib/sub/b.mkv")
    (tmp_path / "lib/again").symlink_to(tmp_path / "lib/sub")
    (tmp_path / "lib/loop").symlink_to(tmp_path / "lib")
    (tmp_path / "lib/link.mkv").symlink_to("a.mkv")
    monkeypatch.chdir(tmp_path)
    found = find("lib", tmp_path / "lib/sub", "lib/a.mkv", "./lib")
    assert sorted(names(found, tmp_path)) == ["lib/a.mkv", "lib/sub/b.mkv"]
    assert found.problems == []


def test_find_takes_named_file_with_any_extension(tmp_path: Path) -> None:
    put(tmp_path, "film", ".hidden.mkv")
    assert names(find(tmp_path / "film", tmp_path / ".hidden.mkv"), tmp_path) == [
        "film",
        ".hidden.mkv",
    ]


def test_find_follows_links_to_files(tmp_path: Path) -> None:
    put(tmp_path, "real/film.mkv")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/link.mkv").symlink_to(tmp_path / "real/film.mkv")
    assert names(find(tmp_path / "lib"), tmp_path) == ["real/film.mkv"]


def test_find_reports_broken_links_and_continues(tmp_path: Path) -> None:
    put(tmp_path, "a.mkv", "z.mkv")
    (tmp_path / "b-loop.mkv").symlink_to("b-loop.mkv")
    (tmp_path / "c-loop").symlink_to("c-loop")
    (tmp_path / "d-broken.mkv").symlink_to("nowhere")
    os.mkfifo(tmp_path / "e-pipe.mkv")
    (tmp_path / "f-folder.mkv").mkdir()
    found = find(tmp_path)
    assert names(found, tmp_path) == ["a.mkv", "z.mkv"]
    assert [(os.path.basename(path), str(error)) for path, error in found.problems] == [
        ("b-loop.mkv", "cannot be read: Too many levels of symbolic links"),
        ("d-broken.mkv", "cannot be read: No such file or directory"),
        ("e-pipe.mkv", "is not a regular file"),
    ]


def test_find_reports_missing_and_special_paths(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = find(tmp_path / "gone", tmp_path / "pipe")
    assert [str(error) for _, error in found.problems] == [
        "cannot be read: No such file or directory",
        "is neither a file nor a folder",
    ]


def test_find_returns_names_that_are_not_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.mkv"
    try:
        with open(name, "wb"):
            pass
    except OSError:
        pytest.skip("this system refuses such a name")
    assert [os.fsencode(item.path) for item in find(tmp_path).candidates] == [name]


def test_find_lists_leftovers_of_killed_runs(tmp_path: Path) -> None:
    part, undo = f".vpo-{'1' * 32}.part", f".vpo-{'a' * 32}.undo"
    put(tmp_path, f"sub/{part}", f"sub/{undo}", "sub/.vpo-1.part", "sub/.other", "sub/a.mkv")
    found = find(tmp_path)
    assert sorted(os.path.basename(path) for path in found.leftovers) == [
        part,
        undo,
    ]
    assert len(found.candidates) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is open to root")
def test_find_reports_unreadable_folder(tmp_path: Path) -> None:
    put(tmp_path, "a.mkv", "closed/b.mkv")
    (tmp_path / "closed").chmod(0)
    try:
        found = find(tmp_path)
        assert names(found, tmp_path) == ["a.mkv"]
        assert str(found.problems[0][1]) == "the folder cannot be read: Permission denied"
    finally:
        (tmp_path / "closed").chmod(0o755)


def test_find_searches_deep_trees(tmp_path: Path) -> None:
    """Deeper than Python's stack, and so than pytest can clean up."""
    subprocess.run(["mkdir", "-p", "/".join(["d"] * 1200)], cwd=tmp_path, check=True)
    try:
        assert find(tmp_path).problems == []
    finally:
        subprocess.run(["rm", "-rf", "d"], cwd=tmp_path, check=True)


def test_find_refuses_empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.mkv")
    monkeypatch.chdir(tmp_path)
    found = find("")
    assert not found.candidates
    assert "path is empty" in str(found.problems[0][1])


def test_find_refuses_path_with_null_character() -> None:
    found = find("a\0b")
    assert not found.candidates
    assert "null character" in str(found.problems[0][1])


def found_with(root: Path, *exclude: str, below: str = ".") -> list[str]:
    found = discover([str(root / below)], Search(["mkv"], True, exclude, [str(root)]))
    assert not found.problems
    return names(found, root)


def test_find_leaves_out_system_folders_samples_and_unfinished_downloads(tmp_path: Path) -> None:
    out = ("@eaDir/a.mkv", "#recycle/a.mkv", ".Trash-1000/a.mkv", "F.trickplay/a.mkv")
    put(tmp_path, *out, "lost+found/a.mkv", "a.mkv.part/b.mkv", "f-sample.mkv", "Sample/f.mkv")
    put(tmp_path, "film.mkv", "big Sample.mkv", "a/lost+found.mkv", "unfinished.mkv.part")
    os.truncate(tmp_path / "big Sample.mkv", 300_000_000)
    found = find(tmp_path)
    assert names(found, tmp_path) == ["big Sample.mkv", "film.mkv", "a/lost+found.mkv"]
    assert found.excluded == 7  # without names that begin with a dot


def test_find_takes_named_file_in_spite_of_defaults_and_says_so(tmp_path: Path) -> None:
    put(tmp_path, "f-sample.mkv")
    found = find(tmp_path / "f-sample.mkv")
    assert names(found, tmp_path) == ["f-sample.mkv"]
    assert "as it was named" in found.notes[0]


def test_find_applies_patterns_as_git_does(tmp_path: Path) -> None:
    put(tmp_path, "a.mkv", "old/b.mkv", "x/old/c.mkv", "x/d.mkv", "x/e.mkv", "my sample.mkv")
    assert found_with(tmp_path, "/old/") == ["a.mkv", "x/d.mkv", "x/e.mkv", "x/old/c.mkv"]
    assert found_with(tmp_path, "old/", "!my sample.mkv") == [
        "a.mkv",
        "my sample.mkv",
        "x/d.mkv",
        "x/e.mkv",
    ]
    (tmp_path / ".vpoignore").write_text("# no extras\n*.mkv\n")
    (tmp_path / "x" / ".vpoignore").write_text("!d.mkv\n")
    assert found_with(tmp_path) == ["x/d.mkv"]
    assert found_with(tmp_path, below="x") == ["x/d.mkv"]
    assert found_with(tmp_path, below="x/e.mkv") == []


def test_find_refuses_named_file_that_the_user_excludes(tmp_path: Path) -> None:
    put(tmp_path, "x/a.mkv")
    (tmp_path / ".vpoignore").write_text("x/\n")
    found = find(tmp_path / "x" / "a.mkv")
    assert not found.candidates
    ((path, reason),) = found.refused
    assert (path, str(tmp_path / ".vpoignore") in reason) == (str(tmp_path / "x/a.mkv"), True)


def test_find_reports_wrong_vpoignore_and_leaves_its_folder(tmp_path: Path) -> None:
    put(tmp_path, "a.mkv", "x/b.mkv")
    (tmp_path / "x" / ".vpoignore").write_text("ok\n!\n")
    found = find(tmp_path)
    assert names(found, tmp_path) == ["a.mkv"]
    ((path, error),) = found.problems
    assert (path, "line 2: '!'" in str(error)) == (str(tmp_path / "x/.vpoignore"), True)
