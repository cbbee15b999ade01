"""``vpo config``: the configuration in force."""

from __future__ import annotations

import click

from vpo.config.builder import build
from vpo.config.models import specs
from vpo.printable import counted


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
        for name in keys:
            value = getattr(getattr(settings.config, section), name)
            source = settings.sources[f"{section}.{name}"]
            click.echo(f"{f'{name} = {_toml(value)}':<50} # {source}")
    run = "runs" if settings.workers == 1 else "run"
    cores = counted(settings.cores, "usable core")
    click.echo(f"\n{counted(settings.workers, 'worker')} {run}, on {cores}")
    for warning in settings.warnings:
        click.echo(f"warning: {warning}")


def _toml(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"'
