"""``vpo resume``: resume paused runs."""

from __future__ import annotations

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.run.schedule import resume


@click.command("resume")
@format_option
def command(output_format: str) -> None:
    """Resume the runs that "vpo pause" paused."""
    resumed = resume(build({}).data_dir)
    if output_format == "json":
        print_json({"resumed": resumed})
    else:
        click.echo("resumed" if resumed else "nothing was paused")
