"""What ``vpo doctor`` says of the configured servers, which are stand-ins here."""

from __future__ import annotations

from pathlib import Path

from tests.servers import KEY, serving

from vpo.config.builder import Settings, build
from vpo.doctor import _notifications, _servers


def settings(folder: Path, text: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(text)
    return build({}, {"VPO_CONFIG": str(path)})


def test_servers_are_asked_for_their_version_with_the_key(tmp_path: Path) -> None:
    with serving() as server:
        server.put("/System/Info", {"ServerName": "nas", "Version": "10.9.1", "Id": "x"})
        server.put("/", {"MediaContainer": {"friendlyName": "den", "version": "1.40"}})
        server.put("/api/v3/system/status", {"appName": "Radarr"}, status=401)
        found = list(
            _servers(
                settings(
                    tmp_path,
                    "".join(
                        f'[plugins.{name}]\nurl = "{server.url}"\napi_key = "{KEY}"\n'
                        for name in ("jellyfin", "plex", "radarr")
                    ),
                )
            )
        )
        headers = [str(item) for item in server.headers]
    states = {item.subject: (item.state, item.message) for item in found}
    assert states == {
        "radarr": ("problem", f"{server.url}: the server refuses the API key"),
        "jellyfin": ("ok", f"nas 10.9.1 ({server.url})"),
        "plex": ("ok", f"den 1.40 ({server.url})"),
    }
    assert all(KEY in header for header in headers)
    assert KEY not in str(found)


def test_another_server_at_the_address_is_a_problem(tmp_path: Path) -> None:
    with serving() as server:
        server.put("/", {"MediaContainer": {"size": 0}})
        text = f'[plugins.plex]\nurl = "{server.url}"\napi_key = "{KEY}"\n'
        (found,) = _servers(settings(tmp_path, text))
    assert found.state == "problem"
    assert "is this the right server?" in found.message


def test_notifications_are_tried_only_on_demand_and_never_shown(tmp_path: Path) -> None:
    with serving() as server:
        target = server.url.replace("http://", "json://") + "/hook?secret=hush"
        text = f'[plugins.notify]\nurls = ["{target}", "nonsense://hush"]\n'
        chosen = settings(tmp_path, text)
        (untried,) = _notifications(chosen, test_message=False)
        assert (untried.state, server.sent) == ("info", [])
        good, bad = _notifications(chosen, test_message=True)
        ((path, said),) = server.sent
    assert (path.partition("?")[0], said["title"]) == ("/hook", "vpo: test")
    assert (good.subject, good.state) == ("notify: url 1", "ok")
    assert (bad.subject, bad.state) == ("notify: url 2", "problem")
    assert "hush" not in str((untried, good, bad))
