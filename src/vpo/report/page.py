"""Renders one run as a self-contained HTML page, without scripts or external resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib import resources
from typing import Any

from vpo import __version__
from vpo.db.records import OutcomeRow, Run
from vpo.policy.change_kind import Fact
from vpo.report.diff import change_text
from vpo.report.svg import Bar, Block, bar_chart, stacked_bar, timeline
from vpo.text import counted, format_size, format_time, printable

FileUrl = Callable[[str], str]
GENERATOR = '<meta name="generator" content="vpo '
"""Identifies a page as a report of vpo."""
_LISTED = 500
"""Maximum number of files in a list, so that browsers can open pages of large runs."""
_LARGEST = 15
_STATUSES = ("changed", "unchanged", "skipped", "failed", "cancelled", "not_started")
_MODES = {"full": "all of their packets", "quick": "headers and ends only"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(run: Run, outcomes: Sequence[OutcomeRow]) -> str:
    """Return the page; ``outcomes`` are those of this run, in the order begun."""
    title = f"vpo run {run.id[:8]}"
    body = report_body(run, outcomes)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
{GENERATOR}{__version__}">
<title>{title}</title>
<style>
{_style()}</style>
</head>
<body>
{body}
</body>
</html>
"""


def report_body(run: Run, outcomes: Sequence[OutcomeRow], url: FileUrl | None = None) -> str:
    """Return what is in the page's body, for a page of the server; every text is escaped.

    ``url`` returns the address of the page of a file, if files have pages.
    """
    return "\n".join(_sections(run, outcomes, url))


def _style() -> str:
    return resources.files("vpo.report").joinpath("page.css").read_text("utf-8")


def _sections(run: Run, outcomes: Sequence[OutcomeRow], url: FileUrl | None) -> Iterator[str]:
    yield from _head(run)
    counts = _counts(run, outcomes)
    yield _tiles(run, outcomes, counts)
    yield stacked_bar([Bar(_word(s), counts[s], f"{counts[s]:,}", s) for s in _STATUSES])
    yield f'<p class="soft">{_legend([s for s in _STATUSES if counts[s]])}</p>'
    yield from _proofs(outcomes)
    yield from _savings(outcomes)
    yield from _times(run, outcomes)
    yield from _failures(outcomes, url)
    yield from _changes(outcomes, url)


def _head(run: Run) -> Iterator[str]:
    policies = ", ".join(map(str, run.policies))
    facts = [f"{_when(run.started_at)} on {_text(run.host)}", counted(run.workers, "worker")]
    yield f"<h1>Run {run.id[:8]}</h1>"
    yield f'<p class="soft">{", ".join(facts)}; {run.state}</p>'
    yield f"<p>{_text(policies)}</p>"


def _when(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _counts(run: Run, outcomes: Sequence[OutcomeRow]) -> Counter[str]:
    """Count the files by status; for a killed run, by the recorded outcomes."""
    if run.summary:
        return Counter({name: run.summary.get(name, 0) for name in _STATUSES})
    return Counter(outcome.status or "not_started" for outcome in outcomes)


def _tiles(run: Run, outcomes: Sequence[OutcomeRow], counts: Counter[str]) -> str:
    saved = sum(before - after for before, after in map(_sizes, outcomes))
    tiles = [("files", f"{sum(counts.values()):,}")]
    tiles += [(_word(name), f"{counts[name]:,}") for name in _STATUSES if counts[name]]
    tiles.append(("saved" if saved >= 0 else "added", format_size(abs(saved))))
    tiles.append(("time", format_time(_seconds(run, outcomes))))
    return (
        '<ul class="tiles">'
        + "".join(f"<li><b>{value}</b>{name}</li>" for name, value in tiles)
        + "</ul>"
    )


def _word(status: str) -> str:
    return status.replace("_", " ")


def _legend(statuses: Sequence[str]) -> str:
    keys = (f'<span class="key {name}"></span>{_word(name)}' for name in statuses)
    return "".join(f'<span class="legend">{key}</span>' for key in keys)


def _sizes(outcome: OutcomeRow) -> tuple[int, int]:
    """Return the sizes before and after of a changed file, else zeros."""
    if outcome.status != "changed" or outcome.size_before is None or outcome.size_after is None:
        return 0, 0
    return outcome.size_before, outcome.size_after


def _seconds(run: Run, outcomes: Sequence[OutcomeRow]) -> float:
    if run.summary and "seconds" in run.summary:
        return float(run.summary["seconds"])
    return max((block.end for block in _blocks(run, outcomes)), default=0.0)


def _failures(outcomes: Sequence[OutcomeRow], url: FileUrl | None) -> Iterator[str]:
    failed = [o for o in outcomes if o.status in ("failed", "skipped")]
    failed.sort(key=lambda outcome: outcome.status != "failed")
    if not failed:
        return
    yield "<h2>Failed and skipped files</h2>"
    for outcome in failed[:_LISTED]:
        skip = " skip" if outcome.status == "skipped" else ""
        yield (
            f'<div class="failure{skip}"><b>{_file(outcome.path, url)}</b>'
            f"<p>{_text(outcome.error_message or '')}</p></div>"
        )
    yield from _rest(len(failed), outcomes)


def _proofs(outcomes: Sequence[OutcomeRow]) -> Iterator[str]:
    """Yield one line that sums up what was proven of the rewritten files."""
    proofs = [proof for outcome in outcomes if (proof := _proof(outcome))]
    if not proofs:
        return
    modes = Counter(proof["mode"] for proof in proofs)
    total = Counter[str]()
    for proof in proofs:
        total.update({name: proof[name] for name in proof if name != "mode"})
    ways = [f"{counted(modes[mode], 'file')} by {_MODES[mode]}" for mode in _MODES if modes[mode]]
    yield f"<p>Proven: {', '.join(ways)}. {_proven(total)}</p>"


def _proof(outcome: OutcomeRow) -> dict[str, Any] | None:
    return (outcome.plan or {}).get("proof")


def _proven(figures: Mapping[str, int]) -> str:
    """Return what was compared, as a sentence; empty where nothing was counted."""
    found = []
    if figures["copied_streams"]:
        found.append(
            f"{counted(figures['copied_streams'], 'copied stream')} with "
            f"{counted(figures['packets'], 'packet')} ({format_size(figures['bytes'])})"
        )
    if figures["encoded_streams"]:
        frames = figures["encoded_frames"]
        more = f" with {counted(frames, 'frame')}" if frames else ""
        found.append(f"{counted(figures['encoded_streams'], 'encoded stream')}{more}")
    return f"{', '.join(found)}." if found else ""


def _savings(outcomes: Sequence[OutcomeRow]) -> Iterator[str]:
    before, after = map(sum, zip(*map(_sizes, outcomes), strict=True)) if outcomes else (0, 0)
    if not before:
        return
    yield "<h2>Size of changed files</h2>"
    part = f" ({after / before - 1:+.0%})"
    yield bar_chart(
        [
            Bar("before", before, format_size(before), "unchanged"),
            Bar("after", after, format_size(after) + part),
        ]
    )
    most = sorted(outcomes, key=lambda outcome: _sizes(outcome)[1] - _sizes(outcome)[0])[:_LARGEST]
    gains = [(o, _sizes(o)[0] - _sizes(o)[1]) for o in most]
    shown = [Bar(_short(o.path), gain, format_size(gain)) for o, gain in gains if gain > 1_000_000]
    if shown:
        yield "<h2>Largest savings</h2>"
        yield bar_chart(shown)


def _short(path: str) -> str:
    name = printable(path.rpartition("/")[2])
    return name if len(name) <= 38 else f"{name[:24]}…{name[-13:]}"


def _times(run: Run, outcomes: Sequence[OutcomeRow]) -> Iterator[str]:
    blocks = _blocks(run, outcomes)
    if not blocks:
        return
    yield "<h2>Workers over time</h2>"
    yield timeline(blocks, max(block.end for block in blocks))
    yield (
        '<p class="soft">Each row is a worker. Files known to comply from an earlier run are not'
        " shown.</p>"
    )


def _blocks(run: Run, outcomes: Sequence[OutcomeRow]) -> list[Block]:
    blocks = []
    for outcome in outcomes:
        if outcome.seconds is None or outcome.status in (None, "not_started"):
            continue
        start = max(0.0, (outcome.started_at - run.started_at).total_seconds())
        title = f"{_short(outcome.path)}: {outcome.status}, {format_time(outcome.seconds)}"
        blocks.append(Block(start, start + outcome.seconds, title, outcome.status or ""))
    return blocks


def _changes(outcomes: Sequence[OutcomeRow], url: FileUrl | None) -> Iterator[str]:
    changed = [outcome for outcome in outcomes if outcome.status == "changed"]
    if not changed:
        return
    yield "<h2>Changed files</h2>"
    for outcome in changed[:_LISTED]:
        changes = (outcome.plan or {}).get("changes", ())
        before, after = _sizes(outcome)
        facts = [str(outcome.strategy), counted(len(changes), "change")]
        if before != after:
            facts.append(f"{format_size(before)} to {format_size(after)}")
        if outcome.undone_at is not None:
            facts.append("undone")
        items = "".join(f"<li>{_text(_change(change))}</li>" for change in changes)
        if proof := _proof(outcome):
            items += (
                f"<li>proven by {_MODES[proof['mode']]}: {_proven(proof) or 'as planned.'}</li>"
            )
        yield (
            f'<details><summary>{_file(outcome.path, url)} <span class="soft">({", ".join(facts)})'
            f"</span></summary><ul>{items}</ul></details>"
        )
    yield from _rest(len(changed), outcomes)


def _change(change: dict[str, Any]) -> str:
    track = "" if change["track"] is None else f"track {change['track']} "
    fact = Fact.parse(change["kind"], change["track"])
    text = change_text(fact, change["from"], change["to"])
    return f"{track}{text}: {change['reason']}"


def _rest(count: int, outcomes: Sequence[OutcomeRow]) -> Iterator[str]:
    if count > _LISTED:
        run = outcomes[0].run_id[:8]
        yield (
            f'<p class="soft">and {count - _LISTED:,} more: <code>vpo history show {run}</code>'
            " lists all of them.</p>"
        )


def _file(path: str, url: FileUrl | None) -> str:
    text = _text(path)
    return text if url is None else f'<a href="{escape(url(path))}">{text}</a>'


def _text(text: str) -> str:
    return escape(printable(text))
