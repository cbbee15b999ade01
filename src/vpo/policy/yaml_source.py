"""YAML text parsed to plain data, with the line and column of every key and value."""

from __future__ import annotations

import os
import re
from typing import Any

from vpo.config.models import VIDEO_EXTENSIONS
from vpo.errors import PolicyError, Position
from vpo.media.units import RESOLUTIONS

KeyPath = tuple[str | int, ...]
"""The path to a value in the data: keys, and indexes in lists."""

_MAX_BYTES = 1_000_000
_MAX_NODES = 20_000
_MAX_DEPTH = 40
WIDEST = 1 << 16
"""The line width for writing YAML: so large that no line is folded."""
_TAG = "tag:yaml.org,2002:"


class YamlSource:
    """A text's data with the positions of the key and the value at each path.

    ``noun`` is what the file is called in messages.
    """

    def __init__(self, name: str, text: str, noun: str = "policy") -> None:
        self.name, self.noun = name, noun
        self._text = text
        self._texts: dict[KeyPath, Any] = {}
        self.data: Any = None
        self._keys: dict[KeyPath, tuple[int, int]] = {}
        self._values: dict[KeyPath, tuple[int, int]] = {}

    def position(self, path: KeyPath, key: bool = False) -> Position:
        """Return the position of a value (or its key), or of what encloses it if there is none.

        Parts of the path that are not in the text are ignored.
        """
        found = self.existing(path)
        start = self._keys.get(found) if key else None
        return self._at(start or self._values.get(found, (0, 0)))

    def inside(self, path: KeyPath, offset: int) -> Position:
        """Return the position of the character at ``offset`` in a text value."""
        found = self.existing(path)
        node = self._texts.get(found)
        if node is None:
            return self.position(path)
        return self._at(_position_in_scalar(self._text, node, offset))

    def existing(self, path: KeyPath) -> KeyPath:
        """Return those parts of the path that are in the text."""
        found: KeyPath = ()
        for part in path:
            if (*found, part) in self._values:
                found = (*found, part)
        return found

    def _at(self, start: tuple[int, int]) -> Position:
        return Position(self.name, start[0] + 1, start[1] + 1)

    def build(self, node: Any, path: KeyPath = ()) -> Any:
        """Return the plain data of a node; what an alias repeats counts towards the limits."""
        start = (node.start_mark.line, node.start_mark.column)
        self._values[path] = start
        if len(self._values) > _MAX_NODES:
            raise PolicyError(
                f"more than {_MAX_NODES} values, those of aliases included", self._at(start)
            )
        if len(path) > _MAX_DEPTH:
            raise PolicyError("nested too deeply", self._at(start))
        if node.id == "mapping":
            return self._mapping(node, path)
        if node.id == "sequence":
            return [self.build(item, (*path, n)) for n, item in enumerate(node.value)]
        self._texts[path] = node
        return _scalar(node, self._at(start))

    def _mapping(self, node: Any, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value in node.value:
            start = (key_node.start_mark.line, key_node.start_mark.column)
            if key_node.tag == f"{_TAG}merge":
                raise PolicyError("merge keys (`<<`) are not part of YAML 1.2", self._at(start))
            key = _scalar(key_node, self._at(start)) if key_node.id == "scalar" else None
            if not isinstance(key, str):
                raise PolicyError(_not_text(key), self._at(start))
            if key in data:
                problem = f"duplicate key `{key}`; first on line {lines[key]}"
                raise PolicyError(problem, self._at(start))
            lines[key] = start[0] + 1
            inside = (*path, key)
            self._keys[inside] = start
            data[key] = self.build(value, inside)
        return data


def _not_text(key: object) -> str:
    if isinstance(key, bool) or key is None or not isinstance(key, int | float):
        return "a key must be text"
    if f"{key}p" in RESOLUTIONS:
        return f"`{key}` is no key; write the resolution as `{key}p`"
    return f"a key must be text; write `{key}` in quotes"


_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_PLAIN = re.compile(".", re.DOTALL)
_WRITTEN = {
    "": _PLAIN,
    "|": _PLAIN,
    ">": _PLAIN,
    "'": re.compile("''|.", re.DOTALL),
    '"': re.compile(r"\\(?:x..|u.{4}|U.{8}|.)|.", re.DOTALL),
}
"""How one character is written in each style of scalar."""
_BLANK_ESCAPES = (r"\n", r"\t", r"\r", "\\ ", "\\\n")


def _position_in_scalar(text: str, node: Any, offset: int) -> tuple[int, int]:
    """Return line and column, from 0, of a character of a scalar's value.

    Folding and indentation only affect white space, so the other characters before it are counted,
    in the value and in the text.
    """
    begin = _PROPERTIES.match(text, node.start_mark.index)
    start = begin.end() if begin else node.start_mark.index
    written = text[start : node.end_mark.index]
    block = node.style in ("|", ">")
    skipped = written.find("\n") + 1 if block else len(node.style or "")
    before = len("".join(node.value[:offset].split()))
    at_end = not node.value[offset:].strip()
    start = start + skipped + _written_length(written[skipped:], before, at_end, node.style)
    return text.count("\n", 0, start), start - text.rfind("\n", 0, start) - 1


def _written_length(written: str, before: int, at_end: bool, style: str | None) -> int:
    """Return the offset of the character after ``before`` characters that are not blank."""
    for found in _WRITTEN[style or ""].finditer(written):
        blank = found[0].isspace() or found[0] in _BLANK_ESCAPES
        if before == 0 and (at_end or not blank):
            return found.start()
        before -= not blank
    return len(written)


def _scalar(node: Any, position: Position) -> Any:
    """Return a scalar's value by the types of YAML 1.2, even if the text says YAML 1.1."""
    text, kind = node.value, node.tag.removeprefix(_TAG)
    if kind == node.tag or kind == "binary":
        raise PolicyError(f"the tag {node.tag} is not supported", position)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind in ("int", "float"):
        return _number(text, kind)
    return text


def _number(text: str, kind: str) -> int | float | str:
    plain = text.replace("_", "")
    try:
        if kind == "float":
            return float(plain.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return int(plain, 0) if plain.lower()[:2] in ("0x", "0o", "0b") else int(plain)
    except ValueError:
        return text


def _too_large(name: str, noun: str) -> PolicyError:
    problem = f"more than {_MAX_BYTES // 1000} kB: too large for a {noun}"
    return PolicyError(problem, Position(name, 1, 1))


def read_policy_text(path: str | os.PathLike[str], noun: str = "policy") -> str:
    """Return the text of a file; ``noun`` is what it is called in messages."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except IsADirectoryError:
        raise PolicyError(f"{name} is a folder; name the {noun} file in it") from None
    except OSError as error:
        raise PolicyError(f"cannot read the {noun} {name}: {error.strerror}") from None
    except ValueError:
        raise PolicyError(f"cannot read the {noun} {name}: the path has a null character") from None
    if os.path.splitext(name)[1].lower().removeprefix(".") in VIDEO_EXTENSIONS:
        raise PolicyError(f"{name} is a film, not a {noun}; swap the arguments?")
    if len(raw) > _MAX_BYTES:
        raise _too_large(name, noun)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise PolicyError("not UTF-8 text", Position(name, line, column)) from None


def parse_yaml(text: str, name: str, noun: str = "policy") -> YamlSource:
    """Parse a text, with positions; ``noun`` is what the file is called in messages."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    source = YamlSource(name, text, noun)
    if len(text) > _MAX_BYTES:
        raise _too_large(name, noun)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(name, mark.line + 1, mark.column + 1) if mark else Position(name, 1, 1)
        problem = "; ".join(part for part in (error.problem, error.context) if part)
        raise PolicyError(f"not YAML: {problem}", position) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        position = Position(name, line, column)
        raise PolicyError("a control character, which YAML does not allow", position) from None
    except RecursionError:
        raise PolicyError("nested too deeply", Position(name, 1, 1)) from None
    if node is None:
        raise PolicyError(f"the {noun} is empty", Position(name, 1, 1))
    source.data = source.build(node)
    return source


def write_yaml(data: Any) -> str:
    """Return plain data as YAML that ``parse_yaml`` reads back."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = WIDEST
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(data, out)
    return out.getvalue()
