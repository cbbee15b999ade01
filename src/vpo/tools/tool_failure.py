"""The error of a tool: how it ended, and what of its output explains it."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

from vpo.errors import ToolError
from vpo.text import format_seconds, format_size
from vpo.tools.process_group import ProcessGroup

if TYPE_CHECKING:
    from vpo.tools.process import Command

_TAIL = 8192
"""The most characters of a tool's output that an error keeps."""
_NOISE = re.compile(
    r"\[(?:info|verbose)\][ :]|^frame= |^size= |^encoded \d+ frames|Conversion failed!"
    r"|Multiple -c, -codec, .* options specified"
)
"""Lines that are left out of error messages. The last: an encoded track has two codec options."""
_LEVEL = re.compile(r"\[(?:warning|error|fatal|panic)\](?: |$)")
_ADDRESS = re.compile(r"(?<=\w) @ 0x[0-9a-f]+(?=\])")
_ERROR = re.compile(r"#GUI#error |\[(?:error|fatal|panic)\]|Svt\[error\]")
"""What tools put into lines that are errors, in the modes in which vpo runs them."""
_MOST_ERRORS = 3
_MESSAGE = 600
_MUCH = 0.25
"""The part of its memory limit from which on a failure may have to do with it: a block twice as
large as the last one may have been refused."""


def without_noise(output: bytes) -> str:
    """Return the end of a tool's output without the lines that explain nothing."""
    lines = output.decode("utf-8", "replace").replace("\r", "\n").split("\n")
    return "\n".join(line for line in lines if not _NOISE.search(line))[-_TAIL:]


def start_error(command: Command, error: OSError) -> ToolError:
    """Return the error of a command that could not be started."""
    shown = _shown(command)
    name = os.path.basename(shown[0])
    return ToolError(f"{name} cannot be started: {error.strerror}", shown, 127, "")


def tool_error(
    command: Command, group: ProcessGroup, tail: str, stalled_after: float | None
) -> ToolError:
    """Return the error of a command that has ended, or was killed because it stalled."""
    status = group.status()
    if stalled_after is not None:
        problem = f"made no progress for {format_seconds(stalled_after)} and was killed"
    elif status < 0:
        problem = f"was killed by {signal_name(-status)}{killed_by_system(status)}"
    else:
        problem = f"failed with exit status {status}"
    if group.peak > command.memory * _MUCH:
        problem += (
            f" (it may use {format_size(command.memory)} of memory for this file, and that may not"
            " have sufficed)"
        )
    shown = _shown(command)
    detail = _last_lines(tail)
    message = f"{os.path.basename(shown[0])} {problem}{': ' + detail if detail else ''}"
    return ToolError(message, shown, status, tail, stalled_after is not None)


def _shown(command: Command) -> tuple[str, ...]:
    return tuple(os.fsdecode(word) for word in command.argv)


def killed_by_system(status: int) -> str:
    """Return what to add to the message about a program that ended with this status."""
    return ", perhaps because the memory ran out" if status == -signal.SIGKILL else ""


def signal_name(number: int) -> str:
    """Return the name of a signal, for a message."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_lines(tail: str) -> str:
    """Return the lines of errors, else the last ones, joined.

    The first error is the cause, the last what came of it; statistics may follow both.
    """
    lines = [line.strip() for line in tail.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#GUI#progress")]
    found = (_plain(line) for line in lines if _ERROR.search(line))
    errors = list(dict.fromkeys(filter(None, found)))
    matter = [*errors[: _MOST_ERRORS - 1], *errors[_MOST_ERRORS - 1 :][-1:]]
    shown = matter or [_plain(line) for line in lines[-_MOST_ERRORS:]]
    return " | ".join(shown)[:_MESSAGE]


def _plain(line: str) -> str:
    """Return a line without the marks of its level, and without addresses in memory."""
    line = _ADDRESS.sub("", line.removeprefix("#GUI#error "))
    return _LEVEL.sub("", line, count=1).strip()
