"""Fixtures for all tests: sample media, vpo as a program, and stand-ins for the tools.

Tests of what vpo does run it as a user does, in an environment of its own, and read the result
with ``tests.reading``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))  # for plain ``pytest``

from tests.media import make
from tests.preloaded import Preloaded, Request

TIMEOUT = 120.0
"""Seconds until a hung vpo fails its test; nothing waits for them otherwise."""


@pytest.fixture(scope="session")
def media_tools() -> None:
    """For tests that need ffmpeg and mkvtoolnix: without them a failure in CI, else a skip."""
    missing = make.missing_tools()
    if not missing:
        return
    message = f"{', '.join(missing)} not installed (make tools)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def corpus(media_tools: None) -> Path:  # noqa: ARG001
    """The folder of the sample media that ``tests/media/manifest.toml`` describes.

    All tests share it: copy from it (``library``), never change it.
    """
    return make.cached()


Library = Callable[..., Path]


@pytest.fixture
def library(corpus: Path, tmp_path: Path) -> Library:
    """``library("multi-audio.mkv", "S01/01.mkv=und.mkv", folder="library") -> Path``.

    Copies sample files into a folder of the test's own, under their own name or, with
    ``new=sample``, another. Called again with the same folder, it adds to it. Without a name it
    makes an empty folder.
    """

    def build(*names: str, folder: str = "library") -> Path:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        for name in names:
            new, _, sample = name.rpartition("=")
            target = root / (new or Path(sample).name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(corpus / sample, target)
        return root

    return build


@dataclass(frozen=True)
class Result:
    """How a vpo process ended. ``json`` and ``jsonl`` parse its standard output."""

    rc: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def jsonl(self) -> list[Any]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    def __str__(self) -> str:
        """What pytest shows when an assertion on the result fails."""
        return f"exit {self.rc}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"

    __repr__ = __str__


@dataclass(frozen=True)
class Vpo:
    """Runs vpo as a program: ``vpo("process", "-p", policy, folder) -> Result``.

    Home, data and configuration are the test's own; ``config`` may be written to. ``env`` adds
    variables for one run (``None`` removes one). ``start`` leaves the process running, for
    interrupts; whoever starts it waits for it.
    """

    folder: Path
    preloaded: Preloaded | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def policy(self, text: str, name: str = "policy.yaml") -> Path:
        """Write a policy and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def environment(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("VPO_", "XDG_"))}
        own: dict[str, str | None] = {
            "HOME": str(self.home),
            "VPO_DATA_DIR": str(self.data),
            "VPO_CONFIG": str(self.config),
            "PYTHONUTF8": "1",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            **(changes or {}),
        }
        return {k: v for k, v in {**env, **own}.items() if v is not None}

    def __call__(
        self,
        *args: str | os.PathLike[str],
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        timeout: float = TIMEOUT,
    ) -> Result:
        variables = self.environment(env)
        if self.preloaded and self.preloaded.serves(variables):
            words = [os.fspath(arg) for arg in args]
            rc, stdout, stderr = self.preloaded.run(words, variables, cwd or self.folder, timeout)
            return Result(rc, _text(stdout), _text(stderr))
        process = self.start(*args, env=env, cwd=cwd)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Result(process.returncode, _text(stdout), _text(stderr))

    def start(
        self,
        *args: str | os.PathLike[str],
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        variables = self.environment(env)
        if self.preloaded and self.preloaded.serves(variables):
            return self.preloaded.start_piped(Request.of(args, variables, cwd or self.folder))
        return subprocess.Popen(
            [sys.executable, "-m", "vpo", *args],
            env=variables,
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def _text(output: bytes) -> str:
    """Names that are not UTF-8 come back as Python passes them to the system."""
    return output.decode("utf-8", "surrogateescape")


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """The process that vpo is forked from."""
    server = Preloaded()
    yield server
    server.end()


@pytest.fixture
def vpo(tmp_path: Path, preloaded: Preloaded) -> Vpo:
    """vpo as a program, in an environment of the test's own."""
    folder = tmp_path / "vpo"
    folder.mkdir()
    runner = Vpo(folder, preloaded)
    runner.home.mkdir()
    runner.config.write_text("")
    return runner


ToolsOnPath = Callable[..., Path]


@pytest.fixture
def tools_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToolsOnPath:
    """``tools_on_path(mkvmerge='exit 2', only=False) -> Path`` of the folder with the stand-ins.

    Puts shell scripts in front on PATH, for this process and those it starts. In a script
    ``"$REAL_MKVMERGE" "$@"`` (likewise for the others) is the real tool. With ``only``, nothing
    else is found: an empty call with it is a machine without any tool.
    """
    folder = tmp_path / "stand-ins"

    def put(*, only: bool = False, **scripts: str) -> Path:
        folder.mkdir(exist_ok=True)
        for tool in make.TOOLS:
            if not os.environ.get(f"REAL_{tool.upper()}"):
                monkeypatch.setenv(f"REAL_{tool.upper()}", shutil.which(tool) or tool)
        for name, script in scripts.items():
            path = folder / name
            path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        rest = "" if only else os.pathsep + os.environ["PATH"]
        monkeypatch.setenv("PATH", f"{folder}{rest}")
        return folder

    return put
