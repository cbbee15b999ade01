"""``vpo init``: write a configuration and two policies to start from."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import cast

import click

from vpo.cli.options import at_least, format_option
from vpo.cli.output import print_json
from vpo.config.builder import config_file
from vpo.config.loader import read_config_file
from vpo.config.templates import GOALS, Goal, configuration, policies
from vpo.errors import UsageError
from vpo.media.languages import checked
from vpo.text import printable

_QUESTIONS = {
    "languages": "Which languages should be kept (such as eng,ger,jpn)?",
    "goal": "What should the second policy do: keep these languages only, save space, make MP4?",
    "days": "For how many days should originals be kept, for `vpo undo`?",
}


@click.command("init")
@click.option("--languages", metavar="A,B", help="Languages to keep.")
@click.option(
    "--goal",
    type=click.Choice(GOALS),
    help="Goal of the second policy: keep only these languages, save space, or make MP4.",
)
@click.option(
    "--keep-originals",
    "days",
    type=int,
    callback=partial(at_least, 0),
    metavar="DAYS",
    help="Days for which originals are kept for `vpo undo`; 0 keeps none.",
)
@format_option
def command(languages: str | None, goal: Goal | None, days: int | None, output_format: str) -> None:
    """Write a configuration and two policies to start from.

    Asks three questions, unless options answer them; without a terminal, the answers are eng,
    languages and 7. Existing files are not changed.
    """
    named = _languages(languages or str(_answer("languages", "eng", _Languages())))
    goal = goal or cast(Goal, _answer("goal", "languages", click.Choice(GOALS)))
    days = days if days is not None else int(str(_answer("days", 7, click.IntRange(min=0))))
    path = config_file()
    read_config_file(path, required=False)  # its mistakes are reported before anything is written
    files = {path: configuration(days)}
    for name, text in policies(named, goal).items():
        files[path.parent / "policies" / name] = text
    written = {target: _write(target, text) for target, text in files.items()}
    if output_format == "json":
        listed = [{"path": str(path), "written": new} for path, new in written.items()]
        print_json({"files": listed})
        return
    for target, new in written.items():
        shown = printable(os.fspath(target))
        click.echo(f"written  {shown}" if new else f"exists   {shown}; not changed")
    asked = printable(shlex.quote(os.fspath(path.parent / "policies" / f"{goal}.yaml")))
    click.echo(f"\nPreview what the policy would do:\n  vpo process -n -R -p {asked} YOUR_VIDEOS")


def _answer(question: str, default: object, kind: click.ParamType[object] | None = None) -> object:
    """Ask a question on the terminal; without one, return the default."""
    if not sys.stdin.isatty():
        return default
    return click.prompt(_QUESTIONS[question], default=default, type=kind, err=True)


class _Languages(click.ParamType[object]):
    """Languages as text; a wrong answer is asked for again."""

    name = "languages"

    def convert(self, value: object, param: object, ctx: object) -> str:  # noqa: ARG002
        try:
            _languages(str(value))
        except UsageError as error:
            raise click.BadParameter(str(error)) from None
        return str(value)


def _languages(text: str) -> list[str]:
    named = [item.strip() for item in text.split(",") if item.strip()]
    if not named:
        raise UsageError("no language given; give at least one, as in --languages eng,ger")
    try:
        return [checked(item) for item in named]
    except ValueError as error:
        raise UsageError(str(error)) from None


def _write(path: Path, text: str) -> bool:
    """Write a new file; return whether it did not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
