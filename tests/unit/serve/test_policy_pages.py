"""The pages and the API of policies, runs and the system, with the real application."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import pytest
from httpx import Response
from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.records import NewRun, Result
from vpo.db.store import Store
from vpo.library.impact import impact
from vpo.media.model import MediaFile, Track
from vpo.policy.external_facts import ExternalFacts
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hosts import Address
from vpo.serve.pages.system import log_end

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


def post(client: TestClient, path: Path, **fields: str) -> Response:
    data = {"digest": "x", **fields}
    answer: Response = client.post("/policy", params={"path": str(path)}, data=data)
    return answer


def opened(client: TestClient, path: Path) -> dict[str, str]:
    found: dict[str, str] = client.get("/api/v1/policies/text", params={"path": str(path)}).json()
    return found


def test_policies_lists_each_with_its_libraries_and_state(client: TestClient) -> None:
    page = client.get("/policies").text
    assert page.index("broken.yaml") < page.index("cannot be used") < page.index("tidy.yaml")
    assert "Films" in page


def test_check_says_line_and_column(client: TestClient, policy: Path) -> None:
    text = TIDY.replace("default_flags", "default_flag")
    page = post(client, policy, text=text, action="check").text
    assert 'data-line="6" data-column="5">6:5</button> unknown key' in page
    assert "did you mean" in page
    assert policy.read_text() == TIDY


def test_editor_escapes_the_text(client: TestClient, policy: Path) -> None:
    text = f"{TIDY}# </textarea>{SCRIPT}\n"
    page = post(client, policy, text=text, action="check").text
    assert SCRIPT not in page
    assert "&lt;/textarea&gt;" in page


def test_impact_counts_files_by_kind_without_saving(client: TestClient, policy: Path) -> None:
    page = post(client, policy, text=TIDY, action="impact").text
    assert "2 of 3 files would change" in page
    found = client.post("/api/v1/policies/impact", json={"path": str(policy), "text": TIDY}).json()
    assert sum(found.pop("strategies").values()) == 2
    wanted = {"total": 3, "files": 3, "changed": 2, "kinds": {"default": 2}}
    assert found == {**wanted, "errors": {}, "whole": True}


def test_impact_of_a_part_is_from_everywhere_in_the_library(context: ServeContext) -> None:
    films = context.settings.config.libraries[0].folders[0]
    track = (Track(0, "video", "h264"),)
    Library(context.pool).record(
        Result("", path, "unchanged", stat=(9, 1, number), media=media)
        for number in range(1000, 2000)
        for path in [f"{films}/{number}.mkv"]
        for media in [MediaFile(path, "mkv", 9, 1, 60.0, track)]
    )
    total, files = Library(context.pool).spread([films])
    numbered = (file for file in files if Path(file.path).stem.isdigit())
    first = [int(Path(file.path).stem) for file in islice(numbered, 100)]
    assert total == 1003
    assert sum(number >= 1500 for number in first) in range(40, 61)
    found = impact([], (total, files), lambda _: ExternalFacts(), -1.0)
    assert (found.total, found.files, found.whole) == (1003, 0, False)


def test_save_keeps_the_version_before(client: TestClient, policy: Path) -> None:
    text = TIDY.replace("eng", "deu")
    digest = opened(client, policy)["digest"]
    text_of_form = text.replace("\n", "\r\n")
    page = post(client, policy, digest=digest, text=text_of_form, action="save")
    assert "Saved. The version before is tidy.yaml." in page.text
    assert policy.read_text() == text
    kept = [item for item in policy.parent.iterdir() if item.name.startswith("tidy.yaml.")]
    assert [item.read_text() for item in kept] == [TIDY]
    assert "tidy.yaml." not in str(client.get("/api/v1/policies").json())
    version = {"path": str(policy), "version": kept[0].name}
    assert "deu" not in client.get("/policy", params=version).text
    before = client.get("/api/v1/policies/text", params=version).json()
    assert (before["text"], before["versions"]) == (TIDY, [kept[0].name])


def test_save_refuses_what_somebody_else_has_changed(client: TestClient, policy: Path) -> None:
    digest = opened(client, policy)["digest"]
    policy.write_text(TIDY + "# mine\n")
    wanted = {"path": str(policy), "text": TIDY, "digest": digest}
    answer = client.put("/api/v1/policies/text", json=wanted)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "was changed after it was opened" in answer.json()["detail"]
    assert policy.read_text() == TIDY + "# mine\n"
    assert sorted(os.listdir(policy.parent)) == ["broken.yaml", "tidy.yaml"]


def test_save_refuses_an_invalid_text(client: TestClient, policy: Path) -> None:
    digest = opened(client, policy)["digest"]
    wanted = {"path": str(policy), "text": "phases: [", "digest": digest}
    assert client.put("/api/v1/policies/text", json=wanted).status_code == 400
    assert policy.read_text() == TIDY


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "{folder}/../config.toml", "{folder}/no:ne.yaml", "tidy.yaml"]
)
def test_no_other_file_is_opened(client: TestClient, policy: Path, path: str) -> None:
    path = path.format(folder=policy.parent)
    assert client.get("/policy", params={"path": path}).status_code == 404
    body = {"path": path, "text": TIDY, "digest": "x"}
    assert client.put("/api/v1/policies/text", json=body).status_code == 404
    assert post(client, Path(path), text=TIDY, action="save").status_code == 404


def test_new_policy_begins_with_a_valid_text(client: TestClient, policy: Path) -> None:
    page = client.get("/policy", params={"new": "films"}).text
    assert "Valid.</span> Phases: flags" in page
    path = policy.with_name("films.yaml")
    assert post(client, path, digest="", text=TIDY, action="save").status_code == 200
    assert path.read_text() == TIDY
    again = post(client, path, digest="", text=TIDY + "# mine\n", action="save")
    assert again.status_code == 409  # it is there now
    assert "# mine" in again.text
    assert path.read_text() == TIDY


@pytest.mark.parametrize("name", ["true", "123", "null", "a - b", "été"])
def test_new_policy_is_valid_whatever_its_name(client: TestClient, name: str) -> None:
    assert "Valid." in client.get("/policy", params={"new": name}).text


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "x" * 101, "tidy", "nul\0"])
def test_new_policy_refuses_other_names(client: TestClient, policy: Path, name: str) -> None:
    answer = client.post("/api/v1/policies", json={"name": name, "text": TIDY})
    assert answer.status_code == 400
    assert sorted(os.listdir(policy.parent)) == ["broken.yaml", "tidy.yaml"]


def test_two_editors_at_once_save_once(client: TestClient, policy: Path) -> None:
    digest, texts = opened(client, policy)["digest"], [f"{TIDY}# {n}\n" for n in range(8)]

    def save(text: str) -> int:
        wanted = {"path": str(policy), "text": text, "digest": digest}
        answer: Response = client.put("/api/v1/policies/text", json=wanted)
        return int(answer.status_code)

    with ThreadPoolExecutor(len(texts)) as threads:
        found = list(threads.map(save, texts))
    assert sorted(found) == [200] + [409] * 7
    assert policy.read_text() == texts[found.index(200)]


def test_conflict_shows_the_difference_and_then_replaces(client: TestClient, policy: Path) -> None:
    digest = opened(client, policy)["digest"]
    policy.write_text(f"{TIDY}# theirs {SCRIPT}\n")
    page = post(client, policy, digest=digest, text=TIDY + "# mine\n", action="save")
    assert page.status_code == 409
    assert "-# theirs &lt;script&gt;" in page.text
    assert SCRIPT not in page.text
    found = re.search('name="digest" value="([0-9a-f]+)"', page.text)
    assert found is not None
    post(client, policy, digest=found[1], text=TIDY + "# mine\n", action="save")
    assert policy.read_text() == TIDY + "# mine\n"


def test_text_of_a_deleted_policy_is_not_lost(client: TestClient, policy: Path) -> None:
    digest = opened(client, policy)["digest"]
    policy.unlink()
    page = post(client, policy, digest=digest, text=TIDY + "# mine\n", action="save")
    assert "was deleted after it was opened" in page.text
    assert "# mine" in page.text
    post(client, policy, digest="", text=TIDY + "# mine\n", action="save")
    assert policy.read_text() == TIDY + "# mine\n"


def test_line_ends_stay_and_the_same_text_is_not_saved(client: TestClient, policy: Path) -> None:
    policy.write_bytes(TIDY.replace("\n", "\r\n").encode())
    digest = opened(client, policy)["digest"]
    page = post(client, policy, digest=digest, text=TIDY, action="save")
    assert "Nothing has changed" in page.text
    assert sorted(os.listdir(policy.parent)) == ["broken.yaml", "tidy.yaml"]
    post(client, policy, digest=digest, text=TIDY + "# mine\n", action="save")
    assert policy.read_bytes().endswith(b"{}\r\n# mine\r\n")


def test_failed_save_leaves_no_version(
    client: TestClient, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    digest = opened(client, policy)["digest"]
    monkeypatch.setattr(os, "replace", full)
    page = post(client, policy, digest=digest, text=TIDY + "# mine\n", action="save")
    assert "No space left on device; it is unchanged" in page.text
    assert sorted(os.listdir(policy.parent)) == ["broken.yaml", "tidy.yaml"]


@pytest.mark.parametrize("base", ["../private.yaml", "{folder}/private.yaml", "leading-out.yaml"])
def test_policy_extends_no_file_outside(client: TestClient, policy: Path, base: str) -> None:
    folder = policy.parent.parent
    (folder / "private.yaml").write_text("secret: [a-secret-key\n")
    (policy.parent / "leading-out.yaml").symlink_to(folder / "private.yaml")
    text = f"{TIDY}extends: {base.format(folder=folder)}\n"
    wanted = {"path": str(policy), "text": text}
    found = client.post("/api/v1/policies/check", json=wanted).json()
    assert f"{policy}:7:10: " in found["error"]
    assert "is not in the folder of policies" in found["error"]
    assert client.post("/api/v1/policies/impact", json=wanted).status_code == 400


def test_policy_may_extend_what_it_extends_already(client: TestClient, policy: Path) -> None:
    (policy.parent.parent / "base.yaml").write_text(TIDY)
    text = "schema_version: 13\nname: mine\nextends: ../base.yaml\n"
    policy.write_text(text)
    wanted = {"path": str(policy), "text": text + "# mine\n"}
    assert client.post("/api/v1/policies/check", json=wanted).json()["error"] is None


def test_link_out_of_the_folder_is_not_opened(client: TestClient, policy: Path) -> None:
    private = policy.parent.parent / "private.yaml"
    private.write_text("secret: a-secret-key\n")
    link = policy.with_name("link.yaml")
    link.symlink_to(private)
    for address in ("/policy", "/api/v1/policies/text"):
        answer = client.get(address, params={"path": str(link)})
        assert answer.status_code == 404
        assert "a-secret-key" not in answer.text
    wanted = {"path": str(link), "text": TIDY, "digest": "x"}
    assert client.put("/api/v1/policies/text", json=wanted).status_code == 400
    assert private.read_text() == "secret: a-secret-key\n"


def test_policy_with_a_name_that_is_not_utf8_has_a_page(client: TestClient, policy: Path) -> None:
    other = os.fsencode(policy.parent) + b"/caf\xe9.yaml"
    with open(other, "w") as file:
        file.write(TIDY)
    address = f"/policy?path={quote(other)}"
    assert address in client.get("/policies").text
    assert "Valid." in client.get(address).text


def test_runs_have_a_list_and_a_report(client: TestClient, context: ServeContext) -> None:
    run = NewRun("12345678", [f"{SCRIPT}.yaml"], {"paths": ["/films"]}, workers=1, pid=1, host="h")
    context.store.start_run(run)
    odd = SCRIPT.replace("/", "")
    paths = [f"/films/{name}.mkv" for name in ("a", "b", odd)]
    ids = context.store.start_outcomes("12345678", paths)
    known = zip(ids, paths, strict=True)
    context.store.record(Result(number, path, "failed") for number, path in known)
    context.store.finish_run("12345678", "finished", {"changed": 3, "failed": 1, "saved": 5000})
    assert "3 changed, 1 failed" in client.get("/runs").text
    report = client.get("/runs/12345678").text
    assert "Run 12345678" in report
    assert "<script>alert" not in report
    assert 'href="/file?path=/films/a.mkv"' in report
    assert client.get("/runs/nothing").status_code == 404
    found = client.get("/api/v1/runs/last", params={"limit": 2}).json()
    rest = client.get("/api/v1/runs/last", params={"cursor": found["cursor"]}).json()
    assert found["run"]["id"] == "12345678"
    assert [file["path"] for file in found["files"]] == paths[:2]
    assert [file["path"] for file in rest["files"]] == paths[2:]
    assert rest["cursor"] is None


def test_runs_come_in_pages(client: TestClient, context: ServeContext) -> None:
    for number in range(3):
        context.store.start_run(NewRun(f"run-{number}", [], {}, workers=1, pid=1, host="h"))
    first = client.get("/api/v1/runs", params={"limit": 2}).json()
    context.store.start_run(NewRun("run-3", [], {}, workers=1, pid=1, host="h"))
    rest = client.get("/api/v1/runs", params={"limit": 2, "cursor": first["cursor"]}).json()
    listed = [run["id"] for page in (first, rest) for run in page["runs"]]
    assert listed == ["run-2", "run-1", "run-0"]
    assert rest["cursor"] is None


def test_system_shows_settings_and_log_but_no_secret(client: TestClient) -> None:
    page = client.get("/system").text
    assert "http://sonarr:8989" in page
    assert "last &lt;script&gt;" in page
    checks = client.get("/system", params={"checks": "yes"}).text
    answers = [client.get(f"/api/v1/system{more}").text for more in ("", "/checks")]
    for text in (page, checks, *answers):
        assert "sonarr" in text
        assert "a-secret-key" not in text


def test_system_shows_what_doctor_finds(client: TestClient) -> None:
    assert "ffmpeg" in client.get("/system", params={"checks": "yes"}).text
    subjects = {item["subject"] for item in client.get("/api/v1/system/checks").json()["checks"]}
    assert "database" in subjects


def test_log_shows_its_end_and_waits_for_no_pipe(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    shown = log_end(log)
    assert shown is not None
    assert re.match(r"line \d+\n", shown)
    assert shown.endswith("line 9999\n")
    os.mkfifo(tmp_path / "pipe")
    assert log_end(tmp_path / "pipe") == f"{tmp_path}/pipe is no regular file"
    assert log_end(tmp_path / "none") == ""


def test_browser_reads_what_is_wrong_as_a_page(client: TestClient) -> None:
    page = client.get("/runs/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<h1>Not Found</h1>" in page.text
    answer = client.get("/api/v1/runs/nothing", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"
