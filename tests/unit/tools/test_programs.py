"""Where the tools are found, and what is said of those that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.errors import ToolMissingError
from vpo.tools import programs
from vpo.tools.process import Processes
from vpo.tools.programs import TOOLS, Tools, find_tools, tool_versions


def program(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_find_prefers_configured_tools_to_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = program(tmp_path / "bin", "mkvmerge")
    mine = program(tmp_path / "mine", "merge")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(programs, "_bundled_ffmpeg", lambda: "/bundled/ffmpeg")
    found = find_tools({}, 3.0, Processes())
    assert (found.mkvmerge, found.mkvpropedit, found.ffmpeg) == (on_path, None, "/bundled/ffmpeg")
    assert found.stall_seconds == 3.0
    assert find_tools({"mkvmerge": mine, "ffmpeg": None}, 3.0, Processes()).mkvmerge == mine


@pytest.mark.parametrize("name", TOOLS)
def test_need_says_how_to_install_missing_tool(name: str) -> None:
    with pytest.raises(ToolMissingError, match=f"{name} is needed and not installed: install"):
        Tools().need(name)


def test_version_of_ffmpeg_does_not_depend_on_its_path(tmp_path: Path) -> None:
    """It takes ``-version`` alone, the others ``--version``."""
    ff7 = Path(program(tmp_path, "ff7"))
    ff7.write_text('#!/bin/sh\n[ "$1" = -version ] && echo version 7\n')
    merge = Path(program(tmp_path, "ffmpeg-merge"))
    merge.write_text('#!/bin/sh\n[ "$1" = --version ] && echo version 74\n')
    found = tool_versions(Tools(mkvmerge=str(merge), ffmpeg=str(ff7)))
    assert found == {"mkvmerge": "version 74", "ffmpeg": "version 7"}
