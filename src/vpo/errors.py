"""Every error that vpo raises on purpose.

::

    VpoError                      exit 1
    ├── UsageError                exit 2   the command line
    ├── ConfigError               exit 2   the configuration file or environment
    ├── PolicyError               exit 2   a policy that does not load; knows file, line, column
    ├── ToolMissingError          exit 3   a program that the plan needs is not installed
    ├── DatabaseError             exit 1   the library database cannot be used
    ├── SourceError               exit 1   a metadata source has no answer now; a warning of the run
    ├── ClusterError              exit 1   the cluster cannot be used, or was lost
    ├── WatchError                exit 1   folders cannot be followed
    └── FileError                 exit 1   one file's work failed; the batch decides what follows
        ├── DiscoverError                  the path cannot be used
        ├── ProbeError                     the file cannot be read as media
        ├── DamagedError                   the file is not whole, and is left alone
        ├── PlanError                      the policy cannot be carried out on this file
        ├── BusyError                      another program holds or writes the file; skipped
        │   └── LockedError                another vpo holds the file
        ├── SpaceError                     the file system has not enough room
        ├── ToolError                      a program failed, hung or was killed
        ├── SavingsError                   an encode would not save what the policy wants
        ├── VerifyError                    the result is not what was planned
        ├── SourceChangedError             the file changed while it was worked on
        ├── PublishError                   the result could not be put in place
        ├── NodeLostError                  the nodes that worked on the file died of it
        ├── ConvergeError                  the policy still wants changes after it was applied
        └── CancelledError                 the user interrupted the work on this file

A message says what was being done, what went wrong and, where something can be done, what to do.
The file itself is named by whoever reports the error.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_TOOL_MISSING = 3
EXIT_INTERRUPTED = 130

OnError = Literal["skip", "continue", "fail"]
"""What an error leads to: the file stays as it is, the other phases take effect on it, or the batch
ends."""


class VpoError(Exception):
    """Base of all errors; ``exit_code`` is what the command ends with."""

    exit_code = EXIT_FAILED


class UsageError(VpoError):
    """The command line asks for something that does not exist."""

    exit_code = EXIT_USAGE


class ConfigError(VpoError):
    """The configuration file or an environment variable is wrong."""

    exit_code = EXIT_USAGE


class Position(NamedTuple):
    """Where in a text file something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class PolicyError(VpoError):
    """A policy does not load, or names what does not exist."""

    exit_code = EXIT_USAGE

    def __init__(self, message: str, position: Position | None = None) -> None:
        super().__init__(f"{position}: {message}" if position else message)
        self.position = position


class ToolMissingError(VpoError):
    """A program that is needed is not installed."""

    exit_code = EXIT_TOOL_MISSING


class DatabaseError(VpoError):
    """The library database is damaged, newer than this vpo, or cannot be opened."""


class SourceError(VpoError):
    """A metadata source cannot be asked, or its answer cannot be used."""


class ClusterError(VpoError):
    """No node of the cluster can be used, or its scheduler was lost."""


class WatchError(VpoError):
    """Folders cannot be followed."""


class FileError(VpoError):
    """The work on one file failed; the original is what it was.

    ``lasting`` tells that it was expensive and would end in the same way again as long as the file
    and the policy stay the same, so that later runs need not try.
    """

    lasting = False


class DiscoverError(FileError):
    """A path does not exist, cannot be read, or is nothing that vpo works on."""


class ProbeError(FileError):
    """A file cannot be read as media."""


class DamagedError(FileError):
    """The file is not whole: it is cut off, or parts of it cannot be read."""

    lasting = True


class PlanError(FileError):
    """The policy cannot be carried out on this file."""


class BusyError(FileError):
    """Another program is writing the file, or it is not to be touched now; a later run will."""


class LockedError(BusyError):
    """Another process is working on the file."""


class SpaceError(FileError):
    """The file system has not enough free space for the result."""


_NOT_STARTED = 126
"""From this exit status on, the shell's convention: the program could not be started."""


class ToolError(FileError):
    """A program failed.

    ``argv`` is what was run, ``status`` its exit status (negative: the signal that ended it),
    ``stderr`` the tail of what it wrote; ``stalled`` if it got nowhere and was ended for that.
    """

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
        self.lasting = stalled or 0 < status < _NOT_STARTED

    def __str__(self) -> str:
        return self.message


class SavingsError(FileError):
    """An encode would not make the file as much smaller as the policy wants."""


class VerifyError(FileError):
    """The tool's output is not what was planned; it was thrown away."""

    lasting = True


class SourceChangedError(FileError):
    """The file was replaced or changed by someone else during the work."""


class PublishError(FileError):
    """The finished result could not be put in the place of the original, or a report in its own."""


class ConvergeError(FileError):
    """The policy wants changes again on its own result."""

    lasting = True


class NodeLostError(FileError):
    """The nodes that worked on the file were lost, one after the other; it was given up."""

    lasting = True


class CancelledError(FileError):
    """The user interrupted the work."""


class ErrorKind(Enum):
    """The kind of an error that ended the work on a file, by the name of its class.

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
    SPACE = "SpaceError"
    TOOL = "ToolError"
    SAVINGS = "SavingsError"
    VERIFY = "VerifyError"
    SOURCE_CHANGED = "SourceChangedError"
    PUBLISH = "PublishError"
    CONVERGE = "ConvergeError"
    NODE_LOST = "NodeLostError"
    CANCELLED = "CancelledError"
    TOOL_MISSING = "ToolMissingError"
    CLUSTER = "ClusterError"
    UNEXPECTED = "unexpected"

    @classmethod
    def _missing_(cls, _value: object) -> ErrorKind:
        return cls.UNEXPECTED
