"""Messages about runs, over Apprise (``vpo[notify]``): one a run, short enough for a telephone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vpo.errors import ConfigError, SourceError
from vpo.media.units import format_duration, format_size
from vpo.plugins import RunReport, hookimpl

_LISTED = 5
"""Failures that are named; the others are counted."""
_LARGE = 1_000_000


@hookimpl
def vpo_after_run(run: RunReport, settings: Mapping[str, Any]) -> None:
    """Send a message, if this run is one that somebody wants to hear of."""
    if not _wanted(run, settings["on"]):
        return
    sender = _sender(settings["urls"])
    if not sender.notify(title=title(run), body=body(run)):
        raise SourceError("a message could not be sent; is the address right, is the service up?")


def _wanted(run: RunReport, on: str) -> bool:
    failed = bool(run.failed) or run.stopped_early
    return on == "always" or failed or (on == "change" and bool(run.counts.get("changed")))


def _sender(urls: tuple[str, ...]) -> Any:
    try:
        import apprise
    except ImportError:
        raise ConfigError("urls need Apprise: install vpo with its extra 'notify'") from None
    sender = apprise.Apprise()
    for number, url in enumerate(urls, 1):
        if not sender.add(url):  # the address may hold a password, so it is not shown
            raise ConfigError(f"number {number} of the urls is no address that Apprise knows")
    return sender


def title(run: RunReport) -> str:
    """What happened, in a few words."""
    if run.failed:
        return f"vpo: {len(run.failed)} of {sum(run.counts.values())} files failed"
    if run.stopped_early:
        return "vpo: the run was stopped"
    return "vpo: done"


def body(run: RunReport) -> str:
    """The counts, and what failed."""
    counts = ", ".join(
        f"{number} {name.replace('_', ' ')}" for name, number in run.counts.items() if number
    )
    lines = [f"{counts or 'nothing to do'}, in {format_duration(run.seconds)}"]
    if abs(run.saved) >= _LARGE:
        lines.append(
            f"{format_size(abs(run.saved))} {'less' if run.saved > 0 else 'more'} than before"
        )
    lines += [f"{item.path}: {item.error}" for item in run.failed[:_LISTED]]
    if len(run.failed) > _LISTED:
        lines.append(f"and {len(run.failed) - _LISTED} more: vpo history show {run.id[:8]}")
    return "\n".join(lines)
