"""Which files of a library do not comply with a policy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vpo.library.compliance import check_files
from vpo.media.model import MediaFile
from vpo.media.notation import media as media_of
from vpo.policy.change_kind import ChangeKind
from vpo.policy.policy_files import PolicyFiles


def film(path: str, *tracks: str, size: int = 1000, seconds: float = 60.0) -> MediaFile:
    return replace(media_of(list(tracks)), path=path, size=size, duration=seconds)


GERMAN = film("/f/a.mkv", "v:h264/1920x1080", "a:ac3/6ch/deu", "a:aac/2ch/eng", "s:subrip/eng")
OTHER = film("/f/b.mkv", "v:hevc/3840x2160", "a:ac3/6ch/eng", size=3000, seconds=30.0)


def test_noncompliant_files_and_known_compliant_ones(tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(
        "schema_version: 13\nphases: [{name: a, keep_audio: {languages: [eng]}}]\n", "utf-8"
    )
    choice = PolicyFiles((str(policy),))
    stat = (1, 1, 1)
    wrong, right = check_files(choice, [(GERMAN, stat), (OTHER, stat)], {}, {})
    assert wrong.plan is not None
    assert [change.kind for change in wrong.plan.changes] == [ChangeKind.REMOVE]
    assert right.plan is None
    known, warned = {b"/f/a.mkv": stat}, {b"/f/a.mkv": ("look",)}
    (found,) = check_files(choice, [(GERMAN, stat)], known, warned)
    assert (found.plan, found.warnings) == (None, ("look",))
    (found,) = check_files(choice, [(GERMAN, (2, 1, 1))], known, warned)
    assert found.plan is not None
    assert found.warnings == ()
