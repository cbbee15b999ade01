"""Whether ffmpeg wrote every packet of the tracks that it copied, by its own count."""

from __future__ import annotations

import pytest

from vpo.media.notation import media
from vpo.plan.evaluate import evaluate
from vpo.policy.document import Policy
from vpo.tools.ffmpeg_output import FfmpegOutput, lost_packets

SAID = """\
[verbose] Input file #0 (in.mp4):
[verbose]   Input stream #0:0 (video): {} packets read (116879 bytes);
[verbose]   Input stream #0:1 (audio): {} packets read (117657 bytes);
[verbose] Output file #0 (out.mp4):
[verbose]   Output stream #0:0 (audio): {} packets muxed (117657 bytes);
[verbose]   Output stream #0:1 (video): {} packets muxed (116879 bytes);
"""


def heard(text: str) -> FfmpegOutput:
    output = FfmpegOutput(10.0, list[float]().append)
    for line in text.splitlines():
        output.stderr(line)
    return output


@pytest.mark.parametrize(
    ("counts", "lost"),
    [
        ((50, 61, 61, 50), []),
        ((50, 61, 60, 50), ["audio 1 (aac, und): 60 of 61 packets"]),
        # A filter that splits packets makes more of them.
        ((50, 61, 61, 99), []),
    ],
)
def test_copied_reports_packets_read_but_not_written(
    counts: tuple[int, ...], lost: list[str]
) -> None:
    order = {"name": "o", "track_order": ["audio_main", "video"]}
    policy = Policy.model_validate({"schema_version": 13, "phases": [order]})
    plan = evaluate([policy], media(["v:h264 [default]", "a:aac [default]"], "mp4"))
    assert list(lost_packets(plan, heard(SAID.format(*counts)))) == lost


@pytest.mark.parametrize(
    ("size", "lost"),
    [
        (5537, []),  # frames that are not shown, in one packet with those that are
        (1835, ["video 0 (vp9, und): 11 of 12 packets"]),
    ],
)
def test_copied_accepts_merged_vp9_packets(size: int, lost: list[str]) -> None:
    policy = Policy.model_validate(
        {"schema_version": 13, "phases": [{"name": "n", "container": {"target": "mkv"}}]}
    )
    plan = evaluate([policy], media(["v:vp9 [default]"], "webm"))
    said = (
        "[verbose]   Input stream #0:0 (video): 12 packets read (5537 bytes);\n"
        f"[verbose]   Output stream #0:0 (video): 11 packets muxed ({size} bytes);\n"
    )
    assert list(lost_packets(plan, heard(said))) == lost


def test_without_counts_no_packet_is_lost() -> None:
    policy = Policy.model_validate({"schema_version": 13, "phases": [{"name": "n"}]})
    plan = evaluate([policy], media(["v:h264"], "mp4"))
    assert not list(lost_packets(plan, heard("nothing of the kind")))


def test_the_counts_of_sixty_streams_are_all_read() -> None:
    lines = [
        f"[verbose]   Input stream #0:{n} (subtitle): 7 packets read ({n} bytes);"
        for n in range(60)
    ]
    output = heard("\n".join(lines))
    assert {n: count.size for n, count in output.read.items()} == {n: n for n in range(60)}


def test_progress_goes_forward_only() -> None:
    parts: list[float] = []
    output = FfmpegOutput(10.0, parts.append)
    lines = ["out_time_us=N/A", "total_size=300", "out_time_us=2500000", "out_time_us=2000000"]
    assert [output.stdout(line) for line in lines] == [False, False, True, False]
    assert (output.part, output.size, parts) == (0.25, 300, [0.25])
    assert output.stdout("out_time_us=99000000")
    assert parts[-1] == 1.0


def test_progress_without_a_duration_is_not_reported() -> None:
    parts: list[float] = []
    output = FfmpegOutput(None, parts.append)
    assert output.stdout("out_time_us=2500000")
    assert (output.part, parts) == (0.0, [])
