"""What the shell is offered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo

POLICY = """\
schema_version: 13
phases:
  - {name: filter, keep_audio: {languages: [eng], fallback: {mode: keep_all}}}
  - {name: flags, default_flags: {}}
"""


def offered(vpo: Vpo, *words: str) -> list[str]:
    """What bash is offered for the last of these words."""
    env = {
        "_VPO_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["vpo", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [Path(sys.executable).with_name("vpo")],
        env=vpo.environment(env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_completion_offers_commands_options_and_values(vpo: Vpo) -> None:
    assert offered(vpo, "hist") == ["history"]
    assert offered(vpo, "process", "--ord") == ["--order"]
    assert offered(vpo, "process", "--order", "na") == ["name"]


def test_completion_offers_phases_of_the_named_policies(vpo: Vpo) -> None:
    policy = str(vpo.policy(POLICY))
    assert offered(vpo, "process", "-p", policy, "--phases", "f") == ["filter", "flags"]
    assert offered(vpo, "process", "-p", policy, "--phases", "filter,fl") == ["filter,flags"]
    assert offered(vpo, "process", "-p", "/nowhere", "--phases", "f") == []


def test_completion_offers_ids_of_runs(vpo: Vpo, library: Library) -> None:
    assert offered(vpo, "history", "show", "") == []
    assert vpo("process", "-p", vpo.policy(POLICY), library("wrong-flags.mkv")).rc == 0
    run = vpo("history", "--format", "json").json["runs"][0]["id"]
    assert offered(vpo, "history", "show", run[:2]) == [run[:8]]
    assert run[:8] in offered(vpo, "undo", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_source_is_printed_for_each_shell(vpo: Vpo, shell: str) -> None:
    done = vpo(env={"_VPO_COMPLETE": f"{shell}_source"})
    assert done.rc == 0
    assert "_VPO_COMPLETE" in done.stdout
