"""``vpo pause``: pause all runs of this library."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.media.units import duration
from vpo.run.schedule import pause


@click.command("pause")
@click.option(
    "--for",
    "length",
    metavar="TIME",
    help="Resume after this time, such as 90m or 2h; by default only with vpo resume.",
)
@format_option
def command(length: str | None, output_format: str) -> None:
    """Pause all runs of this library until "vpo resume".

    No file is started, and running tools are suspended within a second. Runs that start later are
    paused, too.
    """
    until = None
    if length is not None:
        try:
            until = datetime.now(timezone.utc) + timedelta(seconds=duration(length))
        except (ValueError, OverflowError) as error:
            raise click.BadParameter(str(error), param_hint="--for") from None
    pause(build({}).data_dir, until)
    if output_format == "json":
        print_json({"paused": True, "until": until.isoformat() if until else None})
    else:
        end = f"{until.astimezone():%a %H:%M}" if until else "vpo resume"
        click.echo(f"paused until {end}")
