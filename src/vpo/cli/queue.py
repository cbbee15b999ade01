"""``vpo queue``: the files that wait for ``vpo serve``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_json
from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue
from vpo.db.reviews import Review, Reviews
from vpo.errors import UsageError
from vpo.report.queue_json import item_json, review_json
from vpo.run.enqueue import FRONT, new_items
from vpo.run.worker_number import set_worker_number, worker_number
from vpo.run.workers import MOST_WORKERS
from vpo.text import counted, display_path, printable


class _Open(NamedTuple):
    settings: Settings
    queue: FileQueue
    reviews: Reviews


@contextmanager
def _opened() -> Iterator[_Open]:
    settings = build({})
    with DaemonConnectionPool(settings.database_path) as pool:
        yield _Open(settings, FileQueue(pool), Reviews(pool))


@click.group("queue")
def command() -> None:
    """Show and change the files that wait for vpo serve.

    ITEMS are files, or the numbers that "vpo queue list" shows.
    """


@command.command("list")
@click.option(
    "--state",
    type=click.Choice(["running", "waiting", "held", "review"]),
    help="Only files in this state.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N files.")
@format_option
def list_(state: Any, limit: int | None, output_format: str) -> None:
    """List the files in the order in which they go."""
    with _opened() as found:
        items, counts = found.queue.items(state, limit or -1), found.queue.counts()
    if output_format == "json":
        print_json({"queue": [item_json(item) for item in items], "counts": counts})
        return
    for item in items:
        reason = f"  ({printable(item.reason)})" if item.reason else ""
        state = "approved" if item.approved and item.state == "waiting" else item.state
        click.echo(
            f"{item.id:>6}  {state:<8}  {printable(item.library)}  "
            f"{display_path(item.path)}{reason}"
        )
    click.echo(counts_text(counts))


@command.command("add")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option("--front", is_flag=True, help="Before all that waits at the priority of a library.")
@format_option
def add(paths: tuple[str, ...], front: bool, output_format: str) -> None:
    """Add the videos in PATHS, which are files or folders in a library."""
    with _opened() as found:
        items = new_items(found.settings, paths, "person", FRONT if front else 0)
        added = found.queue.add(items)
    if output_format == "json":
        print_json({"added": added, "known": len(items) - added})
        return
    known = f"; {len(items) - added:,} in the queue before" if len(items) > added else ""
    click.echo(f"{counted(added, 'file')} added{known}")


@command.command("move")
@click.argument("items", nargs=-1, required=True)
@click.option("--to", "place", type=click.Choice(["front", "back"]), help="Where to move them.")
@click.option("--before", metavar="ITEM", help="Move them to before this one.")
@format_option
def move(items: tuple[str, ...], place: Any, before: str | None, output_format: str) -> None:
    """Move ITEMS to the front or the back, or to before another one."""
    if (place is None) == (before is None):
        raise UsageError("give either --to or --before")
    with _opened() as found:
        ids = _ids(found.queue, items)
        if before is None:
            changed = found.queue.move(ids, place)
        else:
            changed = found.queue.move_before(ids, _ids(found.queue, [before])[0])
    _print_changed("moved", changed, output_format)


def _simple(name: str, done: str, text: str, change: Callable[[FileQueue, list[int]], int]) -> None:
    @command.command(name, help=text)
    @click.argument("items", nargs=-1, required=True)
    @format_option
    def changing(items: tuple[str, ...], output_format: str) -> None:
        with _opened() as found:
            changed = change(found.queue, _ids(found.queue, items))
        _print_changed(done, changed, output_format)


_simple("hold", "held", "Hold ITEMS that wait until they are released.", FileQueue.hold)
_simple(
    "release",
    "released",
    "Have held ITEMS wait for their turn.",
    FileQueue.release,
)
_simple(
    "cancel",
    "cancelled",
    "Take ITEMS out of the queue, and end those that run.",
    FileQueue.cancel,
)


@command.command("reviews")
@format_option
def reviews(output_format: str) -> None:
    """List the plans that wait for "vpo queue approve" or "reject"."""
    with _opened() as found:
        plans = found.reviews.waiting()
    if output_format == "json":
        print_json({"reviews": [review_json(item) for item in plans]})
        return
    for item in plans:
        click.echo(f"{', '.join(item.plan.kinds)}  {display_path(item.plan.path)}")
        for change in item.plan.changes:
            click.echo(f"    {printable(_change_text(change))}")
    click.echo(f"{counted(len(plans), 'plan')} to review")


@command.command("approve")
@click.argument("files", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All plans that wait.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="All plans that change nothing but this kind, or these; may be repeated.",
)
@format_option
def approve(
    files: tuple[str, ...], every: bool, kinds: tuple[str, ...], output_format: str
) -> None:
    """Have the plans of FILES be carried out, exactly as they are."""
    with _opened() as found:
        chosen = _chosen(found.reviews, files, every, kinds)
        done = found.reviews.approve({item.plan.path: item.plan.hash for item in chosen})
    _print_changed("approved", len(done), output_format, "plan")


@command.command("reject")
@click.argument("files", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All plans that wait.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="As of approve.")
@format_option
def reject(files: tuple[str, ...], every: bool, kinds: tuple[str, ...], output_format: str) -> None:
    """Leave FILES as they are, as long as their plans stay the same."""
    with _opened() as found:
        chosen = _chosen(found.reviews, files, every, kinds)
        done = found.reviews.reject([item.plan.path for item in chosen])
    _print_changed("rejected", done, output_format, "plan")


@command.command("workers")
@click.argument("number", required=False)
@format_option
def workers(number: str | None, output_format: str) -> None:
    """Show or set the number of workers.

    Takes effect at once. NUMBER is a number, or "default" for what the configuration says.
    """
    settings = build({})
    if number is not None:
        set_worker_number(settings.data_dir, None if number == "default" else _number(number))
    chosen = worker_number(settings.data_dir)
    if output_format == "json":
        print_json({"workers": chosen or settings.workers, "default": chosen is None})
        return
    click.echo(f"{chosen or settings.workers}{'' if chosen else ' (default)'}")


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_WORKERS:
        return int(text)
    raise UsageError(f"{text} is no number of workers; give 1 to {MOST_WORKERS}, or default")


def _ids(queue: FileQueue, keys: Sequence[str]) -> list[int]:
    """Return the ids of these items; raise ``UsageError`` for what is not in the queue."""
    ids = []
    for key in keys:
        found = queue.find([key])
        if not found:
            raise UsageError(f"{key} is not in the queue; vpo queue list shows what is")
        ids += [item.id for item in found]
    return ids


def _chosen(
    found: Reviews, files: Sequence[str], every: bool, kinds: Sequence[str]
) -> list[Review]:
    if bool(files) + every + bool(kinds) != 1:
        raise UsageError("give files, --kind or --all")
    if kinds:
        return found.of_kinds(kinds)
    waiting = found.waiting()
    if every:
        return waiting
    by_path = {item.plan.path: item for item in waiting}
    for name in files:
        if _real(name) not in by_path:
            raise UsageError(f"{name} has no plan to review; vpo queue reviews lists those")
    return [by_path[_real(name)] for name in files]


def _real(name: str) -> str:
    return os.path.realpath(name)


def _change_text(change: Any) -> str:
    track = "" if change["track"] is None else f"track {change['track']}: "
    return f"{track}{change['kind']}: {change['from']} -> {change['to']}  ({change['reason']})"


def _print_changed(done: str, changed: int, output_format: str, noun: str = "file") -> None:
    if output_format == "json":
        print_json({done: changed})
    else:
        click.echo(f"{counted(changed, noun)} {done}")


def counts_text(counts: dict[Any, int]) -> str:
    """Return the number of files in each state, as a line of text."""
    named = {"running": "running", "waiting": "waiting", "held": "held", "review": "to review"}
    return "queue: " + ", ".join(f"{counts[state]:,} {name}" for state, name in named.items())
