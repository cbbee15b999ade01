"""Metadata sources, from the configuration to the file: what is asked, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tests.conftest import Library, Result, ToolsOnPath, Vpo
from tests.reading import read
from tests.servers import KEY, Server, answer, serving

FILM = "Spirited Away (2001)"
NAME = f"{FILM}/{FILM} Bluray-1080p.mkv"
STATION = "Central Station (1998)/Central Station.mkv"
POLICY = """\
schema_version: 13
phases:
  - name: originals
    keep_audio: {languages: [kor], fallback: {mode: content_language}}
    file_timestamp: {mode: release_date}
"""
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def configure(vpo: Vpo, server: Server, root: Path, kind: str = "radarr") -> None:
    theirs = {"radarr": "/movies", "sonarr": "/tv"}[kind]
    vpo.config.write_text(
        f'[plugins.{kind}]\nurl = "{server.url}"\napi_key = "{KEY}"\ntimeout_seconds = 10\n'
        f'path_map = {{ "{theirs}" = "{root}" }}\n'
    )


def speak(server: Server, *languages: str) -> None:
    """Have the films' original languages be these."""
    films = answer("movie")
    for film, language in zip(films, languages, strict=False):
        film["originalLanguage"] = {"id": 1, "name": language}
    server.put("/api/v3/movie", films)


def process(vpo: Vpo, root: Path, text: str = POLICY, *more: str) -> Result:
    return vpo("process", "-R", "-p", vpo.policy(text), *more, root)


def languages(path: Path) -> list[str]:
    return [track.language for track in read(path).of("audio")]


def day(path: Path) -> str:
    modified = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    return modified.isoformat().removesuffix("T00:00:00+00:00")


def test_radarr_gives_original_language_and_release_date(
    vpo: Vpo, library: Library, server: Server
) -> None:
    root = library(f"{NAME}=ietf.mkv", f"{STATION}=ietf.mkv")
    configure(vpo, server, root)
    speak(server, "Chinese")
    result = process(vpo, root)
    assert (result.rc, "2 changed" in result.stdout) == (0, True), result
    assert languages(root / NAME) == ["chi"]
    assert languages(root / STATION) == ["por"]
    assert (day(root / NAME), day(root / STATION)) == ("2015-06-16", "1999-07-13")


def test_second_run_asks_radarr_once_and_changes_nothing(
    vpo: Vpo, library: Library, server: Server, tools_on_path: ToolsOnPath
) -> None:
    root = library(f"{NAME}=ietf.mkv", f"{STATION}=ietf.mkv")
    configure(vpo, server, root)
    speak(server, "Chinese")
    process(vpo, root)
    asked = len(server.asked)
    tools_on_path(only=True)
    result = process(vpo, root, POLICY, "--format", "jsonl")
    assert result.rc == 0, result
    kinds = [event["event"] for event in result.jsonl]
    assert (kinds.count("file"), kinds.count("started")) == (2, 0)
    assert server.asked[asked:] == ["/api/v3/movie", "/api/v3/tag", "/api/v3/qualityprofile"]


def test_changed_metadata_invalidates_compliance_of_its_file(
    vpo: Vpo, library: Library, server: Server
) -> None:
    root = library(f"{NAME}=ietf.mkv", f"{STATION}=ietf.mkv")
    configure(vpo, server, root)
    speak(server, "Chinese", "Chinese")
    process(vpo, root)
    speak(server, "Portuguese", "Chinese")
    result = process(vpo, root, POLICY, "--format", "jsonl")
    looked_at = {event["path"] for event in result.jsonl if event["event"] == "started"}
    assert looked_at == {str((root / NAME).resolve())}
    (failed,) = [e for e in result.jsonl if e["event"] == "file" and e["status"] == "failed"]
    assert "fewer than the minimum" in failed["error"]["message"]


def test_unreachable_metadata_server_is_one_warning(
    vpo: Vpo, library: Library, server: Server
) -> None:
    root = library(f"{NAME}=ietf.mkv")
    configure(vpo, server, root)
    speak(server, "Chinese")
    process(vpo, root)
    server.put("/api/v3/movie", b"", 503)
    library(f"{STATION}=ietf.mkv")
    modified = (root / STATION).stat().st_mtime_ns
    result = process(vpo, root)
    assert result.rc == 0, result
    assert result.stderr.count("HTTP status 503") == 1
    # What complied knowing more is left alone; the new file is worked on knowing less.
    assert "1 changed" in result.stdout
    assert "1 unchanged" in result.stdout
    assert languages(root / NAME) == ["chi"]
    assert languages(root / STATION) == ["por"]
    assert (root / STATION).stat().st_mtime_ns == modified
    assert KEY not in result.stdout + result.stderr

    speak(server, "Chinese", "Portuguese (Brazil)")
    result = process(vpo, root, POLICY, "--format", "jsonl")
    looked_at = {event["path"] for event in result.jsonl if event["event"] == "started"}
    assert looked_at == {str((root / STATION).resolve())}


def test_sonarr_gives_air_date(vpo: Vpo, library: Library, server: Server) -> None:
    name = "Cowboy Bebop/Season 1/Cowboy Bebop - S01E01-E02.mkv"
    root = library(f"{name}=multi-audio.mkv")
    configure(vpo, server, root, "sonarr")
    text = POLICY.replace("release_date}", "release_date, date_source: sonarr}")
    result = process(vpo, root, text)
    assert "1 changed" in result.stdout, result
    assert day(root / name) == "1998-10-23"


def test_dry_run_uses_metadata(vpo: Vpo, library: Library, server: Server) -> None:
    root = library(f"{NAME}=ietf.mkv")
    configure(vpo, server, root)
    speak(server, "Chinese")
    result = process(vpo, root, POLICY, "--dry-run", "--format", "json")
    (file,) = result.json["files"]
    assert [change["track"] for change in file["changes"] if change["kind"] == "remove"] == [1, 2]


@pytest.mark.parametrize("configured", [True, False])
def test_run_without_metadata_conditions_imports_no_plugin(
    vpo: Vpo, library: Library, server: Server, configured: bool
) -> None:
    root = library(f"{NAME}=ietf.mkv")
    text = POLICY
    if configured:
        configure(vpo, server, root)
        text = "schema_version: 13\nphases: [{name: a, keep_audio: {languages: [por]}}]\n"
    policy = vpo.policy(text)
    result = vpo("process", "-R", "-p", policy, root, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "1 changed" in result.stdout
    imported = set(re.findall(r"\| +([\w.]+)$", result.stderr, re.MULTILINE))
    assert "vpo.plan.evaluate" in imported
    assert not imported & {
        "pluggy",
        "vpo.plugins.interface",
        "urllib.request",
        "http.client",
        "ssl",
    }
    assert server.asked == []


def example(folder: Path) -> None:
    """The plugin of the documentation, as pip would leave it."""
    text = (DOCS / "plugins.md").read_text("utf-8")
    (source,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (entry,) = re.findall(r'^\[project.entry-points."vpo.plugins"\]\n(\w+) = "(\w+)"$', text, re.M)
    name, module = entry
    (folder / f"{module}.py").write_text(source, "utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[vpo.plugins]\n{name} = {module}\n")


def test_documented_plugin_example_works(vpo: Vpo, library: Library, tmp_path: Path) -> None:
    root = library("A Film (1999).mkv=ietf.mkv", "Another.mkv=ietf.mkv")
    site = tmp_path / "site"
    site.mkdir()
    example(site)
    modified = (root / "Another.mkv").stat().st_mtime_ns
    env = {"PYTHONPATH": str(site)}
    policy = vpo.policy(POLICY)

    vpo.config.write_text("[plugins.year]\n")
    result = vpo("process", "-p", policy, root, env=env)
    assert "2 changed" in result.stdout, result
    assert day(root / "A Film (1999).mkv") == "1999-01-01"
    assert (root / "Another.mkv").stat().st_mtime_ns == modified

    vpo.config.write_text('[plugins.year]\npattern = "("\n')
    result = vpo("process", "-p", policy, root, env=env)
    assert result.rc == 2
    assert "[plugins.year]: pattern is not a regular expression" in result.stderr


def test_missing_plugin_ends_run_before_any_work(vpo: Vpo, library: Library) -> None:
    path = library("ietf.mkv") / "ietf.mkv"
    before = path.read_bytes(), path.stat().st_mtime_ns
    vpo.config.write_text("[plugins.yaer]\n")
    result = vpo("process", "-p", vpo.policy(POLICY), path)
    assert result.rc == 2
    assert "[plugins.yaer]: the plugin is not installed" in result.stderr
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


RULES = """\
schema_version: 13
phases:
  - name: rules
    rules:
      match: all
      items:
        - name: anime
          when: '"Animation" in plugin(radarr, genres) and not is_original()'
          then: [{warn: "{filename} lacks the original"}]
        - name: language
          when: {plugin_metadata: {field: tags, operator: contains, value: keep-original}}
          then:
            - set_language:
                track_type: video
                from_plugin_metadata: original_language
"""


def test_rules_can_test_metadata(vpo: Vpo, library: Library, server: Server) -> None:
    root = library(f"{NAME}=ietf.mkv", f"{STATION}=ietf.mkv")
    configure(vpo, server, root)
    result = process(vpo, root, RULES, "--format", "json")
    files = {Path(file["path"]).name: file for file in result.json["files"]}
    film, station = files[Path(NAME).name], files[Path(STATION).name]
    assert film["status"] == "changed", film
    assert any("lacks the original" in text for text in film["warnings"])
    assert [track.language for track in read(root / NAME).of("video")] == ["jpn"]
    assert (station["status"], station["warnings"]) == ("unchanged", [])


def test_policy_explain_uses_metadata(vpo: Vpo, library: Library, server: Server) -> None:
    root = library(f"{NAME}=ietf.mkv")
    configure(vpo, server, root)
    result = vpo("policy", "explain", vpo.policy(RULES), root / NAME)
    assert result.rc == 0, result
    assert "lacks the original" in result.stdout
    assert server.asked[0] == "/api/v3/movie"
