"""What signals ask of a run; what the run makes of it is for ``tests/integration``."""

from __future__ import annotations

import os
import signal

import pytest

from vpo.cli.signals import signals_handled


@pytest.mark.parametrize(
    ("numbers", "at_once"),
    [
        ([signal.SIGINT], False),
        ([signal.SIGINT, signal.SIGINT], True),
        ([signal.SIGTERM], True),
        ([signal.SIGHUP], True),
        ([signal.SIGINT, signal.SIGTERM], True),
    ],
)
def test_first_ctrl_c_stops_the_queue_and_later_signals_end_tools(
    monkeypatch: pytest.MonkeyPatch, numbers: list[signal.Signals], at_once: bool
) -> None:
    """The first Ctrl-C only stops the queue; a second one and the others end the tools."""
    monkeypatch.setattr(os, "write", lambda _fd, data: len(data))
    before = [signal.getsignal(number) for number in numbers]
    with signals_handled() as interrupt:
        assert not interrupt.signalled
        for number in numbers:
            signal.raise_signal(number)
        assert (interrupt.signalled, interrupt.stop) == (True, True)
        assert interrupt.at_once == at_once
    assert [signal.getsignal(number) for number in numbers] == before


def test_interrupt_works_with_closed_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_fd: int, _data: bytes) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(os, "write", write)
    with signals_handled() as interrupt:
        signal.raise_signal(signal.SIGINT)
    assert interrupt.signalled
