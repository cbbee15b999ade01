"""The configuration's sections and keys, each key with its type, documentation and default.

The loader checks values, the builder finds environment variables and flags, and a test checks
``docs/configuration.md``, all by these annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, NewType

from vpo.config.defaults import STALL_SECONDS
from vpo.config.key import (
    Key,
    absolute_folder,
    extension,
    host_name,
    library_name,
    network,
    server_url,
    time_span,
)
from vpo.config.services import Jellyfin, Notify, Plex, Radarr, Sonarr
from vpo.errors import OnError
from vpo.exclude import checked_pattern

Level = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Keep = Literal["none", "trash"]
IoClass = Literal["normal", "low", "idle"]
HardLinks = Literal["replace", "skip", "edit"]
VerifyMode = Literal["full", "quick"]
DamagedMode = Literal["refuse", "salvage"]
Player = Literal["jellyfin", "plex"]
Size = NewType("Size", int)
"""Bytes; written ``"10GB"``, ``"700MiB"`` or as a number."""
Seconds = NewType("Seconds", float)
"""Seconds; written ``"90s"``, ``"1h30m"`` or as a number."""


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
            each=time_span,
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
            each=extension,
        ),
    ] = VIDEO_EXTENSIONS
    exclude: Annotated[
        tuple[str, ...] | None,
        Key(
            "Files and folders that are left out, as patterns of gitignore: `extras/`, `*.old.mkv`."
            " They add to the defaults; `!sample.mkv` takes one back.",
            each=checked_pattern,
        ),
    ] = None
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
    in_use: Annotated[
        Player | None,
        Key(
            "The configured media server that is asked what it plays: such a file waits. Unset:"
            " none is asked."
        ),
    ] = None
    keep_free: Annotated[
        Size, Key("Space that is always left free on a file system.", unit="bytes")
    ] = Size(0)
    temporary_folder: Annotated[
        Path | None,
        Key(
            "The folder for results until they are verified. From another file system, they are"
            " then copied next to the original, and the copy is proven by its hash. Unset: the"
            " folder of the original."
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
            each=absolute_folder,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Serve:
    """The server of the pages, `vpo serve`."""

    host: Annotated[
        str,
        Key(
            "The address to listen on. Any but those of this machine itself, such as"
            ' `"127.0.0.1"`, needs a token.',
            each=host_name,
            flag="--host",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Key("The port to listen on.", minimum=1, maximum=65535, flag="--port")] = (
        8790
    )
    token_file: Annotated[
        Path | None,
        Key(
            "The file with the hash of the token. Unset: `serve-token` in the folder of the"
            " database."
        ),
    ] = None
    base_url: Annotated[
        str | None,
        Key(
            "The URL under which a reverse proxy shows the pages. With it, a token is always"
            " needed.",
            each=server_url,
        ),
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...] | None,
        Key(
            "Addresses or networks of reverse proxies whose header `X-Forwarded-For` says who the"
            " client is, so that wrong tokens of one client slow down no other.",
            each=network,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class ConfiguredLibrary:
    """A library: folders that commands process, watch and check with one policy."""

    name: Annotated[str, Key("The name for `--library` and messages.", each=library_name)]
    folders: Annotated[tuple[str, ...], Key("The folders, which are searched with all subfolders.")]
    policy: Annotated[
        str,
        Key(
            "The policy: a file, or the name of one in the folder `policies` next to the"
            " configuration file."
        ),
    ]
    watch: Annotated[bool, Key("Whether `vpo watch` without folders watches it.")] = False
    settle: Annotated[
        Seconds,
        Key("How long a file must be unchanged before `vpo watch` processes it."),
    ] = Seconds(30)
    hours: Annotated[
        tuple[str, ...] | None,
        Key(
            "When files of this library may start. Unset: as `[processing] hours`.",
            each=time_span,
        ),
    ] = None
    priority: Annotated[
        int,
        Key("Libraries with a higher priority go first; equal ones in the order of the file."),
    ] = 0
    exclude: Annotated[
        tuple[str, ...] | None,
        Key("Patterns besides those of `[files] exclude`.", each=checked_pattern),
    ] = None
    on_error: Annotated[OnError | None, Key("What to do on error. Unset: as the policy says.")] = (
        None
    )
    review: Annotated[
        bool,
        Key(
            "Whether files of the queue are changed only when a person has approved their plan."
            " `vpo process` and `vpo watch` do not ask."
        ),
    ] = False


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
    serve: Serve = Serve()
    radarr: Radarr = field(default_factory=Radarr)
    sonarr: Sonarr = field(default_factory=Sonarr)
    jellyfin: Jellyfin = field(default_factory=Jellyfin)
    plex: Plex = field(default_factory=Plex)
    notify: Notify = field(default_factory=Notify)
    libraries: tuple[ConfiguredLibrary, ...] = ()
    plugins: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
