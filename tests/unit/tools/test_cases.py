"""Policy and media to plan to argv: ``tests/cases/<topic>/*.yaml``, written by hand.

A case has a ``policy`` (a mapping), its ``phases``, or one ``phase``; ``media`` in the notation of
``vpo.media.notation`` in a ``container``, with ``tags`` and ``extra`` facts. Expected are the
``strategy``, the ``changes`` (``kind track: before -> after``) and the ``argv`` as one would type
it, where IN and OUT stand for the files. Of ffmpeg's, it is what stands between the input and the
output; what every command has is checked here once. Without ``strategy``, nothing is to be done.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from vpo.media import notation
from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.policy.document import Policy
from vpo.tools import ffmpeg, mkvmerge, mkvpropedit
from vpo.tools.ffmpeg import FfmpegJob, SideFiles

CASES = Path(__file__).parents[2] / "cases"
FFMPEG_HEAD = "ffmpeg -hide_banner -nostdin -loglevel level+verbose -y -progress pipe:1 -nostats"
FFMPEG_TAIL = ["-max_muxing_queue_size", "4096"]


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.parent.name}/{path.stem}: {case['case']}")
        for path in sorted(CASES.glob("*/*.yaml"))
        for case in YAML(typ="safe").load(path)
    ]


def policy_of(case: dict[str, Any]) -> Policy:
    phases = case.get("phases") or [case.get("phase", {})]
    named = [{"name": f"p{n}", **phase} for n, phase in enumerate(phases, 1)]
    whole = {"schema_version": 13, "config": case.get("config", {}), "phases": named}
    return Policy.model_validate(case.get("policy", whole))


def media_of(case: dict[str, Any]) -> MediaFile:
    tags = tuple(sorted(case.get("tags", {}).items()))
    media = notation.media(case["media"], case.get("container", "mkv"), tags=tags)
    ids = case.get("matroska_ids", {})
    tracks = (replace(t, matroska_id=ids.get(t.index, t.matroska_id)) for t in media.tracks)
    attachments = (replace(a, matroska_id=n) for n, a in enumerate(media.attachments, 1))
    return replace(media, tracks=tuple(tracks), attachments=tuple(attachments))


def argv(plan: Plan, program: str) -> list[str]:
    if program == "mkvpropedit":
        name, mode, *words = mkvpropedit.argv(program, plan, "IN")
        assert mode == "--gui-mode"
        return [name, *words]
    if program == "mkvmerge":
        return mkvmerge.argv(program, plan, "IN", "OUT")
    return _ffmpeg(plan)


def _ffmpeg(plan: Plan) -> list[str]:
    """What differs between the commands of ffmpeg; the rest is checked."""
    mkv = plan.after.container in ("mkv", "webm")
    covers = {a.index: "PICTURE" for a in plan.after.attachments if mkv and a.cover}
    words = ffmpeg.argv("ffmpeg", FfmpegJob(plan, "IN", "OUT", SideFiles(covers)))
    head, at = shlex.split(FFMPEG_HEAD), words.index("-i")
    assert words[: len(head)] == head
    reading = ffmpeg.input_options(plan.before.container)
    before, after = words[len(head) : at - len(reading)], words[at + 2 :]
    assert words[at - len(reading) : at] == reading
    assert words[at + 1] == "IN"
    assert after[-5:-2] == [*FFMPEG_TAIL, "-f"]
    assert after[-1] == "OUT"
    return ["ffmpeg", *before, *after[:-5], "-f", after[-2]]


@pytest.mark.parametrize("case", cases())
def test_plan_case_gives_its_changes_and_argv(case: dict[str, Any]) -> None:
    plan = evaluate([policy_of(case)], media_of(case))
    changes = [f"{c.fact.label} {c.track}: {c.before} -> {c.after}" for c in plan.changes]
    assert changes == case.get("changes", [])
    assert plan.strategy == case.get("strategy", "none")
    assert list(plan.warnings) == case.get("warnings", [])
    assert case.get("error", "") in str(plan.error or "")
    assert bool(plan.error) == ("error" in case)
    if "argv" in case:
        wanted = shlex.split(case["argv"])
        assert argv(plan, wanted[0]) == wanted


def test_plan_cases_cover_every_tool() -> None:
    every = [case.values[0] for case in cases()]
    assert len(every) >= 40
    assert {c["argv"].split()[0] for c in every if "argv" in c} == {
        "mkvpropedit",
        "mkvmerge",
        "ffmpeg",
    }
    assert len([c for c in every if "strategy" not in c]) >= 10
