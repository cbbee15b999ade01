"""The accuracy and cost of the crf search: for each clip, the search, then the encode.

    python bench/vmaf.py [--target 95] [--codec hevc] [--preset medium] CLIP...

Needs an ffmpeg with libvmaf: the one of ``--ffmpeg``, or the bundled one. The whole encode is
scored frame by frame; the goal is a score within 0.5 of the target and, for clips of more than
two minutes, less than 30 % of the encode's time spent on the search.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import cast

import imageio_ffmpeg

from vpo.execute.encoding.crf_search import CrfResult, CrfSearches, SampleTools, SourceVideo
from vpo.execute.encoding.devices import Devices
from vpo.execute.workspace import Workspace
from vpo.media.encode_spec import Quality, VideoCodec, VideoEncode
from vpo.probe.service import Prober
from vpo.tools import video_options
from vpo.tools.programs import Tools
from vpo.tools.video_options import Encoding


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--target", type=float, default=95)
    parser.add_argument("--codec", default="hevc", choices=("h264", "hevc", "vp9", "av1"))
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ffmpeg", default=imageio_ffmpeg.get_ffmpeg_exe())
    arguments = parser.parse_args()
    print("| clip | seconds | crf | on samples | of all | off by | search | encode | part |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for clip in arguments.clips:
        print(measure(clip, arguments), flush=True)


def measure(clip: Path, arguments: argparse.Namespace) -> str:
    tools = Tools(ffmpeg=arguments.ffmpeg)
    prober = Prober(tools.processes, 120)
    media = prober.probe(str(clip.resolve()), frames=True)
    track = media.of("video")[0]
    spec = VideoEncode(
        cast(VideoCodec, arguments.codec), Quality(vmaf=arguments.target), arguments.preset
    )
    choice = Devices(tools).choose(spec, track, "mkv")
    encoding = Encoding(spec, track, choice.encoder, 0, threads=arguments.threads)
    with tempfile.TemporaryDirectory() as folder, Workspace(folder, 0o600) as workspace:
        source = SourceVideo(str(clip), media.path, (), media.duration, media.container)
        started = time.monotonic()
        found = CrfSearches().find(
            SampleTools(tools, prober, workspace.store(b"")), source, encoding
        )
        searched = time.monotonic() - started
        seconds = encode(arguments.ffmpeg, clip, encoding, found, f"{folder}/whole.mkv")
        score = compare(arguments.ffmpeg, clip, f"{folder}/whole.mkv", track.index)
    cells = (
        clip.name,
        f"{media.duration or 0:.1f}",
        f"{found.crf:g}",
        f"{found.score:.2f}",
        f"{score:.2f}",
        f"{score - arguments.target:+.2f}",
        f"{searched:.1f} s",
        f"{seconds:.1f} s",
        f"{searched / seconds:.0%}",
    )
    return f"| {' | '.join(cells)} |"


def encode(ffmpeg: str, clip: Path, encoding: Encoding, found: CrfResult, output: str) -> float:
    quality = Quality(crf=found.crf)
    spec = VideoEncode(encoding.spec.codec, quality, encoding.spec.preset)
    whole = Encoding(spec, encoding.track, encoding.encoder, 0, threads=encoding.threads)
    started = time.monotonic()
    words = ["-nostdin", "-v", "error", "-y", "-i", str(clip), "-map", f"0:{encoding.track.index}"]
    words += ["-fps_mode", "passthrough"]
    subprocess.run(
        [ffmpeg, *words, *video_options.video(whole), output], check=True, stderr=subprocess.DEVNULL
    )
    return time.monotonic() - started


def compare(ffmpeg: str, clip: Path, output: str, index: int) -> float:
    graph = (
        f"[0:0]settb=1/25,setpts=N[d];[1:{index}]settb=1/25,setpts=N[r];[d][r]libvmaf=n_threads=2"
    )
    words = ["-nostdin", "-nostats", "-i", output, "-i", str(clip), "-filter_complex", graph]
    said = subprocess.run(
        [ffmpeg, *words, "-f", "null", "-"], check=True, capture_output=True, text=True
    ).stderr
    found = re.search(r"VMAF score: ([\d.]+)", said)
    if found is None:
        raise SystemExit(f"no score for {clip}: {said[-500:]}")
    return float(found[1])


if __name__ == "__main__":
    main()
