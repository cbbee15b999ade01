"""Where things are on a node, and what they are called on the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.cluster.path_map import PathMap
from vpo.db.records import Kept
from vpo.execute.options import RewriteOptions
from vpo.execute.outcome import Outcome
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.run.job import Job

PLACES = PathMap({"/mnt/media": "/volume1/media", "/mnt/media/films": "/films/"})


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("/mnt/media", "/volume1/media"),
        ("/mnt/media/a.mkv", "/volume1/media/a.mkv"),
        ("/mnt/media/films/a.mkv", "/films/a.mkv"),
        ("/mnt/media2/a.mkv", "/mnt/media2/a.mkv"),
        ("/srv/na\udcefve.mkv", "/srv/na\udcefve.mkv"),
    ],
)
def test_path_map_translates_there_and_to_coordinator(here: str, there: str) -> None:
    assert PLACES.to_node(here) == there
    assert PLACES.to_coordinator(there) == here


def test_path_map_without_entries_keeps_paths() -> None:
    assert PathMap(None).to_node("/a") == PathMap({}).to_coordinator("/a") == "/a"


def test_path_map_translates_job_and_outcome() -> None:
    options = RewriteOptions(temporary_folder="/mnt/media/tmp")
    job = PLACES.job(Job("/mnt/media/a.mkv", (), options, link="/mnt/media/films/l.mkv"))
    assert (job.path, job.link) == ("/volume1/media/a.mkv", "/films/l.mkv")
    assert job.options.temporary_folder == "/volume1/media/tmp"
    media = MediaFile("/volume1/media/a.mkv", "mkv", 1)
    renamed = replace(media, path="/volume1/media/a.mp4")
    outcome = PLACES.outcome(
        Outcome(
            "/volume1/media/a.mp4",
            "changed",
            was="/volume1/media/a.mkv",
            plan=Plan(media, renamed),
            media=renamed,
            kept=Kept("file", "/volume1/media/.vpo-originals/a", 1),
        )
    )
    assert (outcome.was, outcome.path) == ("/mnt/media/a.mkv", "/mnt/media/a.mp4")
    assert outcome.plan is not None and outcome.media is not None and outcome.kept is not None
    assert outcome.plan.before.path == "/mnt/media/a.mkv"
    assert outcome.plan.after.path == outcome.media.path == "/mnt/media/a.mp4"
    assert outcome.kept.path == "/mnt/media/.vpo-originals/a"
