"""What is said about a file that cannot be read: damage, rights and an early end are told apart."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import av.error
import pytest

from vpo.errors import ProbeError
from vpo.probe.media_input import error_text, open_input, read_problem


@pytest.mark.parametrize(
    ("raised", "text", "advice"),
    [
        (av.error.EOFError(1, "End of file"), "it ends too early", "incomplete"),
        (
            av.error.PermissionError(errno.EPERM, "Operation not permitted"),
            "its structure is invalid",
            "damaged",
        ),
        (
            av.error.PatchWelcomeError(1, "Not yet implemented in FFmpeg, patches welcome"),
            "it has something that FFmpeg cannot read yet",
            "it is not damaged for all that is known",
        ),
        (
            UnicodeDecodeError("ascii", b"\xff", 0, 1, "words"),
            "a name in it is no text",
            "it is not damaged for all that is known",
        ),
        (av.error.OSError(errno.EIO, "Input/output error"), "input/output error", "the disk"),
    ],
)
def test_parser_error_says_what_is_wrong_with_the_file(
    raised: Exception, text: str, advice: str
) -> None:
    assert error_text(raised) == text
    with pytest.raises(ProbeError) as error, open_input(__file__):
        raise raised
    assert text in error.value.problem
    assert advice in error.value.advice


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EACCES, "needs the right to read it"), (errno.EIO, "check the disk or the network")],
)
def test_read_problem_tells_rights_from_a_failing_disk(number: int, advice: str) -> None:
    assert advice in read_problem(OSError(number, "words")).advice


def refusing(monkeypatch: pytest.MonkeyPatch, number: int, times: int) -> list[float]:
    """Refuse to open files so many times; return the seconds that are waited for in between."""
    waited: list[float] = []
    opens, refused = os.open, iter(range(times))

    def opened(path: str, flags: int) -> int:
        if next(refused, None) is not None:
            raise OSError(number, os.strerror(number))
        return opens(path, flags)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def test_file_that_a_server_refuses_for_a_moment_is_opened(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = refusing(monkeypatch, errno.EINVAL, 2)
    with open_input(str(corpus / "wrong-flags.mkv")) as file:
        assert file.stat.st_size > 0
    assert waited == [0.1, 0.5]


@pytest.mark.parametrize(("number", "waits"), [(errno.ESTALE, 2), (errno.EACCES, 0)])
def test_file_that_stays_refused_is_an_error(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, number: int, waits: int
) -> None:
    waited = refusing(monkeypatch, number, 9)
    with (
        pytest.raises(ProbeError, match="cannot be opened"),
        open_input(str(corpus / "wrong-flags.mkv")),
    ):
        pass
    assert len(waited) == waits
