"""Policy files to policies; whatever is wrong is said with file, line and column."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vpo.errors import PolicyError, Position
from vpo.policy.document import Policy
from vpo.policy.migrate import CURRENT, OLDEST, Migration, migrate
from vpo.policy.source import Path, Source, parse, read
from vpo.text import suggestion

_MAX_PROBLEMS = 10
Problem = tuple[Position, str]

_WIDEST = 1 << 16
"""Columns after which long lines would be folded."""
_LIST = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*( *)- ", re.M)
"""A key with a list below it: their indentations."""


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """Return the policy in a file; its ``warnings`` say what is accepted but should be changed."""
    return loads(read(path), os.fspath(path))


def loads(text: str, name: str) -> Policy:
    """The policy in a text; ``name`` is what error positions call it."""
    source, migration = _current(text, name)
    try:
        policy = Policy.model_validate(migration.data)
    except ValidationError as error:
        details = [item for item in error.errors(include_url=False) if not _follows(item)]
        raise _error([_problem(item, source, migration) for item in details]) from None
    if source.data["schema_version"] == CURRENT and migration.old_keys:
        policy._warnings = (_old_keys(name, migration),)
    return policy


class Places:
    """Where in a policy's text things stand, by their paths in the form of today."""

    def __init__(self, text: str, name: str) -> None:
        self._source, self._migration = _current(text, name)

    @property
    def phases(self) -> list[str]:
        """The names of all phases, in the order of the text."""
        return [phase["name"] for phase in self._migration.data["phases"]]

    def line(self, path: Path) -> int:
        """The line of a key or item, or of what encloses it."""
        return self._source.position(self._migration.origin(path), key=True).line


def migrated(text: str, name: str) -> str:
    """The text of a policy in the form of today; comments stay where their keys stay.

    The very same text if it has that form. What else is wrong with the policy is not looked at.
    """
    source, migration = _current(text, name)
    if source.data["schema_version"] == CURRENT and not migration.old_keys:
        return text
    new = _rewritten(text)
    # A writer of YAML that keeps comments is a large thing to trust.
    if parse(new, name).data != migration.data:
        problem = "cannot be written in the new form without changing what it says; edit it by hand"
        raise PolicyError(problem, Position(name, 1, 1))
    return new


def _rewritten(text: str) -> str:
    """The new form, with the text's own indentation, quotes and comments."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _WIDEST
    found = _LIST.search(text)
    dash = len(found[2]) - len(found[1]) if found else 0
    yaml.indent(mapping=2, sequence=dash + 2, offset=dash)
    out = StringIO()
    yaml.dump(migrate(yaml.load(text)).data, out)
    return out.getvalue()


def replace(path: str, text: str) -> str:
    """Write a policy's new text in the place of the old, which is kept beside it; where.

    The path names the old text or the new one, at every instant.
    """
    target = os.path.realpath(path)
    kept, new = f"{target}.v{CURRENT - 1}", f"{target}.new"
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
        what = "exists already; move it away" if isinstance(error, FileExistsError) else ""
        reason = what or f"cannot be written: {error.strerror}"
        raise PolicyError(f"{error.filename or path} {reason} ({path} is as it was)") from None
    return kept


def _current(text: str, name: str) -> tuple[Source, Migration]:
    """The text, and its data as version 13."""
    source = parse(text, name)
    _check_version(source)
    migration = migrate(source.data)
    if migration.conflicts:
        raise _error(
            [
                (
                    source.position(path, key=True),
                    f"`{path[-1]}` is the old name of `{new}`, which is there as well",
                )
                for path, new in migration.conflicts
            ]
        )
    return source, migration


def _old_keys(name: str, migration: Migration) -> str:
    keys = ", ".join(f"`{key}`" for key in migration.old_keys)
    return f"{name}: says {CURRENT} but has keys of older versions: {keys}"


def _check_version(source: Source) -> None:
    """Refuse what states no schema version that this vpo can read."""
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
        raise PolicyError(f"`schema_version` must be a number, like {CURRENT}", position)
    if version > CURRENT:
        problem = f"schema version {version} is newer than this vpo, which reads up to {CURRENT}"
        raise PolicyError(problem, position)
    if version < OLDEST:
        problem = f"schema version {version} is too old; this vpo reads {OLDEST} to {CURRENT}"
        raise PolicyError(problem, position)


def _error(problems: list[Problem]) -> PolicyError:
    """All problems as one error, in the order of the text."""
    found = sorted(problems, key=lambda problem: (problem[0].line, problem[0].column))
    (position, first), *others = dict.fromkeys(found)
    lines = [first, *(f"{where}: {words}" for where, words in others[: _MAX_PROBLEMS - 1])]
    if len(others) >= _MAX_PROBLEMS:
        lines.append(f"... and {len(others) - _MAX_PROBLEMS + 1} more")
    return PolicyError("\n".join(lines), position)


def _problem(detail: ErrorDetails, source: Source, migration: Migration) -> Problem:
    """One of pydantic's errors with its place in the text and in our words."""
    path: Path = migration.origin(detail["loc"])
    if detail["type"] == "misplaced":
        context = detail["ctx"]
        return source.position(migration.origin(context["path"])), context["problem"]
    if detail["type"] == "within":
        context = detail["ctx"]
        inner = context.get("detail")
        words = _words(inner, _called(inner["loc"])) if inner else context["problem"]
        return source.inside(path, context["offset"]), words
    at_key = detail["type"] in ("extra_forbidden", "missing") or detail["input"] is None
    at_key = at_key or (detail["type"] == "value_error" and isinstance(detail["input"], dict))
    return source.position(path, key=at_key), _words(detail, _called(source.existing(path)))


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
    """Whether an error only follows from others: a list without its wrong items is too short."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _words(detail: ErrorDetails, name: str) -> str:
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
        return f"{name} {must}, but nothing stands there"
    return f"{name} {must}" if "empty" in must else f"{name} {must}, not `{_shown(value)}`"


def _called(path: Path) -> str:
    """The last key of a path, and the place in its list counted from 1."""
    keys = [part for part in path if isinstance(part, str)]
    number = f" (item {path[-1] + 1})" if path and isinstance(path[-1], int) else ""
    return f"`{keys[-1]}`{number}" if keys else "the policy"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _keys(path: Path) -> list[str]:
    """The keys that the model at this place has."""
    model: type[BaseModel] | None = Policy
    for part in path:
        fields = _fields(model)
        if str(part) in fields:
            model = _model_in(fields[str(part)])
    return list(_fields(model))


def _fields(model: type[BaseModel] | None) -> dict[str, Any]:
    """The keys of a model as a policy writes them, and the types of their values."""
    fields = model.model_fields if model is not None else {}
    return {field.alias or name: field.annotation for name, field in fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds, in a list or not."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(inner) for inner in get_args(annotation))
    return next((model for model in found if model), None)
