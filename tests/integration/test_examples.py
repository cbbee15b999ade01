"""Every policy in ``examples/`` on real files: it does its work once, and is content then."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Library, Vpo
from tests.integration.facts import litter

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_policy_is_stable_on_sample_media(vpo: Vpo, library: Library, path: Path) -> None:
    root = library("multi-audio.mkv", "no-language.mp4", "wrong-flags.mkv")
    done = vpo("process", "--format", "json", "-p", path, root)
    assert done.json["summary"]["total"] == 3
    for outcome in done.json["files"]:
        assert outcome["status"] in ("changed", "unchanged", "failed")
        if outcome["status"] == "failed":
            # A policy may refuse a file, but not fail at its work.
            assert outcome["error"]["type"] == "PlanError", outcome
    again = vpo("process", "--format", "json", "--force", "-p", path, root)
    assert "changed" not in {outcome["status"] for outcome in again.json["files"]}, again
    assert litter(root) == []


def test_how_to_page_links_all_ten_examples() -> None:
    page = (EXAMPLES[0].parents[1] / "docs" / "how-to.md").read_text()
    assert len(EXAMPLES) == 10
    assert all(f"(../examples/{path.name})" in page for path in EXAMPLES)
