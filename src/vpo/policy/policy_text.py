"""The text of a policy, with those of the policies that it extends."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vpo.errors import PolicyError
from vpo.policy.yaml_source import parse_yaml, read_policy_text

_MOST_BASES = 10
_MAY_EXTEND = re.compile(r"extends|\\[xuU]")
"""What is in every text that extends another: only such a text has to be parsed to know."""


@dataclass(frozen=True)
class PolicyText:
    """A policy's text under the name of its file, and the one that it extends."""

    name: str
    text: str
    base: PolicyText | None = None

    def chain(self) -> Iterator[PolicyText]:
        """Yield this text, the one that it extends, and so on."""
        yield self
        if self.base is not None:
            yield from self.base.chain()


def read_policy(path: str | os.PathLike[str]) -> PolicyText:
    """Read a policy file and those that it extends. Raises ``PolicyError``."""
    name = os.fspath(path)
    return with_bases(read_policy_text(name), name)


def with_bases(
    text: str,
    name: str,
    above: tuple[str, ...] = (),
    may_extend: Callable[[str], bool] = lambda path: True,  # noqa: ARG005
) -> PolicyText:
    """Return a policy's text with those that it extends; ``above`` are the files that extend it.

    ``may_extend`` decides which file this text may name; the files themselves are not asked.
    """
    if not _MAY_EXTEND.search(text):
        return PolicyText(name, text)
    source = parse_yaml(text, name)
    if not isinstance(source.data, dict) or "extends" not in source.data:
        return PolicyText(name, text)
    base, position = source.data["extends"], source.position(("extends",))
    if not isinstance(base, str) or not base.strip():
        raise PolicyError("`extends` must be the name of a policy file", position)
    path = os.path.join(os.path.dirname(name), base)
    files = (*above, os.path.realpath(name))
    if os.path.realpath(path) in files:
        raise PolicyError(f"`{base}` extends this policy itself, directly or not", position)
    if len(files) > _MOST_BASES:
        raise PolicyError(f"more than {_MOST_BASES} policies extend one another", position)
    if not may_extend(path):
        problem = f"`{base}` is not in the folder of policies; extend one that is"
        raise PolicyError(problem, position)
    try:
        found = read_policy_text(path)
    except PolicyError as error:
        # A text that is not UTF-8 has a position of its own.
        raise (error if error.position else PolicyError(str(error), position)) from None
    return PolicyText(name, text, with_bases(found, path, files))
