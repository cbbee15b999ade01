"""Load policies from YAML; every problem is reported with file, line and column."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vpo.errors import PolicyError, Position
from vpo.policy.document import FullPhase, Policy
from vpo.policy.migration import (
    CURRENT_VERSION,
    OLD_PHASE_KEYS,
    OLDEST_VERSION,
    Migration,
    migrate_data,
)
from vpo.policy.yaml_source import KeyPath, YamlSource, parse_yaml, read_policy_text
from vpo.text import suggestion

_MAX_PROBLEMS = 10
Problem = tuple[Position, str]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WIDEST = 1 << 16
"""The line width for writing YAML: so large that no line is folded."""
_LIST = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*( *)- ", re.M)
"""A key with a list below it, to read the indentation of both."""


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """Load the policy in a file; its ``warnings`` name what is accepted but should be changed."""
    return parse_policy(read_policy_text(path), os.fspath(path))


def parse_policy(text: str, name: str) -> Policy:
    """Load the policy in a text; ``name`` is the file name for errors."""
    source, migration = _current(text, name)
    try:
        policy = Policy.model_validate(migration.data)
    except ValidationError as error:
        details = [item for item in error.errors(include_url=False) if not _follows(item)]
        raise _error([_problem(item, source, migration) for item in details]) from None
    if source.data["schema_version"] == CURRENT_VERSION and migration.old_keys:
        policy._warnings = (_old_keys(name, migration),)
    return policy


class PolicyLines:
    """The lines of a policy's text, counted from 1, by the keys of the current schema version."""

    def __init__(self, text: str, name: str) -> None:
        self._source, self._migration = _current(text, name)
        self._phases = [phase["name"] for phase in self._migration.data["phases"]]

    def phase(self, name: str) -> int:
        """Return the line of a phase's name."""
        return self.operation(name, "name")

    def operation(self, phase: str, key: str, path: KeyPath = ()) -> int:
        """Return the line of an operation's key, or of what is at a path in it."""
        whole = ("phases", self._phases.index(phase), key, *path)
        return self._source.position(self._migration.origin(whole), key=True).line


def migrate_text(text: str, name: str) -> str:
    """Return a policy's text in the current schema version, with its comments.

    The text is returned unchanged if it is in that version already. It is not validated otherwise.
    """
    source, migration = _current(text, name)
    if source.data["schema_version"] == CURRENT_VERSION and not migration.old_keys:
        return text
    new = _rewritten(text)
    # A YAML writer that keeps comments is complex: check that it changed nothing.
    if parse_yaml(new, name).data != migration.data:
        problem = "cannot be migrated without changing its meaning; edit it by hand"
        raise PolicyError(problem, Position(name, 1, 1))
    return new


def _rewritten(text: str) -> str:
    """Return the text in the current version, with its own indentation, quotes and comments."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _WIDEST
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


def _current(text: str, name: str) -> tuple[YamlSource, Migration]:
    """Return the parsed text, and its data migrated to version 13."""
    source = parse_yaml(text, name)
    _check_version(source)
    _check_phases(source)
    migration = migrate_data(source.data)
    if migration.conflicts:
        raise _error(
            [
                (
                    source.position(path, key=True),
                    f"`{path[-1]}` is the old name of `{new}`, which is also set; remove one",
                )
                for path, new in migration.conflicts
            ]
        )
    return source, migration


def _old_keys(name: str, migration: Migration) -> str:
    keys = ", ".join(f"`{key}`" for key in migration.old_keys)
    return f"{name}: is version {CURRENT_VERSION} but has keys of older versions: {keys}"


def _check_version(source: YamlSource) -> None:
    """Refuse a policy without a schema version that this vpo can read."""
    if not isinstance(source.data, dict):
        raise PolicyError("a policy must be a mapping", source.position(()))
    if "schema_version" not in source.data:
        near = next((key for key in source.data if "version" in key), None)
        problem = "`schema_version` is missing"
        if near is not None:
            problem = f"unknown key `{near}`; did you mean `schema_version`?"
        raise PolicyError(problem, source.position((near,) if near else (), key=True))
    version, position = source.data["schema_version"], source.position(("schema_version",))
    if isinstance(version, bool) or not isinstance(version, int):
        raise PolicyError(f"`schema_version` must be a number, like {CURRENT_VERSION}", position)
    if version > CURRENT_VERSION:
        problem = (
            f"schema version {version} is newer than this vpo, which reads up to {CURRENT_VERSION}"
        )
        raise PolicyError(problem, position)
    if version < OLDEST_VERSION:
        supported = f"{OLDEST_VERSION} to {CURRENT_VERSION}"
        problem = f"schema version {version} is too old; this vpo reads {supported}"
        raise PolicyError(problem, position)


def _check_phases(source: YamlSource) -> None:
    """Refuse a policy whose operations are not in phases."""
    operations = {*FullPhase.model_fields, *OLD_PHASE_KEYS}
    flat = [key for key in source.data if key in operations and key not in Policy.model_fields]
    if flat and "phases" not in source.data:
        keys = ", ".join(f"`{key}`" for key in flat)
        problem = f"put the keys under `phases`, in a phase with a `name`: {keys}"
        raise PolicyError(problem, source.position((flat[0],), key=True))


def _error(problems: list[Problem]) -> PolicyError:
    """Return all problems as one error, in the order of the text."""
    found = sorted(problems, key=lambda problem: (problem[0].line, problem[0].column))
    (position, first), *others = dict.fromkeys(found)
    lines = [first, *(f"{where}: {message}" for where, message in others[: _MAX_PROBLEMS - 1])]
    if len(others) >= _MAX_PROBLEMS:
        lines.append(f"... and {len(others) - _MAX_PROBLEMS + 1} more")
    return PolicyError("\n".join(lines), position)


def _problem(detail: ErrorDetails, source: YamlSource, migration: Migration) -> Problem:
    """Return one of pydantic's errors as a message with its position in the text."""
    path: KeyPath = migration.origin(detail["loc"])
    if detail["type"] == "misplaced":
        context = detail["ctx"]
        path = migration.origin((*detail["loc"], *context["path"]))
        return source.position(path), context["problem"]
    if detail["type"] == "inside_text":
        context = detail["ctx"]
        inner = context.get("detail")
        message = _message(inner, _called(inner["loc"])) if inner else context["problem"]
        return source.inside(path, context["offset"]), message
    at_key = detail["type"] in ("extra_forbidden", "missing") or detail["input"] is None
    at_key = at_key or (detail["type"] == "value_error" and isinstance(detail["input"], dict))
    return source.position(path, key=at_key), _message(detail, _called(source.existing(path)))


_MUST_BE = {
    "bool": "must be true or false",
    "int": "must be a whole number",
    "float": "must be a number",
    "string": "must be text",
    "tuple": "must be a list",
    "model": "must be a mapping",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


def _follows(detail: ErrorDetails) -> bool:
    """Return whether an error only follows from others: a list is short without its bad items."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _message(detail: ErrorDetails, name: str) -> str:
    kind, path, value = detail["type"], detail["loc"], detail["input"]
    if kind == "missing":
        return f"`{path[-1]}` is missing"
    if kind == "extra_forbidden":
        return f"unknown key `{path[-1]}`{suggestion(path[-1], _keys(path[:-1]))}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "literal_error":
        allowed = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"{name} cannot be `{_shown(value)}`{suggestion(value, allowed)}"
    must = _MUST_BE.get(kind) or _MUST_BE.get(kind.split("_")[0])
    if must is None:
        return f"{name}: {detail['msg'][0].lower()}{detail['msg'][1:]}"
    if value is None:
        return f"{name} {must}, but is empty"
    if isinstance(value, str) and "number" in must and _NUMBER.fullmatch(value):
        return f"{name} {must}, not text; write {value} without quotes"
    return f"{name} {must}" if "empty" in must else f"{name} {must}, not `{_shown(value)}`"


def _called(path: KeyPath) -> str:
    """Return the last key of a path, and the number of the list item, counted from 1."""
    keys = [part for part in path if isinstance(part, str)]
    number = f" (item {path[-1] + 1})" if path and isinstance(path[-1], int) else ""
    return f"`{keys[-1]}`{number}" if keys else "the policy"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _keys(path: KeyPath) -> list[str]:
    """Return the keys of the model at this path."""
    model: type[BaseModel] | None = Policy
    for part in path:
        fields = _fields(model)
        if str(part) in fields:
            model = _model_in(fields[str(part)])
    return list(_fields(model))


def _fields(model: type[BaseModel] | None) -> dict[str, Any]:
    """Return the keys of a model as a policy writes them, with the types of their values."""
    fields = model.model_fields if model is not None else {}
    return {field.alias or name: field.annotation for name, field in fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation, be it in a list or not."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(inner) for inner in get_args(annotation))
    return next((model for model in found if model), None)
