"""Tools that end well and have written something else than planned: every such result is found.

A stand-in runs the real tool, and then spoils what it has written in one way. As ffmpeg writes the
spoiled file, there is one more stand-in, whose ffmpeg changes nothing: its result is accepted.
"""

from __future__ import annotations

import itertools
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from drill.bench import Bench, Rig, expect
from drill.checks import hashes, litter, unchanged
from drill.policies import TRANSCODE

SUBTITLES = 60
HONEST = "nothing"

REMUX = """\
schema_version: 13
config: {on_error: skip}
phases:
  - name: titles
    container: {target: TARGET}
    audio_actions: {clear_all_titles: true}
    track_order: [video, audio_main, audio_alternate, subtitle_main, attachment]
"""
ORDER = """\
schema_version: 13
config: {on_error: skip}
phases:
  - {name: order, track_order: [audio_main, video, subtitle_main]}
"""
TO_MKV = """\
schema_version: 13
config: {on_error: skip}
phases:
  - {name: convert, container: {target: mkv}}
"""
TO_MP4 = TO_MKV.replace("mkv", "mp4")

# Arguments with which ffmpeg copies what the tool has written.
COPIES = {
    HONEST: "",
    "drops a packet of video": "-bsf:v:0 noise=drop=eq(n\\,20)",
    "drops a packet of audio": "-bsf:a:0 noise=drop=eq(n\\,20)",
    "drops the last packets of audio": "-bsf:a:0 noise=drop=gte(n\\,100)",
    "swaps two time stamps of video": "-bsf:v:0 setts=pts=PTS+eq(N\\,20)*(0.04/TB)-eq(N\\,21)*(0.04/TB)",
    "shifts video by 100 ms": "-bsf:v:0 setts=pts=PTS+0.1/TB:dts=DTS+0.1/TB",
    "shows frames in the order of decoding": "-bsf:v:0 setts=pts=DTS+0.1/TB",
    "shifts audio by 100 ms": "-bsf:a:0 setts=ts=TS+0.1/TB",
    "shifts what follows by 100 ms": "-bsf:a:0 setts=ts=TS+gte(N\\,60)*(0.1/TB)",
    "loses a tag": "-metadata title=",
    "writes another language": "-metadata:s:a:0 language=fin",
    "sets another flag": "-disposition:a:0 forced",
}
SUBTITLE_COPIES = {
    "drops a subtitle": "-bsf:s:0 noise=drop=between(n\\,36\\,37)",
    "shifts subtitles by 100 ms": "-bsf:s:0 setts=ts=TS+0.1/TB",
    "drops a track of subtitles": "-map -0:s:0",
}
LENGTHS = {"shows subtitles too long": "-bsf:s:0 setts=duration=DURATION*3"}
CHAPTERS = {"loses the chapters": "-map_chapters -1"}
ATTACHMENTS = {"loses an attachment": "-map -0:t:1"}
# Changes of bytes of what the tool has written.
BYTES = {
    "changes a byte of video": "change v",
    "changes a byte of audio": "change a",
    "swaps two packets": "swap a",
    "writes half of the file": "half v",
}
ATTACHED_BYTES = {"changes a byte of an attachment": "attachment v"}
FRAMES = {
    "drops frames in the middle": "-bsf:v:0 noise=drop=between(n\\,30\\,35)",
    "drops frames at the end": "-bsf:v:0 noise=drop=gte(n\\,60)",
    "drops sound in the middle": "-bsf:a:0 noise=drop=between(n\\,60\\,65)",
    "drops sound at the end": "-bsf:a:0 noise=drop=gte(n\\,100)",
}
RUBBISH = {"writes rubbish into frames": "rubbish v"}

_MAPS = "-map 0 -map -0:d?"
"""Not the track of MP4 that has the titles of chapters: the muxer writes it."""

_SPOIL = """\
import subprocess, sys
how, kind, path = sys.argv[1:]
data = bytearray(open(path, "rb").read())
words = ["ffprobe", "-v", "error", "-select_streams", kind + ":0", "-show_entries",
         "packet=pos,size", "-of", "csv=p=0", path]
lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
found = [tuple(map(int, line.strip(",").split(","))) for line in lines]
def middle(packet):
    # Where a block begins is not where its payload does.
    return packet[1] + packet[0] // 2 + 8
packets = sorted(found)
if how == "change":
    data[middle(packets[-1])] ^= 1
elif how == "rubbish":
    for size, at in found:
        data[at + size // 4 : at + size * 3 // 4] = b"\\xa5" * len(range(at + size // 4, at + size * 3 // 4))
elif how == "swap":
    def payload(packet):
        size, at = packet
        return slice(at + 20, at + size - 1)
    one, two = next(
        (a, b) for a, b in zip(packets, packets[1:])
        if a[0] == b[0] > 40 and data[payload(a)] != data[payload(b)]
    )
    data[payload(one)], data[payload(two)] = data[payload(two)], data[payload(one)]
elif how == "attachment":
    data[data.index(b"ATTACHED") + 3] ^= 1
else:
    del data[len(data) // 2 :]
open(path, "wb").write(data)
"""


class _Case(NamedTuple):
    tool: str
    sample: str
    policy: str
    faults: dict[str, str]


_COPIED = {**COPIES, **BYTES}
_ENCODE = TRANSCODE.replace("to: h264", "to: hevc")
_CASES = {
    "mkvmerge": _Case(
        "mkvmerge", "sixty.mkv", ORDER,
        {**_COPIED, **SUBTITLE_COPIES, **LENGTHS, **CHAPTERS, **ATTACHMENTS, **ATTACHED_BYTES},
    ),
    "mkvmerge, WebM": _Case("mkvmerge", "sixty.webm", ORDER, _COPIED),
    "copy to MP4": _Case(
        "ffmpeg", "sixty.mp4", ORDER, {**_COPIED, **SUBTITLE_COPIES, **CHAPTERS}
    ),
    "MP4 to Matroska": _Case(
        "ffmpeg", "sixty.mp4", TO_MKV, {**_COPIED, **SUBTITLE_COPIES, **CHAPTERS}
    ),
    "Matroska to MP4": _Case("ffmpeg", "plain.mkv", TO_MP4, {**_COPIED, **SUBTITLE_COPIES}),
    "encode to Matroska": _Case(
        "ffmpeg", "sixty.mkv", _ENCODE,
        {**COPIES, **FRAMES, **RUBBISH, **SUBTITLE_COPIES, **CHAPTERS, **ATTACHMENTS, **ATTACHED_BYTES},
    ),
    "encode to MP4": _Case("ffmpeg", "sixty.mp4", _ENCODE, {**COPIES, **FRAMES, **RUBBISH, **SUBTITLE_COPIES}),
}  # fmt: skip
_SHORT = (
    ("mkvmerge", HONEST),
    ("mkvmerge", "drops a subtitle"),
    ("mkvmerge", "changes a byte of an attachment"),
    ("encode to Matroska", HONEST),
    ("encode to Matroska", "shifts audio by 100 ms"),
    ("encode to MP4", "writes rubbish into frames"),
    ("MP4 to Matroska", "drops a subtitle"),
)


def proofs(bench: Bench) -> None:
    """Every fault of a tool that ends well is found, and no file of an honest one is refused."""
    samples = bench.folder / "samples"
    samples.mkdir()
    _make(samples)
    every = [(kind, fault) for kind, case in _CASES.items() for fault in case.faults]
    for kind, fault in _SHORT if bench.short else every:
        with bench.trial(f"{kind}: the tool {fault}"):
            _try(bench, _CASES[kind], samples, fault)


def _try(bench: Bench, case: _Case, samples: Path, fault: str) -> None:
    rig = bench.rig()
    path = rig.library / case.sample
    shutil.copyfile(samples / case.sample, path)
    rig.fake_tool(case.tool, _script(rig, case, case.faults[fault]))
    before = hashes([path])
    ended = rig.process(case.policy)
    status = ended.status(path.name)
    if fault == HONEST:
        expect(status == "changed", f"is {status}: {ended.error(path.name)}")
        proof = ended.files[path.name]["proof"]
        expect(proof["mode"] == "full", f"its proof is {proof}")
    else:
        unchanged(before)
        expect(status == "failed", f"is {status}")
        error = ended.error(path.name)
        expect(error.startswith("VerifyError"), error)
    expect((rig.folder / "spoiled").exists(), "nothing was spoiled")
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    rig.throw_away()


def _script(rig: Rig, case: _Case, how: str) -> str:
    """Return a shell script that runs the real tool, and spoils the file that it has written."""
    spoil = rig.folder / "spoil.py"
    spoil.write_text(_SPOIL)
    real, ffmpeg = (shlex.quote(shutil.which(tool) or tool) for tool in (case.tool, "ffmpeg"))
    muxer = {"mkv": "matroska", "webm": "webm", "mp4": "mp4"}[_result(case)]
    if how.split(" ")[0] in ("change", "swap", "half", "attachment", "rubbish"):
        change = f'{shlex.quote(sys.executable)} {shlex.quote(str(spoil))} {how} "$out"'
    else:
        more = "-default_mode passthrough" if muxer != "mp4" else "-movflags use_metadata_tags"
        change = (
            f'{ffmpeg} -nostdin -v error -y -i "$out" {_MAPS} -c copy {shlex.join(how.split())} '
            f'{more} -f {muxer} "$here/spoiled" && cat "$here/spoiled" > "$out"'
        )
    return f"""\
for word; do
    case "$word" in *.part) out="$word";; esac
done
{real} "$@"
status=$?
if [ -s "$out" ]; then {change}; touch "$here/spoiled"; fi
exit $status"""


def _result(case: _Case) -> str:
    return {TO_MKV: "mkv", TO_MP4: "mp4"}.get(case.policy, case.sample.rpartition(".")[2])


def _make(folder: Path) -> None:
    """Write files of three seconds with sixty subtitles."""
    (folder / "s.srt").write_text("".join(_subtitle(n) for n in range(SUBTITLES)), "utf-8")
    (folder / "chapters.txt").write_text(
        ";FFMETADATA1\ntitle=Sixty\n"
        + "".join(
            f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={n}\nEND={n + 1500}\ntitle=Part {n}\n"
            for n in (0, 1500)
        )
    )
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text(f"{name} ATTACHED" * 20)
    sound = ["-f", "lavfi", "-i", "anoisesrc=d=3:c=pink:r=48000:s={}"]
    words = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
             "testsrc2=size=320x180:rate=25:duration=3",
             *(word.format(1) for word in sound), *(word.format(2) for word in sound),
             "-i", "s.srt", "-i", "chapters.txt", "-map_metadata", "4"]  # fmt: skip
    languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger",
                 "-disposition:a:1", "default", "-disposition:a:0", "0"]  # fmt: skip
    maps = list(itertools.chain.from_iterable(("-map", str(n)) for n in range(4)))
    h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-c:a", "aac"]
    vp9 = ["-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-c:a", "libopus"]
    attached = [
        word
        for n, name in enumerate(("one", "two"))
        for word in ("-attach", f"{name}.txt", f"-metadata:s:t:{n}", "mimetype=text/plain")
    ]
    for name, more in (
        ("sixty.mkv", [*maps, *h264, "-c:s", "srt", *languages, *attached]),
        ("plain.mkv", [*maps, *h264, "-c:s", "srt", *languages]),
        ("sixty.mp4", [*maps, *h264, "-c:s", "mov_text", *languages]),
        ("sixty.webm", [*maps[:6], *vp9, *languages]),
    ):
        subprocess.run([*words, *more, name], cwd=folder, check=True)


def _subtitle(number: int) -> str:
    """Return a subtitle, shown for 40 of 50 ms; two of three have the same text."""
    seconds, millis = divmod(number * 50, 1000)
    text = "Hello" if number % 3 else f"Line {number}"
    start, end = f"00:00:{seconds:02},{millis:03}", f"00:00:{seconds:02},{millis + 40:03}"
    return f"{number + 1}\n{start} --> {end}\n{text}\n\n"
