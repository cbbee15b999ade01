"""Whose file it is to change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.errors import PublishError
from vpo.execute.lock import FileLock
from vpo.execute.rewrite import _refuse_read_only


def test_a_file_that_the_user_may_not_write_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the folder is writable, so that another file could be put into its place."""
    path = tmp_path / "a.mkv"
    path.touch()
    with FileLock(str(path)) as lock:
        _refuse_read_only(lock)
        monkeypatch.setattr(os, "access", lambda *_, **__: False)
        with pytest.raises(PublishError, match="may not write"):
            _refuse_read_only(lock)
