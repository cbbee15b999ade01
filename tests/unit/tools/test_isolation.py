"""What children are given of the environment."""

from __future__ import annotations

import pytest

from vpo.tools.isolation import child_environment


@pytest.mark.parametrize(
    "name",
    [
        "VPO_RADARR_API_KEY",
        "SONARR_APIKEY",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "SMTP_PASS",
        "http_auth",
        "SSH_AUTH_SOCK",
        "PYTHONPATH",
        "SESSION_COOKIE",
    ],
)
def test_children_get_no_secrets(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret")
    assert "secret" not in child_environment().values()


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LIBVA_DRIVER_NAME", "LD_LIBRARY_PATH", "XAUTHORITY", "KEYBOARD"]
)
def test_children_get_what_tools_need(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    assert child_environment()[name] == "x"
