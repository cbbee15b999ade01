"""``vpo ignore``: leave files alone from now on."""

from __future__ import annotations

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_OK, UsageError
from vpo.run.ignored import ignore_file, stop_ignoring
from vpo.text import counted, display_path


@click.command("ignore")
@click.argument("files", nargs=-1, type=click.Path(path_type=str))
@click.option("--list", "listed", is_flag=True, help="List the ignored files.")
@click.option("--remove", is_flag=True, help="Process FILES again from now on.")
@format_option
def command(files: tuple[str, ...], listed: bool, remove: bool, output_format: str) -> int:
    """Leave FILES alone from now on: no command changes them.

    A file is known by its path, and under other names by its content.
    """
    if listed == bool(files) or (listed and remove):
        raise UsageError("give either files or --list")
    with DaemonConnectionPool(build({}).database_path) as pool:
        store = Store(pool)
        done = [
            stop_ignoring(store, name) if remove else ignore_file(store, name) for name in files
        ]
        found = store.ignored()
    if output_format == "json":
        print_json({"ignored": [{"path": i.path, "at": i.at.isoformat()} for i in found]})
        return EXIT_OK
    for path in done:
        click.echo(f"{'no longer ignored' if remove else 'ignored'}  {display_path(path)}")
    for item in found if listed else ():
        click.echo(f"{item.at.astimezone():%Y-%m-%d %H:%M}  {display_path(item.path)}")
    if listed:
        click.echo(f"{counted(len(found), 'file')} ignored" if found else "no file is ignored")
    return EXIT_OK
