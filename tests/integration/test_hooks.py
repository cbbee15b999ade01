"""Servers and plugins that are told of a real run, and those that are not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.servers import KEY, serving

POLICY = "schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n"


def test_media_servers_are_notified_once_per_folder(vpo: Vpo, library: Library) -> None:
    names = ("A/1.mkv", "A/2.mkv", "B/1.mkv")
    root = library(*(f"{name}=wrong-flags.mkv" for name in names))
    (root / "C").mkdir()
    (root / "C" / "bad.mkv").write_bytes(b"nothing" * 99)
    with serving() as server:
        message = server.url.replace("http://", "json://") + "/hook"
        vpo.config.write_text(
            f'[plugins.jellyfin]\nurl = "{server.url}"\napi_key = "{KEY}"\n'
            f'[plugins.notify]\nurls = ["{message}"]\n'
        )
        args = ("process", "-R", "-p", vpo.policy(POLICY), root)
        assert vpo(*args, "-n").rc == 1
        assert server.sent == []  # a dry run tells nobody
        found = vpo(*args)
        assert found.rc == 1
        (told, update), (_, said) = server.sent
        assert told == "/Library/Media/Updated"
        assert [item["Path"] for item in update["Updates"]] == [str(root / "A"), str(root / "B")]
        assert said["title"] == "vpo: 1 of 4 files failed"
        assert str(root / "C" / "bad.mkv") in said["message"]
        assert KEY not in found.stdout + found.stderr + vpo("config", "show").stdout
        assert message not in vpo("config", "show").stdout


def test_file_that_is_played_waits(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=wrong-flags.mkv", "b.mkv=wrong-flags.mkv")
    with serving() as server:
        server.put("/Sessions", [{"NowPlayingItem": {"Path": "/films/a.mkv"}}])
        vpo.config.write_text(
            f'[files]\nin_use = "jellyfin"\n[plugins.jellyfin]\nurl = "{server.url}"\n'
            f'api_key = "{KEY}"\npath_map = {{ "/films" = "{root}" }}\n'
        )
        args = ("process", "-R", "--format", "json", "-p", vpo.policy(POLICY), root)
        for dry_run in (["-n"], []):
            played, other = sorted(vpo(*args, *dry_run).json["files"], key=lambda f: f["path"])
            assert (played["status"], played["error"]["type"]) == ("skipped", "InUseError")
            assert other["status"] == ("planned" if dry_run else "changed")
        server.put("/Sessions", [])
        (played,) = (f for f in vpo(*args).json["files"] if f["path"].endswith("a.mkv"))
        assert played["status"] == "changed"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_unreachable_media_server_is_a_warning(vpo: Vpo, library: Library, address: str) -> None:
    root = library("a.mkv=wrong-flags.mkv")
    vpo.config.write_text(f'[plugins.jellyfin]\nurl = "{address}"\napi_key = "{KEY}"\n')
    found = vpo("process", "-p", vpo.policy(POLICY), root)
    assert found.rc == 0
    assert f"warning: jellyfin: {address}: cannot connect" in found.stderr


def test_plugin_is_notified_of_files_and_of_the_run(
    vpo: Vpo, library: Library, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    (tmp_path / "vpo_ear.py").write_text(
        "import json\n"
        "from vpo.plugins import hookimpl\n"
        "def note(item, settings):\n"
        "    with open(settings['to'], 'a') as out: out.write(json.dumps(item) + '\\n')\n"
        "@hookimpl\n"
        "def vpo_after_file(file, settings): note([file.status, file.path], settings)\n"
        "@hookimpl\n"
        "def vpo_changed(folders, settings): note(['folders', *folders], settings)\n"
        "@hookimpl\n"
        "def vpo_after_run(run, settings):\n"
        "    note(['run', run.counts], settings)\n"
        "    raise KeyError('x')\n"
    )
    info = tmp_path / "vpo_ear-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vpo-ear\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[vpo.plugins]\near = vpo_ear\n")
    vpo.config.write_text(f'[plugins.ear]\nto = "{heard}"\n')
    root = library("a.mkv=wrong-flags.mkv")
    args = ("process", "-p", vpo.policy(POLICY), root)
    found = vpo(*args, env={"PYTHONPATH": str(tmp_path)})
    assert found.rc == 0, found
    assert "warning: ear: the plugin failed: KeyError: 'x'" in found.stderr
    assert [json.loads(line) for line in heard.read_text().splitlines()] == [
        ["changed", str(root / "a.mkv")],
        ["folders", str(root)],
        ["run", {"changed": 1}],
    ]
