"""What the parser's child does about a damaged source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vpo.probe import child, content
from vpo.probe.content import Content
from vpo.probe.packet_proof import CopiedStream


@pytest.mark.parametrize(
    ("cut", "times"), [(True, 1), (False, 2)], ids=["cut off", "zeros in the middle"]
)
def test_damage_that_may_be_a_read_error_is_judged_twice(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: bool, times: int
) -> None:
    data, path = (corpus / "multi-audio.mkv").read_bytes(), tmp_path / "film.mkv"
    middle = len(data) // 2
    path.write_bytes(data[:middle] + (b"" if cut else bytes(3000) + data[middle + 3000 :]))
    read: list[str] = []

    def read_content(name: str, *values: Any, **options: Any) -> Content:
        read.append(name)
        return content.read_content(name, *values, **options)

    monkeypatch.setattr(child, "read_content", read_content)
    facts = child._Packets().read_source(str(path), [])
    assert isinstance(facts, dict)
    assert facts["damage"] is not None
    assert len(read) == times


def test_track_without_packets_has_no_order() -> None:
    source, result = Content("avi", 0.0, None), Content("matroska,webm", 0.0, None)
    assert child._disordered("film.mkv", source, result, [CopiedStream(1, 1)]) == []
