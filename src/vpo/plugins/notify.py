"""The notification plugin: one short message a run, sent with Apprise (the extra ``notify``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vpo.errors import ConfigError, SourceError
from vpo.plugins.interface import RunReport, hookimpl
from vpo.text import format_size, format_time

_LISTED = 5
"""How many failures are listed; the others are counted."""
_LARGE = 1_000_000


@hookimpl
def vpo_after_run(run: RunReport, settings: Mapping[str, Any]) -> None:
    """Send a message about the run, depending on the setting ``on``."""
    if not _wanted(run, settings["on"]):
        return
    sender = _sender(settings["urls"])
    if not sender.notify(title=message_title(run), body=message_body(run)):
        raise SourceError("a message could not be sent; check the urls and the service")


def send_test_message(url: str) -> None:
    """Send a message to one URL; no error shows it. Raises ``ConfigError``, ``SourceError``."""
    if not _sender((url,)).notify(title="vpo: test", body="vpo doctor has sent this message"):
        raise SourceError("the message could not be sent; check the url and the service")


def _wanted(run: RunReport, on: str) -> bool:
    failed = bool(run.failed) or run.stopped_early
    return on == "always" or failed or (on == "change" and bool(run.counts.get("changed")))


def _sender(urls: tuple[str, ...]) -> Any:
    try:
        import apprise
    except ImportError:
        raise ConfigError(
            "urls need Apprise: install vpo with its extra 'notify' (see Install in the README)"
        ) from None
    sender = apprise.Apprise()
    for number, url in enumerate(urls, 1):
        if not sender.add(url):  # the URL may contain a password, so it is not shown
            raise ConfigError(f"Apprise does not support number {number} of the urls")
    return sender


def message_title(run: RunReport) -> str:
    """Return the result of the run in a few words."""
    if run.failed:
        return f"vpo: {len(run.failed)} of {sum(run.counts.values())} files failed"
    if run.stopped_early:
        return "vpo: the run was stopped"
    return "vpo: done"


def message_body(run: RunReport) -> str:
    """Return the counts and the failures."""
    counts = ", ".join(
        f"{number} {name.replace('_', ' ')}" for name, number in run.counts.items() if number
    )
    lines = [f"{counts or 'nothing to do'}, in {format_time(run.seconds)}"]
    if abs(run.saved) >= _LARGE:
        lines.append(
            f"{format_size(abs(run.saved))} {'less' if run.saved > 0 else 'more'} than before"
        )
    lines += [f"{item.path}: {item.error}" for item in run.failed[:_LISTED]]
    if len(run.failed) > _LISTED:
        lines.append(f"and {len(run.failed) - _LISTED} more: vpo history show {run.id[:8]}")
    return "\n".join(lines)
