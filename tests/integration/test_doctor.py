"""What ``vpo doctor`` finds on machines where something is missing or wrong."""

from __future__ import annotations

import pytest
from tests.conftest import Result, ToolsOnPath, Vpo


def states(result: Result) -> dict[str, str]:
    return {item["subject"]: item["state"] for item in result.json["checks"]}


def messages(result: Result) -> dict[str, str]:
    return {item["subject"]: item["message"] for item in result.json["checks"]}


def test_doctor_reports_no_problem_with_all_tools(vpo: Vpo, media_tools: None) -> None:  # noqa: ARG001
    found = vpo("doctor", "--format", "json")
    assert found.rc == 0, found
    assert {"ffmpeg", "mkvmerge", "video: {to: hevc}", "database", "clock"} <= set(states(found))
    assert "problem" not in states(found).values()
    assert "ffmpeg version" in messages(found)["ffmpeg"]
    assert not vpo.data.exists()
    text = vpo("doctor")
    assert text.rc == 0
    assert text.stdout.startswith("ok       mkvmerge")


def test_doctor_exits_3_without_tools(
    vpo: Vpo,
    tools_on_path: ToolsOnPath,
    without_bundled: None,  # noqa: ARG001
) -> None:
    tools_on_path(only=True)
    found = vpo("doctor", "--format", "json")
    assert found.rc == 3, found
    assert states(found)["ffmpeg"] == "problem"
    assert states(found)["mkvmerge"] == "info"
    advice = {item["subject"]: item["advice"] for item in found.json["checks"]}
    assert "install mkvtoolnix" in advice["mkvmerge"]


def test_doctor_reports_configured_tool_that_does_not_exist(vpo: Vpo) -> None:
    vpo.config.write_text('[tools]\nffmpeg = "/nowhere/ffmpeg"\n')
    found = vpo("doctor")
    assert found.rc == 3
    assert "/nowhere/ffmpeg is not a program" in found.stdout


def test_doctor_reports_listed_encoders_that_cannot_encode(
    vpo: Vpo,
    tools_on_path: ToolsOnPath,
    media_tools: None,  # noqa: ARG001
) -> None:
    """libx265 is listed and does not work; a device that is listed, and that has no driver."""
    lists = '*" -encoders "*) "$REAL_FFMPEG" "$@"; echo " V....D hevc_nvenc  NVENC"; exit ;;'
    broken = '*" libx265 "*|*nvenc*) echo "no driver" >&2; exit 1 ;;'
    tools_on_path(ffmpeg=f'case " $* " in {lists} {broken} esac; exec "$REAL_FFMPEG" "$@"')
    found = vpo("doctor", "--format", "json")
    assert found.rc == 0, found
    assert states(found)["video: {to: hevc}"] == "info"
    assert "no driver" in messages(found)["video: {to: hevc}"]
    assert states(found)["hw: nvenc"] == "info"


def test_doctor_reports_damaged_database(vpo: Vpo, media_tools: None) -> None:  # noqa: ARG001
    vpo.data.mkdir()
    (vpo.data / "vpo.db").write_bytes(b"no database" * 1000)
    found = vpo("doctor", "--format", "json")
    assert found.rc == 1
    assert states(found)["database"] == "problem"


@pytest.fixture
def without_bundled(vpo: Vpo, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra `bundled` were not installed."""
    (vpo.folder / "imageio_ffmpeg.py").write_text("raise ImportError('not here')\n")
    monkeypatch.setenv("PYTHONPATH", str(vpo.folder))
