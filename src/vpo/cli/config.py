"""``vpo config``: show the configuration."""

from __future__ import annotations

import sys

import click

from vpo.cli.options import table_format_option
from vpo.cli.output import print_json, print_warnings
from vpo.config.builder import Settings, build
from vpo.config.listing import Setting, as_toml, list_settings, settings_json
from vpo.report.table import write_csv
from vpo.text import counted


@click.group("config")
def command() -> None:
    """Show the configuration."""


@command.command("show")
@table_format_option
def _show(output_format: str) -> None:
    """Print every setting, its value, and where it was set."""
    settings = build({})
    found = list(list_settings(settings))
    if output_format == "json":
        print_json(settings_json(settings))
    elif output_format == "csv":
        rows = [item._replace(value=as_toml(item.value)) for item in found]
        write_csv(sys.stdout, Setting._fields, rows)
    else:
        _print(settings, found)
    print_warnings(settings.warnings)


def _print(settings: Settings, found: list[Setting]) -> None:
    state = "" if settings.config_path.exists() else "  (does not exist)"
    click.echo(f"file  {settings.config_path}{state}")
    click.echo(f"data  {settings.data_dir}")
    head: tuple[str, int | None] = ("", None)
    for item in found:
        if (item.section, item.number) != head:
            head = (item.section, item.number)
            click.echo(f"\n[{item.section}]")
        click.echo(f"{f'{item.key} = {as_toml(item.value)}':<50} # {item.source}")
    run = "runs" if settings.workers == 1 else "run"
    cores = counted(settings.cores, "usable core")
    click.echo(f"\n{counted(settings.workers, 'worker')} {run}, on {cores}")
