"""``python -m drill.real_files FOLDER...``: six policies over copies of files that nobody made for vpo.

Each outcome is judged without vpo's own reader: a changed file by ffprobe, mkvmerge and the hashes
of its streams, a file that was left alone by its bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_HEAD = "schema_version: 13\nconfig: {audio_languages: [eng, und], on_error: skip}\nphases:\n"
POLICIES = {
    "flags": "  - {name: p, default_flags: {}}",
    "filter": """\
  - name: p
    keep_audio: {languages: [eng, und], fallback: {mode: keep_first}}
    keep_subtitles: {languages: [eng, und]}
    track_order: [audio_main, video, subtitle_main]""",
    "mp4": "  - {name: p, container: {target: mp4}}",
    "mkv": "  - {name: p, container: {target: mkv}}",
    "hevc": "  - {name: p, transcode: {video: {to: hevc, preset: ultrafast, crf: 35}}}",
    "stereo": """\
  - name: p
    audio_synthesis:
      tracks:
        - name: stereo
          codec: aac
          channels: stereo
          source: {prefer: [{not_commentary: true}, {channels: max}]}
          skip_if_exists: {codec: aac, channels: 2}
          position: end""",
}
_NO_MEDIA = {".c", ".md", ".py", ".sh", ".txt", ".undo", ".json"}
_SECONDS = 600
_FAR_AHEAD = ("-probesize", "64M", "-analyzeduration", "3600M")
"""Tracks may begin late."""
_NOT_TAKEN = {
    "status": "not taken",
    "new_path": None,
    "error": None,
    "warnings": ["vpo did not take it for a video"],
    "phases": [],
    "changes": [],
}
_TIME = re.compile(r"(\d+):(\d\d):(\d\d),(\d{3})")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")


@dataclass(frozen=True)
class Film:
    """A file as ffprobe, mkvmerge and ffmpeg see it."""

    path: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        shown = ("-show_streams", "-show_format", "-show_chapters", "-of", "json")
        found = json.loads(_run("ffprobe", "-v", "error", *shown, _url(self.path)) or "{}")
        return found if isinstance(found, dict) else {}

    @property
    def streams(self) -> list[dict[str, Any]]:
        """The tracks: fonts and further attachments are not among them."""
        found = self.facts.get("streams", [])
        return [s for s in found if s["codec_type"] != "attachment"]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the tracks of a type; cover art is no video."""
        found = (s for s in self.streams if s["codec_type"] == kind)
        return [s for s in found if not s["disposition"]["attached_pic"]]

    @cached_property
    def seconds(self) -> float:
        """How long the tracks last, by their packets: headers may say anything.

        A subtitle may be shown for longer than the film, and counts only where nothing else is.
        """
        shown = ("-show_entries", "packet=codec_type,pts_time,duration_time", "-of", "csv=p=0")
        lines = _run("ffprobe", "-v", "error", *shown, _url(self.path)).splitlines()
        timed = [row for line in lines if (row := line.partition(","))[2][:1] not in ("", "N")]
        main = [row for row in timed if row[0] in ("audio", "video")]
        times = [_numbers(numbers) for _, _, numbers in main or timed]
        return max(map(sum, times), default=0.0) - min((t[0] for t in times), default=0.0)

    @property
    def tracks(self) -> list[dict[str, Any]]:
        """All streams except the text of chapters, which is data to ffprobe."""
        chapters = bool(self.facts.get("chapters"))
        found = (s for s in self.streams if not s["disposition"]["attached_pic"])
        return [s for s in found if not (chapters and s.get("codec_tag_string") == "text")]

    @property
    def containers(self) -> set[str]:
        name = str(self.facts.get("format", {}).get("format_name", ""))
        tags = self.facts.get("format", {}).get("tags", {})
        return {"qt"} if tags.get("major_brand") == "qt  " else set(name.split(","))

    @property
    def mkvmerge_says(self) -> str:
        """What mkvmerge finds wrong with a Matroska file, empty if nothing or another container."""
        if "matroska" not in self.containers:
            return ""
        found = json.loads(_run("mkvmerge", "-J", str(self.path)))
        count = len([s for s in self.streams if not s["disposition"]["attached_pic"]])
        problems = [*found.get("errors", []), *found.get("warnings", [])]
        if len(found.get("tracks", [])) != count:
            problems.append(f"mkvmerge finds {len(found['tracks'])} tracks, ffprobe {count}")
        return "; ".join(problems)

    def hashes(self, stream: dict[str, Any]) -> list[str]:
        """Return the hashes of a stream: of its packets, then of what they decode to."""
        kind, number = stream["codec_type"], f"0:{stream['index']}"
        read = ["ffmpeg", "-v", "error", "-nostdin", *_FAR_AHEAD]
        read += ["-i", _url(self.path), "-map", number]
        found = [_run(*read, "-c", "copy", "-f", "streamhash", "-")]
        if stream.get("codec_name", "unknown") == "unknown" and "matroska" in self.containers:
            found = ["=" + hashlib.sha256(_cues(self._extracted(stream))).hexdigest()] * 2
        elif kind == "subtitle":
            found.append("=" + hashlib.sha256(_cues(_run(*read, "-f", "srt", "-"))).hexdigest())
        elif kind in ("video", "audio"):
            found.append(_run(*read, "-fps_mode", "passthrough", "-f", "streamhash", "-"))
        return [text.strip().rpartition("=")[2] for text in found]

    def _extracted(self, stream: dict[str, Any]) -> str:
        """Return the text of a track of Matroska that ffmpeg has no name for, as SRT."""
        with tempfile.NamedTemporaryFile(suffix=".vtt") as file:
            _run("mkvextract", str(self.path), "tracks", f"{stream['index']}:{file.name}")
            return _run("ffmpeg", "-v", "error", "-i", file.name, "-f", "srt", "-")


@dataclass(frozen=True)
class Outcome:
    """A row of the table; ``wrong`` says what the judges found wrong."""

    name: str
    policy: str
    status: str
    reason: str
    wrong: tuple[str, ...]


def main() -> int:
    """Print the table; return 1 if an outcome was judged to be wrong."""
    parser = argparse.ArgumentParser(prog="python -m drill.real_files", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--policy", choices=list(POLICIES), action="append")
    wanted = parser.parse_args()
    films = [path for folder in wanted.folders for path in _films(folder)]
    with tempfile.TemporaryDirectory(prefix="vpo-real-") as place:
        names = wanted.policy or list(POLICIES)
        rows = [row for name in names for row in outcomes(name, films, Path(place))]
    for row in sorted(rows, key=lambda row: row.name):
        judged = "WRONG: " + "; ".join(row.wrong) if row.wrong else "right"
        print(f"{row.name} · {row.policy} · {row.status} · {judged}")
        if row.reason:
            print(f"    {row.reason}")
    counts = Counter(row.status for row in rows)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    wrong = sum(bool(row.wrong) for row in rows)
    print(f"\n{len(films)} files, {len(rows)} outcomes: {said}; judged wrong: {wrong}")
    return 1 if wrong else 0


def outcomes(policy: str, films: Sequence[Path], place: Path) -> Iterator[Outcome]:
    """Run a policy over copies of these files, and judge every outcome."""
    folder = place / policy
    copies = {}
    for number, film in enumerate(films):
        own = folder / "library" / f"{number:03}"  # several may have one name
        own.mkdir(parents=True)
        copies[own] = film
        os.chmod(shutil.copy(film, own), 0o644)
    (folder / "policy.yaml").write_text(f"{_HEAD}{POLICIES[policy]}\n", "utf-8")
    home = {f"XDG_{name}_HOME": str(folder / name) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    argv = [sys.executable, "-m", "vpo", "process", "--format", "json", "-R"]
    done = subprocess.run(
        [*argv, "-p", str(folder / "policy.yaml"), str(folder / "library")],
        env={**os.environ, **home},
        capture_output=True,
        check=False,
    )
    listed = json.loads(done.stdout)["files"] if done.stdout else []
    found = {Path(entry["path"]).parent: entry for entry in listed}
    for own, film in copies.items():
        yield judge(policy, Film(film), own, found.get(own))
    shutil.rmtree(folder)


def judge(policy: str, film: Film, folder: Path, said: dict[str, Any] | None) -> Outcome:
    """Judge what a run left in ``folder`` of a copy of a film, against what it said about it."""
    if said is None:
        said = {**_NOT_TAKEN, "path": str(folder / film.path.name)}
    status, reason = said["status"], _reason(said)
    wrong = []
    left = sorted(os.listdir(folder))
    result = Path(said["new_path"] or said["path"])
    if left != [result.name]:
        wrong.append(f"the folder has {', '.join(left) or 'nothing'}")
    elif status == "changed":
        wrong += _changed(policy, film, Film(result), said)
    elif _sha256(result) != _sha256(film.path):
        wrong.append("it is not the same file")
    elif status == "unchanged":
        wrong += [f"{text}, and no reason" for text in _wanted(policy, film) if not reason]
    elif not reason:
        wrong.append("no reason")
    return Outcome(film.path.name, policy, status, reason, tuple(wrong))


def _reason(said: dict[str, Any]) -> str:
    error = [f"{said['error']['type']}: {said['error']['message']}"] if said["error"] else []
    details = [] if error else [p["detail"] for p in said["phases"] if p["detail"]]
    return " | ".join(dict.fromkeys([*error, *said["warnings"], *details]))


def _changed(policy: str, old: Film, new: Film, said: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a result."""
    if new.mkvmerge_says and not old.mkvmerge_says:
        yield f"mkvmerge: {new.mkvmerge_says}"
    yield from _wanted(policy, new)
    if abs(old.seconds - new.seconds) > 0.1 + old.seconds / 100:
        yield f"{new.seconds:.2f} s instead of {old.seconds:.2f} s"
    chapters = [len(film.facts.get("chapters", [])) for film in (old, new)]
    if chapters[1] < chapters[0]:
        yield f"{chapters[1]} of {chapters[0]} chapters"
    gone = [c for c in said["changes"] if c["kind"] == "remove"]
    added = [c for c in said["changes"] if c["kind"] == "add"]
    expected = len(old.tracks) - len(gone) + len(added)
    if len(new.tracks) != expected:
        yield f"{len(new.tracks)} tracks instead of {expected}"
    yield from _streams(old, new, "video" if policy == "hevc" else "")


def _wanted(policy: str, film: Film) -> Iterator[str]:
    """Yield what a file lacks of what the policy asks for."""
    target = {"mp4": "mp4", "mkv": "matroska"}.get(policy)
    if target and target not in film.containers:
        yield f"its container is {'/'.join(sorted(film.containers))}"
    for stream in film.of("video") if policy == "hevc" else []:
        if stream.get("codec_name") != "hevc":
            yield f"its video is {stream.get('codec_name')}"
    sound = film.of("audio")
    if policy == "stereo" and sound:
        pairs = {(stream.get("codec_name"), stream.get("channels")) for stream in sound}
        if ("aac", 2) not in pairs:
            yield "it has no stereo AAC"
    for kind in ("video", "audio") if policy == "flags" else ():
        defaults = [s for s in film.of(kind) if s["disposition"]["default"]]
        if film.of(kind) and len(defaults) != 1 and "avi" not in film.containers:
            yield f"{len(defaults)} default {kind} tracks"


def _streams(old: Film, new: Film, encoded: str) -> Iterator[str]:
    """Yield the streams of the result, other than encoded ones, that are not in the source."""
    for kind in ("video", "audio", "subtitle"):
        if not old.of(kind):
            continue
        if not new.of(kind) and kind != "subtitle":
            yield f"all {kind} is gone"
        known = [old.hashes(stream) for stream in old.of(kind)]
        for stream in new.of(kind) if kind != encoded else []:
            hashes = new.hashes(stream)
            match = next((k for k in known if any(map(str.__eq__, k, hashes))), None)
            if match is not None:
                known.remove(match)
            elif kind != "audio" or len(new.of(kind)) <= len(old.of(kind)):
                yield f"{kind} {stream['index']} is none of the source's"


def _films(folder: Path) -> list[Path]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in found if path.suffix and path.suffix.lower() not in _NO_MEDIA]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _cues(srt: str) -> bytes:
    """Return the text of subtitles without styles, with times from the first one on.

    A copy may begin later as a whole, to make room for the start of its audio.
    """
    first = next(_TIME.finditer(srt), None)
    start = _milliseconds(first) if first else 0
    text = _TIME.sub(lambda found: str(_milliseconds(found) - start), _MARKUP.sub("", srt))
    return " ".join(text.split()).encode()


def _milliseconds(found: re.Match[str]) -> int:
    hours, minutes, seconds, rest = map(int, found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def _numbers(line: str) -> tuple[float, float]:
    start, _, length = line.strip(",").partition(",")
    return float(start), float(length) if length and length != "N/A" else 0.0


def _url(path: Path) -> str:
    return f"file:{path}"


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, check=False, timeout=_SECONDS)
    return done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main())
