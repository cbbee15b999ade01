"""Messages: after which runs, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import Server, serving

from vpo.errors import ConfigError, SourceError
from vpo.plugins import FileReport, RunReport, notify

BAD = FileReport("/v/a.mkv", None, "failed", "none", "it broke; mend it", 1, None, 0.1)
FINE = RunReport(
    "4e0daa86-1", ("p.yaml",), {"changed": 2, "unchanged": 3}, 61.0, 5_000_000, (), False
)
NOTHING = FINE._replace(counts={"unchanged": 5}, saved=0)
FAILED = FINE._replace(counts={"changed": 1, "failed": 7}, failed=(BAD,) * 7)
STOPPED = NOTHING._replace(stopped_early=True)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def tell(server: Server, run: RunReport, on: str) -> list[dict[str, Any]]:
    urls = (server.url.replace("http://", "json://") + "/hook",)
    notify.vpo_after_run(run=run, settings={"urls": urls, "on": on})
    return [data for _, data in server.sent]


@pytest.mark.parametrize(
    ("on", "runs"),
    [
        ("failure", (FAILED, STOPPED)),
        ("change", (FAILED, STOPPED, FINE)),
        ("always", (FAILED, STOPPED, FINE, NOTHING)),
    ],
)
def test_notify_sends_message_after_chosen_runs(
    server: Server, on: str, runs: tuple[RunReport, ...]
) -> None:
    for run in (FAILED, STOPPED, FINE, NOTHING):
        tell(server, run, on)
    assert len(server.sent) == len(runs)


def test_message_summarizes_the_run(server: Server) -> None:
    (said,) = tell(server, FINE, "always")
    assert said["title"] == "vpo: done"
    assert said["message"] == "2 changed, 3 unchanged, in 0:01:01\n5.00 MB less than before"


def test_message_lists_first_failures() -> None:
    assert notify.message_title(FAILED) == "vpo: 7 of 8 files failed"
    assert notify.message_body(FAILED).splitlines()[2:] == [
        *["/v/a.mkv: it broke; mend it"] * 5,
        "and 2 more: vpo history show 4e0daa86",
    ]


def test_notify_reports_service_that_is_down(server: Server) -> None:
    server.put("/hook", {}, 503)
    with pytest.raises(SourceError, match="could not be sent"):
        tell(server, FINE, "always")


def test_notify_error_hides_bad_address() -> None:
    settings = {"urls": ("nosuch://user:secret@host",), "on": "always"}
    with pytest.raises(ConfigError, match="number 1 of the urls") as error:
        notify.vpo_after_run(run=FINE, settings=settings)
    assert "secret" not in str(error.value)
