"""What is shipped: the wheel, and what the Dockerfile copies."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_wheel_has_all_of_vpo_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    made = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    data = {name for name in names if ".data/" in name}
    assert names - data == made
    assert {"vpo/py.typed", "vpo/report/page.css"} <= made
    assert [name.partition(".data/")[2] for name in data] == ["data/share/man/man1/vpo.1"]


def test_dockerfile_copies_only_files_in_the_build_context() -> None:
    """``.dockerignore`` leaves out everything but what it names."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert lines[0] == "*"
    sent = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = [
        word
        for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for word in words.split()[:-1]
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert any(fnmatch.fnmatch(name, entry) for entry in sent), name


def test_dockerfile_installs_existing_extras() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", DOCKERFILE)
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra
