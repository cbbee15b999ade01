"""Whether ffmpeg wrote every packet of the tracks that it copied, by its own count."""

from __future__ import annotations

import pytest
from tests.notation import media

from vpo.plan.evaluate import evaluate
from vpo.policy.document import Policy
from vpo.tools.ffmpeg import copied

SAID = """\
[verbose] Input file #0 (in.mp4):
[verbose]   Input stream #0:0 (video): {} packets read (116879 bytes);
[verbose]   Input stream #0:1 (audio): {} packets read (117657 bytes);
[verbose] Output file #0 (out.mp4):
[verbose]   Output stream #0:0 (audio): {} packets muxed (117657 bytes);
[verbose]   Output stream #0:1 (video): {} packets muxed (116879 bytes);
"""


@pytest.mark.parametrize(
    ("counts", "lost"),
    [
        ((50, 61, 61, 50), []),
        ((50, 61, 60, 50), ["audio 1 (aac, und): 60 of 61 packets"]),
        # A filter that splits packets makes more of them.
        ((50, 61, 61, 99), []),
    ],
)
def test_what_was_read_and_not_written(counts: tuple[int, ...], lost: list[str]) -> None:
    order = {"name": "o", "track_order": ["audio_main", "video"]}
    policy = Policy.model_validate({"schema_version": 13, "phases": [order]})
    plan = evaluate([policy], media(["v:h264 [default]", "a:aac [default]"], "mp4"))
    assert list(copied(plan, SAID.format(*counts))) == lost


@pytest.mark.parametrize(
    ("size", "lost"),
    [
        (5537, []),  # frames that are not shown, in one packet with those that are
        (1835, ["video 0 (vp9, und): 11 of 12 packets"]),
    ],
)
def test_packets_of_vp9_that_became_one(size: int, lost: list[str]) -> None:
    policy = Policy.model_validate(
        {"schema_version": 13, "phases": [{"name": "n", "container": {"target": "mkv"}}]}
    )
    plan = evaluate([policy], media(["v:vp9 [default]"], "webm"))
    said = (
        "[verbose]   Input stream #0:0 (video): 12 packets read (5537 bytes);\n"
        f"[verbose]   Output stream #0:0 (video): 11 packets muxed ({size} bytes);\n"
    )
    assert list(copied(plan, said)) == lost


def test_what_does_not_say_it() -> None:
    policy = Policy.model_validate({"schema_version": 13, "phases": [{"name": "n"}]})
    assert not list(copied(evaluate([policy], media(["v:h264"], "mp4")), "nothing of the kind"))
