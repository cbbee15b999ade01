"""The messages of a check as an editor shows them: each with the place to go to."""

from __future__ import annotations

import re
from typing import NamedTuple

from vpo.run.policy_faults import CheckedPolicy

_PLACE = re.compile(r":(\d+):(\d+): ")


class TextProblem(NamedTuple):
    """A message, and the line and column in the text; ``None`` where it is about no place in it."""

    line: int | None
    column: int | None
    message: str


def problems_of(checked: CheckedPolicy) -> list[TextProblem]:
    """Return the errors of a check, without the path of the policy itself."""
    return [_problem(line, checked.path) for line in (checked.error or "").split("\n") if line]


def _problem(message: str, path: str) -> TextProblem:
    own = message.startswith(f"{path}:")
    rest = message[len(path) :] if own else message
    if own and (place := _PLACE.match(rest)):
        return TextProblem(int(place[1]), int(place[2]), rest[place.end() :])
    return TextProblem(None, None, rest.removeprefix(": ") if own else message)
