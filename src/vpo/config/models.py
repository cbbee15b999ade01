"""The configuration: its sections, and what is known of every key.

A key is one annotation: its type, its documentation and its default. The loader checks values, the
builder finds environment variables and flags, and ``docs/configuration.md`` is held complete,
all from these annotations.
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

from vpo.config.hours import span

Level = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Keep = Literal["none", "trash"]
NotifyOn = Literal["failure", "change", "always"]
IoClass = Literal["normal", "low", "idle"]
HardLinks = Literal["replace", "skip", "edit"]
ByteSize = NewType("ByteSize", int)
"""Bytes, in the file as ``"10GB"``, ``"700MiB"`` or a number."""
Seconds = NewType("Seconds", float)
"""Seconds, in the file as ``"90s"``, ``"1h30m"`` or a number."""


class Key(NamedTuple):
    """What a key's annotation says of it beside its type.

    ``environment`` and ``flag`` name other ways to set it; ``each`` turns every text of the value
    into its normal form or raises ``ValueError``. A value that is ``secret`` is never shown.
    """

    doc: str
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    environment: str = ""
    flag: str = ""
    each: Callable[[str], str] | None = None
    secret: bool = False


def _suffix(text: str) -> str:
    """``.MKV`` and ``mkv`` are both ``mkv``."""
    suffix = text.lower().removeprefix(".")
    if not suffix or "/" in suffix or suffix != suffix.strip():
        raise ValueError(f'"{text}" is not the suffix of a file name')
    return suffix


def _span(text: str) -> str:
    """A span of hours, as it is written."""
    span(text)
    return text


_VIDEO = "3g2 3gp asf avi divx f4v flv m2ts m4v mk3d mkv mov mp4 mpeg mpg mts ogm ogv"
VIDEO_EXTENSIONS = (*_VIDEO.split(), "ts", "vob", "webm", "wmv")


@dataclass(frozen=True, slots=True)
class Processing:
    """How many files are worked on at the same time, when, and how far others go first."""

    workers: Annotated[
        int,
        Key(
            "Files worked on at the same time.",
            minimum=1,
            unit="files",
            environment="VPO_WORKERS",
            flag="--workers",
        ),
    ] = 2
    max_workers: Annotated[
        int | None,
        Key(
            "The most workers that run, whoever asks for more."
            " Unset: half of the cores that vpo may use, at least 1.",
            minimum=1,
            unit="files",
        ),
    ] = None
    hardware_sessions: Annotated[
        int,
        Key(
            "Encodes that use hardware at the same time; further ones wait. Many devices refuse"
            " more than two or three.",
            minimum=1,
            unit="encodes",
        ),
    ] = 2
    nice: Annotated[
        int,
        Key(
            "How far the programs that vpo runs stand back behind others for the processor, from 0,"
            " not at all, to 19.",
            minimum=0,
            maximum=19,
        ),
    ] = 0
    ionice: Annotated[
        IoClass,
        Key(
            "How far they stand back for the disk (Linux): `low` behind others, `idle` until nobody"
            " else wants anything of it."
        ),
    ] = "normal"
    hours: Annotated[
        tuple[str, ...] | None,
        Key(
            'When work on a file may begin, local time: spans such as `"22:00-07:00"` and'
            ' `"Sat-Sun 00:00-24:00"`. What has begun by their end is completed. Unset: always.',
            each=_span,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """The programs that vpo runs."""

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
            "A program without progress for this long is ended, and its file has failed.",
            minimum=1,
            unit="seconds",
        ),
    ] = 120


@dataclass(frozen=True, slots=True)
class Files:
    """Which files are worked on, and what they keep."""

    extensions: Annotated[
        tuple[str, ...],
        Key(
            "The suffixes of video files, in upper or lower case."
            " Other files in a folder are left alone.",
            each=_suffix,
        ),
    ] = VIDEO_EXTENSIONS
    preserve_mtime: Annotated[bool, Key("A changed file keeps its modification time.")] = True
    min_age: Annotated[
        Seconds,
        Key(
            "A file that was modified within this time is skipped: it may still be on its way here."
            " Files that another program has open for writing are skipped anyway."
        ),
    ] = Seconds(0)
    hardlinks: Annotated[
        HardLinks,
        Key(
            "A file with further hard links is copied and replaced, so that the other names keep"
            " the old content; skipped; or edited in place, for all names, where only its header"
            " changes."
        ),
    ] = "replace"
    keep_free: Annotated[
        ByteSize,
        Key("Room that is left free on a file system, whatever there is to do.", unit="bytes"),
    ] = ByteSize(0)
    temporary_folder: Annotated[
        Path | None,
        Key(
            "Where results are written before they are checked; on the same file system as the"
            " library. Unset: beside the original."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Originals:
    """What becomes of the originals of changed files."""

    keep: Annotated[
        Keep,
        Key(
            "What `vpo undo` needs to put a file back as it was: nothing is kept, or the original"
            " goes into a hidden folder beside it (of a header edit, only the bytes that changed)."
        ),
    ] = "none"
    days: Annotated[int, Key("Kept originals go after this time.", minimum=1, unit="days")] = 30
    max_size: Annotated[
        ByteSize | None,
        Key("Above this size of all kept originals, the oldest go. Unset: no limit.", unit="bytes"),
    ] = None


@dataclass(frozen=True, slots=True)
class Logging:
    """What is logged, where and how."""

    level: Annotated[
        Level,
        Key(
            "The least important messages that are logged.",
            environment="VPO_LOG_LEVEL",
            flag="--log-level",
        ),
    ] = "warning"
    file: Annotated[
        Path | None, Key("The file that messages are appended to. Unset: standard error.")
    ] = None
    format: Annotated[LogFormat, Key("One line of text a message, or one JSON object.")] = "text"


def _folder(text: str) -> str:
    """The absolute path of a folder on some machine."""
    if not text.startswith("/") and not re.match(r"[A-Za-z]:[\\/]|\\\\", text):
        raise ValueError(f'"{text}" is not an absolute path')
    return text


@dataclass(frozen=True, slots=True)
class Cluster:
    """This machine as a node of a cluster."""

    path_map: Annotated[
        Mapping[str, str] | None,
        Key(
            "Where the folders of the machine that runs `vpo process` are on this one, if it sees"
            " the library under other paths.",
            each=_folder,
        ),
    ] = None


def _server(text: str) -> str:
    """The address of an HTTP server, without a slash at its end."""
    from urllib.parse import urlsplit  # late: most configurations name no server

    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError('expected an address like "http://localhost:7878"')
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "an address with a user or a password in it would be shown; leave them out"
        )
    return text.rstrip("/")


def _secret(text: str) -> str:
    """What goes into a header of HTTP; the message does not repeat it."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("expected letters, digits and signs without a space")
    return text


_API_KEY = "Its API key: Settings, General. It is sent to this server only, and never shown."


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is asked what it knows; it is only if there is a ``url``."""

    url: Annotated[
        str | None, Key("Where the server is, with its URL base if it has one.", each=_server)
    ] = None
    timeout_seconds: Annotated[
        int, Key("The server has so long for each answer.", minimum=1, unit="seconds")
    ] = 30
    path_map: Annotated[
        Mapping[str, str] | None,
        Key(
            "Where the server's folders are on this machine, if it sees the library under other"
            " paths.",
            each=_folder,
        ),
    ] = None


_RESCAN = "Whether it is asked to look again at the folders in which files were changed."


@dataclass(frozen=True, slots=True)
class Radarr(Server):
    """A Radarr server, which knows films."""

    api_key: Annotated[
        str | None, Key(_API_KEY, each=_secret, environment="VPO_RADARR_API_KEY", secret=True)
    ] = None
    rescan: Annotated[bool, Key(_RESCAN)] = False


@dataclass(frozen=True, slots=True)
class Sonarr(Server):
    """A Sonarr server, which knows series and their episodes."""

    api_key: Annotated[
        str | None, Key(_API_KEY, each=_secret, environment="VPO_SONARR_API_KEY", secret=True)
    ] = None
    rescan: Annotated[bool, Key(_RESCAN)] = False


@dataclass(frozen=True, slots=True)
class Jellyfin(Server):
    """A Jellyfin server, which is told in which folders files were changed."""

    api_key: Annotated[
        str | None,
        Key(
            "An API key: Dashboard, API Keys. It is sent to this server only, and never shown.",
            each=_secret,
            environment="VPO_JELLYFIN_API_KEY",
            secret=True,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Plex(Server):
    """A Plex server, which is told in which folders files were changed."""

    api_key: Annotated[
        str | None,
        Key(
            "Its token (X-Plex-Token). It is sent to this server only, and never shown.",
            each=_secret,
            environment="VPO_PLEX_TOKEN",
            secret=True,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Messages about runs, over any of the services that Apprise knows."""

    urls: Annotated[
        tuple[str, ...] | None,
        Key(
            'Where messages go, as addresses of Apprise, such as `"ntfy://ntfy.sh/topic"`. They are'
            " never shown. In the variable, spaces stand between them.",
            each=_secret,
            environment="VPO_NOTIFY_URLS",
            secret=True,
        ),
    ] = None
    on: Annotated[
        NotifyOn,
        Key(
            "After which runs: those with a failure, those that changed something (or failed), or"
            " all of them."
        ),
    ] = "failure"


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; every section is optional in the file, and every key in it.

    ``plugins`` are the sections ``[plugins.NAME]`` of plugins that vpo does not ship, as they stand
    in the file.
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
"""The section that has a section of its own for each plugin."""
SERVERS = ("radarr", "sonarr", "jellyfin", "plex")
"""Those of the shipped plugins that speak with a server of their own."""
SHIPPED = (*SERVERS, "notify")
"""The plugins that vpo has itself; they are fields of ``Config``."""


class Spec(NamedTuple):
    """One key as the others see it. ``kind`` is its type, without the ``None`` of an unset one;
    ``section`` is what stands in the brackets of the file's heading.
    """

    section: str
    name: str
    kind: Any
    default: object
    key: Key

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed values, empty where there is no fixed set."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
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
        str: "a text in quotes",
        ByteSize: 'a size like "10GB" or "700MiB"',
        Seconds: 'a time like "90s" or "1h30m"',
        Path: "a path in quotes",
        tuple: "a list of texts in quotes, with at least one",
        collections.abc.Mapping: 'a table like { "/theirs" = "/ours" }',
    }
)


@cache
def specs() -> Mapping[str, Mapping[str, Spec]]:
    """Every key, by section and name, in the order of the models."""
    models = get_type_hints(Config)
    del models[PLUGINS]
    names = {f"{PLUGINS}.{name}" if name in SHIPPED else name: name for name in models}
    return MappingProxyType({full: _section(full, models[name]) for full, name in names.items()})


def spec(name: str) -> Spec:
    """The key of that full name, as in ``processing.workers``."""
    section, _, key = name.rpartition(".")
    return specs()[section][key]


def field_of(section: str) -> str:
    """The field of ``Config`` that holds a section."""
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
    """``int | None`` is an ``int`` that may be unset."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(hint) else hint
