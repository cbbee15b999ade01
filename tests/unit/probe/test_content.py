"""Reading all packets of a file, and what of each is compared."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from vpo.probe import content as packet_reading
from vpo.probe.content import Content, read_content
from vpo.probe.integrity import DamageKind, FirstDamage, first_damage, is_complete
from vpo.probe.payload_forms import PayloadForm
from vpo.probe.stream_content import StreamContent


def ignore(part: float) -> None:
    """Nobody waits for it."""


def content(path: Path, forms: dict[int, PayloadForm] | None = None) -> Content:
    return read_content(str(path), forms or {}, ignore)


def packet_positions(path: Path) -> list[tuple[int, int]]:
    """The position and size of the packets of the first video track, by ffprobe."""
    words = ["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pos,size"]
    done = subprocess.run(
        ["ffprobe", *words, "-of", "compact=p=0:nk=0", path], capture_output=True, text=True
    )
    found = []
    for line in done.stdout.split():
        values = dict(part.split("=") for part in line.split("|") if "=" in part)
        if values.get("pos", "N/A") != "N/A":
            found.append((int(values["pos"]), int(values["size"])))
    return found


def test_a_gap_is_where_all_tracks_pause_at_the_same_time() -> None:
    slides = StreamContent("video", "h264", Fraction(1))
    sound = StreamContent("audio", "aac", Fraction(1))
    slides.times.extend(range(0, 60_000, 10))
    sound.times.extend(at for at in range(60_000) if at % 20 != 10 and not 30_000 < at < 30_005)
    for stream in (slides, sound):
        stream.packets, stream.end = len(stream.times), 60_000
    damage = first_damage(Content("avi", 0.0, None, {0: slides, 1: sound}), complete=True)
    assert damage == FirstDamage("gap", 30_000.0, "5.0 s")


def test_packets_are_counted_as_ffprobe_counts_them(corpus: Path) -> None:
    path = corpus / "multi-audio.mkv"
    words = ["-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets"]
    done = subprocess.run(
        ["ffprobe", *words, "-of", "csv=p=0", path], capture_output=True, text=True, check=True
    )
    read = content(path)
    counts = [read.streams[index].packets for index in sorted(read.streams)]
    assert counts == [int(count) for count in done.stdout.split()]


def test_every_sample_that_is_whole_has_no_damage(corpus: Path) -> None:
    for path in sorted(corpus.glob("*.*")):
        assert first_damage(content(path), is_complete(str(path))) is None, path.name


@pytest.mark.parametrize("name", ["multi-audio.mkv", "chapters.mp4", "broadcast.ts", "clip.webm"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_damaged(
    corpus: Path, tmp_path: Path, name: str, part: float
) -> None:
    path = Path(shutil.copyfile(corpus / name, tmp_path / name))
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * part) // 188 * 188 + 7)
    try:
        read = content(path)
    except Exception as error:  # noqa: BLE001 - so little is left that nothing can be read
        assert type(error).__name__ == "ProbeError"
        return
    assert first_damage(read, is_complete(str(path))) is not None


def test_a_tail_of_zeros_is_damage(corpus: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // 2)
        file.truncate(size)
    damage = first_damage(content(path), is_complete(str(path)))
    assert damage is not None
    assert damage.kind in ("unreadable", "zeros", "short")


FILMS = {
    "mkv": ("mpeg4", "ac3"),
    "mp4": ("libx264", "aac"),
    "ts": ("mpeg2video", "mp2"),
    "avi": ("mpeg4", "mp2"),
    "mpg": ("mpeg2video", "mp2"),
    "ogv": ("libtheora", "libvorbis"),
    "flv": ("flv", "aac"),
    "wmv": ("wmv2", "wmav2"),
}
"""Codecs that encode fast, by container."""
CLOSE = 1.5
"""Seconds."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, media_tools: None) -> Path:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("films")
    words = ["-f", "lavfi", "-i", "testsrc2=s=64x48:d=9:r=25", "-f", "lavfi", "-i", "sine=d=9"]
    for name, (video, audio) in FILMS.items():
        codecs = ["-c:v", video, "-c:a", audio, "-q:v", "4", "-g", "12", "-movflags", "faststart"]
        path = str(folder / f"film.{name}")
        subprocess.run(["ffmpeg", "-v", "error", *words, *codecs, path], check=True)
    return folder


def time_at(path: Path, position: int) -> float:
    """The time of the packet that has the byte at a position, by ffprobe."""
    words = ["-v", "error", "-show_entries", "packet=pts_time,dts_time,pos,size"]
    done = subprocess.run(
        ["ffprobe", *words, "-of", "json", path], capture_output=True, text=True, check=True
    )
    found = [
        (int(packet["pos"]), int(packet["size"]), packet.get("pts_time") or packet["dts_time"])
        for packet in json.loads(done.stdout)["packets"]
        if "pos" in packet
    ]
    return min(float(time) for at, size, time in found if at + size > position)


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("damage", ["cut off", "zeros at the end", "zeros", "missing"])
def test_damage_is_found_in_every_container_with_its_time(
    films: Path, tmp_path: Path, name: str, damage: str
) -> None:
    whole = films / f"film.{name}"
    data = whole.read_bytes()
    at, size = len(data) * 11 // 20 + 77, len(data) // 20
    left = {
        "cut off": b"",
        "zeros at the end": bytes(len(data) - at),
        "zeros": bytes(size) + data[at + size :],
        "missing": data[at + size :],
    }[damage]
    path = tmp_path / whole.name
    path.write_bytes(data[:at] + left)
    found = first_damage(content(path), is_complete(str(path)))
    assert found is not None
    assert found.at == pytest.approx(time_at(whole, at), abs=CLOSE)


@pytest.mark.parametrize("name", FILMS)
def test_a_film_that_was_written_live_is_no_damage(films: Path, tmp_path: Path, name: str) -> None:
    """What was sent down a pipe states neither its size nor its duration."""
    whole, path = films / f"film.{name}", tmp_path / f"film.{name}"
    muxer = {"mkv": "matroska", "ts": "mpegts", "mpg": "mpeg", "ogv": "ogg", "wmv": "asf"}
    words = ["-i", str(whole), "-c", "copy", "-movflags", "frag_keyframe+empty_moov"]
    with path.open("wb") as file:
        pipe = ["-f", muxer.get(name, name), "pipe:1"]
        subprocess.run(["ffmpeg", "-v", "error", *words, *pipe], stdout=file, check=True)
    assert first_damage(content(path), is_complete(str(path))) is None


def test_packets_of_zeros_in_mp4_are_damage_with_their_time(corpus: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(corpus / "chapters.mp4", tmp_path / "film.mp4"))
    large = [(at, size) for at, size in packet_positions(path)[5:] if size > 100]
    with path.open("r+b") as file:
        file.seek(large[0][0])
        file.write(bytes(large[0][1]))
    expected: DamageKind = "zeros"
    forms: tuple[PayloadForm, ...] = ("raw", "nal")
    for form in forms:
        damage = first_damage(content(path, {0: form}), is_complete(str(path)))
        assert damage is not None
        assert (damage.kind, damage.at is not None) == (expected, True)


def test_silence_of_pcm_is_no_damage(tmp_path: Path, media_tools: None) -> None:  # noqa: ARG001
    path = tmp_path / "silence.mkv"
    words = ["-f", "lavfi", "-i", "anullsrc=d=1", "-c:a", "pcm_s16le"]
    subprocess.run(["ffmpeg", "-v", "error", *words, path], check=True)
    assert first_damage(content(path), complete=True) is None


def test_h264_is_the_same_in_transport_streams_and_matroska(corpus: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "film.ts", tmp_path / "film.mkv"
    for before, after in ((corpus / "multi-audio.mkv", source), (source, target)):
        maps = ["-map", "0:v", "-map", "0:a:2"] if after == source else ["-map", "0"]
        words = ["-i", str(before), *maps, "-c", "copy"]
        subprocess.run(["ffmpeg", "-v", "error", *words, after], check=True)
    forms: dict[int, PayloadForm] = {0: "nal", 1: "adts"}
    one, other = content(source, forms), content(target, forms)
    for index in (0, 1):
        assert one.streams[index].digest.digest() == other.streams[index].digest.digest()
        assert one.streams[index].packets == other.streams[index].packets
    raw = content(source), content(target)
    assert raw[0].streams[0].digest.digest() != raw[1].streams[0].digest.digest()


def test_progress_is_between_nothing_and_all(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_reading, "_BEAT_SECONDS", 0.0)
    parts: list[float] = []
    read_content(str(corpus / "multi-audio.mkv"), {}, parts.append)
    assert parts
    assert all(0 <= part <= 1 for part in parts)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_frames_of_a_video_are_the_same_in_every_container(
    tmp_path: Path,
    media_tools: None,  # noqa: ARG001
    codec: str,
) -> None:
    """Muxers move x265's message about itself; the frames are what they were."""
    source = tmp_path / "a.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc=s=96x64:d=1:r=8", "-c:v", codec)
    subprocess.run(["ffmpeg", "-v", "error", *picture, str(source)], check=True)
    others = [tmp_path / name for name in ("b.mkv", "c.mp4", "d.ts")]
    subprocess.run(["mkvmerge", "-q", "-o", others[0], source], check=True)
    for path in others[1:]:
        copy = ["ffmpeg", "-v", "error", "-i", str(source), "-c", "copy", str(path)]
        subprocess.run(copy, check=True)
    frames = {content(p, {0: "slices"}).streams[0].digest.digest() for p in (source, *others)}
    assert len(frames) == 1
    units = content(source, {0: "nal"}).streams[0].header_units
    assert bool(units) == (codec == "libx265")
    for path in others:
        again = read_content(str(path), {0: "nal"}, ignore, {0: units}).streams[0]
        assert again.digest.digest() == content(source, {0: "nal"}).streams[0].digest.digest()


def test_bit_rate_is_that_of_all_packets(corpus: Path) -> None:
    stream = content(corpus / "multi-audio.mkv").streams[0]
    sizes = [size for _, size in packet_positions(corpus / "multi-audio.mkv")]
    first = float(min(stream.times) * stream.time_base)
    assert stream.seconds is not None
    assert stream.bit_rate == pytest.approx(sum(sizes) * 8 / (stream.seconds - first), abs=1)


@pytest.mark.parametrize(("size", "damaged"), [(400, False), (600, True)])
def test_zeros_in_a_packet_of_video_are_damage(
    corpus: Path, tmp_path: Path, size: int, damaged: bool
) -> None:
    """A hole may lie at the end of one packet and at the start of the next."""
    path = Path(shutil.copyfile(corpus / "chapters.mp4", tmp_path / "film.mp4"))
    at, length = max(packet_positions(path), key=lambda packet: packet[1])
    assert length > 1600
    with path.open("r+b") as file:
        file.seek(at + 900)
        file.write(bytes(size))
    found = first_damage(content(path), is_complete(str(path)))
    assert (found is not None) == damaged


def test_a_second_reading_finds_the_same_damage(corpus: Path, tmp_path: Path) -> None:
    """libav leaves out a message that is like the last one."""
    path = Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))
    data = bytearray(path.read_bytes())
    at = packet_positions(path)[-1][0]
    data[at - 2 : at] = b"\x7f\xfe"  # the size of the block: far beyond the cluster
    path.write_bytes(data)
    first = content(path).errors
    assert first
    assert content(path).errors == first


@pytest.mark.parametrize(
    ("hidden", "matters"), [([63], False), ([63, 78], False), ([79], True), ([10, 63], True)]
)
def test_an_edit_list_that_only_ends_early_hides_nothing(hidden: list[int], matters: bool) -> None:
    stream = StreamContent("video", "h264", Fraction(1, 30), end=63, hidden=1, hidden_times=hidden)
    assert stream.hides_frames is matters
