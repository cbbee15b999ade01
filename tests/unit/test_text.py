"""Text that is safe to print and lines up."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.text import (
    counted,
    display_path,
    format_bit_rate,
    format_seconds,
    format_size,
    format_time,
    padded,
    printable,
    truncated,
    width,
)


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
    assert display_path(str(here / "a" / "b.mkv")) == "a/b.mkv"
    assert display_path(f"{here}x/b.mkv") == f"{here}x/b.mkv"
    assert display_path("/a\n.mkv") == "/a\\n.mkv"


def test_shown_path_without_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert display_path("/a.mkv") == "/a.mkv"


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1234, "1,234 files")]
)
def test_counted_has_the_plural(number: int, expected: str) -> None:
    assert counted(number, "file") == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.4, "999 B"),
        (999.5, "1.00 kB"),
        (1000, "1.00 kB"),
        (9994, "9.99 kB"),
        (9995, "10.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (999_600, "1.00 MB"),
        (1_536_000, "1.54 MB"),
        (734_003_200, "734 MB"),
        (10**15 - 1, "1.00 PB"),
        (10**15, "1.00 PB"),
        (2**63, "9.22 EB"),
        (10**21, "1000 EB"),
    ],
)
def test_format_size_has_three_digits_and_no_exponent(size: float, expected: str) -> None:
    assert format_size(size) == expected


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0, "0 kb/s"),
        (128_000, "128 kb/s"),
        (999_499, "999 kb/s"),
        (999_500, "1.0 Mb/s"),
        (4_210_000, "4.2 Mb/s"),
        (123_450_000, "123.5 Mb/s"),
    ],
)
def test_format_bit_rate(rate: float, expected: str) -> None:
    assert format_bit_rate(rate) == expected


@pytest.mark.parametrize(
    ("seconds", "decimals", "expected"),
    [
        (0, 0, "0:00:00"),
        (59.4, 0, "0:00:59"),
        (59.5, 0, "0:01:00"),
        (3723, 0, "1:02:03"),
        (3599.96, 1, "1:00:00.0"),
        (3723.46, 1, "1:02:03.5"),
        (3_600_000, 0, "1,000:00:00"),
    ],
)
def test_format_time(seconds: float, decimals: int, expected: str) -> None:
    assert format_time(seconds, decimals) == expected


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
def test_truncated_shortens_to_width(text: str, expected: str) -> None:
    assert truncated(text, 4) == expected


@pytest.mark.parametrize("text", ["é" * 30, "日本語" * 10, "a日" * 15, "x" * 9, ""])
def test_truncated_takes_as_much_as_fits(text: str) -> None:
    shown_ = truncated(text, 10)
    if width(text) <= 10:
        assert shown_ == text
        return
    kept = shown_.removesuffix("…")
    assert text.startswith(kept)
    assert width(kept) <= 9 < width(text[: len(kept) + 1])


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (1.5, "1.5 s"), (100, "100 s"), (3e6, "3000000 s")]
)
def test_format_seconds(seconds: float, expected: str) -> None:
    assert format_seconds(seconds) == expected
