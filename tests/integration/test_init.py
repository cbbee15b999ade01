"""``vpo init``: what it writes loads, means what was asked for, and replaces nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo

from vpo.config.builder import build
from vpo.config.models import Config
from vpo.config.templates import GOALS, configuration


def fresh(vpo: Vpo) -> dict[str, str | None]:
    """The environment of somebody who has no configuration yet."""
    return {"VPO_CONFIG": None, "XDG_CONFIG_HOME": str(vpo.folder / "xdg")}


@pytest.mark.parametrize("goal", GOALS)
def test_init_writes_configuration_and_policies_that_work(
    vpo: Vpo, library: Library, goal: str
) -> None:
    root = library("multi-audio.mkv")
    words = ("--languages", "eng,jpn", "--goal", goal, "--keep-originals", "3")
    done = vpo("init", *words, env=fresh(vpo))
    assert done.rc == 0, done
    folder = vpo.folder / "xdg/vpo"
    written = {path.name for path in folder.rglob("*") if path.is_file()}
    assert written == {"config.toml", "tidy.yaml", f"{goal}.yaml"}
    for path in sorted((folder / "policies").iterdir()):
        assert vpo("policy", "check", path, env=fresh(vpo)).rc == 0
        assert "[eng, jpn" in path.read_text()
        assert vpo("process", "-n", "-p", path, root, env=fresh(vpo)).rc == 0
    shown = vpo("config", "show", env=fresh(vpo)).stdout
    assert 'keep = "trash"' in " ".join(shown.split())
    again = vpo("init", *words, env=fresh(vpo))
    assert again.stdout.count("; not changed") == 3


def test_init_writes_the_file_that_vpo_config_names(vpo: Vpo) -> None:
    path = vpo.folder / "not/yet/vpo.toml"
    env = {"VPO_CONFIG": str(path)}
    before = vpo("config", "show", env=env)
    assert before.rc == 2
    assert f"{path}: the file does not exist" in before.stderr
    assert "vpo init" in before.stderr
    assert vpo("init", env=env).rc == 0
    assert (path.is_file(), (path.parent / "policies/tidy.yaml").is_file()) == (True, True)
    assert vpo("config", "show", env=env).rc == 0
    path.write_text("[files]\nno_key = 1\n")
    assert vpo("init", env=env).rc == 2


def test_init_configuration_has_every_default(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(configuration(0))
    assert build({}, environ={"VPO_CONFIG": str(path)}).config == Config()
    lines = [line.removeprefix("# ") for line in configuration(0).splitlines()]
    path.write_text("\n".join(line for line in lines if line.startswith(("[p", "[f", "workers"))))
    assert build({}, environ={"VPO_CONFIG": str(path)}).config == Config()


def test_init_configuration_has_valid_example_values(tmp_path: Path) -> None:
    """With the comment's sign taken away, every key is taken as it stands there."""
    text = re.sub(r"(?m)^# (\w+ = |\[\[)", r"\1", configuration(0))
    path = tmp_path / "config.toml"
    path.write_text(text.replace("/path", str(tmp_path)))
    config = build({}, environ={"VPO_CONFIG": str(path)}).config
    assert config.processing.hours == ("22:00-07:00",)
    assert config.notify.urls == ("ntfy://ntfy.sh/topic",)
    assert config.jellyfin.url == "http://server:8096"
    assert [library.policy for library in config.libraries] == ["tidy"]


def test_init_asks_three_questions_until_the_answers_are_right(vpo: Vpo) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "vpo", "init"],
        env=vpo.environment(fresh(vpo)),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.write(ours, b"english\nger\nfast\nspace\nmany\n0\n")
    out, err = process.communicate(timeout=30)
    for fd in (ours, theirs):
        os.close(fd)
    assert process.returncode == 0, err
    assert err.count(b"Error") == 3  # each wrong answer is asked for again
    assert b"english" in err
    assert out.splitlines()[-1].endswith(b"/policies/space.yaml YOUR_VIDEOS")
    folder = vpo.folder / "xdg/vpo"
    assert "audio_languages: [ger]" in (folder / "policies/tidy.yaml").read_text()
    assert '# keep = "none"' in (folder / "config.toml").read_text()


@pytest.mark.parametrize("languages", ["english", ",", "eng,xx-"])
def test_init_refuses_unknown_language(vpo: Vpo, languages: str) -> None:
    refused = vpo("init", "--languages", languages, env=fresh(vpo))
    assert refused.rc == 2
    assert "language" in refused.stderr
    assert not (vpo.folder / "xdg").exists()
