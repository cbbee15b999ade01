"""Builds the settings of one invocation: a flag wins over the environment, that over the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from vpo.config.loader import check_value, from_environment, read_config_file
from vpo.config.models import Config
from vpo.config.services import SERVERS
from vpo.config.specs import LIBRARIES, PLUGINS, field_of, spec, specs
from vpo.config.worker_count import DEFAULT, effective_workers, usable_cores
from vpo.errors import ConfigError, ToolMissingError


class Settings(NamedTuple):
    """The configuration and where each value came from.

    ``sources`` has the source of every ``section.key``: ``flag --workers``, ``environment
    VPO_WORKERS``, the file's path or ``default``. ``config_path`` need not exist. ``workers`` is
    the number of workers after the cap, on ``cores`` usable cores.
    """

    config: Config
    sources: Mapping[str, str]
    data_dir: Path
    config_path: Path
    workers: int
    cores: int
    warnings: tuple[str, ...] = ()

    @property
    def database_path(self) -> Path:
        """The library database, which need not exist."""
        return self.data_dir / "vpo.db"


def build(
    flags: Mapping[str, object],
    environ: Mapping[str, str] | None = None,
    cores: int | None = None,
) -> Settings:
    """Return the settings, with flags given as ``{"processing.workers": 4}`` (``None``: not given).

    Raises ``ConfigError``. ``environ`` and ``cores`` default to those of this process.
    """
    environ = os.environ if environ is None else environ
    cores = usable_cores() if cores is None else cores
    path = _path_variable(environ, "VPO_CONFIG")
    config_path = path or _default_config_path()
    in_file = read_config_file(config_path, required=path is not None)
    config, sources = _merge(
        {name: (value, str(config_path)) for name, value in in_file.items()}
        | _sourced("environment", from_environment(environ))
        | _sourced("flag", _checked(flags))
    )
    workers, warning = effective_workers(
        config.processing.workers,
        sources["processing.workers"],
        config.processing.max_workers,
        cores,
    )
    return Settings(
        config=config,
        sources=sources,
        data_dir=_path_variable(environ, "VPO_DATA_DIR") or _default_data_dir(),
        config_path=config_path,
        workers=workers,
        cores=cores,
        warnings=(warning,) if warning else (),
    )


def config_file() -> Path:
    """Return the path of the configuration file of this process, which need not exist."""
    return _path_variable(os.environ, "VPO_CONFIG") or _default_config_path()


def require_programs(settings: Settings) -> None:
    """Raise ``ToolMissingError`` for a ``[tools]`` path that is not a program, or without ionice.

    Checked before a run: falling back would run a program that the user did not choose, and a
    check at first use would fail in the middle of a night's run.
    """
    for name in ("ffmpeg", "mkvmerge", "mkvpropedit"):
        path: Path | None = getattr(settings.config.tools, name)
        if path is not None and not (path.is_file() and os.access(path, os.X_OK)):
            raise ToolMissingError(
                f"{settings.sources[f'tools.{name}']}: [tools] {name}: {path} is not a program; "
                f"correct the path, or remove the line to use the {name} on PATH"
            )
    if settings.config.processing.ionice != "normal" and not _is_installed("ionice"):
        where = settings.sources["processing.ionice"]
        raise ToolMissingError(
            f"{where}: [processing] ionice needs the program ionice; "
            "install util-linux (not available on macOS), or remove the line"
        )


def require_temporary_folder(settings: Settings) -> None:
    """Raise ``ConfigError`` for a ``temporary_folder`` that cannot be used.

    Checked before a run: else each file would fail, with the work of the run before it in vain.
    """
    folder = settings.config.files.temporary_folder
    if folder is None:
        return
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return
    problem = "is not a folder" if folder.exists() else "does not exist"
    if folder.is_dir():
        problem = "may not be written to by this user"
    raise ConfigError(
        f"{settings.sources['files.temporary_folder']}: [files] temporary_folder: {folder} "
        f"{problem}; create it, change its owner or mode, or name another folder"
    )


def _is_installed(program: str) -> bool:
    import shutil  # imported late: few configurations set ionice

    return shutil.which(program) is not None


def _sourced(source: str, values: Mapping[str, object]) -> dict[str, tuple[object, str]]:
    """Return each value with the variable or flag that set it."""
    return {
        name: (value, f"{source} {getattr(spec(name).key, source)}")
        for name, value in values.items()
    }


def _checked(flags: Mapping[str, object]) -> dict[str, object]:
    """Return the checked values of given flags; ``KeyError``, a bug, if a key has no flag."""
    values: dict[str, object] = {}
    for name, value in flags.items():
        known = spec(name)
        if not known.key.flag:
            raise KeyError(f"{name} has no flag")
        if value is not None:
            values[name] = check_value(known, value, known.key.flag)
    return values


def _merge(given: Mapping[str, tuple[object, str]]) -> tuple[Config, Mapping[str, str]]:
    """Return the configuration with these values and their sources, and defaults for the rest."""
    sources: dict[str, str] = {}
    sections: dict[str, Any] = {}
    for section, keys in specs().items():
        values: dict[str, object] = {}
        for key, known in keys.items():
            name = f"{section}.{key}"
            values[key], sources[name] = given.get(name, (known.default, DEFAULT))
        field = field_of(section)
        sections[field] = replace(getattr(Config(), field), **values)
        if field in SERVERS:
            _check_server(section, given)
    libraries: Any
    libraries, sources[LIBRARIES] = given.get(LIBRARIES, ((), DEFAULT))
    others = {name: value for name, value in given.items() if name not in sources}
    sources |= {name: source for name, (_, source) in others.items()}
    plugins: dict[str, Any] = {
        name.removeprefix(f"{PLUGINS}."): value for name, (value, _) in others.items()
    }
    _check_player(sections, sources["files.in_use"])
    return Config(**sections, libraries=libraries, plugins=plugins), MappingProxyType(sources)


def _check_player(sections: Mapping[str, Any], source: str) -> None:
    """Refuse ``[files] in_use`` with a server that is not configured."""
    name = sections["files"].in_use
    if name is not None and not (sections[name].url and sections[name].api_key):
        raise ConfigError(
            f'{source}: [files] in_use = "{name}" needs [{PLUGINS}.{name}] with url and api_key; '
            "add them, or remove the line"
        )


def _check_server(section: str, given: Mapping[str, tuple[object, str]]) -> None:
    """Refuse a server without ``url`` or ``api_key``, unless only the environment sets one.

    ``path_map`` alone is enough for the webhooks of a server that vpo itself never asks.
    """
    own = {name: source for name, (_, source) in given.items() if name.startswith(f"{section}.")}
    if set(own) == {f"{section}.path_map"} or all(
        source.startswith("environment ") for source in own.values()
    ):
        return
    for key in ("url", "api_key"):
        if f"{section}.{key}" not in own:
            where = next(source for source in own.values() if not source.startswith("environment "))
            raise ConfigError(
                f"{where}: [{section}] {key} is missing; add it, or remove the section"
            )


def _path_variable(environ: Mapping[str, str], variable: str) -> Path | None:
    """Return the absolute path in a variable; ``None`` if it is unset or empty."""
    text = environ.get(variable, "")
    if not text:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(f"environment variable {variable}: {error}") from None


def _default_config_path() -> Path:
    import platformdirs  # imported late: not needed if the environment sets the path

    return platformdirs.user_config_path("vpo", appauthor=False) / "config.toml"


def _default_data_dir() -> Path:
    import platformdirs

    return platformdirs.user_data_path("vpo", appauthor=False)
