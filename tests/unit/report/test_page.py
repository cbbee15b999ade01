"""The page of a run: complete, safe whatever files are called, and of bounded size."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest

from vpo.db.records import OutcomeRow, Run, Status
from vpo.report.page import page
from vpo.report.svg import Bar, Block, bar_chart, lanes, timeline

BEGAN = datetime(2026, 11, 20, 22, 0, tzinfo=timezone.utc)
SUMMARY = {"changed": 2, "unchanged": 5, "failed": 1, "seconds": 75.0}
RUN = Run(
    "4e0daa86-0000", BEGAN, BEGAN, ["english.yaml"], {}, 2, False, 1, "nas", "finished", SUMMARY
)
CHANGE = {"kind": "default", "track": 1, "from": True, "to": False, "reason": "<not> wanted"}


def outcome(
    path: str, status: Status = "changed", at: float = 0.0, took: float = 10.0
) -> OutcomeRow:
    return OutcomeRow(
        id="id",
        run_id=RUN.id,
        file_id=None,
        path=path,
        state="done",
        status=status,
        strategy="remux",
        plan={"changes": [CHANGE]},
        error_type="ToolError" if status == "failed" else None,
        error_message="it broke; mend it" if status == "failed" else None,
        warnings=(),
        started_at=BEGAN + timedelta(seconds=at),
        seconds=took,
        size_before=50_000_000,
        size_after=20_000_000 if status == "changed" else None,
        undone_at=None,
    )


class Reader(HTMLParser):
    """Takes a page apart, and notes what is not closed and what would be fetched."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [str(v) for k, v in attrs if k in ("src", "href", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_page_holds_run_and_outcomes() -> None:
    found = Reader(page(RUN, [outcome("/v/a.mkv"), outcome("/v/b.mkv", "failed", at=5)]))
    text = " ".join(found.words)
    assert found.open == []
    assert found.fetched == []
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    for words in ("/v/a.mkv", "default: yes -> no: <not> wanted", "it broke; mend it", "30.0 MB"):
        assert words in text
    assert found.tags.count("svg") == 4


def proven(path: str, **facts: object) -> OutcomeRow:
    none = {"copied_streams": 0, "packets": 0, "bytes": 0, "encoded_streams": 0}
    proof = {"mode": "full", **none, "encoded_frames": 0, **facts}
    return outcome(path)._replace(plan={"changes": [CHANGE], "proof": proof})


def test_page_says_what_was_proven() -> None:
    copied = proven("/v/a.mkv", copied_streams=3, packets=1200, bytes=2_000_000)
    encoded = proven("/v/b.mkv", copied_streams=2, packets=34, encoded_streams=1, encoded_frames=75)
    facts = proven("/v/c.mkv", mode="quick")
    text = " ".join(Reader(page(RUN, [copied, encoded, facts, outcome("/v/d.mkv")])).words)
    assert "Proven: 2 files by all of their packets, 1 file by headers and ends only." in text
    assert "5 copied streams with 1,234 packets (2.00 MB), 1 encoded stream with 75 frames." in text
    assert "proven by all of their packets: 3 copied streams with 1,200 packets (2.00 MB)." in text
    assert "proven by headers and ends only: as planned." in text


def test_page_escapes_names() -> None:
    evil = '/v/</title></style><script>alert("x")</script>\udcff\x1b[31m&amp;.mkv'
    found = Reader(page(RUN, [outcome(evil), outcome(evil, "failed")]))
    assert "script" not in found.tags
    assert found.open == []
    assert r'</title></style><script>alert("x")</script>\xff\x1b[31m&amp;.mkv' in " ".join(
        found.words
    )


def test_page_forbids_the_browser_to_fetch_anything() -> None:
    assert re.search(
        r'http-equiv="Content-Security-Policy" content="default-src \'none\'', page(RUN, [])
    )


def test_page_of_large_run_stays_small() -> None:
    many = [outcome(f"/v/{n}.mkv", ("changed", "failed")[n % 2], n / 5, 0.4) for n in range(40_000)]
    text = page(RUN._replace(summary=None), many)
    assert len(text) < 1_500_000
    assert "and 19,500 more" in text


@pytest.mark.parametrize("summary", [None, {}, {"seconds": 0.0}])
def test_page_of_empty_run_has_no_sections(summary: dict[str, float] | None) -> None:
    found = Reader(page(RUN._replace(summary=summary, workers=0), []))
    assert "h2" not in found.tags


def test_lanes_hold_blocks_that_do_not_overlap() -> None:
    work = [
        Block(0, 10, "a", ""),
        Block(0, 4, "b", ""),
        Block(4, 8, "c", ""),
        Block(9.9, 12, "d", ""),
    ]
    assert [[block.title for block in lane] for lane in lanes(work)] == [["b", "c", "d"], ["a"]]


def test_time_line_merges_small_blocks() -> None:
    work = [Block(n, n + 1, str(n), "changed") for n in range(10_000)]
    text = timeline(work, 10_000)
    assert text.count("<rect") == 1
    assert "10,000 files" in text


def test_bars_are_as_long_as_their_values() -> None:
    widths = re.findall(r'width="([\d.]+)" height', bar_chart([Bar("a", 2, "2"), Bar("b", 1, "1")]))
    assert float(widths[0]) == pytest.approx(2 * float(widths[1]), abs=0.2)
