"""The configuration's sections and keys, each key with its type, documentation and default.

The loader checks values, the builder finds environment variables and flags, and a test checks
``docs/configuration.md``, all by these annotations.
"""

from __future__ import annotations

import collections.abc
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NewType,
    get_args,
    get_origin,
    get_type_hints,
)

from vpo.config.defaults import STALL_SECONDS
from vpo.config.hours import span

Level = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Keep = Literal["none", "trash"]
NotifyOn = Literal["failure", "change", "always"]
IoClass = Literal["normal", "low", "idle"]
HardLinks = Literal["replace", "skip", "edit"]
VerifyMode = Literal["full", "quick"]
DamagedMode = Literal["refuse", "salvage"]
Size = NewType("Size", int)
"""Bytes; written ``"10GB"``, ``"700MiB"`` or as a number."""
Seconds = NewType("Seconds", float)
"""Seconds; written ``"90s"``, ``"1h30m"`` or as a number."""


class Key(NamedTuple):
    """What the annotation of a key holds besides its type.

    ``environment`` and ``flag`` are its environment variable and command-line flag; ``each``
    normalises every text of the value or raises ``ValueError``. A ``secret`` is never shown.
    """

    doc: str
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    environment: str = ""
    flag: str = ""
    each: Callable[[str], str] | None = None
    secret: bool = False


def _extension(text: str) -> str:
    """Return ``mkv`` for ``.MKV`` and ``mkv``."""
    extension = text.lower().removeprefix(".")
    if not extension or "/" in extension or extension != extension.strip():
        raise ValueError(f'"{text}" is not a file name extension')
    return extension


def _span(text: str) -> str:
    """Return the text if it is a valid time span."""
    span(text)
    return text


_VIDEO = "3g2 3gp asf avi divx dv f4v flv m2ts m4v mk3d mkv mov mp4 mpeg mpg mts mxf ogm ogv rm"
VIDEO_EXTENSIONS = (*_VIDEO.split(), "rmvb", "ts", "vob", "webm", "wmv", "wtv")


@dataclass(frozen=True, slots=True)
class Processing:
    """How many files are processed at the same time, when, and at which priority."""

    workers: Annotated[
        int,
        Key(
            "Files processed at the same time.",
            minimum=1,
            unit="files",
            environment="VPO_WORKERS",
            flag="--workers",
        ),
    ] = 2
    max_workers: Annotated[
        int | None,
        Key(
            "The maximum number of workers; higher requests are reduced to it."
            " Unset: half of the cores that vpo may use, at least 1.",
            minimum=1,
            unit="files",
        ),
    ] = None
    hardware_sessions: Annotated[
        int,
        Key(
            "Hardware encodes at the same time; further ones wait. Many devices refuse more than"
            " two or three.",
            minimum=1,
            unit="encodes",
        ),
    ] = 2
    nice: Annotated[
        int,
        Key(
            "CPU priority of the tools, as for the program `nice`: 0 is normal, 19 the lowest.",
            minimum=0,
            maximum=19,
        ),
    ] = 0
    ionice: Annotated[
        IoClass,
        Key(
            "Disk priority of the tools (Linux): `low` is below other programs; `idle` runs only"
            " when the disk is idle."
        ),
    ] = "normal"
    hours: Annotated[
        tuple[str, ...] | None,
        Key(
            'When files may start, in local time: spans such as `"22:00-07:00"` and'
            ' `"Sat-Sun 00:00-24:00"`. Files in progress at the end are completed. Unset: always.',
            each=_span,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """The tools that vpo runs."""

    ffmpeg: Annotated[
        Path | None, Key("The ffmpeg program. Unset: the one on PATH, then the bundled one.")
    ] = None
    mkvmerge: Annotated[Path | None, Key("The mkvmerge program. Unset: the one on PATH.")] = None
    mkvpropedit: Annotated[Path | None, Key("The mkvpropedit program. Unset: the one on PATH.")] = (
        None
    )
    stall_seconds: Annotated[
        int,
        Key(
            "A tool that makes no progress for this long is ended, and its file fails.",
            minimum=1,
            unit="seconds",
        ),
    ] = STALL_SECONDS


@dataclass(frozen=True, slots=True)
class Files:
    """Which files are processed, and which of their attributes are kept."""

    extensions: Annotated[
        tuple[str, ...],
        Key(
            "The file name extensions of videos, in upper or lower case."
            " Other files in a folder are ignored.",
            each=_extension,
        ),
    ] = VIDEO_EXTENSIONS
    preserve_mtime: Annotated[bool, Key("Keep the modification time of a changed file.")] = True
    min_age: Annotated[
        Seconds,
        Key(
            "Skip files that were modified within this time: they may still be being written."
            " If the modification time is in the future, the time of the last change of the inode"
            " counts."
            " Files that another program has open for writing are always skipped."
        ),
    ] = Seconds(0)
    hardlinks: Annotated[
        HardLinks,
        Key(
            "What to do with a file that has other hard links, such as a download that is shared:"
            " `skip` it; `replace` it by a new file, so that the other links keep the old content"
            " and both need their room; or `edit` it in place, for all links, if only its header"
            " changes (else as `replace`)."
        ),
    ] = "skip"
    keep_free: Annotated[
        Size, Key("Space that is always left free on a file system.", unit="bytes")
    ] = Size(0)
    temporary_folder: Annotated[
        Path | None,
        Key(
            "The folder for results until they are verified; on the same file system as the"
            " library. Unset: that of the original."
        ),
    ] = None
    verify: Annotated[
        VerifyMode,
        Key(
            "How a result is verified before it replaces the original: `full` reads every packet of"
            " both files; `quick` compares tracks, counts and end times, and does not notice a"
            " damaged original."
        ),
    ] = "full"
    damaged: Annotated[
        DamagedMode,
        Key(
            "What to do with a file that is damaged or incomplete: `refuse` it, or `salvage` what"
            " can be read and keep the original for `vpo undo`.",
            flag="--salvage",
        ),
    ] = "refuse"


@dataclass(frozen=True, slots=True)
class Originals:
    """Whether and how long the originals of changed files are kept."""

    keep: Annotated[
        Keep,
        Key(
            "What is kept for `vpo undo`: nothing, or the original, in a hidden folder next to it"
            " (for a header edit, only the bytes that changed)."
        ),
    ] = "none"
    days: Annotated[
        int, Key("Kept originals are deleted after this time.", minimum=1, unit="days")
    ] = 30
    max_size: Annotated[
        Size | None,
        Key(
            "Above this total size, the oldest kept originals are deleted. Unset: no limit.",
            unit="bytes",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Logging:
    """What is logged, where, and in which format."""

    level: Annotated[
        Level, Key("The lowest level that is logged.", environment="VPO_LOG_LEVEL")
    ] = "warning"
    file: Annotated[
        Path | None, Key("The log file, which is appended to. Unset: standard error.")
    ] = None
    format: Annotated[LogFormat, Key("Each message as a line of text, or as a JSON object.")] = (
        "text"
    )


def _folder(text: str) -> str:
    """Return the text if it is an absolute path on any system."""
    if not text.startswith("/") and not re.match(r"[A-Za-z]:[\\/]|\\\\", text):
        raise ValueError(f'"{text}" is not an absolute path')
    return text


@dataclass(frozen=True, slots=True)
class Cluster:
    """This machine in a cluster."""

    require_tls: Annotated[
        bool,
        Key(
            "Whether a scheduler on another machine is used only over TLS. Without it, whoever can"
            " reach the scheduler can run programs on all machines of the cluster."
        ),
    ] = True
    path_map: Annotated[
        Mapping[str, str] | None,
        Key(
            "Folders of the machine that runs `vpo process` and their paths on this machine, if"
            " they differ.",
            each=_folder,
        ),
    ] = None


def _server(text: str) -> str:
    """Return the URL of an HTTP server, without a slash at its end."""
    from urllib.parse import urlsplit  # imported late: most configurations name no server

    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError('expected a URL like "http://localhost:7878"')
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL with a user or a password would be shown in messages; remove them")
    return text.rstrip("/")


def _secret(text: str) -> str:
    """Return the text if it fits into an HTTP header; the message does not repeat it."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("expected letters, digits and punctuation without spaces")
    return text


_SETTINGS = "The API key (Settings, General)"


@dataclass(frozen=True, slots=True)
class Server:
    """A media server; it is used only if it has a ``url``."""

    url: Annotated[
        str | None, Key("The server's URL, with the URL base if it has one.", each=_server)
    ] = None
    timeout_seconds: Annotated[
        int, Key("The time limit for each response.", minimum=1, unit="seconds")
    ] = 30
    path_map: Annotated[
        Mapping[str, str] | None,
        Key("The server's folders and their paths on this machine, if they differ.", each=_folder),
    ] = None


_RESCAN = "Have the server rescan the folders in which files were changed."


def _api_key(doc: str, environment: str) -> Key:
    return Key(
        f"{doc}. It is sent to this server only, and never shown.",
        each=_secret,
        environment=environment,
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class Radarr(Server):
    """A Radarr server, for the metadata of films."""

    api_key: Annotated[str | None, _api_key(_SETTINGS, "VPO_RADARR_API_KEY")] = None
    rescan: Annotated[bool, Key(_RESCAN)] = False


@dataclass(frozen=True, slots=True)
class Sonarr(Server):
    """A Sonarr server, for the metadata of series and episodes."""

    api_key: Annotated[str | None, _api_key(_SETTINGS, "VPO_SONARR_API_KEY")] = None
    rescan: Annotated[bool, Key(_RESCAN)] = False


@dataclass(frozen=True, slots=True)
class Jellyfin(Server):
    """A Jellyfin server, which rescans the folders in which files were changed."""

    api_key: Annotated[
        str | None, _api_key("An API key (Dashboard, API Keys)", "VPO_JELLYFIN_API_KEY")
    ] = None


@dataclass(frozen=True, slots=True)
class Plex(Server):
    """A Plex server, which rescans the folders in which files were changed."""

    api_key: Annotated[str | None, _api_key("The token (X-Plex-Token)", "VPO_PLEX_TOKEN")] = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Notifications about runs, by any service that Apprise supports."""

    urls: Annotated[
        tuple[str, ...] | None,
        Key(
            'The URLs that Apprise sends to, such as `"ntfy://ntfy.sh/topic"`; never shown. In the'
            " variable, separate them with spaces.",
            each=_secret,
            environment="VPO_NOTIFY_URLS",
            secret=True,
        ),
    ] = None
    on: Annotated[
        NotifyOn,
        Key(
            "Which runs are reported: those with a failure, those that changed a file or failed, or"
            " all."
        ),
    ] = "failure"


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; every section and every key is optional in the file.

    ``plugins`` holds the sections ``[plugins.NAME]`` of third-party plugins, unchecked.
    """

    processing: Processing = Processing()
    tools: ToolSettings = ToolSettings()
    files: Files = Files()
    originals: Originals = Originals()
    logging: Logging = Logging()
    cluster: Cluster = Cluster()
    radarr: Radarr = Radarr()
    sonarr: Sonarr = Sonarr()
    jellyfin: Jellyfin = Jellyfin()
    plex: Plex = Plex()
    notify: Notify = Notify()
    plugins: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


PLUGINS = "plugins"
"""The section whose subsections configure the plugins."""
SERVERS = ("radarr", "sonarr", "jellyfin", "plex")
"""The shipped plugins that use a server."""
SHIPPED = (*SERVERS, "notify")
"""The plugins that are part of vpo; they are fields of ``Config``."""


class Spec(NamedTuple):
    """The definition of one key.

    ``kind`` is its type, without the ``None`` of an optional one; ``section`` is the section's
    name in the file.
    """

    section: str
    name: str
    kind: Any
    default: object
    key: Key

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed values; empty if they are not a fixed set."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def expected(self) -> str:
        """The description of a valid value, for messages and documentation."""
        if self.choices:
            return " or ".join(f'"{choice}"' for choice in self.choices)
        if self.key.maximum is not None:
            return f"a whole number from {self.key.minimum} to {self.key.maximum}"
        if self.key.minimum is not None:
            return f"a whole number of at least {self.key.minimum}"
        return _EXPECTED[get_origin(self.kind) or self.kind]


_EXPECTED = MappingProxyType(
    {
        int: "a whole number",
        bool: "true or false",
        str: "a string in quotes",
        Size: 'a size like "10GB" or "700MiB"',
        Seconds: 'a time like "90s" or "1h30m"',
        Path: "a path in quotes",
        tuple: "a list of strings, with at least one",
        collections.abc.Mapping: 'a table like { "/theirs" = "/ours" }',
    }
)


@cache
def specs() -> Mapping[str, Mapping[str, Spec]]:
    """Return every key by section and name, in the order of the models."""
    models = get_type_hints(Config)
    del models[PLUGINS]
    names = {f"{PLUGINS}.{name}" if name in SHIPPED else name: name for name in models}
    return MappingProxyType({full: _section(full, models[name]) for full, name in names.items()})


def spec(name: str) -> Spec:
    """Return the key of a full name, as in ``processing.workers``."""
    section, _, key = name.rpartition(".")
    return specs()[section][key]


def field_of(section: str) -> str:
    """Return the field of ``Config`` that holds a section."""
    return section.removeprefix(f"{PLUGINS}.")


def _section(section: str, model: Any) -> Mapping[str, Spec]:
    hints = get_type_hints(model, include_extras=True)
    defaults = {item.name: item.default for item in fields(model)}
    found = {name: get_args(hint) for name, hint in hints.items()}
    return MappingProxyType(
        {
            name: Spec(section, name, _kind(hint), defaults[name], key)
            for name, (hint, key) in found.items()
        }
    )


def _kind(hint: Any) -> Any:
    """Return the type without ``None``."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(hint) else hint
