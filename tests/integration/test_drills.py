"""Every drill in its short form; ``make drill`` runs the long ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from drill import all_drills, table
from drill.bench import Bench, Skip

SEED = 1


@pytest.mark.parametrize("name", all_drills.ALL)
def test_short_drill_loses_nothing(name: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # others than root take part in some
    bench = Bench(tmp_path, True, random.Random(f"{SEED} {name}"))  # noqa: S311
    try:
        all_drills.ALL[name](bench)
    except Skip as reason:
        bench.skipped.append(str(reason))
    assert bench.lost == []
    assert bench.tried or bench.skipped
    if not bench.tried:
        pytest.skip("; ".join(bench.skipped))


def test_drill_that_raises_counts_as_lost(tmp_path: Path) -> None:
    bench = Bench(tmp_path, True, random.Random(SEED))  # noqa: S311
    with bench.trial("it"):
        raise ValueError("out of luck")
    assert (bench.tried, bench.survived) == (1, 0)
    assert bench.lost == ["it: the drill broke: ValueError: out of luck"]


def test_drill_table_replaces_older_row(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\n{table.END}\nafter\n")
    bench = Bench(tmp_path, False, random.Random(SEED), tried=3)  # noqa: S311
    for name, date in (("b", "2026-01-01"), ("a", "2026-01-02"), ("b", "2026-01-03")):
        table.update({name: table.row(name, bench, date)}, ("a", "b"), page)
    rows = "| a | 3 | 3 | 0 | 2026-01-02 |  |\n| b | 3 | 3 | 0 | 2026-01-03 |  |\n"
    assert page.read_text() == f"before\n{table.BEGIN}\n{table.HEAD}{rows}{table.END}\nafter\n"
