"""Reads and checks configured values from the TOML file and the environment.

Both give ``{"section.key": value}`` with checked values. A ``ConfigError`` names the file and line
or the variable, what was expected, and the nearest valid name.
"""

from __future__ import annotations

import collections.abc
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin

from vpo.config.models import ConfiguredLibrary, Seconds, Size
from vpo.config.specs import LIBRARIES, PLUGINS, Spec, library_keys, specs
from vpo.errors import ConfigError
from vpo.media import units
from vpo.text import suggestion

_LARGEST = 1 << 20
"""Bytes; a larger file is not a configuration file."""


def read_config_file(path: Path, *, required: bool) -> dict[str, object]:
    """Return the values set in the file; none if it does not exist and isn't ``required``.

    The section of a third-party plugin is one value, unchecked.
    """
    text = _read(path, required)
    sections = _parse(text, path)
    plugins = sections.pop(PLUGINS, {})
    values: dict[str, object] = {}
    if LIBRARIES in sections:
        values[LIBRARIES] = _libraries(sections.pop(LIBRARIES), text, path)
    for section, table in (*sections.items(), *_plugins(plugins, text, path)):
        plugin = section.startswith(f"{PLUGINS}.")
        if section not in specs() and not plugin:
            line = _line(text, section)
            near = _near(section, [*specs(), LIBRARIES])
            raise _wrong(path, line, f"unknown section [{section}]{near}")
        if not isinstance(table, dict):
            raise _wrong(path, _line(text, section), f"write [{section}] as a section of its own")
        if section in specs():
            values |= _section(section, table, text, path)
        else:
            values[section] = table
    return values


def _plugins(plugins: object, text: str, path: Path) -> Iterator[tuple[str, object]]:
    """Yield the sections of the plugins with their full names."""
    if not isinstance(plugins, dict):
        raise _wrong(
            path, _line(text, PLUGINS), f"write a section [{PLUGINS}.NAME] for each plugin"
        )
    yield from ((f"{PLUGINS}.{name}", table) for name, table in plugins.items())


def _section(section: str, table: dict[str, Any], text: str, path: Path) -> dict[str, object]:
    values: dict[str, object] = {}
    keys = specs()[section]
    for name, value in table.items():
        where = f"{path}{_line_suffix(_line(text, section, name))}"
        if name not in keys:
            raise ConfigError(f"{where}: [{section}] has no key {name}{_near(name, keys)}")
        values[f"{section}.{name}"] = check_value(keys[name], value, where, path.parent)
    return values


def _libraries(tables: object, text: str, path: Path) -> tuple[ConfiguredLibrary, ...]:
    """Return the libraries; raise ``ConfigError`` for two with one name, or with one file."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        line = _line(text, LIBRARIES)
        raise _wrong(path, line, f"write a table [[{LIBRARIES}]] for each library")
    libraries: list[ConfiguredLibrary] = []
    for number, table in enumerate(tables):
        library = _library(table, number, text, path)
        header = _library_line(text, number)
        if any(other.name == library.name for other in libraries):
            raise _wrong(path, header, f'two [[{LIBRARIES}]] are called "{library.name}"')
        _refuse_overlap(library, [*libraries, library], f"{path}{_line_suffix(header)}")
        libraries.append(library)
    return tuple(libraries)


def _library(table: dict[str, Any], number: int, text: str, path: Path) -> ConfiguredLibrary:
    keys = library_keys()
    values: dict[str, Any] = {}
    for name, value in table.items():
        where = f"{path}{_line_suffix(_library_line(text, number, name))}"
        if name not in keys:
            raise ConfigError(f"{where}: [[{LIBRARIES}]] has no key {name}{suggestion(name, keys)}")
        values[name] = check_value(keys[name], value, where, path.parent)
    for name, known in keys.items():
        if known.default is MISSING and name not in values:
            line = _library_line(text, number)
            raise _wrong(path, line, f"[[{LIBRARIES}]] {name} is missing; add it")
    base = path.parent.absolute()
    values["folders"] = tuple(
        os.path.normpath(base / Path(folder).expanduser()) for folder in values["folders"]
    )
    return ConfiguredLibrary(**values)


def _refuse_overlap(
    library: ConfiguredLibrary, others: Sequence[ConfiguredLibrary], where: str
) -> None:
    """Raise ``ConfigError`` if a folder is in another one: a file belongs to one library."""
    for other in others:
        for one in library.folders:
            for two in other.folders:
                inside = os.path.commonpath((one, two)) in (one, two)
                if inside and (one != two or other is not library):
                    raise ConfigError(
                        f'{where}: [[{LIBRARIES}]] folders: {one} of "{library.name}" and {two} of '
                        f'"{other.name}" are one inside the other; a file belongs to one library'
                    )


def _library_line(text: str, number: int, name: str | None = None) -> int | None:
    """Return the line of a library's table, or of a key in it; ``None`` if written unusually."""
    header = re.compile(rf"""\s*\[\[\s*["']?{LIBRARIES}["']?\s*\]\]""")
    wanted = re.compile(rf"""\s*["']?{re.escape(name or "")}["']?\s*=""")
    current = -1
    for at, line in enumerate(text.splitlines(), 1):
        if header.match(line):
            current += 1
            if name is None and current == number:
                return at
        elif line.lstrip().startswith("[") and current == number and name is not None:
            return None
        elif current == number and name is not None and wanted.match(line):
            return at
    return None


def from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Return the values set by environment variables; an empty variable counts as unset."""
    values: dict[str, object] = {}
    for spec in (spec for keys in specs().values() for spec in keys.values()):
        text = environ.get(spec.key.environment, "") if spec.key.environment else ""
        if text:
            where = f"environment variable {spec.key.environment}"
            values[f"{spec.section}.{spec.name}"] = check_value(spec, _typed(spec, text), where)
    return values


def check_value(spec: Spec, value: object, where: str, folder: Path | None = None) -> object:
    """Return the normalised value; relative paths start at ``folder``. Raises ``ConfigError``."""
    try:
        return _CHECKS.get(get_origin(spec.kind) or spec.kind, _choice)(spec, value, folder)
    except (ValueError, RuntimeError) as problem:
        shown = "" if spec.key.secret else f", not {_shown(value)}"
        message = str(problem) or f"expected {spec.expected}{shown}"
        raise ConfigError(f"{where}: [{spec.section}] {spec.name}: {message}") from None


def _integer(spec: Spec, value: object, _: Path | None) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError
    lowest, highest = spec.key.minimum, spec.key.maximum
    if (lowest is not None and value < lowest) or (highest is not None and value > highest):
        raise ValueError
    return value


def _boolean(_spec: Spec, value: object, _: Path | None) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _text(_spec: Spec, value: object, _: Path | None) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError
    return value


def _one_text(spec: Spec, value: object, folder: Path | None) -> str:
    text = _text(spec, value, folder)
    return spec.key.each(text) if spec.key.each else text


def _table(spec: Spec, value: object, folder: Path | None) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError
    return {_one_text(spec, k, folder): _one_text(spec, v, folder) for k, v in value.items()}


def _path(spec: Spec, value: object, folder: Path | None) -> Path:
    path = Path(_text(spec, value, folder)).expanduser()
    return (folder or Path.cwd()).absolute() / path


def _texts(spec: Spec, value: object, folder: Path | None) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError
    return tuple(dict.fromkeys(_one_text(spec, item, folder) for item in value))


def _choice(spec: Spec, value: object, folder: Path | None) -> str:
    text = _text(spec, value, folder).lower()
    if text not in spec.choices:
        raise ValueError
    return text


def _size(_spec: Spec, value: object, _: Path | None) -> int:
    return units.size(value)


def _seconds(_spec: Spec, value: object, _: Path | None) -> float:
    return units.duration(value)


_CHECKS: Mapping[Any, Any] = {
    int: _integer,
    bool: _boolean,
    str: _one_text,
    collections.abc.Mapping: _table,
    Size: _size,
    Seconds: _seconds,
    Path: _path,
    tuple: _texts,
}


def _typed(spec: Spec, text: str) -> object:
    """Return a variable's text as a value of TOML; ``check_value`` refuses what does not fit."""
    if spec.kind is int and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text):
        return int(text)
    if spec.kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if get_origin(spec.kind) is tuple:
        return text.split()
    return text


def _read(path: Path, required: bool) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        if not required:
            return ""
        raise ConfigError(
            f"{path}: the file does not exist; correct VPO_CONFIG, or write it with: vpo init"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; a TOML file is expected here") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read: {why}; make it readable") from error
    if len(data) > _LARGEST:
        raise ConfigError(f"{path}: is larger than 1 MiB; a TOML file is expected here")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _wrong(path, line, "is not UTF-8 text; a TOML file is expected here") from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    if not text.strip():
        return {}
    # Imported late: most users have no configuration file.
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        parsed: dict[str, Any] = toml.loads(text)
        return parsed
    except ValueError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: is not valid TOML: nested too deeply") from None


def _line(text: str, section: str, name: str | None = None) -> int | None:
    """Return the line of a section or key, from 1; ``None`` if it is written unusually."""
    header = re.compile(r"""\s*\[\[?\s*["']?([^"'\]]*?)["']?\s*\]""")
    wanted = re.compile(rf"""\s*["']?{re.escape(name or section)}["']?\s*[=.]""")
    dotted = re.compile(rf"""\s*["']?{re.escape(section)}["']?\s*[=.].*{re.escape(name or "")}""")
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := header.match(line):
            current = found[1]
            if name is None and current.partition(".")[0].strip() == section:
                return number
        elif (current == section and name and wanted.match(line)) or (
            not current and dotted.match(line)
        ):
            return number
    return None


def _wrong(path: Path, line: int | None, text: str) -> ConfigError:
    return ConfigError(f"{path}{_line_suffix(line)}: {text}")


def _line_suffix(line: int | None) -> str:
    return f":{line}" if line else ""


def _near(name: str, valid: Iterable[str]) -> str:
    """Return a hint at the end of a message: the section that has this key, or valid names."""
    if homes := [section for section, keys in specs().items() if name in keys]:
        return f"; it belongs to [{homes[0]}]"
    return suggestion(name, valid)


def _shown(value: object) -> str:
    """Return an invalid value as text for a message."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
