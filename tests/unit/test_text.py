"""Text that is safe to print and lines up."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.text import counted, cut, padded, printable, shown, width


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 日本 🎬", "plain é 日本 🎬"),
        ("a\nb\x1b[2J", "a\\nb\\x1b[2J"),
        ("\u202e", "\\u202e"),
        ("b\udcff", "b\\xff"),
    ],
)
def test_printable_escapes_control_characters(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_shown_path_is_relative_to_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    assert shown(str(here / "a" / "b.mkv")) == "a/b.mkv"
    assert shown(f"{here}x/b.mkv") == f"{here}x/b.mkv"
    assert shown("/a\n.mkv") == "/a\\n.mkv"


def test_shown_path_without_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert shown("/a.mkv") == "/a.mkv"


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1234, "1,234 files")]
)
def test_counted_has_the_plural(number: int, expected: str) -> None:
    assert counted(number, "file") == expected


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("日本", 4), ("\uff21", 2), ("e\u0301", 1), ("é", 1)],
)
def test_width_counts_terminal_columns(text: str, columns: int) -> None:
    assert width(text) == columns
    assert width(padded(text, 6)) == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abcd", "abcd"), ("abcde", "abc…"), ("日本", "日本"), ("日本語", "日…"), ("a日本語", "a日…")],
)
def test_cut_shortens_to_width(text: str, expected: str) -> None:
    assert cut(text, 4) == expected


@pytest.mark.parametrize("text", ["é" * 30, "日本語" * 10, "a日" * 15, "x" * 9, ""])
def test_cut_takes_as_much_as_fits(text: str) -> None:
    shown_ = cut(text, 10)
    if width(text) <= 10:
        assert shown_ == text
        return
    kept = shown_.removesuffix("…")
    assert text.startswith(kept)
    assert width(kept) <= 9 < width(text[: len(kept) + 1])
