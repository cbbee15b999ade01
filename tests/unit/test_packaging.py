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


def _entrypoint(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the entrypoint with stand-ins that say what they were started with."""
    for name in ("vpo", "setpriv", "chown"):
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\necho {name} "$@" "umask $(umask)"\n')
        stand_in.chmod(0o755)
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {variables.pop('uid', '0')}\n")
    (tmp_path / "id").chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    environment = {"PATH": path, "XDG_DATA_HOME": str(tmp_path / "config"), **variables}
    command = ["sh", str(ROOT / "docker-entrypoint.sh"), "serve", "--host", "0.0.0.0"]  # noqa: S104
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_entrypoint_gives_up_root_for_the_wanted_user(tmp_path: Path) -> None:
    ended = _entrypoint(tmp_path, PUID="1026", PGID="100", UMASK="002")
    chown, start = ended.stdout.splitlines()
    assert chown.startswith(f"chown 1026:100 {tmp_path}/config {tmp_path}/config/vpo")
    assert start.startswith("setpriv --reuid 1026 --regid 100 --groups 100")
    assert start.endswith("-- vpo serve --host 0.0.0.0 umask 0002")


def test_entrypoint_stays_the_user_that_it_is(tmp_path: Path) -> None:
    ended = _entrypoint(tmp_path, uid="1000", PUID="1026")
    assert ended.stdout == "vpo serve --host 0.0.0.0 umask 0022\n"


def test_entrypoint_refuses_names_for_numbers(tmp_path: Path) -> None:
    ended = _entrypoint(tmp_path, PUID="media")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "PUID and PGID must be numbers" in ended.stderr


def test_unit_starts_the_server_without_rights_to_gain() -> None:
    unit = (ROOT / "packaging" / "vpo.service").read_text("utf-8")
    for line in ("ExecStart=/usr/local/bin/vpo serve", "NoNewPrivileges=true", "User=media"):
        assert line in unit.splitlines()
