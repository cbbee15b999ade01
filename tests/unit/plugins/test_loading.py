"""Plugins as entry points of packages, and what is said of those that are no good."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from vpo.errors import ConfigError
from vpo.plugins.queries import query_plugins

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install("name", "source of its module")``: as pip would leave it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(name: str, source: str, package: str = "", entry: str = "") -> None:
        package = package or f"vpo_test_{name}"
        (tmp_path / f"{package}.py").write_text(source, "utf-8")
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[vpo.plugins]\n{name} = {entry or package}\n")

    yield put
    for module in set(sys.modules) - before:
        if module.startswith("vpo_test_"):
            del sys.modules[module]


def plugin(body: str, arguments: str = "paths, settings") -> str:
    return (
        "from vpo.plugins import ConfigError, SourceError, hookimpl\n"
        f"@hookimpl\ndef vpo_metadata({arguments}):\n    {body}\n"
    )


def fields(name: str, settings: Mapping[str, object] = {}) -> tuple[Any, list[str]]:
    return query_plugins({name: settings}, ["/a.mkv", "/b.mkv"])


def test_plugin_answers_with_fields(install: Install) -> None:
    install("one", plugin("return {paths[0]: {'x': settings['x'], 'n': None}, paths[1]: {}}"))
    assert fields("one", {"x": 1.5}) == ({"/a.mkv": {"one": {"x": 1.5}}}, [])


def test_plugin_may_be_an_object_of_a_module(install: Install) -> None:
    source = (
        "from vpo.plugins import hookimpl\n"
        "class Plugin:\n"
        "    @hookimpl\n"
        "    def vpo_metadata(self, paths):\n"
        "        return {path: {'x': True} for path in paths}\n"
        "plugin = Plugin()\n"
    )
    install("one", source, entry="vpo_test_one:plugin")
    assert fields("one")[0]["/b.mkv"] == {"one": {"x": True}}


def test_plugin_gets_only_arguments_it_names(install: Install) -> None:
    install("one", plugin("return {'/a.mkv': {'x': 'y'}}", arguments=""))
    assert fields("one") == ({"/a.mkv": {"one": {"x": "y"}}}, [])


def test_plugins_get_their_own_settings(install: Install) -> None:
    install("one", plugin("return {'/a.mkv': settings}"))
    install("two", plugin("return {'/a.mkv': settings}"))
    found, _ = query_plugins({"two": {"x": 2}, "one": {"x": 1}}, ["/a.mkv"])
    assert found == {"/a.mkv": {"two": {"x": 2}, "one": {"x": 1}}}
    assert list(found["/a.mkv"]) == ["two", "one"]


def test_answers_for_unknown_files_are_ignored(install: Install) -> None:
    install("one", plugin("return {'/c.mkv': {'x': 1}}"))
    assert fields("one") == ({}, [])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise SourceError('it sleeps')", "it sleeps"),
        ("raise RuntimeError('oh')", "the plugin failed: RuntimeError: oh"),
        ("return 5", "the plugin returned int, not a mapping"),
        ("return {'/a.mkv': 5}", "the plugin's metadata of a file is not a mapping"),
        ("return {'/a.mkv': {'x': [1]}}", "the plugin's field 'x' is a list"),
        ("return {'/a.mkv': {1: 'x'}}", "the plugin's field 1 is a str"),
    ],
)
def test_failing_plugin_is_a_warning_and_others_are_asked(
    install: Install, body: str, said: str
) -> None:
    install("bad", plugin(body))
    install("good", plugin("return {'/a.mkv': {'x': 1}}"))
    found, warnings = query_plugins({"bad": {}, "good": {}}, ["/a.mkv"])
    assert found == {"/a.mkv": {"good": {"x": 1}}}
    assert warnings == [f"bad: {said} (its metadata is unknown in this run)"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module", "cannot be loaded from vpo_test_bad: ModuleNotFoundError: "),
        ("1 / 0", "cannot be loaded from vpo_test_bad: ZeroDivisionError: division by zero"),
        ("def broken(:", "cannot be loaded from vpo_test_bad: SyntaxError: "),
        ("x = 1", "implements no hook of vpo; mark its hooks with hookimpl"),
        ("def vpo_metadata(paths): return {}", "implements no hook"),
        (plugin("return {}", "paths, media"), "is not compatible with this vpo: "),
        (
            plugin("return {}").replace("vpo_metadata", "vpo_other"),
            "is not compatible with this vpo: ",
        ),
    ],
)
def test_unusable_plugin_is_an_error(install: Install, source: str, said: str) -> None:
    install("bad", source)
    with pytest.raises(ConfigError) as error:
        fields("bad")
    assert str(error.value).startswith(f"[plugins.bad]: the plugin {said}")


def test_plugin_that_refuses_its_settings_is_an_error(install: Install) -> None:
    install("bad", plugin("raise ConfigError('color must be a color')"))
    with pytest.raises(ConfigError, match=r"^\[plugins.bad\]: color must be a color$"):
        fields("bad")


def test_missing_plugin_is_an_error_with_a_suggestion(install: Install) -> None:
    install("good", plugin("return {}"))
    with pytest.raises(ConfigError, match=r"\[plugins.gold\]: the plugin is not installed"):
        fields("gold")
    with pytest.raises(ConfigError, match="did you mean `radarr`"):
        fields("raddarr")


def test_plugin_name_in_two_packages_is_an_error(install: Install) -> None:
    install("one", plugin("return {}"), package="vpo_test_a")
    install("one", plugin("return {}"), package="vpo_test_b")
    with pytest.raises(ConfigError, match="provided by several packages: vpo_test_a, vpo_test_b"):
        fields("one")


def test_package_cannot_replace_shipped_plugin(install: Install) -> None:
    install("radarr", plugin("return {'/a.mkv': {'key': settings['api_key']}}"))
    settings = {"url": "http://127.0.0.1:9", "api_key": "k", "timeout_seconds": 1, "path_map": None}
    found, warnings = fields("radarr", settings)
    assert found == {}
    assert "127.0.0.1:9" in warnings[0]
