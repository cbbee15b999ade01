"""``vpo pause``: let the runs of this library stand still."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from vpo.config.builder import build
from vpo.media.units import duration
from vpo.run.schedule import pause


@click.command("pause")
@click.option(
    "--for",
    "length",
    metavar="TIME",
    help="Go on after this time, as 90m or 2h; by default only after vpo resume.",
)
def command(length: str | None) -> None:
    """Let all runs of this library stand still until "vpo resume".

    Nothing begins, and the tools that run are stopped where they are, within a second. It holds for
    runs that begin later, too.
    """
    until = None
    if length is not None:
        try:
            until = datetime.now(timezone.utc) + timedelta(seconds=duration(length))
        except (ValueError, OverflowError) as error:
            raise click.BadParameter(str(error), param_hint="--for") from None
    pause(build({}).data_dir, until)
    end = f"until {until.astimezone():%a %H:%M}" if until else "until vpo resume"
    click.echo(f"paused {end}")
