"""The pages say what there is: commands, options, exit codes, JSON keys, links and snippets."""

from __future__ import annotations

import io
import json
import re
import runpy
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pytest

from vpo import errors
from vpo.cli import inspect as inspect_command
from vpo.cli import scan as scan_command
from vpo.cli.main import cli
from vpo.config.builder import build
from vpo.config.specs import specs
from vpo.db.library import Failed
from vpo.db.records import STATUSES, OutcomeRow, Run
from vpo.db.schema import STEPS
from vpo.discover import Discovery
from vpo.errors import ErrorKind
from vpo.execute.outcome import Failure, Outcome
from vpo.library.duplicates import Copy, Duplicates
from vpo.library.scan import Scan
from vpo.library.statistics import FACTS, Totals
from vpo.media.model import (
    Attachment,
    Chapter,
    Color,
    Hdr,
    Mastering,
    MediaFile,
    Track,
    media_to_json,
)
from vpo.plan.cases import parse_cases
from vpo.plan.explain import explain
from vpo.plan.model import Change, PhaseReport, Plan
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.desired_state import Reason
from vpo.policy.loader import PolicyLines, parse_policy
from vpo.policy.policy_files import PolicyFiles
from vpo.policy.policy_text import PolicyText
from vpo.probe.decoder import Damage
from vpo.probe.health import Health
from vpo.report import JSON_SCHEMA_VERSION, jsonl
from vpo.report.explain import explanation_json
from vpo.run.progress import RunningFile, RunProgress
from vpo.run.request import Request
from vpo.run.summary import Summary

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
CLI = (ROOT / "docs/cli.md").read_text("utf-8")
JSON = (ROOT / "docs/json.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text("utf-8")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page in these languages."""
    for language, text in _FENCE.findall(page.read_text("utf-8")):
        if language in languages:
            yield text


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one of its level."""
    match = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert match, f"there is no heading {title!r}"
    rest = text[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def codes(text: str) -> set[str]:
    """The first word of everything in backquotes outside fenced blocks."""
    found = re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
    return {words[0] for code in found if (words := code.split())}


def commands(
    group: click.Command = cli, names: tuple[str, ...] = ("vpo",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of the tree, with the words that call it."""
    yield names, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command
            yield from commands(command, (*names, name))


def options(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from (*parameter.opts, *parameter.secondary_opts)


TREE = dict(commands())


@pytest.mark.parametrize("names", TREE, ids=" ".join)
def test_commands_and_options_are_documented(names: tuple[str, ...]) -> None:
    text = section(CLI, " ".join(names[:2]))
    assert " ".join(names) in text or len(names) <= 2
    assert set(options(TREE[names])) <= codes(text)


@pytest.mark.parametrize("title", sorted({" ".join(names[:2]) for names in TREE}))
def test_documented_options_exist(title: str) -> None:
    known = {"-h", "--help"}
    for names, command in TREE.items():
        if " ".join(names[:2]) == title:
            known |= set(options(command))
    assert {code for code in codes(section(CLI, title)) if code.startswith("-")} <= known


def test_exit_codes_are_documented() -> None:
    known = {str(value) for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert set(re.findall(r"^\| (\d+) \|", section(CLI, "Exit codes"), re.MULTILINE)) == known


def test_environment_variables_are_documented() -> None:
    keys = [spec.key.environment for section in specs().values() for spec in section.values()]
    known = {"VPO_CONFIG", "VPO_DATA_DIR", *filter(None, keys)}
    documented = codes(section(CLI, "Environment variables"))
    assert {name for name in documented if name.startswith("VPO_")} == known


def test_statuses_are_documented() -> None:
    assert set(STATUSES) <= codes(section(CLI, "vpo process"))
    assert set(STATUSES) <= codes(section(JSON, "A file"))


def test_error_types_are_documented() -> None:
    rows = re.findall(r"^\| `(\w+Error)` \|", section(JSON, "An error"), re.MULTILINE)
    assert set(rows) == {kind.value for kind in ErrorKind} - {ErrorKind.UNEXPECTED.value}


TRACK = Track(0, "video", "hevc", color=Color("bt709"), hdr=Hdr(Mastering()))
MEDIA = MediaFile(
    "/a.mkv", "mkv", 1, tracks=(TRACK,), attachments=(Attachment(1),), chapters=(Chapter(0, 1),)
)
PLAN = Plan(
    MEDIA,
    MEDIA,
    changes=(Change(Fact(ChangeKind.TITLE, 0), "a", None, Reason("p", "o", "because")),),
    phases=(PhaseReport("policy", "p", "changed", "skip"),),
)
OUTCOME = Outcome("/a.mkv", "failed", plan=PLAN, error=Failure("PlanError", "no"))
REQUEST = Request((), PolicyFiles((), None))


def documented(title: str) -> set[str]:
    return codes(section(JSON, title))


def test_keys_of_process_are_documented() -> None:
    out = io.StringIO()
    printer = jsonl.JsonReport(out)
    printer.begin("id", REQUEST, 1, Discovery())
    printer.finished(OUTCOME)
    printer.end(Summary("id", 1))
    document: dict[str, Any] = json.loads(out.getvalue())
    (file,) = document["files"]
    assert set(document) <= documented("vpo process")
    assert set(document["summary"]) <= documented("Summary")
    assert set(file) <= documented("A file")
    assert set(file["changes"][0]) <= documented("A change")
    assert set(file["phases"][0]) <= documented("A phase")
    assert set(file["error"]) <= documented("An error")


def test_events_and_their_keys_are_documented() -> None:
    out = io.StringIO()
    printer = jsonl.JsonLinesReport(out)
    printer.note("text")
    printer.begin("id", REQUEST, 1, Discovery())
    printer.started("/a.mkv")
    printer.progress(lambda: RunProgress(0, 1, 1, 2.0, (RunningFile("/a.mkv", 0.5, 2.0),)))
    printer.end(Summary("id", 1))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*)$", section(JSON, "Events"), re.MULTILINE))
    assert {event["event"] for event in events} | {"file"} == set(rows) - {"event"}
    for event in events:
        assert set(event) - {"event"} <= codes(rows[event["event"]]), event["event"]


def test_keys_of_inspect_are_documented() -> None:
    known = documented("vpo inspect")
    data = media_to_json(MEDIA)
    for part in (
        data,
        *data["tracks"],
        *data["attachments"],
        *data["chapters"],
        data["tracks"][0]["color"],
        data["tracks"][0]["hdr"],
        data["tracks"][0]["hdr"]["mastering"],
        inspect_command._plain(Health(errors=[Damage(0, 1.0, 1.0, 1, "no")])) or {},
        Damage.__slots__,
    ):
        assert set(part) <= known


def test_keys_of_explain_are_documented() -> None:
    policy = "schema_version: 13\nphases: [{name: a, keep_subtitles: {languages: [eng]}}]"
    media = replace(MEDIA, tracks=(TRACK, Track(1, "subtitle", "subrip")))
    plan, stories = explain(parse_policy(policy, "p"), media)
    document = explanation_json("p", plan, stories, PolicyLines(PolicyText("p", policy)))
    (phase,) = document["phases"]
    (step,) = phase["steps"]
    (note,) = step["notes"]
    assert {*document, *phase, *step, *note} <= documented("vpo policy explain")


def test_keys_of_history_are_documented() -> None:
    known = documented("vpo history")
    assert {*Run._fields, *OutcomeRow._fields, "run", "runs", "files"} <= known


def test_tables_and_versions_of_the_database_are_documented() -> None:
    page = (ROOT / "docs/database.md").read_text("utf-8")
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in chain.from_iterable(STEPS):
            connection.execute(statement)
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        made = {name for (name,) in connection.execute(query)}
    rows = re.findall(r"^\| `(\w+)` \|", section(page, "What is kept"), re.MULTILINE)
    assert made == set(rows)
    assert f"at present {len(STEPS)}." in page
    assert f"\n| {len(STEPS)} |" in page


def test_schema_versions_are_the_documented_ones() -> None:
    assert f"at present {JSON_SCHEMA_VERSION}." in JSON


def test_undecodable_names_are_written_as_documented() -> None:
    path = b"/videos/na\xefve.mkv".decode("utf-8", "surrogateescape")
    printed = json.dumps({"path": jsonl.file_json(OUTCOME._replace(path=path))["path"]})
    assert printed[1:-1] in JSON


def reference() -> str:
    """The reference of the policy as its models have it."""
    made: str = runpy.run_path(str(ROOT / "scripts/reference.py"))["page"]()
    return made


def test_policy_reference_is_current() -> None:
    assert (ROOT / "docs/policy-reference.md").read_text("utf-8") == reference(), "make reference"


def manual() -> str:
    made: str = runpy.run_path(str(ROOT / "scripts/man.py"))["page"]()
    return made


def test_manual_page_is_current() -> None:
    assert (ROOT / "docs/man/vpo.1").read_text("utf-8") == manual(), "make reference"


def test_manual_page_names_every_command() -> None:
    for names in TREE:
        title = " ".join(names).replace("-", r"\-")
        assert f".SS {title} " in manual() or names == ("vpo",)


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_manual_page_has_no_groff_warnings() -> None:
    words = ["groff", "-man", "-ww", "-Tutf8", str(ROOT / "docs/man/vpo.1")]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stderr == ""


def test_every_key_of_a_policy_is_described() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert not [row for row in rows if row.endswith("|  |")]


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    titles = (title for _, title in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_pages_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_policies_in_pages_load(page: Path) -> None:
    for number, text in enumerate(blocks(page, "yaml"), 1):
        if text.startswith("- case:"):
            assert parse_cases(text, page.name)
            continue
        whole = text if "schema_version" in text else f"schema_version: 13\n{text}"
        # What a snippet extends is one of the examples.
        parse_policy(whole, str(ROOT / "examples" / f"{page.name}, snippet {number}"))


def calls(page: Path) -> Iterator[list[str]]:
    """Yield what follows ``vpo`` in the lines of shell blocks, up to a redirection or comment.

    The image of docker is called vpo, too: there, the last of the words is the command.
    """
    for text in blocks(page, "sh", "text", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True) if "vpo " in line else []
            if words[:1] == ["vpo"] or words[:2] == ["docker", "run"]:
                start = len(words) - words[::-1].index("vpo")
                ends = [n for n, word in enumerate(words) if word in (">", "|", "||")]
                yield words[start : min(ends, default=None)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_pages_parse(page: Path) -> None:
    for words in calls(page):
        parse(cli, words)


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Have click take the words without running anything."""
    if isinstance(command, click.Group):
        context = click.Context(command, parent=parent, **command.context_settings)
        _, rest, _ = command.make_parser(context).parse_args(list(words))
        if rest:
            _, found, rest = command.resolve_command(context, rest)
            assert found, words
            parse(found, rest, context)
        return
    command.make_context(command.name, list(words), parent=parent).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_named_in_the_text_exist(page: Path) -> None:
    for words in re.findall(r"`vpo ([a-z]+(?: [a-z][a-z-]*)?)", prose(page)):
        command: click.Command | None = cli
        for word in words.split():
            if isinstance(command, click.Group):
                command = command.get_command(click.Context(command), word)
        assert command, f"vpo {words}"


OTHER_PROGRAMS = {
    "docker.md": {"--cpus", "--cpuset-cpus", "--device"},
    "encoders.md": {"-b", "-q"},
}
"""Options in the text that are docker's and ffmpeg's."""


def known_options(words: list[str]) -> set[str]:
    """Return the options of the command that the words call; of all commands if they call none."""
    names: tuple[str, ...] = ()
    for end in range(1, len(words) + 1):
        names = tuple(words[:end]) if tuple(words[:end]) in TREE else names
    wanted = [TREE[names]] if names else TREE.values()
    return {"-h", "--help"}.union(*map(options, wanted))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_named_in_the_text_exist(page: Path) -> None:
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        words = code.split()
        if not words or (words[0] != "vpo" and not words[0].startswith("-")):
            continue
        found = {word for word in words if re.fullmatch(r"--[a-z][a-z-]*|-[A-Za-z]", word)}
        assert found <= known_options(words) | OTHER_PROGRAMS.get(page.name, set()), code


def test_options_that_set_a_configuration_key_exist() -> None:
    keys = [spec.key for section in specs().values() for spec in section.values()]
    assert {key.flag for key in keys if key.flag} <= known_options([])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_configuration_keys_named_in_the_text_exist(page: Path) -> None:
    for name, key in re.findall(r"`\[([a-z]+(?:\.\w+)?)\](?: (\w+))?", prose(page)):
        assert name in specs() or name == "plugins.NAME", name
        assert not key or key in specs()[name], f"[{name}] {key}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_configurations_load(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "toml")):
        if "[project]" not in text:
            path = tmp_path / f"{number}.toml"
            path.write_text(text, "utf-8")
            build({}, {"VPO_CONFIG": str(path)}, cores=4)


def test_every_module_is_in_the_table_of_the_architecture_once() -> None:
    source = ROOT / "src/vpo"
    packages = {path.parent for path in source.rglob("__init__.py")} - {source}
    modules = {path for path in source.rglob("*.py") if path.name != "__init__.py"}
    tree = [f"{path.relative_to(source).as_posix()}/" for path in packages]
    tree += [path.relative_to(source).as_posix() for path in modules]
    listed = []
    for name, names in re.findall(
        r"^\| `([\w/.]+)` \|.*\|([^|]*)\|$", section(ARCHITECTURE, "Modules"), re.MULTILINE
    ):
        listed += [name, *(f"{name}{module}.py" for module in re.findall(r"`(\w+)`", names))]
    assert sorted(listed) == sorted(tree)


def test_keys_of_scan_and_library_are_documented() -> None:
    scanned = scan_command._document(Scan(unreadable=[("/a", "no")]))
    known = documented("vpo scan")
    assert {*scanned, *scanned["summary"], *scanned["unreadable"][0]} - {"schema_version"} <= known
    records = (*Totals._fields, *Duplicates._fields, *Copy._fields, *Failed._fields)
    assert {*FACTS, *records, "duplicates", "failed", "noncompliant"} <= documented("vpo library")


def test_every_page_is_in_the_site() -> None:
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in ROOT.glob("docs/*.md"):
        assert re.search(rf"[ :]{re.escape(page.name)}$", site, re.MULTILINE), page.name


def test_pictures_show_no_paths_of_their_machine() -> None:
    for picture in sorted(ROOT.glob("docs/pictures/*.svg")):
        text = picture.read_text("utf-8")
        assert "/tmp" not in text, picture.name
        assert "/root" not in text, picture.name
