"""The tutorial, as it stands: its commands in a shell, in a new home, and what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
LIMIT = 60.0


def steps(page: str) -> list[tuple[str, str]]:
    """Each command with what it is to print."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def pattern(expected: str) -> re.Pattern[str]:
    """``…`` is anything on the line; alone on one, any lines."""
    text = re.escape(expected).replace("…", "[^\n]*")
    text = re.sub(r"^\[\^\n\]\*(\\\n)", "(?:[^\n]*\n)*", text, flags=re.MULTILINE)
    return re.compile(text)


@pytest.mark.usefixtures("media_tools")
def test_tutorial_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    keep = ("PATH", "LANG", "PYTHONPATH", "TMPDIR")
    env = {name: value for name, value in os.environ.items() if name in keep}
    path = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env |= {"HOME": str(tmp_path), "PATH": path, "NO_COLOR": "1"}
    todo = steps(PAGE)
    assert len(todo) > 12
    for command, expected in todo:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert pattern(expected).fullmatch(done.stdout), (
            f"$ {command}\n{done.stdout}\n--\n{expected}"
        )
    assert (tmp_path / "report.html").stat().st_size > 1000
