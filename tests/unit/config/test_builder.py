"""Who wins, and who is said to have won."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vpo.config.builder import build
from vpo.config.models import Config
from vpo.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.touch()
    return path


def test_build_uses_defaults_when_nothing_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    settings = build({}, environ={}, cores=8)
    assert settings.config == Config()
    assert set(settings.sources.values()) == {"default"}
    assert settings.sources.keys() >= {"processing.workers", "logging.file"}
    assert settings.config_path.name == "config.toml"
    assert settings.config_path.parent.name == settings.data_dir.name == "vpo"
    assert tmp_path in settings.config_path.parents
    assert tmp_path in settings.data_dir.parents
    assert (settings.workers, settings.cores, settings.warnings) == (2, 8, ())


@pytest.mark.parametrize(
    ("flag", "variable", "key", "workers", "source"),
    [
        (5, "4", "3", 5, "flag --workers"),
        (None, "4", "3", 4, "environment VPO_WORKERS"),
        (None, None, "3", 3, "{path}"),
        (None, None, None, 2, "default"),
        (5, None, "3", 5, "flag --workers"),
        (5, "4", None, 5, "flag --workers"),
    ],
)
def test_build_prefers_flag_over_environment_over_file(
    path: Path, flag: int | None, variable: str | None, key: str | None, workers: int, source: str
) -> None:
    if key:
        path.write_text(f"[processing]\nworkers = {key}\n")
    environ = {"VPO_CONFIG": str(path)} | ({"VPO_WORKERS": variable} if variable else {})
    settings = build({"processing.workers": flag}, environ, cores=64)
    assert settings.config.processing.workers == settings.workers == workers
    assert settings.sources["processing.workers"] == source.format(path=path)
    assert settings.warnings == ()


def test_build_merges_keys_of_one_section(path: Path) -> None:
    path.write_text('[logging]\nformat = "json"\n')
    environ = {"VPO_CONFIG": str(path), "VPO_LOG_LEVEL": "debug"}
    settings = build({}, environ, cores=2)
    assert (settings.config.logging.format, settings.config.logging.level) == ("json", "debug")
    assert settings.sources["logging.format"] == str(path)
    assert settings.sources["logging.level"] == "environment VPO_LOG_LEVEL"
    assert settings.sources["logging.file"] == "default"


def test_build_refuses_wrong_value_even_if_overridden(path: Path) -> None:
    path.write_text("[processing]\nworkers = 0\n")
    with pytest.raises(ConfigError, match=r"config\.toml:2: \[processing\] workers: expected"):
        build({"processing.workers": 1}, {"VPO_CONFIG": str(path)}, cores=2)


def test_build_reduces_workers_to_max_workers(path: Path) -> None:
    path.write_text("[processing]\nmax_workers = 3\n")
    settings = build({"processing.workers": 9}, {"VPO_CONFIG": str(path)}, cores=64)
    assert settings.workers == 3
    assert settings.config.processing.workers == 9
    (warning,) = settings.warnings
    assert "9 workers" in warning
    assert "running 3" in warning
    assert "flag --workers" in warning


def test_build_refuses_wrong_flag(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--workers: .* expected a whole number of at least 1"):
        build({"processing.workers": 0}, {"VPO_CONFIG": str(path)}, cores=2)


def test_build_refuses_flag_for_key_without_one(path: Path) -> None:
    with pytest.raises(KeyError, match="max_workers"):
        build({"processing.max_workers": 9}, {"VPO_CONFIG": str(path)}, cores=2)


def test_build_refuses_missing_file_named_by_environment(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        build({}, {"VPO_CONFIG": str(tmp_path / "none.toml")}, cores=2)


def test_build_makes_paths_absolute(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    settings = build({}, {"VPO_CONFIG": "config.toml", "VPO_DATA_DIR": "data"}, cores=2)
    assert settings.config_path == path
    assert settings.data_dir == path.parent / "data"
    home = build({}, {"VPO_CONFIG": str(path), "VPO_DATA_DIR": "~/x"}, cores=2)
    assert home.data_dir == Path.home() / "x"


def test_build_refuses_unknown_home(path: Path) -> None:
    with pytest.raises(ConfigError, match="environment variable VPO_DATA_DIR"):
        build({}, {"VPO_CONFIG": str(path), "VPO_DATA_DIR": "~nobody-of-that-name/x"}, cores=2)


def test_build_ignores_empty_variables(path: Path) -> None:
    environ = {"VPO_CONFIG": str(path), "VPO_DATA_DIR": "", "VPO_WORKERS": ""}
    settings = build({}, environ, cores=2)
    assert settings.data_dir.name == "vpo"
    assert settings.sources["processing.workers"] == "default"


def test_build_counts_cores_of_this_process_by_default() -> None:
    assert build({}).cores >= 1


def test_builder_imports_nothing_slow(path: Path) -> None:
    code = (
        "import sys; from vpo.config.builder import build; slow = {'pydantic', 'platformdirs',"
        " 'tomllib', 'difflib'};"
        f"build({{}}, {{'VPO_CONFIG': {str(path)!r}, 'VPO_DATA_DIR': '/x'}}, 1);"
        "sys.exit(' '.join(slow & {*sys.modules}) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SERVER = '[plugins.radarr]\nurl = "http://localhost:7878/"\napi_key = "abc"\n'


def test_build_reads_server_section(path: Path) -> None:
    path.write_text(SERVER + 'path_map = { "/movies" = "/mnt/movies", "D:\\\\TV" = "/tv" }\n')
    server = build({}, {"VPO_CONFIG": str(path)}).config.radarr
    assert (server.url, server.api_key) == ("http://localhost:7878", "abc")
    assert server.path_map == {"/movies": "/mnt/movies", "D:\\TV": "/tv"}


def test_build_reads_api_keys_from_environment(path: Path) -> None:
    environ = {"VPO_CONFIG": str(path), "VPO_RADARR_API_KEY": "xyz", "VPO_SONARR_API_KEY": "uvw"}
    assert build({}, environ).config.radarr.url is None
    path.write_text('[plugins.radarr]\nurl = "https://nas"\n')
    settings = build({}, environ)
    assert settings.config.radarr.api_key == "xyz"
    assert settings.sources["plugins.radarr.api_key"] == "environment VPO_RADARR_API_KEY"


def test_build_keeps_sections_of_other_plugins(path: Path) -> None:
    path.write_text('[plugins.b]\nx = [1, "y"]\n[plugins.a]\n[plugins.a.z]\nv = 1.5\n')
    settings = build({}, {"VPO_CONFIG": str(path)})
    assert settings.config.plugins == {"b": {"x": [1, "y"]}, "a": {"z": {"v": 1.5}}}
    assert list(settings.config.plugins) == ["b", "a"]
    assert settings.sources["plugins.b"] == str(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[plugins.radarr]\nurl = "http://nas"\n', "[plugins.radarr] api_key is missing"),
        ('[plugins.sonarr]\napi_key = "abc"\n', "[plugins.sonarr] url is missing"),
        ("[plugins.sonarr]\ntimeout_seconds = 5\n", "[plugins.sonarr] url is missing"),
        ('[plugins.radarr]\nurl = "nas:7878"\n', 'url: expected a URL like "http://local'),
        ('[plugins.radarr]\nurl = "file:///etc"\n', "url: expected a URL"),
        ('[plugins.radarr]\nurl = "http://nas:x"\n', "url: expected a URL"),
        ('[plugins.radarr]\nurl = "http://nas/?k=v"\n', "url: expected a URL"),
        ('[plugins.radarr]\nurl = "http://me:pw@nas"\n', "url: a URL with a user or a passw"),
        ('[plugins.radarr]\npath_map = {"a" = "/b"}\n', 'path_map: "a" is not an absolute path'),
        ('[plugins.radarr]\npath_map = "/a"\n', "path_map: expected a table like"),
        ("[plugins.radarr]\ntimeout_seconds = 0\n", "timeout_seconds: expected a whole number"),
        ("[plugins.radarr]\nkey = 1\n", "[plugins.radarr] has no key key"),
        ("[plugins]\nx = 1\n", "write [plugins.x] as a section of its own"),
        ("plugins = 1\n", "write a section [plugins.NAME] for each plugin"),
    ],
)
def test_build_refuses_wrong_plugin_settings(path: Path, text: str, said: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        build({}, {"VPO_CONFIG": str(path)})
    assert said in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("key", ['"s3cret\\n"', '"s3cret s3cret"', '["s3cret"]', '"s3crét"'])
def test_build_error_does_not_repeat_wrong_secret(path: Path, key: str) -> None:
    path.write_text(f"[plugins.radarr]\napi_key = {key}\n")
    with pytest.raises(ConfigError, match="api_key: expected") as error:
        build({}, {"VPO_CONFIG": str(path)})
    assert "s3cr" not in str(error.value)


def test_path_map_of_a_server_needs_no_url(tmp_path: Path) -> None:
    """It is all that webhooks need."""
    path = tmp_path / "config.toml"
    path.write_text('[plugins.sonarr]\npath_map = { "/tv" = "/media/tv" }\n')
    found = build({}, {"VPO_CONFIG": str(path)}, 2).config.sonarr
    assert (found.path_map, found.url) == ({"/tv": "/media/tv"}, None)
