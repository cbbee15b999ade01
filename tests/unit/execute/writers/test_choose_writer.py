"""The choice of a writer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.errors import PlanError
from vpo.execute.context import new_run_context
from vpo.execute.writers import choose_writer
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Change, Plan
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.desired_state import Reason
from vpo.probe.service import Prober
from vpo.tools.process import Processes
from vpo.tools.programs import Tools


def test_file_that_would_have_no_track_is_refused() -> None:
    track = Track(index=0, type="subtitle", codec="subrip", matroska_id=0)
    media = MediaFile("/v/a.mkv", "mkv", 1, tracks=(track,))
    removed = Change(Fact(ChangeKind.REMOVE, 0), "it", None, Reason("p", "keep_subtitles", "x"))
    context = new_run_context(Tools(), Prober(Processes(), 1))
    with pytest.raises(PlanError, match="no track would be left"):
        choose_writer(Plan(media, replace(media, tracks=()), (removed,)), context)
