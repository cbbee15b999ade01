"""Tables as text and CSV: what is in a file's name or title does nothing to whoever reads them."""

from __future__ import annotations

import csv
import io

import pytest

from vpo.report.table import table_lines, write_csv


def written(*cells: object) -> str:
    out = io.StringIO()
    write_csv(out, (), [cells])
    return out.getvalue()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_csv_cell_is_no_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(written(text, "x"), newline=""))
    assert row == [f"'{text}", "x"]


def test_csv_numbers_and_other_texts_are_as_they_are() -> None:
    assert written(-1, "a=1", None, "/m/a-b.mkv", True) == "-1,a=1,,/m/a-b.mkv,True\r\n"


def test_csv_has_no_control_sequences() -> None:
    assert written("\x1b[31mred\x07\x9b", "a\nb", "\udcff") == (
        '\\x1b[31mred\\x07\\x9b,"a\nb",\\xff\r\n'
    )


def test_table_has_no_control_sequences_and_no_markup() -> None:
    assert list(table_lines(["title"], [["\x1b[2J[red]a\n"]])) == ["title", "\\x1b[2J[red]a\\n"]
