"""The scan of one file: what is recorded of it is what it is."""

from __future__ import annotations

import os
from pathlib import Path

from vpo.discover import Search, discover
from vpo.errors import ProbeError
from vpo.library.scan import _probe
from vpo.media.model import MediaFile
from vpo.probe.service import Prober
from vpo.tools.process import Processes


class Late(Prober):
    """Stands for the prober; another vpo edits the file in place meanwhile, and keeps its times."""

    def probe(self, path: str, frames: bool = False) -> MediaFile:  # noqa: ARG002
        status = os.stat(path)
        while os.stat(path).st_ctime_ns == status.st_ctime_ns:
            Path(path).write_bytes(b"THE FILM")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        raise ProbeError("its structure is invalid")


def test_half_edited_header_is_not_recorded(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    film.write_bytes(b"the film")
    os.utime(film, (1_600_000_000, 1_600_000_000))
    (candidate,) = discover([str(film)], Search(["mkv"])).candidates
    assert _probe(Late(Processes(), 60), candidate).stat is None
    assert _probe(Prober(Processes(), 60), candidate).stat == candidate.stat
