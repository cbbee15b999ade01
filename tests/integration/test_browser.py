"""The pages of ``vpo serve`` in a real browser: what a person does on each, and axe's findings."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.integration.stage import LIMIT, until

pytest.importorskip("fastapi", reason="vpo serve needs the extra serve")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (make setup)")

POLICY = """\
schema_version: 13
name: films
config: {audio_languages: [jpn]}
phases:
  - name: flags
    default_flags: {}
"""
FILMS = ("a.mkv", "b <i>odd.mkv", "c.mkv")
PAGES = ("/", "/queue", "/library", "/review", "/policies", "/runs", "/system", "/api/docs")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        message = "chromium is not installed (make tools)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    playwright.expect.set_options(timeout=LIMIT * 1000)
    with playwright.sync_playwright() as started:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        found = started.chromium.launch(executable_path=program, args=options)
        yield found
        found.close()


@pytest.fixture(scope="module")
def stage(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a server's configuration, paused, with three films in its queue."""
    folder = tmp_path_factory.mktemp("browser")
    films = folder / "films"
    films.mkdir()
    for name in FILMS:
        shutil.copyfile(corpus / "multi-audio.mkv", films / name)
    (folder / "policies").mkdir()
    (folder / "policies" / "films.yaml").write_text(POLICY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "port").write_text(str(port))
    (folder / "config.toml").write_text(
        f"[serve]\nport = {port}\n[logging]\nfile = '{folder}/vpo.log'\n"
        f'[[libraries]]\nname = "Films"\nfolders = ["{films}"]\npolicy = "films"\n'
    )
    for command in (["scan", "-R", films], ["queue", "add", films], ["pause"]):
        subprocess.run(_vpo(*command), env=_environment(folder), check=True, capture_output=True)
    server = subprocess.Popen(
        _vpo("serve"), env=_environment(folder), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert server.stdout is not None
    assert b"open http" in server.stdout.readline()
    yield folder
    server.terminate()
    assert server.wait(LIMIT) == 0


def _vpo(*words: object) -> list[str]:
    return [sys.executable, "-m", "vpo", *map(str, words)]


def _environment(folder: Path) -> dict[str, str]:
    own = {"VPO_CONFIG": str(folder / "config.toml"), "VPO_DATA_DIR": str(folder / "data")}
    return {key: value for key, value in os.environ.items() if not key.startswith("VPO_")} | own


@pytest.fixture
def page(browser: Any, stage: Path) -> Iterator[Any]:
    """A page at the server; whatever the console says is a failure."""
    port = (stage / "port").read_text()
    found = browser.new_page(
        base_url=f"http://127.0.0.1:{port}", viewport={"width": 1280, "height": 900}
    )
    found.set_default_timeout(LIMIT * 1000)
    said: list[str] = []
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    yield found
    found.close()
    assert said == []


def _serious(page: Any) -> list[str]:
    """Return what axe finds that keeps people out."""
    script = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    page.evaluate(f"() => {{ {script} }}")
    found = page.evaluate("() => axe.run(document)")
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1600, "light")])
def test_pages_fit_and_axe_finds_nothing_serious(page: Any, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in (*PAGES, "/policy?new=another"):
        page.goto(path)
        assert _serious(page) == [], path
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} px wide"


def test_queue_moves_a_film_to_the_front(page: Any) -> None:
    page.goto("/queue")
    row = page.get_by_role("row").filter(has_text="c.mkv")
    row.get_by_role("button", name="To the front").click()
    first = page.locator("tbody tr").first
    playwright.expect(first).to_contain_text("c.mkv")


def test_library_filters_as_one_chooses(page: Any) -> None:
    page.goto("/library")
    playwright.expect(page.locator("#files tbody tr")).to_have_count(3)
    page.get_by_label("Name").fill("odd")
    page.get_by_label("Name").dispatch_event("change")
    playwright.expect(page.locator("#files tbody tr")).to_have_count(1)
    playwright.expect(page.locator("#files tbody")).to_contain_text("b <i>odd.mkv")


def test_file_shows_its_plan_and_is_left_alone(page: Any) -> None:
    page.goto("/library")
    page.get_by_role("link", name="c.mkv").click()
    playwright.expect(page.get_by_text("preferred audio: jpn")).to_be_visible()
    page.get_by_role("button", name="Never touch").click()
    page.get_by_role("button", name="Process it again").click()
    playwright.expect(page.get_by_role("button", name="Never touch")).to_be_visible()


def test_policy_is_checked_as_it_is_typed_and_saved(page: Any, stage: Path) -> None:
    page.goto("/policies")
    page.get_by_role("link", name="films.yaml").click()
    text = page.get_by_label("The policy")
    playwright.expect(page.locator(".lines")).to_have_text(re.compile(r"^1\n2\n3"))
    text.fill(POLICY.replace("default_flags", "default_flag"))
    text.press("End")  # fill() alone types nothing
    playwright.expect(page.locator("#check")).to_contain_text("6:5 unknown key")
    playwright.expect(page.locator(".lines .wrong")).to_have_text("6\n")
    text.fill(POLICY + "# mine\n")
    playwright.expect(page.locator("#check")).to_contain_text("Valid.")
    page.get_by_role("button", name="What would this change?").click()
    playwright.expect(page.locator("#impact")).to_contain_text("of 3 files would change")
    page.get_by_role("button", name="Save").click()
    playwright.expect(page.get_by_role("status").first).to_contain_text("Saved.")
    assert (stage / "policies" / "films.yaml").read_text() == POLICY + "# mine\n"


def test_now_follows_a_run_without_being_loaded_again(page: Any, stage: Path) -> None:
    page.goto("/")
    playwright.expect(page.locator(".notice")).to_be_visible()
    page.evaluate("() => { window.here = true; }")
    resume = subprocess.run(_vpo("resume"), env=_environment(stage), capture_output=True)
    assert resume.returncode == 0
    playwright.expect(page.get_by_role("button", name="Pause")).to_be_visible()
    playwright.expect(page.get_by_text("Nothing waits.")).to_be_visible()
    assert page.evaluate("() => window.here")
    until(lambda: _outcomes(stage) > 0, "the films were not processed")
    page.goto("/runs")
    page.locator("tbody a").first.click()
    playwright.expect(page.get_by_role("heading", level=1)).to_contain_text("Run ")


def _outcomes(stage: Path) -> int:
    command = _vpo("history", "show", "last", "--format", "csv")
    ended = subprocess.run(command, env=_environment(stage), capture_output=True, check=True)
    return len(ended.stdout.splitlines()) - 1


def test_pages_can_be_read_without_javascript(browser: Any, stage: Path) -> None:
    context = browser.new_context(
        java_script_enabled=False, base_url=f"http://127.0.0.1:{(stage / 'port').read_text()}"
    )
    page = context.new_page()
    for path in PAGES:
        assert page.goto(path).ok
        assert page.locator("h1").inner_text()
    context.close()
