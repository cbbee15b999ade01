"""Write the manual page docs/man/vpo.1 from the help of the commands, in groff's man(7).

click-man would write a page for each command.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from vpo import __version__
from vpo.cli.main import EXIT_CODES, cli

TARGET = Path(__file__).parent.parent / "docs" / "man" / "vpo.1"


def page() -> str:
    """Return the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH VPO 1 "" "vpo {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"vpo \- keep a video library the way its owner wants it"
    yield ".SH SYNOPSIS"
    yield r".B vpo"
    yield r"\fICOMMAND\fR [\fIOPTIONS\fR] [\fIARGUMENTS\fR]"
    yield ".SH DESCRIPTION"
    yield from _text(cli.help or "")
    yield ".SH COMMANDS"
    yield from _commands(cli, ("vpo",))
    yield ".SH EXIT STATUS"
    for code, meaning in re.findall(r"^\s+(\d+)\s+(.+)$", EXIT_CODES, re.MULTILINE):
        yield from (".TP", f".B {code}", _escaped(meaning))
    yield ".SH FILES"
    yield from (".TP", r"\fI~/.config/vpo/config.toml\fR", "The configuration.")
    yield from (".TP", r"\fI~/.local/share/vpo/vpo.db\fR", "The library database.")
    yield ".SH SEE ALSO"
    yield r"\fBffmpeg\fR(1), \fBmkvmerge\fR(1), \fBmkvpropedit\fR(1)"


def _commands(
    group: click.Group, names: tuple[str, ...], parent: click.Context | None = None
) -> Iterator[str]:
    context = click.Context(group, parent=parent, **group.context_settings)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        own = click.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(own))
        yield f".SS {_escaped(' '.join((*names, name)))} {_escaped(usage)}"
        yield from _text(command.help or "")
        yield from _options(command, own)
        if isinstance(command, click.Group):
            yield from _commands(command, (*names, name), context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or not isinstance(parameter, click.Option):
            continue
        names, text = record
        yield from (".TP", rf"\fB{_escaped(names)}\fR", _escaped(text))


def _text(text: str) -> Iterator[str]:
    """Convert click's help: paragraphs, those after ``\\b`` verbatim."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        if paragraph.lstrip().startswith("\b"):
            yield ".nf"
            # From Python 3.13 on, docstrings have no indentation when click sees them.
            shown = textwrap.dedent("\n".join(paragraph.splitlines()[1:]))
            yield from map(_escaped, shown.splitlines())
            yield ".fi"
        else:
            yield _escaped(" ".join(paragraph.split()))


def _escaped(text: str) -> str:
    """Escape backslashes, hyphens, and the start of a line that groff would take for a request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page(), "utf-8")
