"""Fixtures for the tests that run the whole command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ToolsOnPath
from tests.integration.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, tools_on_path: ToolsOnPath) -> Iterator[Stage]:
    """Stand-ins that record and wait; whatever still waits at the end goes on and ends."""
    folder = tmp_path / "stage"
    folder.mkdir()
    found = Stage(folder, tools_on_path)
    yield found
    found.release(*(event.name for event in found.events))
