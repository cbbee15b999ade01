"""Children that answer questions: in order, and what they do wrong."""

from __future__ import annotations

import sys

import pytest

from vpo.tools.process import Processes
from vpo.tools.service import Service, ServiceError

STALL = 0.4
LONG = 60.0
"""Seconds that no test waits for: only a failure would."""

ECHO = "import sys\nfor line in sys.stdin: print(line.strip() * 2, flush=True)"


def answer(service: Service, line: bytes, timeout: float = LONG) -> bytes:
    service.ask(line)
    return service.answer(timeout)


def test_service_answers_line_for_line() -> None:
    service = Service(Processes(), [sys.executable, "-c", ECHO])
    assert answer(service, b"a") == b"aa"
    assert answer(service, b"x" * 200_000) == b"x" * 400_000
    service.ask(b"b")
    service.ask(b"c")
    assert [service.answer(LONG), service.answer(LONG)] == [b"bb", b"cc"]
    service.close()
    with pytest.raises((ServiceError, ValueError)):
        answer(service, b"a")


def test_service_says_whether_an_answer_waits() -> None:
    service = Service(Processes(), [sys.executable, "-c", ECHO])
    assert not service.has_answer()
    service.ask(b"a")
    service.ask(b"b")
    assert service.answer(LONG) == b"aa"
    while not service.has_answer():
        pass
    assert service.answer(LONG) == b"bb"
    service.close()
    assert service.has_answer()


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 11)", r"crashed \(SIGSEGV\)"),
        (
            "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)",
            "was killed by SIGKILL, perhaps because the memory ran out",
        ),
        ("import sys; sys.stdin.readline()", "ended unexpectedly"),
        ("import time; time.sleep(60)", r"did not answer within 0\.4 s"),
    ],
)
def test_failing_service_is_a_service_error(script: str, problem: str) -> None:
    service = Service(Processes(), [sys.executable, "-c", script])
    with pytest.raises(ServiceError, match=problem) as error:
        answer(service, b"a", STALL if "answer" in problem else LONG)
    assert error.value.crashed is problem.startswith("crashed")
    service.close()


@pytest.mark.parametrize("over", [0, 1])
def test_service_answer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch, over: int) -> None:
    monkeypatch.setattr("vpo.tools.service.LONGEST_ANSWER", 20_001)
    service = Service(Processes(), [sys.executable, "-c", ECHO])
    if over:
        with pytest.raises(ServiceError, match="more than any file"):
            answer(service, b"x" * 10_001)
    else:
        assert answer(service, b"x" * 10_000) == b"x" * 20_000
    service.close()


def test_cancel_kills_a_service_at_once() -> None:
    processes = Processes()
    service = Service(processes, [sys.executable, "-c", ECHO])
    assert answer(service, b"a") == b"aa"
    assert service.alive
    processes.cancel()
    assert not service.alive
