"""The errors that vpo raises, and their exit codes.

::

    VpoError                      exit 1
    ├── UsageError                exit 2   the command line
    ├── ConfigError               exit 2   the configuration file or environment
    ├── PolicyError               exit 2   a policy that does not load; knows file, line, column
    ├── ToolMissingError          exit 3   a required tool is not installed
    ├── DatabaseError             exit 1   the library database cannot be used
    ├── SourceError               exit 1   a server does not respond as expected; mostly a warning
    │   └── UnreachableError               no connection to it can be made
    ├── ClusterError              exit 1   the cluster cannot be used, or was lost
    └── FileError                 exit 1   a file failed; ``on_error`` decides what follows
        ├── DiscoverError                  the path cannot be used
        ├── ProbeError                     the file cannot be read as media
        ├── DamagedError                   the file is not whole
        ├── PlanError                      the policy cannot be applied to this file
        ├── BusyError                      another program uses or writes the file; skipped
        │   ├── LockedError                another vpo has locked the file
        │   ├── LinkedError                the file has further hard links
        │   └── InUseError                 a media server plays the file, or does not say
        ├── ExcludedError                  the user leaves the file out; skipped
        ├── SpaceError                     the file system has not enough free space
        ├── ToolError                      a tool failed, stalled or was killed
        ├── SavingsError                   an encode would not save enough space
        ├── VerifyError                    the result is not what was planned
        ├── SourceChangedError             the file changed while it was processed
        ├── PublishError                   the result could not replace the original
        ├── NodeLostError                  several nodes failed while processing the file
        ├── ConvergeError                  the result does not comply with the policy
        ├── ApprovalError                  the plan is not the approved one; skipped
        └── CancelledError                 the user interrupted the run, or cancelled the file

A message says what failed, why, and what to do. The caller adds the file's name.
"""

from __future__ import annotations

import signal
from enum import Enum
from typing import Literal, NamedTuple

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_TOOL_MISSING = 3
EXIT_INTERRUPTED = 130

OnError = Literal["skip", "continue", "fail"]
"""What to do on error: skip the file, continue with its other phases, or end the run."""


class VpoError(Exception):
    """Base of all errors; ``exit_code`` is that of the command."""

    exit_code = EXIT_FAILED


class UsageError(VpoError):
    """The command line is invalid, or names something that does not exist."""

    exit_code = EXIT_USAGE


class ConfigError(VpoError):
    """The configuration file or an environment variable is invalid."""

    exit_code = EXIT_USAGE


class Position(NamedTuple):
    """A position in a text file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class PolicyError(VpoError):
    """A policy is invalid, or names something that does not exist."""

    exit_code = EXIT_USAGE

    def __init__(self, message: str, position: Position | None = None) -> None:
        super().__init__(f"{position}: {message}" if position else message)
        self.position = position


class ToolMissingError(VpoError):
    """A required tool is not installed."""

    exit_code = EXIT_TOOL_MISSING


class DatabaseError(VpoError):
    """The library database is damaged, newer than this vpo, or cannot be opened."""


class SourceError(VpoError):
    """A metadata plugin or a server does not respond, or its response is invalid."""


class UnreachableError(SourceError):
    """No connection to a server can be made: it does not run, or its address is wrong."""


class ClusterError(VpoError):
    """No node of the cluster is usable, or the connection to its scheduler was lost."""


class FileError(VpoError):
    """Processing a file failed; the original is unchanged.

    ``lasting``: it was expensive, and would fail again while file and policy are unchanged, so that
    later runs skip the file. Unless it is ``certain`` that the machine was not the cause (a read
    error that a tool does not report, memory that ran out), only once it has failed in two runs.
    """

    lasting = False
    certain = True


class DiscoverError(FileError):
    """A path does not exist (``missing``), cannot be read, or is neither a file nor a folder."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class ProbeError(FileError):
    """A file cannot be read as media; ``advice`` is for the user whose file it is.

    ``ended``: the parser was ended from outside, which says nothing about a file.
    """

    def __init__(self, problem: str, advice: str = "", ended: bool = False) -> None:
        super().__init__(problem, advice, ended)
        self.problem, self.advice, self.ended = problem, advice, ended

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.problem, self.advice)))


class DamagedError(FileError):
    """The file is not whole: it is cut off, or parts of it cannot be read."""

    lasting = True

    def __init__(self, message: str, certain: bool = True) -> None:
        super().__init__(message, certain)
        self.message, self.certain = message, certain

    def __str__(self) -> str:
        return self.message


class PlanError(FileError):
    """The policy cannot be applied to this file."""


class BusyError(FileError):
    """Another program is writing the file, or it must not be changed now; a later run retries."""


class LockedError(BusyError):
    """Another process has locked the file."""


class LinkedError(BusyError):
    """The file has further hard links, and the configuration says to skip such files."""


class InUseError(BusyError):
    """A media server plays the file, or does not say whether it does."""


class ExcludedError(FileError):
    """The file was named, but the user's patterns exclude it, or it is to be left alone."""


class SpaceError(FileError):
    """The file system has not enough free space for the result."""


_NOT_STARTED = 126
"""By the shell's convention, from this exit status on the program could not be started."""
_CRASHES = frozenset(
    {
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)


def is_crash(status: int) -> bool:
    """Return whether a program with this exit status ended itself by a signal.

    Others come from outside: from a user, or from a system whose memory ran out.
    """
    return -status in _CRASHES


class ToolError(FileError):
    """A tool failed.

    ``argv`` is its command line, ``status`` its exit status (negative: the signal that ended it),
    ``stderr`` the tail of its messages; ``stalled``: it was ended because it made no progress.
    """

    certain = False

    def __init__(
        self,
        message: str,
        argv: tuple[str, ...],
        status: int,
        stderr: str,
        stalled: bool = False,
    ) -> None:
        super().__init__(message, argv, status, stderr, stalled)
        self.message, self.argv, self.status, self.stderr = message, argv, status, stderr
        self.lasting = stalled or 0 <= status < _NOT_STARTED or is_crash(status)

    def __str__(self) -> str:
        return self.message


class SavingsError(FileError):
    """An encode would save less space than the policy's minimum."""


class VerifyError(FileError):
    """The result is not what was planned; it was deleted."""

    lasting = True
    certain = False


class SourceChangedError(FileError):
    """Another program replaced or changed the file while it was processed."""


class PublishError(FileError):
    """The result could not replace the original, or a report could not be written."""


class ConvergeError(FileError):
    """The result of applying the policy does not comply with it."""

    lasting = True


class NodeLostError(FileError):
    """Several nodes were lost while they processed the file; it is not retried."""

    lasting = True


class ApprovalError(FileError):
    """The plan of the file is not the one that a person has approved."""


class CancelledError(FileError):
    """The user interrupted the run, or cancelled the file."""


class ErrorKind(Enum):
    """The kind of an error that ended the processing of a file, by the name of its class.

    For decisions where the error itself has not come along: outcomes cross process borders, and are
    read from the database. A name from an older or newer vpo, or of an error that vpo does not
    raise on purpose, is ``UNEXPECTED``.
    """

    DISCOVER = "DiscoverError"
    PROBE = "ProbeError"
    DAMAGED = "DamagedError"
    PLAN = "PlanError"
    BUSY = "BusyError"
    LOCKED = "LockedError"
    LINKED = "LinkedError"
    IN_USE = "InUseError"
    EXCLUDED = "ExcludedError"
    SPACE = "SpaceError"
    TOOL = "ToolError"
    SAVINGS = "SavingsError"
    VERIFY = "VerifyError"
    SOURCE_CHANGED = "SourceChangedError"
    PUBLISH = "PublishError"
    CONVERGE = "ConvergeError"
    NODE_LOST = "NodeLostError"
    APPROVAL = "ApprovalError"
    CANCELLED = "CancelledError"
    TOOL_MISSING = "ToolMissingError"
    CLUSTER = "ClusterError"
    UNEXPECTED = "unexpected"

    @classmethod
    def _missing_(cls, _value: object) -> ErrorKind:
        return cls.UNEXPECTED
