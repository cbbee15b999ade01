"""``vpo resume``: let paused runs go on."""

from __future__ import annotations

import click

from vpo.config.builder import build
from vpo.run.schedule import resume


@click.command("resume")
def command() -> None:
    """Let the runs that "vpo pause" stopped go on."""
    was = resume(build({}).data_dir)
    click.echo("going on" if was else "nothing was paused")
