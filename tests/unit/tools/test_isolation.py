"""What children are given of the environment, and of the memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vpo.tools.isolation import child_environment


@pytest.mark.parametrize(
    "name",
    [
        "VPO_RADARR_API_KEY",
        "SONARR_APIKEY",
        "GITHUB_TOKEN",
        "GITHUB_PAT",
        "PGPASSWORD",
        "MYSQL_PWD",
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


@pytest.mark.parametrize(("users", "asked", "given"), [(1, 2, 1), (2, 1, 1)])
def test_memory_limit_never_exceeds_that_of_the_user(users: int, asked: int, given: int) -> None:
    """Without being root, nobody can raise it."""
    script = f"""if True:
        import os, resource
        from vpo.tools.isolation import limit_memory
        kind = resource.RLIMIT_DATA
        resource.setrlimit(kind, ({users} << 30, {users} << 30))
        if not os.geteuid():
            os.setuid(65534)
        limit_memory({asked} << 30)
        assert resource.getrlimit(kind) == ({given} << 30, {given} << 30)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["http_proxy", "DATABASE_URL"])
def test_addresses_with_a_password_are_not_passed_on(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://proxy:3128")
    assert name in child_environment()
    monkeypatch.setenv(name, "http://user:secret@proxy:3128")
    assert name not in child_environment()
