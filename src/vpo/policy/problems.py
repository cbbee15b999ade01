"""What is wrong in a text: the errors of its models as messages, with file, line and column."""

from __future__ import annotations

import re
from typing import Any, Protocol, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vpo.errors import PolicyError, Position
from vpo.policy.yaml_source import KeyPath
from vpo.text import suggestion

_MAX_PROBLEMS = 10
Problem = tuple[Position, str]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class PositionedText(Protocol):
    """A text that knows where each value is; see ``YamlSource``."""

    noun: str

    def position(self, path: KeyPath, key: bool = False) -> Position: ...

    def inside(self, path: KeyPath, offset: int) -> Position: ...

    def existing(self, path: KeyPath) -> KeyPath: ...


def validation_error(
    error: ValidationError, text: PositionedText, model: type[BaseModel], at: KeyPath = ()
) -> PolicyError:
    """Return pydantic's errors about a model, whose data is at a path of the text, as one error."""
    details = [item for item in error.errors(include_url=False) if not _follows(item)]
    return policy_error([_problem(item, text, model, at) for item in details])


def policy_error(problems: list[Problem]) -> PolicyError:
    """Return all problems as one error, in the order of the text."""
    found = sorted(problems, key=lambda problem: problem[0])
    (position, first), *others = dict.fromkeys(found)
    lines = [first, *(f"{where}: {message}" for where, message in others[: _MAX_PROBLEMS - 1])]
    if len(others) >= _MAX_PROBLEMS:
        lines.append(f"... and {len(others) - _MAX_PROBLEMS + 1} more")
    return PolicyError("\n".join(lines), position)


def _problem(
    detail: ErrorDetails, text: PositionedText, model: type[BaseModel], at: KeyPath
) -> Problem:
    """Return one of pydantic's errors as a message with its position in the text."""
    path: KeyPath = (*at, *detail["loc"])
    if detail["type"] == "misplaced":
        context = detail["ctx"]
        return text.position((*path, *context["path"])), context["problem"]
    if detail["type"] == "inside_text":
        context = detail["ctx"]
        inner = context.get("detail")
        message = (
            _message(inner, _called(inner["loc"], text.noun), model)
            if inner
            else context["problem"]
        )
        return text.inside(path, context["offset"]), message
    at_key = detail["type"] in ("extra_forbidden", "missing") or detail["input"] is None
    at_key = at_key or (detail["type"] == "value_error" and isinstance(detail["input"], dict))
    message = _message(detail, _called(text.existing(path), text.noun), model)
    return text.position(path, key=at_key), message


_MUST_BE = {
    "bool": "must be true or false",
    "int": "must be a whole number",
    "float": "must be a number",
    "string": "must be text",
    "tuple": "must be a list",
    "model": "must be a mapping",
    "dict": "must be a mapping",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _follows(detail: ErrorDetails) -> bool:
    """Return whether an error only follows from others: a list is short without its bad items."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _message(detail: ErrorDetails, name: str, model: type[BaseModel]) -> str:
    kind, path, value = detail["type"], detail["loc"], detail["input"]
    if kind == "missing":
        return f"`{path[-1]}` is missing"
    if kind == "extra_forbidden":
        return f"unknown key `{path[-1]}`{suggestion(path[-1], _keys(path[:-1], model))}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "literal_error":
        allowed = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        if allowed == ["True"]:
            return f"{name} can only be `true`, not `{_shown(value)}`; else leave it out"
        return f"{name} cannot be `{_shown(value)}`{suggestion(value, allowed)}"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"{name} must be {words} {detail['ctx'][key]:g}, not {_shown(value)}"
    must = _MUST_BE.get(kind) or _MUST_BE.get(kind.split("_")[0])
    if must is None:
        return f"{name}: {detail['msg'][0].lower()}{detail['msg'][1:]}"
    if value is None:
        return f"{name} {must}, but is empty"
    if isinstance(value, str) and "number" in must and _NUMBER.fullmatch(value):
        return f"{name} {must}, not text; write {value} without quotes"
    return f"{name} {must}" if "empty" in must else f"{name} {must}, not `{_shown(value)}`"


def _called(path: KeyPath, noun: str) -> str:
    """Return the last key of a path, and the number of the list item, counted from 1."""
    keys = [part for part in path if isinstance(part, str)]
    number = f" (item {path[-1] + 1})" if path and isinstance(path[-1], int) else ""
    return f"`{keys[-1]}`{number}" if keys else f"the {noun}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _keys(path: KeyPath, root: type[BaseModel]) -> list[str]:
    """Return the keys of the model at this path."""
    model: type[BaseModel] | None = root
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
