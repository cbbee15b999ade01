"""``vpo config``: the configuration in force."""

from __future__ import annotations

from collections.abc import Mapping

import click

from vpo.config.builder import build
from vpo.config.models import PLUGINS, field_of, specs
from vpo.text import counted


@click.group("config")
def command() -> None:
    """Show the configuration."""


@command.command("show")
def show() -> None:
    """Print every setting, its value, and where it comes from."""
    settings = build({})
    state = "" if settings.config_path.exists() else "  (does not exist)"
    click.echo(f"file  {settings.config_path}{state}")
    click.echo(f"data  {settings.data_dir}")
    for section, keys in specs().items():
        click.echo(f"\n[{section}]")
        for name, known in keys.items():
            value = getattr(getattr(settings.config, field_of(section)), name)
            shown = '"..."' if known.key.secret and value else _toml(value)
            _line(name, shown, settings.sources[f"{section}.{name}"])
    for plugin, table in settings.config.plugins.items():
        click.echo(f"\n[{PLUGINS}.{plugin}]")
        for name in table:
            # What of it is a secret, only the plugin knows.
            _line(name, "...", settings.sources[f"{PLUGINS}.{plugin}"])
    run = "runs" if settings.workers == 1 else "run"
    cores = counted(settings.cores, "usable core")
    click.echo(f"\n{counted(settings.workers, 'worker')} {run}, on {cores}")
    for warning in settings.warnings:
        click.echo(f"warning: {warning}")


def _line(name: str, shown: str, source: str) -> None:
    click.echo(f"{f'{name} = {shown}':<50} # {source}")


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
