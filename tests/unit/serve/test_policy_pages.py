"""The pages and the API of policies, runs and the system, with the real application."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.records import NewRun, Result
from vpo.db.store import Store
from vpo.media.model import MediaFile, Track
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hosts import Address

TIDY = """\
schema_version: 13
name: tidy
config: {audio_languages: [eng]}
phases:
  - name: flags
    default_flags: {}
"""
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "tidy.yaml").write_text(TIDY)
    (folder / "broken.yaml").write_text("schema_version: 13\nphases:\n  - {name: a, colour: red}\n")
    return folder / "tidy.yaml"


@pytest.fixture
def context(tmp_path: Path, policy: Path) -> Iterator[ServeContext]:  # noqa: ARG001
    films = tmp_path / "films"
    films.mkdir()
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[libraries]]\nname = "Films"\nfolders = ["{films}"]\npolicy = "tidy"\n'
        f'[logging]\nfile = "{tmp_path}/vpo.log"\n'
        '[plugins.sonarr]\nurl = "http://sonarr:8989"\napi_key = "a-secret-key"\n'
    )
    (tmp_path / "vpo.log").write_text(f"first\nlast {SCRIPT}\n")
    settings = build({}, {"VPO_DATA_DIR": str(tmp_path / "data"), "VPO_CONFIG": str(config)}, 2)
    with DaemonConnectionPool(settings.database_path) as pool:
        Library(pool).record(
            Result("", media.path, "unchanged", stat=(media.size, 1, number), media=media)
            for number, media in enumerate(_films(films))
        )
        yield ServeContext(settings, pool, Store(pool), Address("127.0.0.1", 8790))


def _films(folder: Path) -> list[MediaFile]:
    """Return three films: of two, the second audio track should be the default."""
    found = []
    for name, first in (("a", "jpn"), ("b", "jpn"), ("c", "eng")):
        tracks = (
            Track(0, "video", "h264", dispositions=frozenset({"default"})),
            Track(1, "audio", "aac", language=first, dispositions=frozenset({"default"})),
            Track(2, "audio", "aac", language="eng"),
        )
        found.append(MediaFile(str(folder / f"{name}.mkv"), "mkv", 9, 1, 60.0, tracks))
    return found


@pytest.fixture
def client(context: ServeContext) -> TestClient:
    address = "http://127.0.0.1:8790"
    return TestClient(create_app(context), base_url=address, headers={"Origin": address})


def opened(client: TestClient, path: Path) -> dict[str, str]:
    found: dict[str, str] = client.get("/api/v1/policies/text", params={"path": str(path)}).json()
    return found


def test_policies_lists_each_with_its_libraries_and_state(client: TestClient) -> None:
    page = client.get("/policies").text
    assert page.index("broken.yaml") < page.index("cannot be used") < page.index("tidy.yaml")
    assert "Films" in page


def test_check_says_line_and_column(client: TestClient, policy: Path) -> None:
    text = TIDY.replace("default_flags", "default_flag")
    form = {"path": str(policy), "digest": "x", "text": text, "action": "check"}
    page = client.post("/policy", data=form).text
    assert f"{policy}:6:5: " in page
    assert "did you mean" in page
    assert policy.read_text() == TIDY


def test_editor_escapes_the_text(client: TestClient, policy: Path) -> None:
    text = f"{TIDY}# </textarea>{SCRIPT}\n"
    form = {"path": str(policy), "digest": "x", "text": text, "action": "check"}
    page = client.post("/policy", data=form).text
    assert SCRIPT not in page
    assert "&lt;/textarea&gt;" in page


def test_impact_counts_files_by_kind_without_saving(client: TestClient, policy: Path) -> None:
    form = {"path": str(policy), "digest": "x", "text": TIDY, "action": "impact"}
    assert "2 of 3 files would change" in client.post("/policy", data=form).text
    found = client.post("/api/v1/policies/impact", json={"path": str(policy), "text": TIDY}).json()
    assert sum(found.pop("strategies").values()) == 2
    wanted = {"files": 3, "changed": 2, "kinds": {"default": 2}, "errors": {}, "whole": True}
    assert found == wanted


def test_save_keeps_the_version_before(client: TestClient, policy: Path) -> None:
    text = TIDY.replace("eng", "deu")
    digest = opened(client, policy)["digest"]
    form = {"path": str(policy), "digest": digest, "text": text.replace("\n", "\r\n")}
    page = client.post("/policy", data={**form, "action": "save"})
    assert "Saved. The version before is tidy.yaml." in page.text
    assert policy.read_text() == text
    kept = [item for item in policy.parent.iterdir() if item.name.startswith("tidy.yaml.")]
    assert [item.read_text() for item in kept] == [TIDY]
    assert "tidy.yaml." not in str(client.get("/api/v1/policies").json())


def test_save_refuses_what_somebody_else_has_changed(client: TestClient, policy: Path) -> None:
    digest = opened(client, policy)["digest"]
    policy.write_text(TIDY + "# mine\n")
    wanted = {"path": str(policy), "text": TIDY, "digest": digest}
    answer = client.put("/api/v1/policies/text", json=wanted)
    assert answer.status_code == 400
    assert "was changed after it was opened" in answer.json()["detail"]
    assert policy.read_text() == TIDY + "# mine\n"
    assert sorted(os.listdir(policy.parent)) == ["broken.yaml", "tidy.yaml"]


def test_save_refuses_an_invalid_text(client: TestClient, policy: Path) -> None:
    digest = opened(client, policy)["digest"]
    wanted = {"path": str(policy), "text": "phases: [", "digest": digest}
    assert client.put("/api/v1/policies/text", json=wanted).status_code == 400
    assert policy.read_text() == TIDY


@pytest.mark.parametrize("path", ["/etc/passwd", "{folder}/../config.toml", "{folder}/none.yaml"])
def test_no_other_file_is_opened(client: TestClient, policy: Path, path: str) -> None:
    path = path.format(folder=policy.parent)
    assert client.get("/policy", params={"path": path}).status_code == 404
    body = {"path": path, "text": TIDY, "digest": "x"}
    assert client.put("/api/v1/policies/text", json=body).status_code == 404
    form = {**body, "action": "save"}
    assert client.post("/policy", data=form).status_code == 404


def test_new_policy_begins_with_a_valid_text(client: TestClient, policy: Path) -> None:
    page = client.get("/policy", params={"new": "films"}).text
    assert "Valid. Phases: flags" in page
    path = policy.with_name("films.yaml")
    form = {"path": str(path), "digest": "", "text": TIDY, "action": "save"}
    assert client.post("/policy", data=form).status_code == 200
    assert path.read_text() == TIDY
    assert client.post("/policy", data=form).status_code == 400  # it is there now


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "x" * 101, "tidy", "nul\0"])
def test_new_policy_refuses_other_names(client: TestClient, policy: Path, name: str) -> None:
    answer = client.post("/api/v1/policies", json={"name": name, "text": TIDY})
    assert answer.status_code == 400
    assert sorted(os.listdir(policy.parent)) == ["broken.yaml", "tidy.yaml"]


def test_runs_have_a_list_and_a_report(client: TestClient, context: ServeContext) -> None:
    run = NewRun("12345678", [f"{SCRIPT}.yaml"], {"paths": ["/films"]}, workers=1, pid=1, host="h")
    context.store.start_run(run)
    context.store.finish_run("12345678", "finished", {"changed": 3, "failed": 1, "saved": 5000})
    assert "3 changed, 1 failed" in client.get("/runs").text
    report = client.get("/runs/12345678").text
    assert "Run 12345678" in report
    assert SCRIPT not in report
    assert client.get("/runs/nothing").status_code == 404
    found = client.get("/api/v1/runs/last").json()
    assert (found["run"]["id"], found["files"]) == ("12345678", [])


def test_runs_come_in_pages(client: TestClient, context: ServeContext) -> None:
    for number in range(3):
        context.store.start_run(NewRun(f"run-{number}", [], {}, workers=1, pid=1, host="h"))
    first = client.get("/api/v1/runs", params={"limit": 2}).json()
    rest = client.get("/api/v1/runs", params={"limit": 2, "cursor": first["cursor"]}).json()
    listed = [run["id"] for page in (first, rest) for run in page["runs"]]
    assert listed == ["run-2", "run-1", "run-0"]
    assert rest["cursor"] is None


def test_system_shows_settings_and_log_but_no_secret(client: TestClient) -> None:
    page = client.get("/system").text
    assert "http://sonarr:8989" in page
    assert "last &lt;script&gt;" in page
    for text in (page, client.get("/api/v1/system").text):
        assert "a-secret-key" not in text


def test_system_shows_what_doctor_finds(client: TestClient) -> None:
    assert "ffmpeg" in client.get("/system", params={"checks": "yes"}).text
    subjects = {item["subject"] for item in client.get("/api/v1/system/checks").json()["checks"]}
    assert "database" in subjects
