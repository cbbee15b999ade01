"""The configuration of the shipped plugins: media servers and notifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from vpo.config.key import Key, absolute_folder, secret_text, server_url

NotifyOn = Literal["failure", "change", "always"]
_SETTINGS = "The API key (Settings, General)"
_RESCAN = "Have the server rescan the folders in which files were changed."


@dataclass(frozen=True, slots=True)
class Server:
    """A media server; it is used only if it has a ``url``."""

    url: Annotated[
        str | None, Key("The server's URL, with the URL base if it has one.", each=server_url)
    ] = None
    timeout_seconds: Annotated[
        int, Key("The time limit for each response.", minimum=1, unit="seconds")
    ] = 30
    path_map: Annotated[
        Mapping[str, str] | None,
        Key(
            "The server's folders and their paths on this machine, if they differ.",
            each=absolute_folder,
        ),
    ] = None


def _api_key(doc: str, environment: str) -> Key:
    return Key(
        f"{doc}. It is sent to this server only, and never shown.",
        each=secret_text,
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
            each=secret_text,
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


SERVERS = ("radarr", "sonarr", "jellyfin", "plex")
"""The shipped plugins that use a server."""
SHIPPED = (*SERVERS, "notify")
"""The plugins that are part of vpo; they are fields of ``Config``."""
