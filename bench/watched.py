"""``python -m bench.watched FOLDER ARG ...``: vpo, counting what it opens and starts.

Prints how many files in the folder were opened and how many processes started, by what the
interpreter reports of itself (``sys.addaudithook``). Files that C libraries open are not
counted: if the library that reads media files is loaded, that counts as an opened file.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

STARTS = frozenset({"subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system"})


def main(folder: str, args: list[str]) -> None:
    opened = started = 0
    inside = os.fsencode(folder)

    def watch(event: str, facts: tuple[object, ...]) -> None:
        nonlocal opened, started
        if event == "open" and isinstance(facts[0], (str, bytes, os.PathLike)):
            opened += os.fsencode(facts[0]).startswith(inside)
        started += event in STARTS

    sys.addaudithook(watch)
    from vpo.cli.main import main as vpo

    sys.argv = ["vpo", *args]
    with suppress(SystemExit):
        vpo()
    print(opened + ("av" in sys.modules), started)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
