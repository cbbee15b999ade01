"""Whose file it is to change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.errors import PublishError
from vpo.execute.preconditions import refuse_unwritable


@pytest.mark.parametrize(("refused", "said"), [("a.mkv", "write to the file"), ("", "its folder")])
def test_unwritable_file_or_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str, said: str
) -> None:
    """The file also where the folder is writable, so that another could be put into its place."""
    path = tmp_path / "a.mkv"
    path.touch()
    refuse_unwritable(str(path), path.stat())
    forbidden = str(tmp_path / refused) if refused else str(tmp_path)
    monkeypatch.setattr(os, "access", lambda place, *_, **__: str(place) != forbidden)
    with pytest.raises(PublishError, match=said):
        refuse_unwritable(str(path), path.stat())
