"""Results of cases of policies, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import ndiff
from typing import Any, NamedTuple

from vpo.plan.cases import CaseDifference
from vpo.text import counted, printable


class CaseResult(NamedTuple):
    """The result of one case: what differs, or the ``error`` that keeps it from being evaluated."""

    path: str
    line: int
    case: str
    differences: tuple[CaseDifference, ...] = ()
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.differences and self.error is None


def case_lines(results: Sequence[CaseResult]) -> Iterator[tuple[str, str]]:
    """Yield what differs, then a summary, as lines with their styles.

    What was expected and is not there has a ``-``, what is there and was not expected a ``+``.
    """
    for result in results:
        if result.differences:
            yield f"{printable(result.path)}:{result.line}: {printable(result.case)}", "failed"
        for difference in result.differences:
            yield f"  {difference.key}:", ""
            for line in ndiff(difference.expected, difference.found):
                if line[0] != "?":
                    style = {"-": "failed", "+": "changed"}.get(line[0], "dim")
                    yield f"    {line[0]} {printable(line[2:])}", style
    yield _summary(results), ""


def _summary(results: Sequence[CaseResult]) -> str:
    differing = sum(1 for result in results if result.differences)
    invalid = sum(1 for result in results if result.error is not None)
    parts = [f"{differing} {'differs' if differing == 1 else 'differ'}"] if differing else []
    parts += [f"{invalid} invalid"] if invalid else []
    return f"{counted(len(results), 'case')}: {', '.join(parts) or 'all as expected'}"


def cases_json(results: Sequence[CaseResult]) -> dict[str, Any]:
    """Return the results as docs/json.md describes them."""
    return {
        "cases": [
            {
                "path": result.path,
                "line": result.line,
                "case": result.case,
                "passed": result.passed,
                "differences": [item._asdict() for item in result.differences],
                "error": result.error,
            }
            for result in results
        ]
    }
