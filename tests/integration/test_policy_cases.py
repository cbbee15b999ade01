"""Cases of policies by the real command: written from a film, fulfilled, and then not."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Library, Vpo

BASE = "schema_version: 13\nphases:\n  - name: a\n    default_flags: {}\n"
POLICY = "schema_version: 13\nextends: base.yaml\nphases:\n  - name: b\n    titles: {video: Film}\n"


def test_case_is_written_from_a_film_and_tests_the_policy(
    vpo: Vpo, library: Library, tmp_path: Path
) -> None:
    film = library("multi-audio.mkv") / "multi-audio.mkv"
    (tmp_path / "base.yaml").write_text(BASE)
    (policy := tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "cases").mkdir()
    target = tmp_path / "cases" / "film.yaml"
    made = vpo("policy", "new-case", "--format", "json", film, "-p", policy, "-o", target)
    assert made.json == {"schema_version": 1, "path": str(target), "names_file": False}
    assert "policy: ../policy.yaml" in target.read_text()
    again = vpo("policy", "new-case", film, "-p", policy, "-o", target)
    assert again.rc == 2
    assert f"{target} exists, and is not overwritten" in again.stderr

    assert vpo("policy", "test", tmp_path).stdout == "1 case: all as expected\n"
    policy.write_text(POLICY.replace("Film", "Movie"))
    differing = vpo("policy", "test", target.parent)
    assert differing.rc == 1
    assert f"{target}:1: multi-audio\n  after:\n" in differing.stdout
    assert "+ v:h264" in differing.stdout
    policy.write_text(POLICY.replace("video", "vidoe"))
    bad = vpo("policy", "test", target.parent, "--format", "json")
    assert bad.rc == 2
    ((case,),) = [bad.json["cases"]]
    assert case["error"] == f"{policy}:5:14: unknown key `vidoe`; did you mean `video`?"
