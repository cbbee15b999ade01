"""Running tools: stand-in scripts that misbehave in every way that a real one could."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vpo.errors import CancelledError, ToolError
from vpo.tools import process
from vpo.tools.process import Command, LineCollector, Processes
from vpo.tools.process_group import ProcessGroup

STALL = 2.0
LONG = 60.0
"""Seconds that no test waits for: only a failure would."""

Script = Callable[[str], list[str]]


@pytest.fixture
def sh(tmp_path: Path) -> Script:
    """A shell script as a command; ``@`` in it stands for a folder of the test's own."""

    def write(text: str) -> list[str]:
        path = tmp_path / "tool"
        path.write_text("#!/bin/sh\n" + text.replace("@", str(tmp_path)) + "\n")
        path.chmod(0o755)
        return [str(path)]

    return write


def run(
    argv: list[Any],
    stall_seconds: float = LONG,
    processes: Processes | None = None,
    **options: Any,
) -> tuple[int, str]:
    """The exit status, and all lines that were printed, joined."""
    lines = Quiet()
    status = (processes or Processes()).run(Command(argv, **options), stall_seconds, lines)
    return status, "\n".join([*lines.out, *lines.err])


class Quiet(LineCollector):
    """Lines alone are no progress."""

    def stdout(self, line: str) -> bool:
        super().stdout(line)
        return False


def gone(pid: int) -> bool:
    """Whether no such process runs; one that nobody has waited for does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    except OSError:
        return True
    return state == "Z"


def eventually(condition: Callable[[], bool]) -> bool:
    waiting = threading.Event()
    return any(condition() or waiting.wait(0.02) for _ in range(500))


def test_run_returns_status_and_output(sh: Script) -> None:
    assert run(sh("echo out; echo words >&2")) == (0, "out\nwords")


def test_run_accepts_allowed_status(sh: Script) -> None:
    assert run(sh("exit 1"), ok=(0, 1))[0] == 1
    with pytest.raises(ToolError, match="tool failed with exit status 1"):
        run(sh("exit 1"))


def test_tool_error_has_status_argv_and_stderr(sh: Script) -> None:
    with pytest.raises(ToolError) as error:
        run([*sh("echo first >&2; echo second >&2; exit 7"), "x"])
    assert str(error.value) == "tool failed with exit status 7: first | second"
    assert error.value.status == 7
    assert error.value.argv[1:] == ("x",)
    assert error.value.stderr == "first\nsecond\n"
    assert error.value.lasting


def test_tool_error_of_mkvtoolnix_is_what_it_calls_an_error(sh: Script) -> None:
    said = "mkvmerge v74.0.0;#GUI#progress 5%;#GUI#warning odd;#GUI#error cannot be opened"
    with pytest.raises(ToolError) as error:
        run(sh(f"echo '{said}' | tr ';' '\\n'; exit 2"))
    assert str(error.value) == "tool failed with exit status 2: cannot be opened"


@pytest.mark.parametrize("name", ["SEGV", "KILL", "TERM"])
def test_tool_error_names_signal(sh: Script, name: str) -> None:
    with pytest.raises(ToolError, match=f"tool was killed by SIG{name}") as error:
        run(sh(f"kill -{name} $$"), ok=(0, 1))
    assert error.value.status == -getattr(signal, f"SIG{name}")
    assert error.value.lasting is (name == "SEGV")  # the others come from outside
    assert ("memory ran out" in str(error.value)) is (name == "KILL")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has prlimit")
def test_tool_may_not_use_more_memory_than_its_limit() -> None:
    script = "a = []\nwhile True: a.append(bytearray(1 << 23))"
    command = Command([sys.executable, "-IS", "-c", script], memory=200 << 20)
    with pytest.raises(ToolError, match="it may use 210 MB of memory for this file") as error:
        Processes().run(command, 60)
    assert error.value.lasting


def test_missing_program_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as error:
        run([str(tmp_path / "nothing")])
    assert error.value.status in (126, 127)
    assert not error.value.lasting
    assert "nothing" in str(error.value)


def test_hanging_tool_is_ended_after_the_stall_time(sh: Script, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"tool made no progress for 2 s") as error:
        run(sh("echo $$ >@/pid; exec sleep 60"), STALL)
    assert error.value.lasting
    assert gone(int((tmp_path / "pid").read_text()))


def test_output_alone_does_not_keep_a_tool_alive(sh: Script) -> None:
    """A damaged file keeps a tool spinning and warning for ever."""
    with pytest.raises(ToolError, match="made no progress"):
        run(sh("while :; do echo again; echo again >&2; sleep 0.05; done"), STALL)


def test_progress_keeps_a_tool_alive(sh: Script) -> None:
    lines = LineCollector()
    steps = "for n in $(seq 30); do echo $n; sleep 0.1; done"
    assert Processes().run(Command(sh(steps)), STALL, lines) == 0
    assert lines.out == [str(n) for n in range(1, 31)]


def test_lines_end_with_carriage_returns_too(sh: Script) -> None:
    _, printed = run(sh(r"printf 'a\rb\r\nc\nd'"))
    assert printed.split() == ["a", "b", "c", "d"]


def test_growing_file_keeps_a_tool_alive(sh: Script, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.touch()
    steps = "for n in $(seq 30); do echo x >>@/output; sleep 0.1; done"
    assert run(sh(steps), STALL, output=str(output))[0] == 0


def test_rewritten_file_keeps_a_tool_alive(sh: Script, tmp_path: Path) -> None:
    """As in ffmpeg's second pass, which moves the index to the front."""
    output = tmp_path / "output"
    output.write_bytes(b"x")
    steps = "for n in $(seq 30); do printf y 1<>@/output; sleep 0.1; done"
    assert run(sh(steps), STALL, output=str(output))[0] == 0
    assert output.read_bytes() == b"y"


def test_unchanged_file_does_not_keep_a_tool_alive(sh: Script, tmp_path: Path) -> None:
    (tmp_path / "output").write_bytes(b"x")
    with pytest.raises(ToolError, match="made no progress"):
        run(sh("exec sleep 60"), STALL, output=str(tmp_path / "output"))


def test_run_keeps_only_tail_of_large_output() -> None:
    flood = "import sys; sys.stderr.write('x' * 20_000_000 + 'end'); sys.exit(3)"
    with pytest.raises(ToolError) as error:
        run([sys.executable, "-c", flood])
    assert error.value.stderr.endswith("xend")
    assert len(error.value.stderr) <= 8192
    assert len(str(error.value)) < 1000


def test_tool_error_replaces_undecodable_output(sh: Script) -> None:
    with pytest.raises(ToolError, match="�"):
        run(sh(r"printf '\377\376' >&2; exit 2"))


def test_run_waits_for_tool_that_closed_its_output(sh: Script, tmp_path: Path) -> None:
    assert run(sh("exec >&- 2>&-; sleep 0.7; touch @/done"))[0] == 0
    assert (tmp_path / "done").exists()


def test_hanging_tool_with_closed_output_is_ended(sh: Script) -> None:
    with pytest.raises(ToolError, match="made no progress"):
        run(sh("exec >&- 2>&-; exec sleep 60"), STALL)


def test_run_does_not_wait_for_grandchild_with_the_pipe(sh: Script, tmp_path: Path) -> None:
    try:
        assert run(sh("sleep 60 & echo $! >@/pid; exit 0"))[0] == 0
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_stalled_tool_is_ended_with_its_children(sh: Script, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="made no progress"):
        run(sh("sleep 60 & echo $! >@/pid; wait"), STALL)
    assert eventually(lambda: gone(int((tmp_path / "pid").read_text())))


def test_tool_that_ignores_sigterm_is_killed(
    sh: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    with pytest.raises(ToolError, match="made no progress") as error:
        run(sh("trap '' TERM; echo $$ >@/pid; while :; do sleep 1; done"), STALL)
    assert error.value.status == -signal.SIGKILL
    assert gone(int((tmp_path / "pid").read_text()))


def test_arguments_arrive_unchanged(tmp_path: Path) -> None:
    words = ["-x", "a b", "$(id)", "\n", "'\"", "", os.fsdecode(b"\xff\xfe"), "映画"]
    target = tmp_path / "argv"
    write = "import os, sys; open(sys.argv[1], 'wb').write(b'\\0'.join(map(os.fsencode, sys.argv)))"
    run([os.fsencode(w) for w in (sys.executable, "-c", write, str(target), *words)])
    assert target.read_bytes().split(b"\0")[2:] == [os.fsencode(word) for word in words]


def test_tool_reads_nothing_from_stdin(sh: Script) -> None:
    """ffmpeg takes what is typed for commands."""
    (reader, writer), own = os.pipe(), os.dup(0)
    os.write(writer, b"q\n")
    os.close(writer)
    os.dup2(reader, 0)
    try:
        assert run(sh("cat"))[1] == ""
        assert os.read(0, 10) == b"q\n"
    finally:
        os.dup2(own, 0)
        os.close(own)
        os.close(reader)


def test_run_passes_file_descriptors(sh: Script, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("inside")
    with (tmp_path / "file").open() as file:
        _, printed = run(sh(f"cat /dev/fd/{file.fileno()}"), fds=(file.fileno(),))
        assert printed == "inside"
        with pytest.raises(ToolError):
            run(sh(f"cat /dev/fd/{file.fileno()}"))


def test_tool_runs_in_c_locale(sh: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert run(sh("echo $LC_ALL $LANGUAGE"))[1] == "C.UTF-8 C"


def test_tool_has_its_own_process_group() -> None:
    """So that a Ctrl-C in the terminal reaches vpo alone."""
    _, printed = run([sys.executable, "-c", "import os; print(os.getpgrp())"])
    assert int(printed) != os.getpgrp()


# Interrupts.


def start(
    processes: Processes, argv: list[str], ready: Path
) -> tuple[threading.Thread, list[BaseException]]:
    """Run it in a thread and wait until it is under way; what it raises comes in the list."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            run(argv, processes=processes)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert eventually(ready.exists)
    return thread, raised


def test_cancel_ends_running_tool(sh: Script, tmp_path: Path) -> None:
    processes = Processes()
    thread, raised = start(processes, sh("touch @/ready; exec sleep 60"), tmp_path / "ready")
    processes.cancel()
    thread.join(LONG / 2)
    assert isinstance(raised[0], CancelledError)
    assert processes.cancelled


def test_cancel_kills_tool_that_ignores_sigterm(
    sh: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg takes SIGTERM as a wish to finish the file properly, which may take minutes."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    stubborn = sh("trap '' TERM; echo $$ >@/pid; touch @/ready; while :; do sleep 1; done")
    processes = Processes()
    thread, raised = start(processes, stubborn, tmp_path / "ready")
    processes.cancel()
    thread.join(LONG / 2)
    assert isinstance(raised[0], CancelledError)
    assert gone(int((tmp_path / "pid").read_text()))


def test_no_tool_starts_after_cancel(sh: Script, tmp_path: Path) -> None:
    processes = Processes()
    processes.cancel()
    with pytest.raises(CancelledError):
        run(sh("touch @/started"), processes=processes)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("begun", [False, True], ids=["before", "while it starts"])
def test_no_service_starts_after_cancel(monkeypatch: pytest.MonkeyPatch, begun: bool) -> None:
    processes, started = Processes(), []
    real = subprocess.Popen

    def popen(*values: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(real(*values, **options))
        processes.cancel()
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    if not begun:
        processes.cancel()
    with pytest.raises(CancelledError):
        processes.start_service([sys.executable, "-c", "input()"], {})
    assert [child.returncode for child in started] == ([-signal.SIGKILL] if begun else [])


def test_another_run_goes_on_after_a_cancel(sh: Script, tmp_path: Path) -> None:
    """Two runs in one process have nothing in common."""
    cancelled, other = Processes(), Processes()
    wait = sh("touch @/$1; while [ ! -e @/go ]; do sleep 0.05; done")
    thread, raised = start(cancelled, [*wait, "one"], tmp_path / "one")
    second, nothing = start(other, [*wait, "two"], tmp_path / "two")
    cancelled.cancel()
    thread.join(LONG / 2)
    assert isinstance(raised[0], CancelledError)
    assert second.is_alive()
    (tmp_path / "go").touch()
    second.join(LONG / 2)
    assert nothing == []


def test_tool_runs_if_it_is_resumed_while_it_is_suspended(
    sh: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes, signal_group = Processes(), ProcessGroup.signal

    def resumed_first(group: ProcessGroup, number: signal.Signals) -> None:
        if number == signal.SIGSTOP:
            processes.pause(False)
        signal_group(group, number)

    monkeypatch.setattr(ProcessGroup, "signal", resumed_first)
    processes.pause(True)
    assert run(sh("sleep 0.1; echo done"), STALL, processes) == (0, "done")


def test_paused_tools_are_suspended_and_resumed(sh: Script, tmp_path: Path) -> None:
    processes = Processes()
    steps = sh("touch @/ready; while [ ! -e @/go ]; do sleep 0.05; done")
    thread, raised = start(processes, steps, tmp_path / "ready")
    processes.pause(True)
    (tmp_path / "go").touch()
    thread.join(0.3)
    assert thread.is_alive()
    processes.pause(False)
    thread.join(LONG / 2)
    assert not thread.is_alive()
    assert raised == []


# Process groups: a number that was given back may be another group's.


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The groups that were sent signals; each must belong to a child that was not waited for."""
    numbers: list[int] = []
    kill = os.killpg

    def checked(number: int, how: int) -> None:
        os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        numbers.append(number)
        kill(number, how)

    monkeypatch.setattr(os, "killpg", checked)
    return numbers


def test_finished_process_group_gets_no_signal(signalled: list[int]) -> None:
    group = ProcessGroup(subprocess.Popen(["true"], start_new_session=True))
    assert group.wait(LONG)
    group.signal(signal.SIGTERM)
    assert signalled == [group.process.pid]
    assert group.status() == 0
    group.signal(signal.SIGTERM)
    assert signalled == [group.process.pid]


def test_polling_does_not_reap_the_process() -> None:
    group = ProcessGroup(subprocess.Popen(["sh", "-c", "exit 3"], start_new_session=True))
    assert group.wait(LONG)
    assert group.wait(0)
    assert group.process.returncode is None
    assert group.status() == 3
    assert group.wait(0)


def test_wait_with_timeout_returns_in_time() -> None:
    group = ProcessGroup(subprocess.Popen(["sleep", "60"], start_new_session=True))
    assert not group.wait(0)
    assert not group.wait(0.01)
    group.signal(signal.SIGKILL)
    assert group.status() == -signal.SIGKILL


def test_finished_tool_gets_no_signal(sh: Script, signalled: list[int]) -> None:
    processes = Processes()
    _, printed = run(sh("echo $$"), processes=processes)
    processes.cancel()
    assert int(printed) not in signalled


@pytest.mark.usefixtures("signalled")
def test_cancel_while_tools_end_raises_nothing_else(sh: Script) -> None:
    """Tools begin and end in two threads while a third goes on interrupting."""
    argv, done, now = sh("exit 0"), threading.Event(), [Processes()]
    strange: list[BaseException] = []

    def work() -> None:
        for _ in range(40):
            try:
                run(argv, processes=now[0])
            except CancelledError:
                now[0] = Processes()
            except BaseException as error:  # noqa: BLE001 - handed to the test
                strange.append(error)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        now[0].cancel()
        done.wait(0.001)
    assert strange == []


def test_setpriv_is_found_again_by_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that was kept for the life of the process would be missing in the second run."""
    setpriv = tmp_path / "setpriv"
    setpriv.write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    setpriv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert Processes().run(Command(["true"]), 60) == 0
    setpriv.unlink()
    assert Processes().run(Command(["true"]), 60) == 0


def test_tool_error_tells_the_reason_and_not_the_statistics() -> None:
    """x265 prints its statistics after the error, and ffmpeg its counts after those."""
    said = (
        "x265 [error]: Picture size must be even",
        "[libx265 @ 0x55] [error] Cannot open libx265 encoder.",
        "[error] Error initializing output stream 0:0",
        "[fatal] Conversion failed!",
        "x265 [info]: frame I:      1, Avg QP:28.53  kb/s: 101.28",
        "encoded 25 frames in 0.06s (410.01 fps), 36.99 kb/s, Avg QP:32.10",
        *(f"[verbose]   Input stream #0:{n} (subtitle): 10 packets read" for n in range(300)),
    )
    with pytest.raises(ToolError) as error:
        run([sys.executable, "-c", "import sys; sys.exit(sys.argv[1])", "\n".join(said)])
    assert str(error.value).partition(" ")[2] == (
        "failed with exit status 1: x265 [error]: Picture size must be even"
        " | [libx265] Cannot open libx265 encoder."
        " | Error initializing output stream 0:0"
    )
