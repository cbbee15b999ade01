"""``vpo process`` as a command: its options, exit codes and signals; no file is looked at."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from vpo.cli import process
from vpo.cli.main import cli
from vpo.config import builder
from vpo.errors import ConfigError, PolicyError, UsageError
from vpo.run.coordinator import Coordinator
from vpo.run.request import Request
from vpo.run.summary import Summary

POLICY = "schema_version: 13\nphases: [{name: one}, {name: two}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to process, with a policy, a configuration and data beside it."""
    for name in [name for name in os.environ if name.startswith("VPO_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "library").mkdir()
    monkeypatch.setenv("VPO_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("VPO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "library"


def invoke(folder: Path, *args: str) -> Result:
    policy = ("-p", str(folder.parent / "policy.yaml"))
    words = ["process", *policy, *args, str(folder)]
    return CliRunner().invoke(cli, words, standalone_mode=False)


# Workers


@pytest.mark.parametrize(
    ("cores", "config", "environment", "flag", "runs", "warns"),
    [
        (16, None, None, None, 2, None),
        (2, None, None, None, 1, None),
        (1, None, None, None, 1, None),
        (16, None, None, 8, 8, None),
        (16, None, None, 9, 8, "9 workers requested (flag --workers), running 8"),
        (3, None, None, 64, 1, "64 workers requested (flag --workers), running 1"),
        (16, 3, None, None, 3, None),
        (16, 3, 4, None, 4, None),
        (16, 3, 4, 5, 5, None),
        (16, 3, 4, 1, 1, None),
        (4, 3, None, None, 2, "running 2: half of the 4 usable cores"),
        (4, None, 3, None, 2, "3 workers requested (environment VPO_WORKERS), running 2"),
    ],
)
def test_workers_come_from_flag_environment_file_or_default(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    config: int | None,
    environment: int | None,
    flag: int | None,
    runs: int,
    warns: str | None,
) -> None:
    """The flag before the environment before the file before the default, and all under the cap."""
    monkeypatch.setattr(builder, "usable_cores", lambda: cores)
    if config:
        (folder.parent / "config.toml").write_text(f"[processing]\nworkers = {config}\n")
    if environment:
        monkeypatch.setenv("VPO_WORKERS", str(environment))
    result = invoke(folder, "--format", "json", *(["--workers", str(flag)] if flag else []))
    assert result.return_value == 0
    assert json.loads(result.stdout)["workers"] == runs
    warnings = result.stderr.splitlines()
    assert len(warnings) == (warns is not None)
    assert (warns or "") in "".join(warnings)


def test_max_workers_replaces_the_limit_by_cores(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "usable_cores", lambda: 1)
    (folder.parent / "config.toml").write_text("[processing]\nmax_workers = 4\n")
    result = invoke(folder, "--format", "json", "-w", "5")
    assert json.loads(result.stdout)["workers"] == 4
    assert "5 workers requested (flag --workers), running 4" in result.stderr


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "two", ""])
def test_process_refuses_workers_that_are_no_number(folder: Path, value: str) -> None:
    assert isinstance(invoke(folder, "--workers", value).exception, click.UsageError)


# Options


@pytest.fixture
def requests(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Request]]:
    """What the command asks the coordinator for, which does nothing here."""
    assert folder.exists()
    seen: list[Request] = []

    def run(_: Coordinator, request: Request) -> Summary:
        seen.append(request)
        return Summary("run", 0)

    monkeypatch.setattr(Coordinator, "run", run)
    yield seen


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], {"recursive": False, "dry_run": False, "force": False, "order": "auto"}),
        (["-R"], {"recursive": True}),
        (["--recursive"], {"recursive": True}),
        (["-n"], {"dry_run": True}),
        (["--dry-run"], {"dry_run": True}),
        (["--force"], {"force": True}),
        (["--order", "newest"], {"order": "newest"}),
        (["--on-error", "fail"], {"on_error": "fail"}),
        ([], {"on_error": None}),
    ],
)
def test_process_options_reach_the_request(
    folder: Path, requests: list[Request], args: list[str], expected: dict[str, Any]
) -> None:
    assert invoke(folder, *args).return_value == 0
    (request,) = requests
    assert {name: getattr(request, name) for name in expected} == expected
    assert request.paths == (str(folder),)


def test_policies_are_in_the_order_given(folder: Path, requests: list[Request]) -> None:
    other = folder.parent / "other.yaml"
    other.write_text(POLICY.replace("one", "three"))
    invoke(folder, "-p", str(other), "--phases", "two, three")
    (request,) = requests
    assert request.policies.files == (str(folder.parent / "policy.yaml"), str(other))
    phases = [[phase.name for phase in policy.phases] for policy in request.policies.policies]
    assert phases == [["two"], ["three", "two"]]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--phases", "three"], UsageError),
        (["--phases", ","], UsageError),
        (["-q", "-v"], UsageError),
        (["--on-error", "ignore"], click.UsageError),
        (["--order", "random"], click.UsageError),
        (["--format", "xml"], click.UsageError),
        (["-p", "/nowhere/policy.yaml"], PolicyError),
    ],
)
def test_process_refuses_wrong_options(
    folder: Path, args: list[str], error: type[Exception]
) -> None:
    (folder / "a.mkv").write_text("something that the policies are needed for")
    assert isinstance(invoke(folder, *args).exception, error)


def test_process_refuses_wrong_configuration(folder: Path) -> None:
    (folder.parent / "config.toml").write_text("[processing]\nworker = 1\n")
    assert isinstance(invoke(folder).exception, ConfigError)


@pytest.mark.parametrize("words", [["process"], ["process", "-p", "x.yaml"], ["process", "x"]])
@pytest.mark.usefixtures("folder")
def test_process_requires_path_and_policy(words: list[str]) -> None:
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    assert isinstance(result.exception, UsageError)


# Exit codes


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({}, 0),
        ({"counts": {"changed": 2, "unchanged": 1}}, 0),
        ({"counts": {"skipped": 1}}, 0),
        ({"counts": {"planned": 1}}, 0),
        ({"counts": {"changed": 2, "failed": 1}}, 1),
        ({"counts": {"changed": 2, "not_started": 1}, "stopped_early": True}, 1),
        ({"counts": {"failed": 1}, "tool_missing": True}, 3),
        ({"counts": {"failed": 1}, "stopped_early": True, "interrupted": True}, 130),
        ({"counts": {"failed": 1}, "tool_missing": True, "interrupted": True}, 130),
    ],
)
def test_process_exit_code_follows_the_summary(facts: dict[str, Any], code: int) -> None:
    summary = Summary("run", 3)
    for name, value in facts.items():
        setattr(summary, name, Counter(value) if name == "counts" else value)
    assert process._exit_code([summary]) == code


def test_estimate_without_dry_run_is_an_error(folder: Path) -> None:
    done = invoke(folder, "--estimate")
    assert isinstance(done.exception, UsageError)
    assert "--estimate needs --dry-run" in str(done.exception)


def test_estimate_of_nothing_is_printed(folder: Path) -> None:
    assert "estimate: nothing to change" in invoke(folder, "-n", "--estimate").output
