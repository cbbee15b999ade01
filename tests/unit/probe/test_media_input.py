"""What is said about a file that cannot be read: damage, rights and an early end are told apart."""

from __future__ import annotations

import errno

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
