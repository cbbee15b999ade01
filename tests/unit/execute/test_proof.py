"""Verification: real files that are wrong in one way each are rejected, right ones accepted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest

from vpo.errors import ProbeError, VerifyError
from vpo.execute.full_proof import Proof
from vpo.execute.proof import differences, source_end_times, verify, verify_headers
from vpo.media.model import Attachment, Chapter, MediaFile
from vpo.media.notation import media as media_of
from vpo.plan.model import Plan
from vpo.probe.reader import probe_file
from vpo.probe.service import Prober
from vpo.tools import ffmpeg as commands
from vpo.tools.ffmpeg import FfmpegJob
from vpo.tools.process import Processes
from vpo.tools.service import Service

Make = Callable[[Path, Path], None]


def run(*words: str | Path) -> None:
    done = subprocess.run([os.fspath(w) for w in words], capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr


def merge(*options: str) -> Make:
    """The file as mkvmerge writes it with these options; ``@`` stands for the input."""

    def make(source: Path, target: Path) -> None:
        words = [str(source) if w == "@" else w for w in options or ("@",)]
        run("mkvmerge", "-q", "-o", target, *words)

    return make


def edited(*options: str) -> Make:
    """A copy whose headers were changed."""

    def make(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        run("mkvpropedit", target, *options)

    return make


def ffmpeg(*options: str, suffix: str = "matroska") -> Make:
    def make(source: Path, target: Path) -> None:
        head = ("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source)
        run(*head, *options, "-f", suffix, target)

    return make


def cut(part: float) -> Make:
    def make(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        os.truncate(target, int(target.stat().st_size * part))

    return make


def shortened_seek_head(source: Path, target: Path) -> None:
    """As an interrupted edit leaves it: libav finds all tracks in it, and mkvmerge does not."""
    data = bytearray(source.read_bytes())
    at = data.index(bytes.fromhex("114d9b74")) + 4
    data[at] -= 16  # its last entry, which has 16 bytes in this file
    target.write_bytes(data)


def by_vpo(source: Path, target: Path) -> None:
    """As vpo itself has ffmpeg write it."""
    plan = plan_for(source)
    run(*commands.argv("ffmpeg", FfmpegJob(plan, str(source), str(target))))


def plan_for(path: Path) -> Plan:
    """A rewrite that keeps everything as it is; the title only makes it a rewrite."""
    media = probe_file(str(path))
    return Plan(media, media)


SWAPPED = "0:0,0:2,0:1"

WRONG: list[tuple[str, Make, str]] = [
    ("multi-audio.mkv", cut(0.9), "the file is cut off"),
    ("multi-audio.mkv", cut(0.0), "the file is empty"),
    ("multi-audio.mkv", cut(0.005), "discarded"),
    ("multi-audio.mkv", shortened_seek_head, "no place in a segment"),
    ("multi-audio.mkv", merge("-a", "!2", "@"), "9 tracks instead of 10"),
    ("multi-audio.mkv", merge("-S", "@"), "6 tracks instead of 10"),
    ("multi-audio.mkv", merge("--track-order", SWAPPED, "@"), "codec ac3 instead of mp3"),
    (
        "multi-audio.mkv",
        edited("--edit", "track:2", "--set", "language=eng"),
        "language eng instead of ger",
    ),
    (
        "multi-audio.mkv",
        edited("--edit", "track:2", "--set", "flag-default=0"),
        "flags none instead of default",
    ),
    (
        "multi-audio.mkv",
        edited("--edit", "track:8", "--set", "flag-forced=0"),
        "flags none instead of forced",
    ),
    (
        "multi-audio.mkv",
        edited("--edit", "track:6", "--set", "flag-commentary=0"),
        "flags none instead of comment",
    ),
    (
        "multi-audio.mkv",
        edited("--edit", "track:7", "--set", "flag-hearing-impaired=1"),
        "flags hearing_impaired instead of none",
    ),
    (
        "multi-audio.mkv",
        edited("--edit", "track:3", "--set", "name=Stereo"),
        "title Stereo instead of Surround 5.1",
    ),
    (
        "multi-audio.mkv",
        edited("--edit", "track:3", "--delete", "name"),
        "title none instead of Surround 5.1",
    ),
    (
        "chapters.mkv",
        ffmpeg("-map", "0", "-c", "copy", "-c:a", "flac", "-default_mode", "passthrough"),
        "codec flac instead of ac3",
    ),
    (
        "chapters.mkv",
        ffmpeg("-map", "0", "-c", "copy", "-c:a", "ac3", "-ac", "2"),
        "channels 2 instead of 6",
    ),
    (
        "chapters.mkv",
        ffmpeg("-map", "0", "-c:v", "libx264", "-vf", "scale=80:46", "-c:a", "copy"),
        "width 80 instead of 160; .*height 46 instead of 90",
    ),
    ("chapters.mkv", merge("--no-chapters", "@"), "0 chapters instead of 3"),
    ("chapters.mkv", merge("--chapter-sync", "300", "@"), r"chapter 1 starts at 0\.3 s instead of"),
    (
        "statistics.mkv",
        ffmpeg("-map", "0", "-c", "copy", "-c:a", "ac3", "-af", "atrim=end=0.5"),
        r"discarded: audio 1 .* ends at 0\.\d s instead of 2\.0 s",
    ),
    (
        "statistics.mkv",
        ffmpeg("-map", "0", "-c", "copy", "-t", "0.5", "-default_mode", "passthrough"),
        r"video 0 .* ends at 0\.\d s instead of .*audio 1 .* ends at 0\.\d s instead of 2\.0 s",
    ),
    ("attachments.mkv", merge("--no-attachments", "@"), "0 attachments, not the 3 planned"),
    ("attachments.mkv", merge("--attachments", "1,2", "@"), "2 attachments, not the 3 planned"),
    ("clip.webm", merge("-S", "@"), "container mkv instead of webm"),
    (
        "mov-text.mp4",
        ffmpeg("-map", "0:v", "-map", "0:a", "-c", "copy", suffix="mp4"),
        "3 tracks instead of 5",
    ),
    ("mov-text.mp4", cut(0.95), "cut off|discarded"),
    (
        "cover.mp4",
        ffmpeg("-map", "0:0", "-map", "0:1", "-c", "copy", suffix="mp4"),
        "0 attachments, not the 1 planned",
    ),
    (
        "chapters.mp4",
        ffmpeg("-map", "0:v", "-map", "0:a", "-map_chapters", "-1", "-c", "copy", suffix="mp4"),
        "0 chapters instead of 2",
    ),
]

RIGHT: list[tuple[str, Make]] = [
    *((name, merge()) for name in ("multi-audio.mkv", "chapters.mkv", "attachments.mkv")),
    *((name, merge()) for name in ("vfr.mkv", "late-subtitle.mkv", "many-tracks.mkv")),
    *((name, merge()) for name in ("home-cinema.mkv", "bitmap-subtitles.mkv", "audio-only.mka")),
    ("multi-audio.mkv", edited("--edit", "track:1", "--set", "flag-default=1")),
    ("chapters.mp4", ffmpeg("-map", "0:v", "-map", "0:a", "-c", "copy", suffix="mp4")),
    *((name, by_vpo) for name in ("mov-text.mp4", "cover.mp4", "clip.webm", "front-tags.mkv")),
]


def proven(plan: Plan, output: Path, encoded: Collection[int] = ()) -> MediaFile:
    prober = Prober(Processes(), 120)
    return verify(plan, str(output), prober, source_end_times(plan, prober), encoded)


@pytest.mark.parametrize(("name", "make", "problem"), WRONG)
def test_proof_refuses_wrong_result(
    corpus: Path, tmp_path: Path, name: str, make: Make, problem: str
) -> None:
    output = tmp_path / "output"
    make(corpus / name, output)
    with pytest.raises(VerifyError, match=problem):
        proven(plan_for(corpus / name), output)


@pytest.mark.parametrize(("name", "make"), RIGHT)
def test_proof_accepts_right_result(corpus: Path, tmp_path: Path, name: str, make: Make) -> None:
    output = tmp_path / "output"
    make(corpus / name, output)
    found = proven(plan_for(corpus / name), output)
    assert found.path == str(output)


@pytest.mark.parametrize("moment", ["before the result", "in its comparison"])
def test_parser_that_is_killed_says_nothing_about_the_result(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As a system does whose memory runs out; a failed proof would be lasting."""
    plan, output = plan_for(corpus / "multi-audio.mkv"), tmp_path / "output.mkv"
    merge()(corpus / "multi-audio.mkv", output)
    processes = Processes()
    proof = Proof(plan, Prober(processes, 120), "full", "refuse")
    proof.check_source()

    def kill(*_: object) -> None:
        for group in list(processes._services):
            group.signal(signal.SIGKILL)
            group.wait()

    if moment == "before the result":
        kill()
    else:
        ask = Service.ask

        def asked(service: Service, line: bytes) -> None:
            if b"compare_with_source" in line:
                kill()
            ask(service, line)

        monkeypatch.setattr(Service, "ask", asked)
    with pytest.raises(ProbeError, match="the next run tries again"):
        proof.prove(str(output))
    processes.close()


def test_proof_refuses_output_that_is_no_media(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "output").write_text("no space left on device\n" * 40)
    with pytest.raises(VerifyError, match="result was discarded"):
        proven(plan_for(corpus / "chapters.mkv"), tmp_path / "output")


def test_proof_refuses_missing_output(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="cannot be opened"):
        proven(plan_for(corpus / "chapters.mkv"), tmp_path / "output")


# Facts one by one.

MEDIA = media_of(["v:h264/160x90 [default]", 'a:aac/2ch/pt-BR "T" [default]', "f:font.ttf"])


def changed(number: int, **facts: object) -> MediaFile:
    tracks = list(MEDIA.tracks)
    tracks[number] = replace(tracks[number], **facts)  # type: ignore[arg-type]
    return replace(MEDIA, tracks=tuple(tracks))


@pytest.mark.parametrize(
    ("expected", "found", "problems"),
    [
        (MEDIA, MEDIA, 0),
        (MEDIA, replace(MEDIA, duration=7.0, size=1, path="/x", tags=(("encoder", "x"),)), 0),
        (changed(1, channels=None), MEDIA, 0),  # became known
        (MEDIA, changed(1, channels=None), 1),
        (changed(1, title=""), changed(1, title=None), 0),
        (MEDIA, changed(1, type="subtitle"), 1),
        (MEDIA, changed(0, dispositions=frozenset({"default", "captions"})), 0),  # not kept there
        (MEDIA, changed(0, dispositions=frozenset({"default", "dub"})), 1),
        (MEDIA, replace(MEDIA, attachments=(Attachment(2, "other.ttf"),)), 1),
        (MEDIA, replace(MEDIA, chapters=(Chapter(0, 1),)), 1),
        (
            replace(MEDIA, chapters=(Chapter(0, 1, "A"),)),
            replace(MEDIA, chapters=(Chapter(0.05, 2, "A"),)),
            0,
        ),
        (
            replace(MEDIA, chapters=(Chapter(0, 1, "A"),)),
            replace(MEDIA, chapters=(Chapter(0, 1, "B"),)),
            1,
        ),
        (replace(MEDIA, container="avi"), replace(changed(1, title="x"), container="avi"), 0),
    ],
)
def test_differences_are_listed(expected: MediaFile, found: MediaFile, problems: int) -> None:
    assert len(list(differences(expected, found))) == problems


def test_proof_refuses_encode_without_its_hdr(corpus: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    shutil.copyfile(corpus / "hdr10.mkv", source)
    media = probe_file(str(source), frames=True)
    plan = Plan(media, media)
    assert proven(plan, source, [0]).tracks[0].hdr == media.tracks[0].hdr
    target = tmp_path / "target.mkv"
    words = ["-map", "0", "-c:a", "copy", "-c:v", "libx265", "-preset", "ultrafast"]
    words += ["-vf", "sidedata=delete"]  # ffmpeg 7 and newer would keep it
    run("ffmpeg", "-v", "error", "-i", source, *words, "-x265-params", "log-level=none", target)
    with pytest.raises(VerifyError, match="other mastering data, or none"):
        proven(plan, target, [0])


def test_verify_headers_accepts_unchanged_samples(corpus: Path) -> None:
    prober = Prober(Processes(), 120)
    for path in sorted(corpus.glob("*.mkv")):
        known = probe_file(str(path))
        assert verify_headers(Plan(known, known), str(path), prober) == known


def test_proof_of_copied_packets_needs_no_decoding(corpus: Path, tmp_path: Path) -> None:
    """Whatever ffmpeg would find out by decoding is known of the source."""
    for path in sorted(corpus.glob("*.mkv")):
        known, target = probe_file(str(path)), tmp_path / path.name
        merge()(path, target)
        if known.attachments or known.of("data"):
            continue
        found, whole = proven(Plan(known, known), target), probe_file(str(target))
        assert [track.pixel_format for track in found.tracks] == [
            track.pixel_format for track in whole.tracks
        ]
        assert [track.color for track in found.tracks] == [track.color for track in whole.tracks]


def test_verify_headers_refuses_changed_flags(corpus: Path, tmp_path: Path) -> None:
    known = probe_file(str(corpus / "wrong-flags.mkv"))
    target = tmp_path / "edited.mkv"
    edited("--edit", "track:2", "--set", "flag-default=0")(corpus / "wrong-flags.mkv", target)
    with pytest.raises(VerifyError, match=r"audio 1 .*: flags"):
        verify_headers(Plan(known, known), str(target), Prober(Processes(), 120))
