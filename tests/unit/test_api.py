"""The public API: its names, its laziness, and its page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import vpo
from vpo import errors

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")


@pytest.mark.parametrize("name", vpo.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(vpo, name) is not None
    assert re.search(rf"`(?:vpo\.)?{name}\b", PAGE) or f"vpo.{name}" in PAGE


def test_every_error_of_a_file_is_public_but_those_of_clusters() -> None:
    kinds = {kind.__name__ for kind in errors.FileError.__subclasses__()}
    assert kinds - {"NodeLostError"} <= set(vpo.__all__)


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'discovery'"):
        vpo.discovery  # noqa: B018


def test_functions_are_not_hidden_by_packages_of_the_same_name() -> None:
    import vpo.probe.service
    import vpo.run.coordinator

    assert callable(vpo.probe) and callable(vpo.run)


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = "import sys, vpo; print(*(name for name in sys.modules if name.startswith('vpo.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
