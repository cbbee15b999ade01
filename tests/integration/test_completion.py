"""What the shell is offered."""

from __future__ import annotations

import os
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


def test_completion_offers_policies_and_libraries_of_the_configuration(vpo: Vpo) -> None:
    folder = vpo.config.parent / "policies"
    folder.mkdir()
    (folder / "tidy.yaml").write_text(POLICY)
    (folder / "tv.yml").write_text(POLICY)
    vpo.config.write_text('[[libraries]]\nname = "Films"\nfolders = ["/x"]\npolicy = "tidy"\n')
    assert offered(vpo, "process", "-p", "t") == ["tidy", "tv", "t"]
    assert offered(vpo, "process", "--library", "F") == ["Films"]
    assert offered(vpo, "process", "-p", "tidy", "--phases", "f") == ["filter", "flags"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_source_is_printed_for_each_shell(vpo: Vpo, shell: str) -> None:
    done = vpo("completion", shell)
    assert done.rc == 0
    assert done.stdout == vpo(env={"_VPO_COMPLETE": f"{shell}_source"}).stdout.rstrip("\n") + "\n"


def test_completion_works_in_a_real_bash(vpo: Vpo) -> None:
    script = """
        eval "$(vpo completion bash)"
        complete -p vpo
        COMP_WORDS=(vpo proc) COMP_CWORD=1 && _vpo_completion vpo && echo "${COMPREPLY[@]}"
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env=vpo.environment({"PATH": path}), capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:2] == ["complete -o nosort -F _vpo_completion vpo", "process"]
