"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def format_option(*styles: str, default: str | None = "text") -> Callable[[F], F]:
    """``--format``, as the parameter ``style``."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        default=default,
        show_default=True,
        help="How results are printed; the JSON is described in docs/json.md.",
    )


def at_least_one(
    ctx: click.Context,
    param: click.Parameter,
    value: int | None,
) -> int | None:
    """For numbers; click's own range would put ``[x>=1]`` into the help."""
    if value is not None and value < 1:
        raise click.BadParameter(f"{value} is less than 1", ctx, param)
    return value
