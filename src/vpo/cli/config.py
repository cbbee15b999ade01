"""``vpo config``: show the configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import click

from vpo.cli.options import table_format_option
from vpo.cli.output import print_json, print_warnings
from vpo.config.builder import Settings, build
from vpo.config.specs import LIBRARIES, PLUGINS, field_of, library_keys, specs
from vpo.report.table import write_csv
from vpo.text import counted

_HIDDEN = "..."


class _Setting(NamedTuple):
    """A key of a section, its value (or ``...`` if that is secret), and where it was set.

    ``number`` is that of the library, from 0, for a key of ``[[libraries]]``.
    """

    section: str
    key: str
    value: object
    source: str
    number: int | None = None


@click.group("config")
def command() -> None:
    """Show the configuration."""


@command.command("show")
@table_format_option
def _show(output_format: str) -> None:
    """Print every setting, its value, and where it was set."""
    settings = build({})
    found = list(_settings(settings))
    if output_format == "json":
        facts = {"workers": settings.workers, "cores": settings.cores}
        paths = {"config": str(settings.config_path), "data": str(settings.data_dir)}
        listed = [{**item._asdict(), "value": _plain(item.value)} for item in found]
        print_json({**paths, **facts, "settings": listed})
    elif output_format == "csv":
        rows = [item._replace(value=_toml(item.value)) for item in found]
        write_csv(sys.stdout, _Setting._fields, rows)
    else:
        _print(settings, found)
    print_warnings(settings.warnings)


def _settings(settings: Settings) -> Iterator[_Setting]:
    for section, keys in specs().items():
        for name, known in keys.items():
            value = getattr(getattr(settings.config, field_of(section)), name)
            shown = _HIDDEN if known.key.secret and value else value
            yield _Setting(section, name, shown, settings.sources[f"{section}.{name}"])
    for number, library in enumerate(settings.config.libraries):
        for name in library_keys():
            value = getattr(library, name)
            yield _Setting(f"[{LIBRARIES}]", name, value, settings.sources[LIBRARIES], number)
    for plugin, table in settings.config.plugins.items():
        section = f"{PLUGINS}.{plugin}"
        for name in table:  # only the plugin knows which of them are secret
            yield _Setting(section, name, _HIDDEN, settings.sources[section])


def _print(settings: Settings, found: list[_Setting]) -> None:
    state = "" if settings.config_path.exists() else "  (does not exist)"
    click.echo(f"file  {settings.config_path}{state}")
    click.echo(f"data  {settings.data_dir}")
    head: tuple[str, int | None] = ("", None)
    for item in found:
        if (item.section, item.number) != head:
            head = (item.section, item.number)
            click.echo(f"\n[{item.section}]")
        click.echo(f"{f'{item.key} = {_toml(item.value)}':<50} # {item.source}")
    run = "runs" if settings.workers == 1 else "run"
    cores = counted(settings.cores, "usable core")
    click.echo(f"\n{counted(settings.workers, 'worker')} {run}, on {cores}")


def _plain(value: object) -> object:
    """Return a value that JSON can hold."""
    if isinstance(value, Mapping):
        return dict(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _toml(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        items = (f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
        return "{ " + ", ".join(items) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"'
