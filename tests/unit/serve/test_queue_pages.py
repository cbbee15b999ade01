"""The pages of the queue and of reviews, with the real application and database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue, NewItem, QueueItem
from vpo.db.reviews import Reviewed, Reviews
from vpo.db.store import Store
from vpo.serve.app import create_app
from vpo.serve.context import ServeContext
from vpo.serve.hosts import Address

ODD = "<b>odd.mkv"


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a.mkv", "b.mkv", ODD):
        (folder / name).write_bytes(b"film")
    return folder


@pytest.fixture
def context(tmp_path: Path, films: Path) -> Iterator[ServeContext]:
    config = tmp_path / "config.toml"
    config.write_text(f'[[libraries]]\nname = "Films"\nfolders = ["{films}"]\npolicy = "p.yaml"\n')
    settings = build({}, {"VPO_DATA_DIR": str(tmp_path / "data"), "VPO_CONFIG": str(config)}, 2)
    with DaemonConnectionPool(settings.database_path) as pool:
        store = Store(pool)
        FileQueue(pool).add(
            NewItem(str(films / name), "Films", "person", 0) for name in ("a.mkv", ODD)
        )
        yield ServeContext(settings, pool, store, Address("127.0.0.1", 8790))


@pytest.fixture
def client(context: ServeContext) -> TestClient:
    return TestClient(
        create_app(context),
        base_url="http://127.0.0.1:8790",
        headers={"Origin": "http://127.0.0.1:8790"},
    )


def queued(context: ServeContext) -> list[QueueItem]:
    return FileQueue(context.pool).items()


def names(context: ServeContext) -> list[str]:
    return [Path(item.path).name for item in queued(context)]


def test_queue_shows_files_in_order_and_escaped(client: TestClient) -> None:
    page = client.get("/queue").text
    assert page.index("a.mkv") < page.index("&lt;b&gt;odd.mkv")
    assert "<b>odd" not in page


def test_queue_moves_holds_releases_and_cancels_a_file(
    client: TestClient, context: ServeContext
) -> None:
    last = queued(context)[-1].id

    def post(action: str) -> None:
        done = client.post("/queue", data={"id": str(last), "action": action})
        assert done.status_code == 200  # after the redirect

    post("front")
    assert names(context) == [ODD, "a.mkv"]
    post("hold")
    assert {item.id: item.state for item in queued(context)}[last] == "held"
    post("release")
    assert {item.state for item in queued(context)} == {"waiting"}
    post("cancel")
    assert names(context) == ["a.mkv"]


@pytest.mark.parametrize("data", [{}, {"id": "1", "action": "drop"}, {"id": "x", "action": "hold"}])
def test_queue_refuses_a_form_that_names_nothing(client: TestClient, data: dict[str, str]) -> None:
    assert client.post("/queue", data=data).status_code == 400


def test_queue_adds_what_is_in_a_library_only(
    client: TestClient, context: ServeContext, films: Path, tmp_path: Path
) -> None:
    assert client.post("/queue/add", data={"path": str(films)}).status_code == 200
    assert sorted(names(context)) == sorted(["a.mkv", "b.mkv", ODD])
    outside = tmp_path / "secret.mkv"
    outside.write_bytes(b"film")
    (films / "link.mkv").symlink_to(outside)
    for path in ("/etc/passwd", str(films / ".." / "secret.mkv"), str(films / "link.mkv"), "\0"):
        refused = client.post("/queue/add", data={"path": path})
        assert refused.status_code == 400, path
        assert 'role="alert"' in refused.text
    assert len(names(context)) == 3


def test_change_from_another_site_is_refused(client: TestClient, context: ServeContext) -> None:
    number = str(queued(context)[0].id)
    for origin in ("https://example.org", "null"):
        done = client.post(
            "/queue", data={"id": number, "action": "cancel"}, headers={"Origin": origin}
        )
        assert done.status_code == 403
    assert len(queued(context)) == 2


def with_plan(context: ServeContext, name: str, kinds: tuple[str, ...]) -> None:
    item = next(item for item in queued(context) if item.path.endswith(name))
    changes = [
        {"track": 1, "kind": kind, "from": "<i>old</i>", "to": "new", "reason": "p/x: because"}
        for kind in kinds
    ]
    plan = Reviewed(item.path, "Films", f"hash of {name}", "header", changes, kinds)
    Reviews(context.pool).put(plan)
    FileQueue(context.pool).send_to_review(item.id)


def test_review_shows_plans_and_approves_one_and_all_of_a_kind(
    client: TestClient, context: ServeContext
) -> None:
    with_plan(context, "a.mkv", ("flag",))
    with_plan(context, ODD, ("remove",))
    page = client.get("/review").text
    assert "only flag: 1" in page
    assert "&lt;i&gt;old&lt;/i&gt;" in page
    assert "<i>old" not in page
    client.post("/review", data={"kinds": "flag", "decision": "approve"})
    assert [Path(item.plan.path).name for item in Reviews(context.pool).waiting()] == [ODD]
    client.post("/review", data={"hash": f"hash of {ODD}", "decision": "reject"})
    assert Reviews(context.pool).waiting() == []
    assert "No plan waits" in client.get("/review").text


def test_review_refuses_a_form_without_a_decision(client: TestClient) -> None:
    assert client.post("/review", data={"all": "yes"}).status_code == 400
