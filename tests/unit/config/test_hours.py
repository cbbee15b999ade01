"""When work may begin."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpo.config.hours import next_start, span

# 2026-11-25 is a Wednesday.


@pytest.mark.parametrize(
    ("spans", "now", "opens"),
    [
        ([], "2026-11-25 12:00", None),
        (["22:00-07:00"], "2026-11-25 12:00", "2026-11-25 22:00"),
        (["22:00-07:00"], "2026-11-25 22:00", None),
        (["22:00-07:00"], "2026-11-25 06:59", None),
        (["22:00-07:00"], "2026-11-25 07:00", "2026-11-25 22:00"),
        (["01:00-05:00"], "2026-11-25 23:30", "2026-11-26 01:00"),
        (["01:00-05:00", "12:00-13:00"], "2026-11-25 11:00", "2026-11-25 12:00"),
        (["Sat-Sun 00:00-24:00"], "2026-11-25 12:00", "2026-11-28 00:00"),
        (["Sat-Sun 00:00-24:00"], "2026-11-29 23:59", None),
        (["Sat-Sun 00:00-24:00"], "2026-11-30 00:00", "2026-12-05 00:00"),
        (["fri 22:00-06:00"], "2026-11-28 05:00", None),
        (["Sun-Mon 8:00 - 9:00"], "2026-11-30 08:30", None),
        (["wed 10:00-11:00"], "2026-11-25 11:00", "2026-12-02 10:00"),
    ],
)
def test_next_start_of_spans(spans: list[str], now: str, opens: str | None) -> None:
    found = next_start([span(text) for text in spans], datetime.fromisoformat(now))
    assert found == (datetime.fromisoformat(opens) if opens else None)


@pytest.mark.parametrize(
    "text",
    [
        *("", "22:00", "7-9", "25:00-26:00", "07:60-08:00", "22:00-22:00", "24:00-07:00"),
        *("Foo 1:00-2:00", "Sat-Foo 1:00-2:00"),
    ],
)
def test_span_refuses_wrong_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"span|clock|empty|day"):
        span(text)


@given(
    st.lists(st.tuples(st.integers(0, 1439), st.integers(0, 1439)), min_size=1, max_size=4),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
)
def test_opening_is_open_and_the_minute_before_is_not(
    minutes: list[tuple[int, int]], now: datetime
) -> None:
    """At the time that is told it is open, and in the minute before it is not."""
    spans = [
        span(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}") for a, b in minutes if a != b
    ]
    opens = next_start(spans, now)
    if opens is not None:
        assert now < opens <= now + timedelta(days=1)
        assert next_start(spans, opens) is None
        assert next_start(spans, opens - timedelta(minutes=1)) == opens
