"""A public name at the top of a module means one thing in all of vpo."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "vpo"

INTERFACES = {
    "command": "each module of a command has its click command under this name",
    "argv": "each module of a tool builds its command line with this function",
    "router": "each module of pages or of the API has its routes under this name",
    "vpo_after_run": "a hook, which plugins implement by name",
    "vpo_changed": "a hook, which plugins implement by name",
    "vpo_metadata": "a hook, which plugins implement by name",
    "vpo_rename": "a hook, which plugins implement by name",
}
"""Names that modules implement, with the reason; ``log`` is each module's logger."""


def names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def test_no_public_name_is_defined_in_two_modules() -> None:
    modules: dict[str, set[str]] = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        for statement in ast.parse(path.read_text("utf-8")).body:
            for name in names(statement):
                if not name.startswith("_") and name != "log":
                    modules[name].add(str(path.relative_to(SOURCE)))
    twice = {name: sorted(where) for name, where in modules.items() if len(where) > 1}
    assert twice.keys() <= INTERFACES.keys(), twice
    assert set(INTERFACES) <= set(twice)
