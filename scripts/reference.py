"""Write docs/policy-reference.md from the models of the policy; ``--check`` only compares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vpo.policy.schema import json_schema

PAGE = Path(__file__).parent.parent / "docs" / "policy-reference.md"

_INTRODUCTION = """\
# Policy reference

Every key of a policy, with its type and default. What the operations do, with examples, is on
[the policy page](policy.md); `vpo policy schema` prints the same for editors. This page is made by
`make reference` from the models that check policies; it is not edited by hand.
"""
_TABLE = "| Key | Value | Default | Meaning |\n| --- | --- | --- | --- |"
_TYPES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}

_SHARED = {"When": "condition", "TrackFilter": "filter", "Criterion": "criterion"}
"""The mappings that many keys take, and their titles."""

Schema = dict[str, Any]


class Reference:
    """The page, with a section for each mapping, titled by the path of its first use."""

    def __init__(self, schema: Schema) -> None:
        self._schema, self._models = schema, schema["$defs"]
        self._titles: dict[str, str] = dict(_SHARED)
        self._name(schema, "")
        for model, title in _SHARED.items():
            self._name(self._models[model], title)
            self._titles[model] = self._titles.pop(model)  # behind what only one operation has

    def text(self) -> str:
        sections = [_INTRODUCTION, self._section("Top level", self._schema, described=False)]
        sections += [
            self._section(title, self._models[model]) for model, title in self._titles.items()
        ]
        return "\n".join(sections)

    def _name(self, schema: Schema, path: str) -> None:
        """Set the titles of nested mappings; inside a phase, by their key."""
        for key, value in schema.get("properties", {}).items():
            for model in _models(value):
                if model in self._titles or not self._models[model].get("properties"):
                    continue
                title = f"{path}.{key}" if path else key
                self._titles[model] = "phases" if key == "phases" else title
                self._name(self._models[model], "" if key == "phases" else title)

    def _section(self, title: str, schema: Schema, described: bool = True) -> str:
        required = schema.get("required", ())
        rows = [
            self._row(key, value, key in required)
            for key, value in schema.get("properties", {}).items()
        ]
        words = [_prose(schema["description"])] if described and "description" in schema else []
        return "\n\n".join([f"## {title}", *words, "\n".join([_TABLE, *rows])]) + "\n"

    def _row(self, key: str, value: Schema, required: bool) -> str:
        default = "required" if required else "–"  # noqa: RUF001
        if "default" in value:
            default = f"`{_yaml(value['default'])}`"
        return f"| `{key}` | {self._type(value)} | {default} | {self._meaning(value)} |"

    def _meaning(self, value: Schema) -> str:
        """Return the key's description, else the first paragraph of its only model's."""
        if "description" in value:
            return _prose(value["description"])
        models = list(_models(value))
        description = self._models[models[0]].get("description", "") if len(models) == 1 else ""
        return _prose(description.split("\n\n")[0])

    def _type(self, value: Schema) -> str:
        if "$ref" in value:
            return self._reference(value["$ref"])
        if "not" in value:
            return "–"  # noqa: RUF001
        for several in ("anyOf", "oneOf", "allOf"):
            if several in value:
                return " or ".join(dict.fromkeys(self._type(item) for item in value[several]))
        if "enum" in value or "const" in value:
            choices = value.get("enum", [value.get("const")])
            return ", ".join(f"`{_yaml(choice)}`" for choice in choices)
        kind = value.get("type", "object")
        if isinstance(kind, list):
            return " or ".join(_TYPES[item] for item in kind)
        if kind == "array" and "items" in value:
            inner = self._type(value["items"])
            return f"a list of {'texts' if inner == 'text' else inner}"
        return _TYPES[kind] + _range(value)

    def _reference(self, reference: str) -> str:
        model = reference.rpartition("/")[2]
        if model in self._titles:
            title, kinds = self._titles[model], self._models[model].get("type")
            short = kinds if isinstance(kinds, list) else []
            link = f"[{title}](#{_anchor(title)})"
            return " or ".join([link, *(_TYPES[kind] for kind in short if kind != "object")])
        return self._type(self._models[model])


def _models(value: Any) -> Iterator[str]:
    """Yield the models that a value refers to, without those of its properties."""
    if isinstance(value, list):
        for item in value:
            yield from _models(item)
    elif isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for name in ("anyOf", "oneOf", "allOf", "items", "prefixItems"):
            yield from _models(value.get(name))


def _range(value: Schema) -> str:
    low, high = value.get("minimum"), value.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    return f" of at most {high}" if high is not None else ""


def _prose(text: str) -> str:
    """Return a docstring as one line of Markdown."""
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def _yaml(value: object) -> str:
    """Return a value as in a policy."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def _anchor(title: str) -> str:
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def page() -> str:
    """Return the page."""
    return Reference(json_schema()).text()


def main() -> int:
    """Write the page, or with ``--check`` return whether it is up to date."""
    new = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text("utf-8") == new else 1
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
