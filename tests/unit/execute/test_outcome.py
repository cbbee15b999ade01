"""Failures: what is kept of an error that ended the work on a file."""

from __future__ import annotations

import pickle

import pytest

from vpo.errors import DatabaseError, ErrorKind, LockedError, ToolError, VerifyError, VpoError
from vpo.execute.outcome import Failure


@pytest.mark.parametrize(
    ("error", "kind", "failure"),
    [
        (LockedError("in use"), ErrorKind.LOCKED, ("LockedError", "in use", False, True)),
        (VerifyError(), ErrorKind.VERIFY, ("VerifyError", "no details", True, False)),
        (
            ToolError("hung", ("x",), -9, "", True),
            ErrorKind.TOOL,
            ("ToolError", "hung", True, False),
        ),
        (DatabaseError("no"), ErrorKind.UNEXPECTED, ("DatabaseError", "no", False, True)),
    ],
)
def test_failure_of_an_error(error: VpoError, kind: ErrorKind, failure: tuple[object, ...]) -> None:
    found = Failure.of(error)
    assert (found.kind, tuple(found)) == (kind, failure)


def test_failure_of_an_unexpected_error_keeps_its_name_and_says_so() -> None:
    found = Failure.of(MemoryError("no more"))
    assert found.kind is ErrorKind.UNEXPECTED
    assert found == ("MemoryError", "unexpected error: no more", False, True)


def test_failure_of_another_version_crosses_process_borders_with_its_text() -> None:
    found = pickle.loads(pickle.dumps(Failure("ErrorOfANewerVpo", "words")))  # noqa: S301 - ours
    assert found.kind is ErrorKind.UNEXPECTED
    assert (found.type, found.message) == ("ErrorOfANewerVpo", "words")
