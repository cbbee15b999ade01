"""Wrong policies and configurations: one message says where, and nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from drill.bench import Bench, Ended, Rig, expect
from drill.checks import hashes, unchanged
from drill.policies import HEADER

HEAD = "schema_version: 13\n"
PHASES = f"{HEAD}phases:\n  - name: one\n"
BOMB = "".join(
    f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9) if n else 'lol'}]\n" for n in range(30)
)
POLICIES: Mapping[str, tuple[bytes, str]] = {
    "unknown key": (f"{PHASES}    keep_audoi: {{languages: [eng]}}\n".encode(), "keep_audio"),
    "unknown key at the top": (f"{HEAD}pases: []\n".encode(), "phases"),
    "wrong type": (f"{PHASES}    keep_audio: {{languages: 7}}\n".encode(), ":"),
    "a list for a map": (b"- one\n- two\n", ""),
    "a number": (b"42\n", ""),
    "duplicate key": (f"{HEAD}phases: []\nphases: []\n".encode(), "phases"),
    "duplicate phase": (f"{PHASES}  - name: one\n".encode(), "one"),
    "unknown phase": (f"{PHASES}    depends_on: [two]\n".encode(), "two"),
    "alias bomb": ((HEAD + BOMB + "phases: *x29\n").encode(), ""),
    "endless alias": (f"{HEAD}phases: &a [*a]\n".encode(), ""),
    "10 MB": (HEAD.encode() + b"# " + b"x" * 10_000_000, "more than"),
    "10 MB of brackets": (b"[" * 10_000_000, "more than"),
    "a million brackets": (b"[" * 990_000, ""),
    "deep maps": (b"".join(b" " * n + b"a:\n" for n in range(1300)), ""),
    "a Python object": (b"!!python/object/apply:os.system ['touch hacked']\n", ""),
    "not UTF-8": (b"schema_version: 13\nname: \xff\xfe\n", ""),
    "binary": (bytes(range(256)) * 40, ""),
    "NUL bytes": (b"schema_version: 13\n\0\0\n", ""),
    "empty": (b"", ""),
    "tabs": (b"schema_version: 13\nphases:\n\t- name: one\n", ""),
    "unclosed quote": (b'schema_version: 13\nname: "never ends\n', ""),
    "two documents": (f"{PHASES}---\n{PHASES}".encode(), ""),
    "newer version": (b"schema_version: 99\nphases: []\n", "13"),
    "bad pattern": (f"{HEAD}config: {{commentary_patterns: ['(']}}\nphases: []\n".encode(), ""),
}
CONFIGURATIONS: Mapping[str, tuple[bytes, str]] = {
    "unknown section": (b"[procesing]\nworkers = 2\n", "processing"),
    "unknown key": (b"[processing]\nworker = 2\n", "workers"),
    "wrong type": (b'[processing]\nworkers = "many"\n', "whole number"),
    "out of range": (b"[processing]\nworkers = 0\n", "at least 1"),
    "duplicate key": (b"[processing]\nworkers = 1\nworkers = 2\n", ""),
    "no TOML": (b"workers: 2\n", ""),
    "binary": (bytes(range(256)) * 40, ""),
    "not UTF-8": (b"[files]\ntemporary_folder = '\xff'\n", ""),
    "nested deeply": (b"a = " + b"[" * 100_000, ""),
}
SECONDS = 20.0


def policies(bench: Bench) -> None:
    """``vpo process`` with a policy that does not load."""
    chosen = list(POLICIES)
    if bench.short:
        chosen = ["unknown key", "alias bomb", "10 MB of brackets", "a million brackets", "binary"]
    for name in chosen:
        with bench.trial(f"policy: {name}"):
            content, word = POLICIES[name]
            rig = bench.rig("wrong-flags.mkv")
            path = rig.folder / "wrong.yaml"
            path.write_bytes(content)
            place = name not in ("10 MB", "10 MB of brackets", "empty", "not UTF-8")
            _refused(rig, path, word, place)
    places = {"a folder": "library", "missing": "nowhere.yaml"}
    for name, relative in places.items():
        with bench.trial(f"policy: {name}"):
            rig = bench.rig("wrong-flags.mkv")
            _refused(rig, rig.folder / relative, "", False)


def _refused(rig: Rig, policy: Path, word: str, place: bool) -> None:
    before = hashes(rig.library.iterdir())
    ended = rig.run("process", "-p", policy, rig.library, limit=SECONDS)
    _told(ended, word)
    expect(policy.name in ended.stderr, f"the file is not named: {ended}")
    if place:
        expect(re.search(r"\.yaml:\d+:\d+", ended.stderr), f"no line and column: {ended}")
    unchanged(before)
    expect(not (rig.folder / "hacked").exists(), "the policy has run a program")
    rig.throw_away()


def _told(ended: Ended, word: str) -> None:
    expect(ended.rc == 2, f"{ended}")
    expect("Traceback" not in ended.stderr, f"{ended}")
    expect(ended.stderr.startswith("vpo: "), f"{ended}")
    expect(len(ended.stderr) < 3000, f"a message of {len(ended.stderr)} characters")
    expect(word in ended.stderr, f"{word!r} is not in {ended}")


def configurations(bench: Bench) -> None:
    """``vpo process`` with a configuration that does not load."""
    for name, (content, word) in list(CONFIGURATIONS.items())[: bench.scale(3, 99)]:
        with bench.trial(f"configuration: {name}"):
            rig = bench.rig("wrong-flags.mkv")
            (rig.folder / "config.toml").write_bytes(content)
            before = hashes(rig.library.iterdir())
            ended = rig.process(HEADER, limit=SECONDS)
            _told(ended, word)
            expect("config.toml" in ended.stderr, f"the file is not named: {ended}")
            unchanged(before)
    for name in ("library", "nowhere"):
        with bench.trial(f"configuration: {name}"):
            rig = bench.rig("wrong-flags.mkv")
            before = hashes(rig.library.iterdir())
            env = {"VPO_CONFIG": str(rig.folder / name)}
            _told(rig.run(*rig.words(HEADER), env=env), name)
            unchanged(before)
