"""Load policies from YAML; every problem is reported with file, line and column."""

from __future__ import annotations

import os
import re
import shutil

from pydantic import ValidationError

from vpo.errors import PolicyError, Position
from vpo.policy.document import Policy
from vpo.policy.inheritance import CurrentText, MergedPolicy
from vpo.policy.migration import CURRENT_VERSION, migrate_data
from vpo.policy.policy_text import PolicyText, read_policy, with_bases
from vpo.policy.problems import validation_error
from vpo.policy.yaml_source import WIDEST, KeyPath, parse_yaml

_LIST = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*( *)- ", re.M)
"""A key with a list below it, to read the indentation of both."""


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """Load the policy in a file; its ``warnings`` name what is accepted but should be changed."""
    return load_text(read_policy(path))


def parse_policy(text: str, name: str) -> Policy:
    """Load the policy in a text; ``name`` is the file name for errors, and for what it extends."""
    return load_text(with_bases(text, name))


def load_text(text: PolicyText) -> Policy:
    """Load the policy in a text that was read with those that it extends."""
    merged = MergedPolicy.of(text)
    try:
        policy = Policy.model_validate(merged.data)
    except ValidationError as error:
        raise validation_error(error, merged, Policy) from None
    policy._warnings = merged.warnings
    return policy


class PolicyLines:
    """The positions in a policy's text, by the keys of the current schema version."""

    def __init__(self, text: PolicyText) -> None:
        self.name = text.name
        self._merged = MergedPolicy.of(text)
        self._phases = [phase["name"] for phase in self._merged.data["phases"]]

    def phase(self, name: str) -> Position:
        """Return the position of a phase's name."""
        return self.operation(name, "name")

    def operation(self, phase: str, key: str, path: KeyPath = ()) -> Position:
        """Return the position of an operation's key, or of what is at a path in it."""
        whole = ("phases", self._phases.index(phase), key, *path)
        return self._merged.position(whole, key=True)


def migrate_text(text: str, name: str) -> str:
    """Return a policy's text in the current schema version, with its comments.

    The text is returned unchanged if it is in that version already. It is not validated otherwise.
    """
    found = CurrentText.of(text, name)
    if found.is_current:
        return text
    new = _rewritten(text)
    # A YAML writer that keeps comments is complex: check that it changed nothing.
    if parse_yaml(new, name).data != found.migration.data:
        problem = "cannot be migrated without changing its meaning; edit it by hand"
        raise PolicyError(problem, Position(name, 1, 1))
    return new


def _rewritten(text: str) -> str:
    """Return the text in the current version, with its own indentation, quotes and comments."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = WIDEST
    found = _LIST.search(text)
    dash = len(found[2]) - len(found[1]) if found else 0
    yaml.indent(mapping=2, sequence=dash + 2, offset=dash)
    out = StringIO()
    yaml.dump(migrate_data(yaml.load(text)).data, out)
    return out.getvalue()


def replace_policy_file(path: str, text: str) -> str:
    """Replace a policy file, keep the old one next to it, and return the path of that.

    At every instant, the path names the old text or the new one.
    """
    target = os.path.realpath(path)
    kept, new = f"{target}.v{CURRENT_VERSION - 1}", f"{target}.new"
    made: list[str] = []
    try:
        with open(target, "rb") as file:
            contents = {kept: file.read(), new: text.encode()}
        for name, content in contents.items():
            with open(name, "xb") as file:
                made.append(name)
                shutil.copymode(target, name)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        os.replace(new, target)
    except OSError as error:
        for name in made:
            os.unlink(name)
        what = "already exists; move it away" if isinstance(error, FileExistsError) else ""
        reason = what or f"cannot be written: {error.strerror}"
        raise PolicyError(f"{error.filename or path} {reason} ({path} is unchanged)") from None
    return kept
