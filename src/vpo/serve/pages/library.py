"""The page of all files: filters, charts, and a table in pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from markupsafe import Markup

from vpo.db.facts import HEALTH, ORDERS, SEVERAL, SINGLE, STATES, Facts
from vpo.library.statistics import FACTS
from vpo.report.svg import Bar, bar_chart
from vpo.serve.context import Context
from vpo.serve.pages.rendering import drawing, render
from vpo.text import counted

router = APIRouter()
_BARS = 8
_TITLES = {"path": "File", "size": "Size", "seconds": "Time"}


class Filter(NamedTuple):
    """A list to choose from: pairs of a value and its text."""

    name: str
    title: str
    choices: list[tuple[str, str]]
    chosen: str
    chart: Markup | None = None


class Heading(NamedTuple):
    """A column's title that sorts by it; ``sorted`` is as ARIA has it."""

    title: str
    link: str
    sorted: str
    css_class: str


@router.get("/library")
def library_page(request: Request, context: Context) -> Response:
    """Show the files that fulfil the filters."""
    query = {name: value for name, value in request.query_params.items() if value}
    order, cursor = query.pop("sort", "path"), query.pop("after", None)
    descending = order.startswith("-")
    facts = Facts(context.pool)
    try:
        column = order.removeprefix("-")
        if column not in ORDERS:
            raise ValueError(f"there is no order {column}")
        total = facts.count(query)
        page = facts.page(query, column, descending=descending, cursor=cursor, among=total.numbers)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    more = {**query, "sort": order}
    return render(
        "library.html",
        here="library",
        page=page,
        total=total,
        query=query,
        sort=order,
        filters=_filters(facts, query),
        headings=[_heading(name, order, query) for name in ORDERS],
        following=f"?{urlencode({**more, 'after': page.cursor})}" if page.cursor else None,
        first=f"?{urlencode(more)}" if cursor else None,
    )


def _filters(facts: Facts, query: Mapping[str, str]) -> list[Filter]:
    found = []
    for name in (*SINGLE, *SEVERAL):
        counts = facts.values(name)
        choices = [(item.value, f"{item.value} ({item.files:,})") for item in counts]
        bars = [Bar(item.value, item.files, counted(item.files, "file")) for item in counts[:_BARS]]
        chart = drawing(bar_chart(bars)) if bars else None
        found.append(Filter(name, FACTS[name], choices, query.get(name, ""), chart))
    for name, known in (("compliance", STATES), ("health", HEALTH)):
        choices = [(value, value) for value in known]
        found.append(Filter(name, name.capitalize(), choices, query.get(name, "")))
    return found


def _heading(name: str, order: str, query: Mapping[str, str]) -> Heading:
    ascending = order == name
    state = "ascending" if ascending else "descending" if order == f"-{name}" else "none"
    # Sizes are mostly looked at from the largest on, names from the first.
    first = name if name == "path" else f"-{name}"
    other = f"-{name}" if ascending else name
    link = urlencode({**query, "sort": first if state == "none" else other})
    return Heading(_TITLES[name], f"?{link}", state, "name" if name == "path" else "number")
