"""What a dry run estimates: from the record, or as a guess, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vpo.db.records import Cost, Timing
from vpo.media.model import MediaFile
from vpo.media.notation import media
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Plan
from vpo.policy.document import Policy
from vpo.report.estimate import estimate_lines
from vpo.run.cost import plan_cost
from vpo.run.estimate import Estimate, Estimator, Range

GB = 1_000_000_000
HEVC = {"transcode": {"video": {"to": "hevc", "crf": 22}}}


def film(**facts: Any) -> MediaFile:
    found = media(
        ["v:h264/1280x720/25fps", "a:aac/2ch/ger/128k", "a:ac3/6ch/eng/640k"],
        size=3 * GB,
        duration=1000.0,
    )
    return replace(found, **facts)


def plan(phase: dict[str, Any], found: MediaFile | None = None) -> Plan:
    policy = {"schema_version": 13, "phases": [{"name": "all", **phase}]}
    return evaluate([Policy.model_validate(policy)], found or film())


def estimate(*plans: Plan, record: tuple[Timing, ...] = (), workers: int = 2) -> Estimate:
    estimator = Estimator(record, workers, cores=4)
    for one in plans:
        estimator.add(one)
    return estimator.result()


def took(seconds: float, part: float, of: Plan) -> Timing:
    cost = plan_cost(of)
    return Timing("/a.mkv", cost, GB, seconds, after=round(part * GB))


def test_estimate_learns_from_the_record() -> None:
    encode = plan(HEVC)
    record = tuple(took(100.0 * n, 0.4, encode) for n in (0.9, 1.0, 1.1))
    found = estimate(encode, encode, encode, encode, record=record)
    assert (found.files, found.guessed, found.records) == (4, 0, 3)
    # Four files of 100 s by two workers.
    assert found.seconds.expected == pytest.approx(200, rel=0.01)
    assert found.seconds.low < 150 < 250 < found.seconds.high
    assert found.saved == pytest.approx(Range(7.2 * GB, 7.2 * GB, 7.2 * GB))


def test_range_becomes_narrower_with_the_record() -> None:
    encode = plan(HEVC)
    spans = []
    for times in (1, 10):
        record = tuple(took(100.0 * n, 0.4, encode) for n in (0.9, 1.0, 1.1)) * times
        found = estimate(encode, record=record).seconds
        spans.append(found.high - found.low)
    assert spans[1] < spans[0]


def test_one_long_file_is_not_shared_by_the_workers() -> None:
    encode = plan(HEVC)
    record = (took(100.0, 0.4, encode),) * 3
    assert estimate(encode, record=record, workers=8).seconds.expected == pytest.approx(100, 0.01)


def test_without_a_record_it_is_a_guess_with_a_wide_range() -> None:
    found = estimate(plan(HEVC), record=(Timing("/a", Cost("hevc", 1), 1, 1.0),) * 2)
    assert (found.guessed, found.records) == (1, 0)
    assert found.seconds.low * 5 < found.seconds.high
    assert 0 < found.saved.low < found.saved.expected < found.saved.high < 3 * GB
    assert "a guess" in list(estimate_lines(found))[1]


@pytest.mark.parametrize(
    ("faster", "slower"),
    [
        ({"preset": "fast"}, {"preset": "slow"}),
        ({"crf": 22}, {"vmaf": 95}),
        ({"max_resolution": "480p"}, {}),
    ],
)
def test_guess_depends_on_the_encode(faster: dict[str, Any], slower: dict[str, Any]) -> None:
    one, other = (
        estimate(plan({"transcode": {"video": {"to": "hevc", **video}}})).seconds.expected
        for video in (faster, slower)
    )
    assert one < other


def test_target_bit_rate_says_what_is_saved() -> None:
    video, *sound = film().tracks
    rated = film(tracks=(replace(video, bit_rate=20_000_000), *sound))
    wanted = {"transcode": {"video": {"to": "hevc", "target_bitrate": "8M"}}}
    found = estimate(plan(wanted, rated)).saved
    assert found == pytest.approx(Range(1.35 * GB, 1.5 * GB, 1.65 * GB))


def test_removed_tracks_count_by_their_bit_rates() -> None:
    found = estimate(plan({"keep_audio": {"languages": ["ger"]}}))
    assert found.saved == Range(80_000_000, 80_000_000, 80_000_000)
    assert found.seconds.low > 1
    header = estimate(plan({"titles": {"video": "Film"}}))
    assert header.seconds.high < 1
    assert header.saved.high == 0


def shown(**facts: Any) -> str:
    known = {"files": 4, "guessed": 0, "records": 9, "saved": Range(1e9, 2e9, 3e9)}
    seconds = Range(7000, 12_600, 18_000)
    return "\n".join(estimate_lines(Estimate(**{"seconds": seconds, **known, **facts})))


def test_estimate_is_said_with_how_sure_it_is() -> None:
    assert shown() == (
        "estimate: about 3.5 h (117 min to 5.0 h); about 2.00 GB less (1.00 GB to 3.00 GB)\n"
        "  from 9 earlier files with the same kind of work"
    )
    assert shown(guessed=1).endswith("with the same kind of work; a guess for 1 of 4 files")
    assert "a guess: no work of this kind is on record yet" in shown(guessed=4)
    assert "about 2.00 GB more (1.00 GB to 3.00 GB)" in shown(saved=Range(-3e9, -2e9, -1e9))
    assert "about 1.00 GB less (2.00 GB less to 1.00 GB more)" in shown(saved=Range(-1e9, 1e9, 2e9))
    assert "about the same size" in shown(saved=Range(0, 0, 0))
    assert "2.00 GB less" in shown(saved=Range(2e9, 2e9, 2e9))
    assert shown(files=0) == "estimate: nothing to change"
    assert "2.3 days" in shown(seconds=Range(1, 200_000, 300_000))
