"""``vpo init``: a configuration and two policies to begin with."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import cast

import click

from vpo.config.builder import build
from vpo.config.templates import GOALS, Goal, configuration, policies
from vpo.errors import UsageError
from vpo.media.languages import is_language
from vpo.text import printable

_QUESTIONS = {
    "languages": "Which languages do you understand (as eng, ger, jpn; several with commas)?",
    "goal": "What shall the second policy do: keep only these languages, save space, or make MP4?",
    "days": "For how many days shall originals be kept, so that `vpo undo` can put them back?",
}


@click.command("init")
@click.option("--languages", metavar="A,B", help="The languages that you understand.")
@click.option(
    "--goal",
    type=click.Choice(GOALS),
    help="What the second policy does: keep only these languages, save space, or make MP4.",
)
@click.option(
    "--keep-originals",
    "days",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="How long originals are kept for `vpo undo`; 0 for not at all.",
)
def command(languages: str | None, goal: Goal | None, days: int | None) -> None:
    """Write a commented configuration and two policies to begin with.

    Three questions are asked, unless options answer them; where nobody can be asked, the answers
    are eng, languages and 7. A file that exists is left as it is.
    """
    named = _languages(languages or str(_asked("languages", "eng")))
    goal = goal or cast(Goal, _asked("goal", "languages", click.Choice(GOALS)))
    days = days if days is not None else int(str(_asked("days", 7, click.IntRange(min=0))))
    path = build({}).config_path
    files = {path: configuration(days)}
    for name, text in policies(named, goal).items():
        files[path.parent / "policies" / name] = text
    for target, text in files.items():
        _write(target, text)
    tidy = printable(os.fspath(path.parent / "policies" / "tidy.yaml"))
    click.echo(f"\nLook at what a policy would do:\n  vpo process -n -R -p {tidy} YOUR_VIDEOS")


def _asked(question: str, default: object, kind: click.ParamType[object] | None = None) -> object:
    """The answer; where nobody can be asked, the default."""
    if not sys.stdin.isatty():
        return default
    return click.prompt(_QUESTIONS[question], default=default, type=kind, err=True)


def _languages(text: str) -> list[str]:
    named = [item.strip() for item in text.split(",") if item.strip()]
    for item in named:
        if not is_language(item):
            raise UsageError(f"{item!r} is not a language; name it as in eng, ger or pt-BR")
    if not named:
        raise UsageError("no language is named; name at least one, as in --languages eng,ger")
    return named


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = printable(os.fspath(path))
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        click.echo(f"exists   {shown}, and is left as it is")
    else:
        click.echo(f"written  {shown}")
