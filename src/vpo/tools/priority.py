"""The priority of the tools for processor and disk."""

from __future__ import annotations

import logging
import os
import sys
import threading

from vpo.errors import CancelledError, ToolError
from vpo.tools.process import Command, Processes

log = logging.getLogger(__name__)

_QUICK_SECONDS = 30.0
_IO_CLASSES = {"low": ("-c", "2", "-n", "7"), "idle": ("-c", "3")}
"""Best effort at its lowest level, and idle: ionice(1)."""


def lower_priority(processes: Processes, nice: int, ionice: str) -> None:
    """Lower the priority of the tools that this thread starts from now on.

    ``nice`` as of nice(1); ``ionice`` is ``normal``, ``low``, or ``idle``, which runs only when the
    disk is idle and needs the program of that name. A priority that is lower already stays.
    """
    thread = threading.get_native_id() if sys.platform == "linux" else 0
    if nice > os.getpriority(os.PRIO_PROCESS, thread):
        os.setpriority(os.PRIO_PROCESS, thread, nice)
    if ionice != "normal":
        argv = ["ionice", *_IO_CLASSES[ionice], "-p", str(threading.get_native_id())]
        try:
            processes.run(Command(argv), _QUICK_SECONDS)
        except ToolError as error:  # the tools run anyway
            log.warning("the disk priority of the tools could not be lowered: %s", error)
        except CancelledError:
            pass  # no tool runs any more; a thread that cannot begin would fail its file
