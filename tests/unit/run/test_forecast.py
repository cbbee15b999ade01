"""How long files will take: paces, the order that follows from them, and what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpo.db.records import Cost, Timing
from vpo.discover import Candidate
from vpo.run.forecast import Forecast, Pace

MB = 1_000_000


def candidate(path: str, size: int) -> Candidate:
    return Candidate(path, size, 0, 0, 0)


def pace(*seen: tuple[int, float]) -> Pace:
    found = Pace()
    for size, seconds in seen:
        found.learn(size, seconds)
    return found


def test_pace_extrapolates_from_equal_sizes() -> None:
    found = pace((100 * MB, 10.0), (100 * MB, 10.0))
    assert found.seconds(1, 50 * MB) == pytest.approx(5, rel=0.02)
    assert found.seconds(3, 300 * MB) == pytest.approx(30, rel=0.02)


def test_pace_of_constant_work_ignores_size() -> None:
    found = pace((100 * MB, 0.05), (5000 * MB, 0.05), (900 * MB, 0.05))
    assert found.seconds(1, 10_000 * MB) == pytest.approx(0.05)


def test_pace_is_not_negative_when_larger_files_took_less() -> None:
    found = pace((100 * MB, 9.0), (200 * MB, 1.0))
    assert found.seconds(1, 10_000 * MB) >= 0
    assert found.seconds(1, 0) >= 0


@given(
    st.lists(st.tuples(st.integers(0, 10**14), st.floats(0, 10**6)), min_size=1),
    st.integers(0, 10**15),
)
def test_pace_never_falls_with_size(seen: list[tuple[int, float]], size: int) -> None:
    found = pace(*seen)
    assert 0 <= found.seconds(1, size) <= found.seconds(1, 2 * size)


def test_forecast_without_data_is_unknown() -> None:
    forecast = Forecast([candidate("/a.mkv", 1)], 2)
    assert forecast.at(0.0).seconds is None


def test_forecast_without_history_starts_with_the_largest() -> None:
    items = [candidate("/a.mkv", 1), candidate("/b.avi", 3), candidate("/c.mp4", 2)]
    assert [item.path for item in Forecast(items, 2).ordered(items)] == [
        "/b.avi",
        "/c.mp4",
        "/a.mkv",
    ]


RECORD = (
    Timing("/old/1.mkv", Cost("header", 4000 * MB), 4000 * MB, 0.06),
    Timing("/old/2.avi", Cost("remux", 700 * MB), 700 * MB, 7.0),
    Timing("/old/3.mkv", Cost("transcode", 300 * MB), 300 * MB, 600.0, alike=False),
)


def test_forecast_starts_with_the_slowest_kind() -> None:
    items = [candidate("/large.mkv", 9000 * MB), candidate("/small.avi", 350 * MB)]
    forecast = Forecast(items, 2, RECORD)
    assert [item.path for item in forecast.ordered(items)] == ["/small.avi", "/large.mkv"]
    assert forecast.seconds("/small.avi") == pytest.approx(3.5, rel=0.05)
    assert forecast.seconds("/large.mkv") < 0.1


def test_forecast_prefers_planned_strategy_to_extension() -> None:
    items = [candidate("/known.mkv", 150 * MB)]
    forecast = Forecast(items, 1, RECORD, {"/known.mkv": Cost("transcode", 150 * MB)})
    assert forecast.seconds("/known.mkv") == pytest.approx(300, rel=0.05)


def test_forecast_of_encodes_counts_pixels() -> None:
    """An hour of low bit rate takes as long as one of a high one, and a short film less."""
    items = [
        candidate("/hour.mkv", 300 * MB),
        candidate("/hour of noise.mkv", 4000 * MB),
        candidate("/clip of noise.mkv", 1000 * MB),
        candidate("/new here.mkv", 500 * MB),
    ]
    hour = 1280 * 720 * 25 * 3600
    foreseen = {
        "/hour.mkv": Cost("hevc slow", hour),
        "/hour of noise.mkv": Cost("hevc slow", hour),
        "/clip of noise.mkv": Cost("hevc slow", hour // 10),
    }
    record = [Timing("/old.mkv", Cost("hevc slow", hour), 2000 * MB, 4000.0)]
    forecast = Forecast(items, 2, record, foreseen)
    assert forecast.seconds("/hour.mkv") == pytest.approx(4000, rel=0.01)
    assert forecast.seconds("/hour of noise.mkv") == pytest.approx(4000, rel=0.01)
    assert forecast.seconds("/clip of noise.mkv") == pytest.approx(400, rel=0.01)
    assert forecast.seconds("/new here.mkv") == pytest.approx(1000, rel=0.01)
    assert forecast.at(0.0).seconds == pytest.approx(9400 / 2, rel=0.01)
    assert [item.path for item in forecast.ordered(items)][2:] == [
        "/new here.mkv",
        "/clip of noise.mkv",
    ]


def test_forecast_of_unknown_encoder_counts_bytes() -> None:
    foreseen = {"/a.mkv": Cost("av1", 10**12)}
    forecast = Forecast([candidate("/a.mkv", 100 * MB)], 1, RECORD[:2], foreseen)
    assert 0 < forecast.seconds("/a.mkv") < 10


def test_forecast_ignores_extensions_of_other_policies() -> None:
    forecast = Forecast([candidate("/a.mkv", 300 * MB)], 1, RECORD[2:])
    assert forecast.seconds("/a.mkv") < 1


def test_forecast_remaining_falls_as_time_passes() -> None:
    items = [candidate(f"/{n}.avi", 100 * MB) for n in range(4)]
    forecast = Forecast(items, 2)
    forecast.begin("/0.avi", 0.0)
    forecast.begin("/1.avi", 0.0)
    forecast.end("/0.avi", Timing("/0.avi", Cost("remux", 100 * MB), 100 * MB, 10.0))
    forecast.begin("/2.avi", 10.0)
    assert forecast.at(10.0).seconds == pytest.approx(10, rel=0.05)
    forecast.end("/1.avi", Timing("/1.avi", Cost("remux", 100 * MB), 100 * MB, 10.0))
    forecast.begin("/3.avi", 10.0)
    assert forecast.at(14.0).seconds == pytest.approx(6, rel=0.05)
    forecast.end("/2.avi", None)
    forecast.end("/3.avi", None)
    assert forecast.at(21.0).seconds == 0


def test_forecast_remaining_covers_the_longest_file() -> None:
    items = [candidate("/a.avi", 1000 * MB), candidate("/b.avi", 10 * MB)]
    forecast = Forecast(items, 8, RECORD)
    forecast.begin("/a.avi", 0.0)
    assert forecast.at(0.0).seconds == pytest.approx(10, rel=0.05)


def test_forecast_ignores_files_of_other_batches() -> None:
    forecast = Forecast([candidate("/a.avi", MB)], 1)
    forecast.begin("/other.avi", 0.0)
    forecast.end("/other.avi", Timing("/other.avi", Cost("remux", MB), MB, 1.0))
    assert forecast.at(0.0).seconds is None


def test_forecast_weighs_this_run_more_than_history() -> None:
    long_ago = [
        Timing(f"/old/{n}.avi", Cost("remux", 100 * MB), 100 * MB, 1.0) for n in range(1000)
    ]
    items = [candidate(f"/{n}.avi", 100 * MB) for n in range(31)]
    forecast = Forecast(items, 1, long_ago)
    for item in items[:30]:
        forecast.begin(item.path, 0.0)
        forecast.end(item.path, Timing(item.path, Cost("remux", item.size), item.size, 3.0))
    assert forecast.seconds("/30.avi") == pytest.approx(2.5, rel=0.05)


def test_forecast_without_data_starts_with_samples_of_all_sizes() -> None:
    items = [candidate(f"/{number:03}.mkv", 1000 - number) for number in range(100)]
    ordered = [int(item.path[1:4]) for item in Forecast(items, 2).ordered(items)]
    assert ordered[:2] == [0, 1]
    assert ordered[2:12] == [6, 15, 24, 33, 42, 51, 60, 69, 78, 87]
    assert ordered[13:] == sorted(ordered[13:])
    assert sorted(ordered) == list(range(100))
    record = [Timing("/000.mkv", Cost("remux", 1000), 1000, 1.0)]
    assert Forecast(items, 2, record).ordered(items) == items


def test_forecast_uses_progress_of_running_file() -> None:
    forecast = Forecast([candidate("/a.mkv", 1000)], 1, [Timing("/a.mkv", None, 1000, 1.0)])
    forecast.begin("/a.mkv", 0.0)
    forecast.update({"/a.mkv": 0.25}, 2.0)
    # By the record, which it exceeds; two seconds are mostly a tool's start.
    assert forecast.at(2.0).seconds == pytest.approx(1.0, rel=0.05)
    assert forecast.at(20.0).seconds == 60.0
    (running,) = forecast.at(20.0).running
    assert (running.part, running.left) == (0.25, 60.0)


def test_forecast_without_history_counts_waiting_files_by_the_progress_of_running_ones() -> None:
    items = [candidate(f"/{n}.mkv", 1000 * MB) for n in range(4)]
    forecast = Forecast(items, 2)
    forecast.begin("/0.mkv", 0.0)
    forecast.begin("/1.mkv", 0.0)
    forecast.update({"/0.mkv": 0.01}, 8.0)
    assert forecast.at(8.0).seconds is None  # the start of the tool
    forecast.update({"/0.mkv": 0.02}, 10.0)
    found = forecast.at(10.0)
    assert [item.left for item in found.running] == [
        pytest.approx(98 * 2),
        pytest.approx(98 * 2, rel=0.01),
    ]
    assert found.seconds == pytest.approx((2 * 196 + 2 * 206) / 2, rel=0.01)
    assert found.part == pytest.approx(20 / 824, rel=0.01)


def test_forecast_counts_from_the_first_progress_and_anew_where_that_begins_again() -> None:
    forecast = Forecast([candidate("/a.mkv", 1000 * MB)], 1)
    forecast.begin("/a.mkv", 0.0)
    for now, part in ((30.0, 0.1), (40.0, 0.2)):  # after a search of half a minute
        forecast.update({"/a.mkv": part}, now)
    assert forecast.at(40.0).seconds == pytest.approx(80)
    forecast.update({"/a.mkv": 0.01}, 41.0)
    assert forecast.at(42.0).seconds is None
    forecast.update({"/a.mkv": 0.02}, 44.0)
    assert forecast.at(44.0).seconds == pytest.approx(98 * 3)


def test_forecast_part_is_that_of_the_time() -> None:
    items = [candidate("/a.avi", 900 * MB), candidate("/b.avi", 100 * MB)]
    forecast = Forecast(items, 1, RECORD)
    assert forecast.at(0.0).part == 0
    forecast.begin("/a.avi", 0.0)
    forecast.end("/a.avi", Timing("/a.avi", Cost("remux", 900 * MB), 900 * MB, 9.0))
    assert forecast.at(9.0).part == pytest.approx(0.9, rel=0.01)


def test_forecast_is_unknown_where_only_other_policies_have_a_record() -> None:
    forecast = Forecast([candidate("/a.mkv", 300 * MB)], 1, RECORD[2:])
    forecast.begin("/a.mkv", 0.0)
    assert forecast.at(5.0).seconds is None
    forecast.update({"/a.mkv": 0.01}, 5.0)
    forecast.update({"/a.mkv": 0.02}, 10.0)
    assert forecast.at(10.0).seconds == pytest.approx(490)
