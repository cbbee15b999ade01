"""The disk or the network fails under a read: of a tool, or of vpo's own reader."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from drill.bench import Bench, Ended, Rig, Skip, expect
from drill.checks import Expected, database_sound, facts, litter, sha
from drill.policies import CONTAINER, REMUX, TRANSCODE

_FAULTS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is this the read that is to fail? Counts those of the file whose name ends in $FAULT_FILE. */
static int fails(int fd)
{
    static long count;
    char link[64], path[4096];
    const char *name = getenv("FAULT_FILE"), *at = getenv("FAULT_AT"), *log = getenv("FAULT_LOG");
    if (!name || !at || !log) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(name)) return 0;
    path[length] = 0;
    if (strcmp(path + length - strlen(name), name)) return 0;
    long number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (number != atol(at) && (number < atol(at) || !getenv("FAULT_STAYS"))) return 0;
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0) { if (write(file, "x", 1) < 0) {} close(file); }
    errno = atoi(getenv("FAULT_ERRNO"));
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int fd, void *data, size_t size)
{ return fails(fd) ? -1 : REAL(read)(fd, data, size); }

ssize_t pread(int fd, void *data, size_t size, off_t at)
{ return fails(fd) ? -1 : REAL(pread)(fd, data, size, at); }

ssize_t pread64(int fd, void *data, size_t size, off64_t at)
{ return fails(fd) ? -1 : REAL(pread64)(fd, data, size, at); }

size_t fread(void *data, size_t size, size_t count, FILE *file)
{ return fails(fileno(file)) ? 0 : REAL(fread)(data, size, count, file); }
"""
"""A library that is loaded before all others: the read of a number fails."""
_LOOPS = "20"
"""How often a sample is repeated, to make a film of it."""
_ERRNOS = (errno.EIO, errno.ESTALE, errno.EINTR, errno.ENOMEM)


class _Case(NamedTuple):
    kind: str
    tool: str
    policy: str
    sample: str
    result: str


_CASES = (
    _Case("remux", "mkvmerge", REMUX, "multi-audio.mkv", "multi-audio.mkv"),
    _Case("container change", "ffmpeg", CONTAINER, "mov-text.mp4", "mov-text.mkv"),
    _Case("encode", "ffmpeg", TRANSCODE, "multi-audio.mkv", "multi-audio.mkv"),
)


def tools(bench: Bench) -> None:
    """A read error under a tool never changes a film, and the next run processes it."""
    _strike(bench, own=False)


def own(bench: Bench) -> None:
    """A read error under vpo itself is told as one, and the next run processes the film."""
    _strike(bench, own=True)


def _strike(bench: Bench, own: bool) -> None:
    library = _library(bench.folder)
    for case in _CASES[:1] if bench.short and own else _CASES[::2] if bench.short else _CASES:
        expected = _expected(bench, case)
        for number in range(bench.scale(1, 60)):
            with bench.trial(f"{'vpo' if own else case.tool}, {case.kind} {number}"):
                rig = _rig(bench, case)
                fault = _fault(bench, rig, library, case, most=150 if own else 40)
                exports = (f"export {name}={shlex.quote(value)}" for name, value in fault.items())
                settings = "unset LD_PRELOAD" if own else "\n".join(exports)
                rig.fake_tool(case.tool, f"{settings}\nexec real")
                _run(rig, case, expected, fault if own else {})


def _library(folder: Path) -> Path:
    """Compile the library that makes reads fail."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        raise Skip("there is no C compiler, or no LD_PRELOAD")
    source, library = folder / "faults.c", folder / "faults.so"
    source.write_text(_FAULTS)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def _fault(bench: Bench, rig: Rig, library: Path, case: _Case, most: int) -> dict[str, str]:
    number = bench.random.choice(_ERRNOS)
    # All programs try again after EINTR, which no system returns for ever.
    stays = {"FAULT_STAYS": "1"} if number != errno.EINTR and bench.random.random() < 0.4 else {}
    return {
        "LD_PRELOAD": os.fspath(library),
        "FAULT_FILE": f"/library/{case.sample}",
        "FAULT_AT": str(bench.random.randint(1, most)),
        "FAULT_ERRNO": str(number),
        "FAULT_LOG": os.fspath(rig.folder / "faults.log"),
        **stays,
    }


def _expected(bench: Bench, case: _Case) -> Expected:
    """Return what is right: the original, or the result of a run without a fault."""
    rig = _rig(bench, case)
    original = sha(rig.library / case.sample)
    ended = rig.process(case.policy)
    expect(ended.events[-1]["summary"]["changed"] == 1, f"without a fault: {ended}")
    return Expected(original, facts(rig.library / case.result))


def _rig(bench: Bench, case: _Case) -> Rig:
    """Return a rig with a film for which no tool needs only one read."""
    film = bench.folder / case.sample
    if not film.exists():
        start = ("ffmpeg", "-nostdin", "-v", "error", "-stream_loop", _LOOPS)
        copy = ("-map", "0", "-c", "copy", "-bitexact", film)
        subprocess.run([*start, "-i", bench.corpus / case.sample, *copy], check=True)
    rig = bench.rig()
    shutil.copyfile(film, rig.library / case.sample)
    return rig


def _run(rig: Rig, case: _Case, expected: Expected, env: Mapping[str, str]) -> None:
    ended = rig.run(*rig.words(case.policy), env=env)
    names = [rig.library / name for name in dict.fromkeys((case.sample, case.result))]
    state = expected.judge(*names)
    struck = (rig.folder / "faults.log").exists()
    expect(struck or state == "result", f"nothing failed, and yet {ended}")
    if state == "original":
        _told(ended, case)
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    shutil.rmtree(rig.folder / "stand-ins")
    again = rig.process(case.policy)
    expect(expected.judge(*names) == "result", f"{ended}; the next run: {again}")
    database_sound(rig)
    rig.throw_away()


def _told(ended: Ended, case: _Case) -> None:
    expect(ended.rc == 1, f"a failed file, and {ended}")
    error = ended.error(case.sample)
    expect(error, f"no error: {ended}")
    expect("unexpected error" not in error, error)
    expect("hostile" not in error, error)
    expect("DamagedError" not in error, error)
