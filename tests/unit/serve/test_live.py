"""What runs and waits: the first page, its API, its events, and the figures for Prometheus."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue, NewItem
from vpo.db.records import NewRun
from vpo.db.reviews import Reviewed, Reviews
from vpo.db.store import Store
from vpo.run.progress import RunningFile, RunProgress, write_progress
from vpo.run.recorder import lock_path
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hosts import Address
from vpo.serve.status_publisher import StatusPublisher

ODD = "<i>odd.mkv"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ServeContext]:
    films = tmp_path / "films"
    films.mkdir()
    for name in ("a.mkv", "b.mkv", "c.mkv", ODD):
        (films / name).write_bytes(b"film")
    config = tmp_path / "config.toml"
    config.write_text(f'[[libraries]]\nname = "Films"\nfolders = ["{films}"]\npolicy = "p.yaml"\n')
    settings = build({}, {"VPO_DATA_DIR": str(tmp_path / "data"), "VPO_CONFIG": str(config)}, 2)
    with DaemonConnectionPool(settings.database_path) as pool:
        queue = FileQueue(pool)
        queue.add(NewItem(str(films / name), "Films", "person") for name in ("a.mkv", "b.mkv", ODD))
        yield ServeContext(settings, pool, Store(pool), Address("127.0.0.1", 8790))


@pytest.fixture
def client(context: ServeContext) -> TestClient:
    address = "http://127.0.0.1:8790"
    return TestClient(create_app(context), base_url=address, headers={"Origin": address})


@pytest.fixture
def running(context: ServeContext) -> Iterator[Path]:
    """A run of this process, as ``vpo process`` in a terminal leaves its traces."""
    context.store.start_run(NewRun("12345678", ["p.yaml"], {}, workers=2, pid=1, host="here"))
    path = Path(lock_path(context.settings.data_dir, "12345678"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w+b") as file:
        flock(file, LOCK_EX)
        encode = RunningFile("/films/<b>now.mkv", 0.5, 60.0, None, "transcode", 10.0)
        write_progress(file.fileno(), RunProgress(3, 9, 1, 90.0, (encode,), None, 0.25))
        yield path


def test_now_shows_what_runs_escaped(client: TestClient, running: Path) -> None:  # noqa: ARG001
    page = client.get("/").text
    for shown in ("&lt;b&gt;now.mkv", "3 of 9 done", "50 %", "transcode", "0:01:00 left"):
        assert shown in page
    assert "<b>now" not in page


def test_now_shows_the_next_files_and_how_many_wait(client: TestClient) -> None:
    page = client.get("/").text
    assert page.index("a.mkv") < page.index("b.mkv") < page.index("&lt;i&gt;odd.mkv")
    assert "3 in the queue" in page


def test_now_pauses_and_resumes(client: TestClient, context: ServeContext) -> None:
    paused = context.settings.data_dir / "paused"
    assert "paused" in client.post("/", data={"action": "pause"}).text
    assert paused.exists()
    client.post("/", data={"action": "resume"})
    assert not paused.exists()


def test_now_changes_the_workers_but_keeps_one(client: TestClient) -> None:
    def workers() -> int:
        return int(client.get("/api/v1/status").json()["workers"])

    first = workers()
    client.post("/", data={"action": "more"})
    assert workers() == first + 1
    for _ in range(first + 3):
        client.post("/", data={"action": "fewer"})
    assert workers() == 1


def test_now_refuses_an_unknown_action(client: TestClient) -> None:
    assert client.post("/", data={"action": "explode"}).status_code == 400


def test_status_has_the_keys_of_the_command(client: TestClient, running: Path) -> None:  # noqa: ARG001
    status = client.get("/api/v1/status").json()
    assert status["queue"] == {"running": 0, "waiting": 3, "held": 0, "review": 0}
    assert status["runs"][0]["running"] == [
        {
            "path": "/films/<b>now.mkv",
            "phase": "writing",
            "strategy": "transcode",
            "part": 0.5,
            "eta_seconds": 60.0,
            "fps": None,
            "expected_saving": None,
        }
    ]
    assert [library["name"] for library in status["libraries"]] == ["Films"]


def test_api_pauses_until_a_time(client: TestClient) -> None:
    answer = client.post("/api/v1/pause", json={"until": "2999-01-01T00:00:00+01:00"}).json()
    assert answer == {"paused": True, "until": "2998-12-31T23:00:00+00:00"}
    assert client.get("/api/v1/status").json()["paused"] is not None
    assert client.post("/api/v1/resume").json() == {"resumed": True}
    assert client.post("/api/v1/resume").json() == {"resumed": False}


@pytest.mark.parametrize("number", [0, -1, 10**6, "2", 1.5])
def test_api_refuses_a_number_of_workers_that_is_none(client: TestClient, number: object) -> None:
    answer = client.put("/api/v1/workers", json={"workers": number})
    assert answer.status_code == 422 or number == "2"
    assert answer.headers["content-type"].startswith("application/")


def test_api_lists_the_queue_in_pages(client: TestClient) -> None:
    first = client.get("/api/v1/queue", params={"limit": 2}).json()
    rest = client.get("/api/v1/queue", params={"limit": 2, "cursor": first["cursor"]}).json()
    listed = [Path(item["path"]).name for page in (first, rest) for item in page["queue"]]
    assert listed == ["a.mkv", "b.mkv", ODD]
    assert rest["cursor"] is None


def test_api_adds_moves_holds_and_cancels(client: TestClient, tmp_path: Path) -> None:
    path = str(tmp_path / "films" / "c.mkv")
    added = client.post("/api/v1/queue", json={"paths": [path, str(tmp_path / "films")]})
    assert added.json() == {"added": 1, "known": 3}
    ids = {Path(i["path"]).name: i["id"] for i in client.get("/api/v1/queue").json()["queue"]}
    move = {"ids": [ids["c.mkv"]], "before": ids["b.mkv"]}
    assert client.post("/api/v1/queue/move", json=move).json() == {"moved": 1}
    assert client.post("/api/v1/queue/hold", json={"ids": [ids["a.mkv"]]}).json() == {"held": 1}
    assert client.post("/api/v1/queue/cancel", json={"ids": [ids[ODD]]}).json() == {"cancelled": 1}
    left = client.get("/api/v1/queue").json()["queue"]
    assert [(Path(i["path"]).name, i["state"]) for i in left] == [
        ("a.mkv", "held"), ("c.mkv", "waiting"), ("b.mkv", "waiting"),
    ]  # fmt: skip


def test_api_refuses_a_path_outside_the_libraries(client: TestClient) -> None:
    answer = client.post("/api/v1/queue", json={"paths": ["/etc/passwd"]})
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request")
    assert "/etc/passwd" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{"ids": [1]}, {"ids": [1], "to": "front", "before": 2}])
def test_api_refuses_a_move_to_no_or_two_places(client: TestClient, body: object) -> None:
    assert client.post("/api/v1/queue/move", json=body).status_code == 422


def test_api_approves_exactly_the_plans_that_it_is_given(
    client: TestClient, context: ServeContext
) -> None:
    reviews = Reviews(context.pool)
    for name, kinds in (("a", ("default",)), ("b", ("default", "title")), ("c", ("default",))):
        reviews.put(Reviewed(f"/films/{name}.mkv", "Films", f"hash-{name}", "header", [], kinds))
    listed = client.get("/api/v1/reviews", params={"limit": 2}).json()
    assert [item["hash"] for item in listed["reviews"]] == ["hash-a", "hash-b"]
    assert client.post("/api/v1/reviews/approve", json={}).status_code == 422
    reject = {"hashes": ["hash-c", "hash-of-nothing"]}
    assert client.post("/api/v1/reviews/reject", json=reject).json() == {"rejected": 1}
    client.post("/api/v1/reviews/approve", json={"kinds": ["default"]})
    assert [item.plan.path for item in reviews.waiting()] == ["/films/b.mkv"]


def test_metrics_count_the_queue(client: TestClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'vpo_queue_files{state="waiting"} 3.0' in answer.text.splitlines()
    assert "vpo_paused 0.0" in answer.text.splitlines()


def test_publisher_publishes_a_change_once(context: ServeContext) -> None:
    publisher = StatusPublisher(context.settings, context.pool, context.events)

    async def heard() -> list[str]:
        stream = context.events.stream()
        await anext(stream)  # how long to wait before connecting again
        publisher.beat()
        publisher.beat()
        FileQueue(context.pool).hold([FileQueue(context.pool).items()[0].id])
        publisher.beat()
        return [await anext(stream), await anext(stream)]

    events = asyncio.run(heard())
    held = [json.loads(event.partition("data: ")[2])["queue"]["held"] for event in events]
    assert held == [0, 1]


def test_examples_of_the_page_about_the_server_work(
    client: TestClient, context: ServeContext
) -> None:
    """Each line with curl in docs/serve.md, with the paths of this test."""
    page = (Path(__file__).parents[3] / "docs" / "serve.md").read_text("utf-8")
    lines = re.findall(r"^curl -f (.+)$", page, re.MULTILINE)
    assert len(lines) > 5
    folder = context.settings.config.libraries[0].folders[0]
    for line in lines:
        words = shlex.split(line.replace("/srv/media/films", folder))
        method, headers, data = "GET", {}, None
        while words[0].startswith("-"):
            option, value = words.pop(0), words.pop(0)
            if option == "-X":
                method = value
            elif option == "-H":
                name, _, text = value.partition(": ")
                headers[name] = text
            else:
                assert option == "-d"
                data = value
        (url,) = words
        address = url.removeprefix("http://localhost:8790")
        answer = client.request(method, address, headers=headers, content=data)
        assert answer.status_code == 200, line
