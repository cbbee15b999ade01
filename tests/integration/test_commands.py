"""The other commands, and what all of them have in common."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.integration.facts import tree
from tests.reading import read

from vpo import __version__

POLICY = """\
schema_version: 13
name: flags
phases:
  - name: flags
    subtitle_actions: {clear_all_forced: true, clear_all_default: true}
  - name: titles
    audio_actions: {clear_all_titles: true}
"""
COMMANDS: tuple[list[str], ...] = (
    [],
    ["process"],
    ["inspect"],
    ["policy"],
    ["policy", "check"],
    ["policy", "schema"],
    ["policy", "explain"],
    ["policy", "migrate"],
    ["history"],
    ["history", "show"],
    ["init"],
    ["doctor"],
    ["config"],
    ["config", "show"],
)


@pytest.mark.parametrize("name", COMMANDS, ids=lambda name: "-".join(name) or "vpo")
def test_help_of_every_command_exits_0_and_creates_nothing(vpo: Vpo, name: list[str]) -> None:
    result = vpo(*name, "--help")
    assert (result.rc, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: {' '.join(['vpo', *name])}")
    assert not vpo.data.exists()


@pytest.mark.parametrize("name", [[], ["process"]], ids=["vpo", "process"])
def test_help_shows_the_exit_codes(vpo: Vpo, name: list[str]) -> None:
    lines = vpo(*name, "--help").stdout.splitlines()
    codes = [found[1] for line in lines if (found := re.match(r"\s+(\d+)  +\S", line))]
    assert codes == ["0", "1", "2", "3", "130"]


def test_version_option_prints_version(vpo: Vpo) -> None:
    result = vpo("--version")
    assert (result.rc, result.stdout) == (0, f"vpo {__version__}\n")


def test_unknown_command_suggests_the_nearest(vpo: Vpo) -> None:
    result = vpo("proces")
    assert result.rc == 2
    assert "unknown command 'proces'; did you mean `process`?" in result.stderr


# inspect


@pytest.mark.parametrize(
    "name", ["multi-audio.mkv", "attachments.mkv", "mov-text.mp4", "chapters.mp4", "clip.webm"]
)
def test_inspect_json_matches_manifest(vpo: Vpo, corpus: Path, name: str) -> None:
    result = vpo("inspect", "--format", "json", corpus / name)
    assert result.rc == 0, result
    document = result.json
    assert document["schema_version"] == 1
    (file,) = document["files"]
    reading = read(corpus / name)
    assert file["path"] == str(corpus / name)
    assert (file["container"], file["size"]) == (reading.container, reading.size)
    assert [(t["index"], t["type"], t["codec"], t["channels"]) for t in file["tracks"]] == [
        (t.index, t.type, t.codec, t.channels) for t in reading.tracks
    ]
    assert [set(t["dispositions"]) for t in file["tracks"]] == [t.flags for t in reading.tracks]
    assert [t["title"] for t in file["tracks"]] == [t.title for t in reading.tracks]
    assert len(file["attachments"]) == len(reading.attachments)
    assert [c["title"] for c in file["chapters"]] == [c.title for c in reading.chapters]


def test_inspect_text_shows_tracks_and_attachments(vpo: Vpo, corpus: Path) -> None:
    result = vpo("inspect", corpus / "multi-audio.mkv", corpus / "attachments.mkv")
    assert result.rc == 0
    for words in ("multi-audio.mkv", "h264", "160x90", "5.1(side)", '"Surround 5.1"', "[default]"):
        assert words in result.stdout
    for words in ("Sample.ttf", "cover.png", "notes.txt"):
        assert words in result.stdout


def test_inspect_reports_files_that_cannot_be_read(vpo: Vpo, corpus: Path) -> None:
    bad = [corpus / "bad/zero.mkv", corpus / "bad/text.mkv", corpus / "nowhere.mkv"]
    result = vpo("inspect", "--format", "json", *bad, corpus / "und.mkv")
    assert result.rc == 1
    assert [Path(file["path"]).name for file in result.json["files"]] == ["und.mkv"]
    said = result.stderr.splitlines()
    assert len(said) == 3
    for line, path in zip(said, bad, strict=True):
        assert line.startswith(f"vpo: {path}: ")


# policy


def test_policy_check_accepts_good_policy(vpo: Vpo) -> None:
    good = vpo.policy(POLICY)
    result = vpo("policy", "check", good)
    assert (result.rc, result.stderr) == (0, "")
    assert result.stdout == f"{good}: ok; phases: flags, titles\n"


def test_policy_check_reports_every_problem(vpo: Vpo) -> None:
    good = vpo.policy(POLICY)
    bad = vpo.policy("schema_version: 13\nphasez: []\nname: [1]\n", "bad.yaml")
    result = vpo("policy", "check", bad, vpo.folder / "nowhere.yaml", good)
    assert result.rc == 2
    assert f"{good}: ok" in result.stdout
    assert f"{bad}:2:1" in result.stderr
    assert f"{bad}:3:7" in result.stderr
    assert "phases" in result.stderr
    assert "nowhere.yaml" in result.stderr
    assert "Traceback" not in result.stderr


def test_policy_check_finds_what_will_fail_or_hurt(vpo: Vpo) -> None:
    def check(*operations: str, config: str = "") -> tuple[int, str]:
        vpo.config.write_text(config)
        lines = "\n  ".join(["schema_version: 13\nphases:\n- name: p", *operations, ""])
        found = vpo("policy", "check", vpo.policy(lines))
        return found.rc, found.stderr

    def video(more: str) -> str:
        return f"transcode: {{video: {{to: {more}}}}}"

    def rule(when: str) -> str:
        return f"rules: {{items: [{{name: r, when: '{when}', then: [{{warn: a}}]}}]}}"

    assert check(video("av1, preset: '6'")) == (0, "")
    assert check(video("hevc, preset: slow, ffmpeg_args: [-x265-params, aq-mode=3]")) == (0, "")
    wrong = {
        video("hevc, preset: '6'"): "libx265 has no preset '6'",
        video("hevc, tune: flim"): "there is no tune `flim`; did you mean `film`?",
        video("av1, preset: p6"): "libsvtav1 has no preset 'p6'",
        video("hevc, hw: nvenc, preset: p6"): "libx265 has no preset 'p6'",
        video("hevc, ffmpeg_args: [-vf, yadif]"): "`-vf` is not allowed in `ffmpeg_args`; use",
        video("hevc, ffmpeg_args: [-b:v, 5M]"): "use `target_bitrate`",
        rule("plugin(unheard_of) == 1"): "no metadata source gives the field `unheard_of`",
        rule("plugin(plugh, year) == 1"): "no metadata source `plugh` is configured",
    }
    for operation, message in wrong.items():
        code, text = check(operation)
        assert (code, message in text) == (2, True), text
    assert check(video("hevc, hw: nvenc, hw_fallback: false, preset: p6")) == (0, "")
    assert check(rule("plugin(Sonarr, Year) == 1"))[0] == 0
    further = "[plugins.plugh]\n"
    assert check(rule("plugin(plugh, unheard_of) == 1"), config=further)[0] == 0
    for operation, message in {
        "depends_on: []": "phase 'p' has no operations",
        video("hevc, ffmpeg_args: [-profile, main10]"): "ignored for video of 8 bits",
        video("hevc, ffmpeg_args: [-aq-mode, '3']"): "no encoder of hevc has it",
        video("hevc, ffmpeg_args: [-max_muxing_queue_size, '9999', -y]"): "not needed",
        "rules: {items: [{name: r, when: exists(video), then: "
        "[{set_container_metadata: {field: encoder, value: ''}}]}]}": "to clear it does nothing",
    }.items():
        code, text = check(operation)
        assert (code, message in text) == (0, True), text


def test_a_film_in_place_of_a_policy_is_named(vpo: Vpo, library: Library) -> None:
    film = library("wrong-flags.mkv") / "wrong-flags.mkv"
    policy = vpo.policy(POLICY)
    for found in (vpo("policy", "explain", film, policy), vpo("process", "-p", film, policy)):
        assert found.rc == 2
        assert "is a film, not a policy; swap the arguments?" in found.stderr


def test_a_pattern_in_place_of_an_extension_is_named(vpo: Vpo) -> None:
    vpo.config.write_text('[files]\nextensions = ["*.mkv"]\n')
    found = vpo("config", "show")
    assert found.rc == 2
    assert 'write "mkv"' in found.stderr


def test_policy_schema_prints_json_schema(vpo: Vpo) -> None:
    result = vpo("policy", "schema")
    assert result.rc == 0
    schema = json.loads(result.stdout)
    assert schema["type"] == "object"
    assert {"schema_version", "config", "phases"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


# history


def test_history_lists_runs_newest_first(vpo: Vpo, library: Library) -> None:
    assert vpo("history").stdout == "no runs recorded\n"
    root = library("wrong-flags.mkv", "bad/zero.mkv")
    policy = vpo.policy(POLICY)
    ids = [vpo("process", "--format", "json", "-p", policy, root).json["run_id"] for _ in range(2)]
    listed = vpo("history", "--format", "json")
    assert listed.rc == 0
    newest, oldest = listed.json["runs"]
    assert [newest["id"], oldest["id"]] == ids[::-1]
    for run in (newest, oldest):
        for key in ("started_at", "finished_at"):
            assert datetime.fromisoformat(run[key]).utcoffset() == timezone.utc.utcoffset(None)
        assert run["state"] == "finished"
        assert run["policies"] == [str(policy)]
    assert oldest["summary"]["changed"] == newest["summary"]["unchanged"] == 1
    lines = vpo("history").stdout.splitlines()
    assert [line[:8] for line in lines] == [ident[:8] for ident in ids[::-1]]
    assert "1 changed, 1 failed" in lines[1]
    assert vpo("history", "--limit", "1").stdout.splitlines() == lines[:1]


def test_history_show_lists_outcomes_of_a_run(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv", "bad/zero.mkv")
    ran = vpo("process", "--format", "json", "-p", vpo.policy(POLICY), root)
    ident = ran.json["run_id"]
    shown = vpo("history", "show", "--format", "json", ident[:8]).json
    assert shown["run"]["id"] == ident
    ours = {file["path"]: file for file in ran.json["files"]}
    assert len(shown["files"]) == 2
    for file in shown["files"]:
        before = ours[file["path"]]
        assert (file["status"], file["strategy"]) == (before["status"], before["strategy"])
        assert (file["plan"] or {}).get("changes", []) == before["changes"]
    text = vpo("history", "show", ident).stdout
    assert "track 4 forced: yes -> no" in text
    assert "zero.mkv" in text


@pytest.mark.parametrize("ident", ["ffffffff", ""])
def test_history_show_refuses_unknown_run(vpo: Vpo, ident: str) -> None:
    result = vpo("history", "show", ident)
    assert result.rc == 2
    assert "there is no run" in result.stderr


# config


def test_config_show_hides_secrets(vpo: Vpo) -> None:
    vpo.config.write_text(
        '[plugins.radarr]\nurl = "http://nas"\napi_key = "s3cret"\n[plugins.x]\ntoken = "s3cret"\n'
    )
    result = vpo("config", "show")
    assert result.rc == 0
    assert "s3cret" not in result.stdout + result.stderr
    assert 'api_key = "..."' in result.stdout
    assert '[plugins.x]\ntoken = "..."' in result.stdout


def test_config_show_prints_settings_with_their_sources(vpo: Vpo) -> None:
    vpo.config.write_text("[processing]\nworkers = 1\nmax_workers = 3\n")
    result = vpo("config", "show", env={"VPO_LOG_LEVEL": "error"})
    assert (result.rc, result.stderr) == (0, "")
    rows = {line.split(" = ")[0]: line for line in result.stdout.splitlines() if " = " in line}
    assert re.fullmatch(rf"workers = 1 +# {re.escape(str(vpo.config))}", rows["workers"])
    assert re.fullmatch(r'level = "error" +# environment VPO_LOG_LEVEL', rows["level"])
    assert re.fullmatch(r"stall_seconds = \d+ +# default", rows["stall_seconds"])
    assert f"file  {vpo.config}\n" in result.stdout
    assert f"data  {vpo.data}\n" in result.stdout
    assert "1 worker runs" in result.stdout


# The cap


@pytest.fixture
def one_core() -> Iterator[None]:
    """This process, and those it starts, may use one core only."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity on this system")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize(
    ("args", "env", "source"),
    [(["-w", "64"], {}, "--workers"), ([], {"VPO_WORKERS": "64"}, "VPO_WORKERS")],
)
def test_more_workers_than_half_the_cores_are_reduced_with_a_warning(
    vpo: Vpo, library: Library, args: list[str], env: dict[str, str], source: str
) -> None:
    """They run at the cap, and a warning names both numbers."""
    root = library("wrong-flags.mkv")
    policy = vpo.policy(POLICY)
    result = vpo("process", *args, "--format", "json", "-p", policy, root, env=env)
    assert result.rc == 0
    assert result.json["workers"] == 1
    (warning,) = result.stderr.splitlines()
    assert "64 workers requested" in warning
    assert source in warning
    assert "running 1: half of the 1 usable cores" in warning


@pytest.mark.usefixtures("one_core")
def test_default_workers_are_reduced_without_a_warning(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv")
    before = tree(root)
    result = vpo("process", "-n", "--format", "json", "-p", vpo.policy(POLICY), root)
    assert (result.rc, result.stderr, result.json["workers"]) == (0, "", 1)
    assert tree(root) == before


def test_configured_max_workers_limits_the_workers_option(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text("[processing]\nmax_workers = 3\n")
    args = ("process", "-w", "64", "--format", "json", "-p", vpo.policy(POLICY), library())
    result = vpo(*args)
    assert result.json["workers"] == 3
    assert "64 workers requested (flag --workers), running 3: [processing] max" in result.stderr
