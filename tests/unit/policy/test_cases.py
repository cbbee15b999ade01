"""The operations against cases written by hand: ``cases/<operation>/*.yaml``.

A case has ``before`` (tracks in the notation of ``vpo.media.notation``) in ``container``, and a
``phase``. ``after`` is what must come out; without it, nothing may change. ``changes`` (fact,
stream index and reason), ``warnings``, ``error``, ``becomes`` (the container), ``tags`` and
``timestamp`` say the rest; ``metadata`` is what metadata sources say. ``holds`` (conditions by
name) and ``which`` (the names of those that hold) stand for a phase of such rules. ``name`` and
``renamed`` are the file's name before and after; ``age`` is that of the file; ``facts`` are
further ones of tracks. ``beside`` are the sidecars of the film, each with facts of ``Sidecar``;
``captions`` the videos with captions; ``extracts`` the files that are written. Every result must be
one that the same phase leaves alone.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from vpo.errors import PlanError
from vpo.media import notation, units
from vpo.media.containers import as_stored
from vpo.media.model import MediaFile
from vpo.media.sidecar_names import SidecarName, sidecar_names
from vpo.media.subtitle_source import Sidecar
from vpo.plan.evaluate import known_of_result
from vpo.plan.model import Plan
from vpo.policy.desired_state import DesiredState
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts, original_language

CASES = Path(__file__).parent / "cases"


def cases() -> list[Any]:
    """Every case of every file, each under the name of its operation and its own."""
    found = []
    for path in sorted(CASES.glob("*/*.yaml")):
        for case in YAML(typ="safe").load(path):
            name = f"{path.parent.name}/{path.stem}: {case['case']}"
            found.append(pytest.param(_with_rules(case), id=name))
    return found


def _with_rules(case: dict[str, Any]) -> dict[str, Any]:
    """Where a case says which of some conditions hold: with a rule for each that tells."""
    if "holds" not in case:
        return case
    rules = [
        {"name": name, "when": when, "then": {"warn": name}} for name, when in case["holds"].items()
    ]
    phase = {"rules": {"match": "all", "items": rules}}
    tags = case.get("before_tags", {})
    return {**case, "phase": phase, "warnings": case["which"], "tags": tags}


def sidecar(said: SidecarName, given: dict[str, Any]) -> Sidecar:
    """A sidecar with facts as a case writes them."""
    values: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else value for key, value in given.items()
    }
    return Sidecar(said, **values)


def facts(case: dict[str, Any], media: MediaFile) -> ExternalFacts:
    """What is known of the file besides its content."""
    beside = {name: given or {} for name, given in case.get("beside", {}).items()}
    sidecars = tuple(sidecar(said, beside[said.name]) for said in sidecar_names(media.path, beside))
    age = units.duration(case["age"]) if "age" in case else None
    now = media.mtime_ns + int(age * 10**9) if age is not None else None
    return ExternalFacts(case.get("metadata", {}), now_ns=now, sidecars=sidecars)


def run(
    case: dict[str, Any], media: MediaFile, external: ExternalFacts | None = None
) -> DesiredState:
    """The state after the case's phase, with the media as its container would store it."""
    policy = Policy.model_validate(
        {
            "schema_version": 13,
            "config": case.get("config", {}),
            "phases": [{"name": "test", **case["phase"]}],
        }
    )
    external = external or facts(case, media)
    state = DesiredState(media, external=external)
    config = policy.config.with_original(original_language(media, external))
    for operation in policy.phases[0].operations:
        state = operation.apply(state.attributed_to("test", operation.key), config)
    return state


def before(case: dict[str, Any]) -> MediaFile:
    """The media of a case."""
    tags = tuple(sorted(case.get("before_tags", {}).items()))
    kind = case.get("container", "mkv")
    path = f"/media/{case.get('name', 'file')}.{kind}"
    media = notation.media(case["before"], kind, tags=tags, path=path)
    further, captions = case.get("facts", {}), case.get("captions", [])
    tracks = (
        replace(t, captions=t.index in captions, **further.get(t.index, {})) for t in media.tracks
    )
    return replace(media, tracks=tuple(tracks))


@pytest.mark.parametrize("case", cases())
def test_operation_case_gives_its_result(case: dict[str, Any]) -> None:
    media = before(case)
    if "error" in case:
        with pytest.raises(PlanError) as error:
            run(case, media)
        for fragment in [case["error"]] if isinstance(case["error"], str) else case["error"]:
            assert fragment in str(error.value)
        return
    state = run(case, media)
    result = as_stored(state.media)
    assert notation.lines(result) == case.get("after", case["before"])
    assert result.container == case.get("becomes", media.container)
    name = os.path.splitext(os.path.basename(result.path))[0]
    assert name == case.get("renamed", case.get("name", "file"))
    assert list(state.warnings) == case.get("warnings", [])
    assert state.timestamp == case.get("timestamp")
    assert [one.name for one in state.extracts] == case.get("extracts", [])
    assert dict(result.tags) == case.get("tags", case.get("before_tags", {}))
    if "changes" in case:
        assert written(state) == case["changes"]
    if not {"after", "becomes", "tags", "renamed"} & set(case):
        assert result == media
        assert not state.sources


@pytest.mark.parametrize("case", [c for c in cases() if "error" not in c.values[0]])
def test_operations_are_idempotent(case: dict[str, Any]) -> None:
    media = before(case)
    state = run(case, media)
    result = as_stored(state.media)
    plan = Plan(media, result, sources=tuple(state.sources.items()), extracts=state.extracts)
    again = run(case, plan.expected, known_of_result(plan, facts(case, media)))
    assert as_stored(again.media) == plan.expected
    there = {track.index for track in again.media.tracks}
    assert (there & again.sources.keys(), again.extracts) == (set(), ())


def written(state: DesiredState) -> list[str]:
    """The reasons as the cases write them."""
    return [
        f"{fact.label}{'' if fact.track is None else f' {fact.track}'}: {reason.text}"
        for fact, reason in state.reasons.items()
    ]
