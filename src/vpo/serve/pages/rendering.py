"""Renders templates; everything that goes into one is escaped."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vpo.config.listing import as_toml
from vpo.serve.paths_in_urls import file_url, policy_url
from vpo.text import format_size, format_time, printable


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "size": format_size,
        "duration": format_time,
        "shown": printable,
        "file_url": file_url,
        "policy_url": policy_url,
        "local": _local,
        "toml": as_toml,
        "shown_lines": _lines,
    }
    return environment


def _lines(text: str) -> str:
    """Return a text of several lines with what cannot be shown escaped."""
    return "\n".join(map(printable, text.splitlines()))


def _local(time: datetime) -> str:
    """Return a time in the server's time zone."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


_ENVIRONMENT = _environment()


def render(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(**values), status)


def drawing(svg: str) -> Markup:
    """Return an SVG of ``vpo.report.svg``, which has escaped its texts."""
    return Markup(svg)  # noqa: S704
