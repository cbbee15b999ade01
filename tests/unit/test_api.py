"""The public API: its names, its laziness, and its page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

import vpo
from vpo import errors
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.run import api

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


def test_a_function_can_be_replaced_in_a_test() -> None:
    with mock.patch("vpo.probe") as fake:
        assert vpo.probe is fake
    assert vpo.probe is api.probe
    before = vpo.run
    vpo.run = fake
    try:
        assert vpo.run is fake
    finally:
        vpo.run = before


@pytest.mark.parametrize("module", ["vpo.run.api", "vpo.probe.service"])
def test_a_module_is_imported_under_another_name(module: str) -> None:
    code = f"import {module} as x; assert x.__name__ == {module!r}, x"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_warning_is_not_printed_by_a_program_without_logging() -> None:
    code = "import logging, vpo; vpo.run; logging.getLogger('vpo.run').warning('private')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_probe_refuses_a_path_with_a_null_character() -> None:
    with pytest.raises(vpo.ProbeError, match="null character"):
        vpo.probe("a\0b.mkv")


def test_plan_that_only_failed_is_raised_as_its_error() -> None:
    error = vpo.PlanError("no audio would be left")
    media = MediaFile("/a.mkv", "mkv", 1)
    with pytest.raises(vpo.PlanError) as raised:
        vpo.apply(Plan(media, media, error=error))
    assert raised.value is error


@pytest.mark.parametrize("given", ["/srv/Videos", Path("/srv/Videos"), ["/srv/Videos"]])
def test_a_single_path_is_one_path(given: api.StrPath) -> None:
    assert api._paths(given) == ("/srv/Videos",)


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = "import sys, vpo; print(*(name for name in sys.modules if name.startswith('vpo.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
