"""How child processes are kept apart: their folder, modules, environment and memory."""

from __future__ import annotations

import os
import re
import resource
import sys
from collections.abc import Mapping

NEUTRAL_FOLDER = "/"
"""The working directory of children: what lies in the user's is never taken for a module, a preset
or a log file. Paths in their arguments are absolute. Encodes in two passes alone run elsewhere."""
_WITHHELD = ("PYTHON", "VPO_")
"""Variables that begin so are not passed on: they change what Python runs, or hold secrets."""
_SECRET = re.compile(
    r"PASSWO?R?D|PASSPHRASE|SSHPASS|SSH_AUTH_SOCK|SECRET|TOKEN|API_?KEY|CREDENTIAL|_PWD$"
    r"|(?:^|_)(?:ACCESS_?KEYS?|PRIVATE_?KEYS?|PASS|PAT|AUTH|COOKIES?)(?:_|$)",
    re.IGNORECASE,
)
"""Names of variables that hold secrets, of whatever program: no tool and no parser needs them."""
_LOGIN = re.compile(r"://[^/@\s]*:[^/@\s]*@")
"""An address with a password in it, such as that of a proxy or a database."""
_ISOLATED = ("-E", "-P") if sys.version_info >= (3, 11) else ("-E",)
"""Python ignores its variables, and the working directory is not searched for modules."""
_LOCALE = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C", "AV_LOG_FORCE_NOCOLOR": "1"}


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command for a module of vpo in a Python of its own.

    It sees the user's own packages (not ``-I``), as vpo may be installed among them.
    """
    return [sys.executable, *_ISOLATED, "-m", module, *arguments]


def child_environment(further: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: the user's without secrets, with messages in English."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not (name.startswith(_WITHHELD) or _SECRET.search(name) or _LOGIN.search(text))
    }
    return {**kept, **_LOCALE, **(further or {})}


def limit_memory(memory: int) -> None:
    """Limit the bytes of data of this process; a lower limit of the user's stays."""
    limits = (memory, *resource.getrlimit(resource.RLIMIT_DATA))
    least = min(limit for limit in limits if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_DATA, (least, least))
