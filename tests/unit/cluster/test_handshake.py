"""Which nodes take part, and why others do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vpo.cluster.handshake import (
    Sample,
    compatibility_warnings,
    file_identity,
    incompatibility,
    versions,
)

SAMPLES = (Sample("/mnt/a/.vpo-1", 16, "abc", locked=True), Sample("/mnt/b/film.mkv", 9, "def"))
TOOLS = {"ffmpeg": "ffmpeg version 5.1", "mkvmerge": "mkvmerge v74"}


def facts(**changes: Any) -> dict[str, Any]:
    """What a node says that is as it should be, with changes."""
    seen = [
        {"path": "/n/a/.vpo-1", "identity": (16, "abc"), "problem": "", "locked": True},
        {"path": "/n/b/film.mkv", "identity": (9, "def"), "problem": "", "locked": False},
    ]
    return {"versions": versions(), "slots": 2, "tools": TOOLS, "samples": seen, **changes}


def unseen(problem: str) -> list[dict[str, Any]]:
    first, second = facts()["samples"]
    return [first, {**second, "identity": None, "problem": problem}]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"tools": {**TOOLS, "mkvpropedit": "mkvpropedit v74"}}, None),
        ({"versions": {**versions(), "vpo": "0.0.1"}}, "its vpo is 0.0.1, here it is "),
        ({"versions": {**versions(), "policy format": 12}}, "its policy format is 12"),
        ({"versions": {}}, "its vpo is None"),
        ({"problem": "config.toml:1: bad"}, "config.toml:1: bad; correct the configuration"),
        ({"samples": unseen("No such file")}, "/n/b/film.mkv: No such file); mount the library"),
        ({"samples": unseen("")}, "another file is there"),
        ({"tools": {"ffmpeg": "ffmpeg version 5.1"}}, "it has no mkvmerge; install"),
    ],
)
def test_misfit_names_the_reason_a_node_cannot_be_used(
    changes: dict[str, Any], why: str | None
) -> None:
    found = incompatibility(facts(**changes), SAMPLES, TOOLS)
    assert (found is None) if why is None else (found is not None and why in found)


def test_remarks_name_tool_versions_that_differ() -> None:
    assert not list(compatibility_warnings(facts(), SAMPLES, TOOLS))
    (other,) = compatibility_warnings(
        facts(tools={**TOOLS, "ffmpeg": "ffmpeg version 9"}), SAMPLES, TOOLS
    )
    assert "ffmpeg is another version (ffmpeg version 9; here: ffmpeg version 5.1)" in other
    first, second = facts()["samples"]
    (locks,) = compatibility_warnings(
        facts(samples=[{**first, "locked": False}, second]), SAMPLES, TOOLS
    )
    assert "it does not see locks in /n/a" in locks


def test_identity_differs_for_different_files(tmp_path: Path) -> None:
    one, other, longer = (tmp_path / name for name in "abc")
    one.write_bytes(bytes(200_000))
    other.write_bytes(bytes(199_999) + b"x")
    longer.write_bytes(bytes(200_001))
    assert file_identity(str(one)) == file_identity(str(one))
    assert len({file_identity(str(path)) for path in (one, other, longer)}) == 3
    with pytest.raises(OSError, match="No such file"):
        file_identity(str(tmp_path / "d"))
