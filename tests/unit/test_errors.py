"""The error tree is what its drawing says, and so are the exit codes that people are told."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import pytest

from vpo import errors
from vpo.cli import main
from vpo.errors import (
    ClusterError,
    ErrorKind,
    FileError,
    Position,
    ToolError,
    ToolMissingError,
    VpoError,
)

LINE = re.compile(r"^(?P<indent>[\s│├└─]*)(?P<name>\w+Error)(?:\s+exit (?P<code>\d+))?\s+\S")


def drawn() -> dict[str, tuple[str | None, int]]:
    """Each class with its base and exit code, read off the drawing."""
    found: dict[str, tuple[str | None, int]] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if not (match := LINE.match(line)) and not line.strip().startswith("VpoError"):
            continue
        name = match["name"] if match else "VpoError"
        depth = line.index(name)
        path = [(d, n) for d, n in path if d < depth]
        base = path[-1][1] if path else None
        code = re.search(r"exit (\d+)", line)
        found[name] = (base, int(code[1]) if code else found[base or name][1])
        path.append((depth, name))
    return found


def classes(base: type[VpoError]) -> list[type[VpoError]]:
    ours = [c for c in base.__subclasses__() if c.__module__ == errors.__name__]
    return [base, *(item for c in ours for item in classes(c))]


def test_error_tree_in_docstring_is_the_real_one() -> None:
    real = {
        c.__name__: (c.__base__.__name__ if c is not VpoError and c.__base__ else None, c.exit_code)
        for c in classes(VpoError)
    }
    assert drawn() == real


def test_error_kinds_are_the_errors_that_end_work_on_a_file() -> None:
    ending = {*classes(FileError)[1:], ToolMissingError, ClusterError}
    assert {kind.value for kind in ErrorKind} == {*(c.__name__ for c in ending), "unexpected"}
    assert all(ErrorKind(c.__name__) is not ErrorKind.UNEXPECTED for c in ending)


@pytest.mark.parametrize("name", ["ErrorOfANewerVpo", "MemoryError", "FileError", ""])
def test_error_kind_of_any_other_name_is_unexpected(name: str) -> None:
    assert ErrorKind(name) is ErrorKind.UNEXPECTED


def test_every_exit_code_is_in_the_help() -> None:
    told = {int(n) for n in re.findall(r"^\s*(\d+)  ", main.EXIT_CODES, re.MULTILINE)}
    constants = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert told == constants
    assert {c.exit_code for c in classes(VpoError)} <= told
    shown = subprocess.run(
        [sys.executable, "-m", "vpo", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for line in main.EXIT_CODES.splitlines()[1:]:
        assert line.strip() in shown


@pytest.mark.parametrize(
    "error",
    [
        ToolError("x failed", ("x", "-y"), 3, "words", True),
        ToolError("x was killed", ("x",), -9, ""),
        *(c("message") for c in classes(VpoError) if c is not ToolError),
    ],
)
def test_errors_can_be_pickled(error: VpoError) -> None:
    """Workers may run in other processes."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("status", "stalled", "lasting"),
    [
        (1, False, True),
        (126, False, False),
        (127, False, False),
        (-9, False, False),
        (-15, False, False),
        (-11, False, True),
        (-6, False, True),
        (-9, True, True),
    ],
)
def test_tool_errors_are_lasting_or_not(status: int, stalled: bool, lasting: bool) -> None:
    assert ToolError("m", ("x",), status, "", stalled).lasting is lasting


def test_policy_error_begins_with_its_position() -> None:
    error = errors.PolicyError("is wrong", Position("p.yaml", 3, 7))
    assert str(error) == "p.yaml:3:7: is wrong"
    assert str(errors.PolicyError("is wrong")) == "is wrong"
