"""Tools misbehave: they are missing, fail, hang, report false results, and write wrong data."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.reading import stream_hashes
from tests.unsized import without_size

from drill.bench import Bench, Ended, Rig, expect
from drill.checks import database_sound, facts, hashes, litter, sha, unchanged
from drill.policies import CONTAINER, HEADER, MP4_REMUX, REMUX

STALL = 2


class Fault(NamedTuple):
    """A fake tool's script, and a word of the reason that must be recorded."""

    script: str
    reason: str


# In these, $out is the file that the tool is to write (or, of a header edit, to change).
FAULTS = {
    "fails": Fault('echo "Error: out of luck"; exit 2', "exit status 2"),
    "fails late": Fault('run "$@"; echo "Error: lost it"; exit 2', "exit status 2"),
    "killed": Fault('run "$@"; kill -KILL $$', "SIGKILL"),
    "crashes": Fault("kill -SEGV $$", "SIGSEGV"),
    "cannot be started": Fault("exec /nowhere/at/all", "exit status 127"),
    "hangs": Fault("exec sleep 600", "no progress"),
    "hangs when done": Fault('run "$@"; exec sleep 600', "no progress"),
    "floods and hangs": Fault(
        "yes '   lies' | head -c 40000000 >&2; exec sleep 600", "no progress"
    ),
    "floods for ever": Fault("exec yes lies", "no progress"),
    "closes its output and hangs": Fault("exec >&- 2>&-; exec sleep 600", "no progress"),
    "ignores SIGTERM": Fault("trap '' TERM; while :; do sleep 1; done", "no progress"),
}
RESULTS = {
    "leaves an empty file": Fault(': > "$out"', ""),
    "leaves a truncated file": Fault('run "$@"; change truncate', ""),
    "leaves a file without its last byte": Fault('run "$@"; change last-byte', ""),
    "leaves rubbish": Fault('head -c 30000 /dev/urandom > "$out"', ""),
    "leaves the header damaged": Fault('run "$@"; change header', ""),
    "removes its output": Fault('rm -f "$out"', ""),
    "puts a folder there": Fault('rm -f "$out"; mkdir "$out"', ""),
}
REMUXES = {
    "drops a stream": Fault('run_less "$@"', "tracks"),
    "keeps everything as it was": Fault('run_plain "$@"', "instead of"),
    "copies the source": Fault('cat "$source" > "$out"', ""),
    "writes half of the packets": Fault('run_short "$@"', ""),
    "puts another file there": Fault('run "$@"; cp "$out" "$out.2"; mv "$out.2" "$out"', "another"),
}
HEADERS = {
    "does nothing": Fault("exit 0", "flags"),
    "sets other flags": Fault('run "$out" --edit track:1 --set flag-forced=1', "flags"),
    "writes into a cluster": Fault('run "$@"; change cluster', ""),
    "writes only into a cluster": Fault("change cluster", ""),
    "appends rubbish": Fault('run "$@"; echo lies >> "$out"', ""),
}

_CHANGE = """\
import os, sys
how, path = sys.argv[1:]
with open(path, "r+b") as file:
    size = os.fstat(file.fileno()).st_size
    at = {"header": 0, "cluster": file.read().find(bytes.fromhex("1f43b675")) + 300}.get(how, size // 2)
    if how == "truncate":
        file.truncate(size * 2 // 3)
    elif how == "last-byte":
        file.truncate(size - 1)
    else:
        file.seek(at)
        file.write(bytes(4096 if how == "hole" else 16) if how != "cluster" else b"lies " * 20)
"""


def _script(rig: Rig, tool: str, fault: Fault) -> str:
    """Return the shell functions that the faults use, and the fault."""
    import shutil

    change = rig.folder / "change.py"
    change.write_text(_CHANGE)
    real = shlex.quote(shutil.which(tool) or tool)
    source = {
        "mkvmerge": 'for w; do [ "$last" = "(" ] && source="$w"; last="$w"; done',
        "ffmpeg": 'for w; do [ "$last" = "-i" ] && source="$w"; last="$w"; done',
        "mkvpropedit": ":",
    }[tool]
    out = {
        "mkvmerge": 'for w; do [ "$prev" = "--output" ] && out="$w"; prev="$w"; done',
        "ffmpeg": "for out; do :; done",
        "mkvpropedit": 'for w; do case "$w" in /*) out="$w";; esac; done',
    }[tool]
    more = {
        "mkvmerge": f"""
run_less() {{ {real} --gui-mode -o "$out" -D "$source"; }}
run_plain() {{ {real} -o "$out" "$source"; }}
run_short() {{ {real} -o "$out" --split parts:00:00:00-00:00:00.800 "$source"; }}""",
        "ffmpeg": f"""
run_less() {{ {real} -v error -y -i "$source" -map 0:v -c copy -f "$muxer" "$out"; }}
run_plain() {{ {real} -v error -y -i "$source" -map 0 -c copy -c:s "$text" -f "$muxer" "$out"; }}
run_short() {{ {real} -v error -y -t 0.8 -i "$source" -map 0 -c copy -c:s "$text" -f "$muxer" "$out"; }}
case " $* " in *" matroska "*) muxer=matroska text=srt;; *) muxer=mp4 text=copy;; esac""",
        "mkvpropedit": "",
    }[tool]
    return f"""\
{source}
{out}
run() {{ {real} "$@"; }}
change() {{ {shlex.quote(sys.executable)} {shlex.quote(str(change))} "$1" "$out"; }}
{more}
{fault.script}"""


class _Case(NamedTuple):
    tool: str
    policy: str
    sample: str
    faults: dict[str, Fault]


_CASES = (
    _Case("mkvmerge", REMUX, "multi-audio.mkv", {**FAULTS, **RESULTS, **REMUXES}),
    _Case("ffmpeg", MP4_REMUX, "mov-text.mp4", {**FAULTS, **RESULTS, **REMUXES}),
    _Case("ffmpeg", CONTAINER, "mov-text.mp4", {**FAULTS, **RESULTS, **REMUXES}),
    _Case("mkvpropedit", HEADER, "wrong-flags.mkv", {**FAULTS, **RESULTS, **HEADERS}),
)
_KINDS = ("remux with mkvmerge", "remux with ffmpeg", "MP4 to MKV", "header edit")


def misbehaving(bench: Bench) -> None:
    """Each fault of each tool is a recorded failure, and the original is unchanged.

    mkvpropedit is given a copy without the clusters; where it edits no header, another tool may
    write the file anew.
    """
    for kind, case in zip(_KINDS, _CASES, strict=True):
        chosen = list(case.faults)
        if bench.short:
            quick = [name for name in chosen if case.faults[name].reason != "no progress"]
            hanging = ["floods and hangs"] if case is _CASES[0] else []
            chosen = [*bench.random.sample(quick, 2), *hanging]
        for name in chosen:
            with bench.trial(f"{kind}: {case.tool} {name}"):
                _fault(bench, case, name)


def _fault(bench: Bench, case: _Case, name: str) -> None:
    fault = case.faults[name]
    rig = bench.rig(case.sample, "bystander.mkv=und.mkv")
    if case.tool == "mkvpropedit":
        without_size(rig.library / case.sample)
    rig.configure(tools=f"stall_seconds = {STALL}")
    rig.fake_tool(case.tool, _script(rig, case.tool, fault))
    before = hashes(sorted(rig.library.iterdir()))
    path = rig.library / case.sample
    streams = stream_hashes(path)
    ended = rig.process(case.policy)
    if case.tool == "mkvpropedit" and ended.status(path.name) == "changed":
        _right_all_the_same(rig, case, ended, streams)
        return
    unchanged(before)
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    expect({p.name for p in rig.library.iterdir()} == {p.name for p in before}, "a new file")
    _told(ended, path, fault)
    # A rollback must also restore the times, or other programs take the file for a new one.
    database_sound(rig)
    rig.throw_away()


def _right_all_the_same(rig: Rig, case: _Case, ended: Ended, streams: Sequence[str]) -> None:
    """Judge a film of which only the header was taken, or that another tool has written."""
    path = rig.library / case.sample
    edited = ended.files[path.name]["strategy"] == "header"
    expect(edited or "written anew" in ended.stdout, f"nothing says why: {ended}")
    expect(stream_hashes(path) == streams, "its streams are others")
    expect(rig.process(case.policy).status(path.name) == "unchanged", "it does not comply")
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    database_sound(rig)
    rig.throw_away()


def _told(ended: Ended, path: Path, fault: Fault) -> None:
    expect(ended.rc == 1, f"a failed file, and {ended}")
    expect(ended.status(path.name) == "failed", f"the file is {ended.status(path.name)}")
    error = ended.error(path.name)
    expect(fault.reason in error, f"{fault.reason!r} is not in {error!r}")
    expect("unexpected error" not in error, error)


def missing(bench: Bench) -> None:
    """Without a tool, its files fail with advice to install it; the others are processed."""
    for kind, case in list(zip(_KINDS, _CASES, strict=True))[: bench.scale(2, 4)]:
        with bench.trial(f"{kind}: {case.tool} missing"):
            rig = bench.rig(case.sample)
            if case.tool == "mkvpropedit":
                without_size(rig.library / case.sample)
            tools = rig.folder / "some-tools"
            tools.mkdir()
            others = {"ffmpeg", "mkvmerge"} - {case.tool}
            if case.tool == "mkvpropedit":
                others = set()
            for name in others:
                (tools / name).symlink_to(_which(name))
            before = hashes([rig.library / case.sample])
            # Nor is there the ffmpeg that may be installed with Python packages.
            (rig.folder / "imageio_ffmpeg.py").write_text("raise ImportError")
            env = {"PATH": str(tools), "PYTHONPATH": str(rig.folder)}
            ended = rig.run(*rig.words(case.policy), env=env)
            error = ended.error(case.sample)
            if case.tool == "mkvmerge" and ended.status(case.sample) == "changed":
                facts(rig.library / case.sample)  # ffmpeg has done it
            else:
                unchanged(before)
                expect("is needed and not installed" in error, f"not told: {ended}")
                expect(ended.rc == 3, f"{ended}")
            rig.throw_away()


def _which(name: str) -> str:
    for folder in os.environ["PATH"].split(os.pathsep):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    raise FileNotFoundError(name)


def warnings(bench: Bench) -> None:
    """Exit status 1 of mkvtoolnix is a warning: a correct result is accepted, the warning reported."""
    cases = {
        "mkvmerge": (REMUX, "multi-audio.mkv", 'real_one "$@"; echo "#GUI#warning mind the gap"'),
        "mkvpropedit": (HEADER, "wrong-flags.mkv", 'real_one "$@"; echo "Warning: mind the gap"'),
    }
    for tool, (policy, sample, script) in cases.items():
        with bench.trial(f"{tool} warns"):
            rig = bench.rig(sample)
            if tool == "mkvpropedit":
                without_size(rig.library / sample)
            real = f'real_one() {{ {_which(tool)} "$@"; }}\n'
            rig.fake_tool(tool, f"{real}{script}; exit 1")
            digest = sha(rig.library / sample)
            ended = rig.process(policy)
            expect(ended.status(sample) == "changed", f"{ended}")
            expect(sha(rig.library / sample) != digest, "nothing was changed")
            facts(rig.library / sample)
            said = ended.files[sample]["warnings"]
            if tool == "mkvmerge":
                expect(any("mind the gap" in line for line in said), f"the warning is lost: {said}")
            with contextlib.suppress(OSError):
                rig.throw_away()
