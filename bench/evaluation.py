"""Evaluation: a policy of 50 rules on a file of 40 tracks; the goal is 2 ms.

There is nothing to compare with. The time is that of ``evaluate``, with and without changes;
a plan with changes is evaluated a second time on its own result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.table import Figure
from vpo.media.model import MediaFile, Track, TrackType
from vpo.plan.evaluate import evaluate
from vpo.policy.document import Policy

ROUNDS = 200
GOAL = 2.0
LANGUAGES = ("eng", "ger", "fre", "spa", "ita", "jpn", "por", "pol", "dut", "swe")


def figures(folder: Path) -> Iterator[Figure]:  # noqa: ARG001
    media = film()
    for name, wanted, found in (
        ("50 rules on 40 tracks, nothing to change", "swe", "dan"),
        ("50 rules on 40 tracks, changes", "swe", "jpn"),
    ):
        plan_of = policy(wanted, found)
        milliseconds = shortest(plan_of, media) * 1000
        yield Figure(
            "evaluation", name, "", f"{milliseconds:.2f} ms", milliseconds, GOAL, unit=" ms"
        )


def shortest(asked: Policy, media: MediaFile) -> float:
    """Return the shortest time of several evaluations, in seconds."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        evaluate([asked], media)
        took.append(time.perf_counter() - began)
    return min(took)


def film() -> MediaFile:
    """Return a file with a video, 15 audio and 24 subtitle tracks."""
    kinds: list[TrackType] = ["video", *["audio"] * 15, *["subtitle"] * 24]  # type: ignore[list-item]
    return MediaFile("/film.mkv", "mkv", 10**9, tracks=tuple(map(track, range(40), kinds)))


def track(index: int, kind: TrackType) -> Track:
    codec = {"video": "hevc", "audio": "dts", "subtitle": "subrip"}[kind]
    return Track(
        index,
        kind,
        codec,
        profile="DTS-HD MA" if index % 2 else None,
        language=LANGUAGES[index % len(LANGUAGES)],
        title=f"Track {index}",
        channels=6 if kind == "audio" else None,
        width=1920 if kind == "video" else None,
        height=1080 if kind == "video" else None,
        matroska_id=index,
    )


def policy(wanted: str, found: str) -> Policy:
    """Return a policy of rules that check every track; one in ten does something."""
    conditions: list[Any] = [
        "exists(audio, lang == kor) and not exists(subtitle, lang == kor)",
        "exists(audio, codec == truehd, channels >= 6)",
        "count(subtitle, lang in [kor, chi], not is_forced) > 1",
        {"exists": {"track_type": "subtitle", "title": {"regex": "^Signs"}}},
        "exists(audio, not_commentary == false)",
        {"or": [{"exists": {"track_type": "video", "height": {"gte": "4k"}}}, "is_dubbed"]},
        "exists(video, codec == h264) or exists(audio, codec == aac)",
        'container_meta(title) == "One" or plugin(radarr, year) < 1980',
        "count(audio, lang == kor) >= 1 and exists(audio, is_default)",
        f"exists(audio, lang == {found})",
    ]
    action = {"set_default": {"track_type": "subtitle", "language": wanted}}
    items = [
        {"name": f"rule {n}", "when": conditions[n % 10], "then": action if n % 10 == 9 else []}
        for n in range(50)
    ]
    phase = {"name": "rules", "rules": {"match": "all", "items": items}}
    return Policy.model_validate({"schema_version": 13, "phases": [phase]})
