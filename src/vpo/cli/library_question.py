"""What the ``vpo library`` commands share: the database, and the files that a question is about."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

import click

from vpo.cli.options import F, table_format_option
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.records import Stat
from vpo.db.store import Store
from vpo.errors import UsageError
from vpo.media.model import MediaFile
from vpo.report.progress import terminal_progress
from vpo.run.progress import RunProgress
from vpo.text import display_path

_PROGRESS_INTERVAL = 500
"""Files after which the progress line is redrawn."""
NOTHING_INDEXED = "no indexed files; index a folder with: vpo scan -R FOLDER"


class Question(NamedTuple):
    """The database, and the files and folders to which a question is limited."""

    library: Library
    store: Store
    under: list[str]

    def media(self) -> Iterator[tuple[MediaFile, Stat]]:
        """Yield the indexed files, with a progress line on a terminal."""
        line = terminal_progress(sys.stderr, "Reading the library")
        total = self.library.count(self.under) if line.enabled else 0
        for number, item in enumerate(self.library.media(self.under)):
            redraw = number and not number % _PROGRESS_INTERVAL
            if redraw:
                line.show(RunProgress(number, total, 1))
            yield item
            if redraw:
                line.clear()
        line.clear()


@contextlib.contextmanager
def questioned(under: tuple[str, ...]) -> Iterator[Question]:
    """Open the database; an empty ``under`` is everything."""
    paths = [os.path.realpath(path) for path in under] or [os.sep]
    with DaemonConnectionPool(build({}).database_path, reading=True) as pool:
        library = Library(pool)
        for path, real in zip(under, paths, strict=False):
            if not library.knows(real):
                raise UsageError(
                    f"no file in the database is {display_path(path)} or below it; "
                    "correct the path, or index it first: vpo scan -R"
                )
        yield Question(library, Store(pool), paths)


def question_options(function: F) -> F:
    under = click.option(
        "--under",
        multiple=True,
        type=click.Path(path_type=str),
        metavar="PATH",
        help="Only this file or folder; repeat it for several.",
    )
    return table_format_option(under(function))
