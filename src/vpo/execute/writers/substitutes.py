"""Files in place of streams of the source that ffmpeg cannot read right.

AVI does not state when its frames are shown: ffmpeg guesses that wrongly for video whose frames are
stored in another order, and mkvmerge works it out. Of ASF, which mkvmerge does not read, such video
can only be encoded: ffmpeg's decoder puts the frames in order. WebVTT as mkvmerge stores it in
Matroska has no name in ffmpeg, and vpo writes its cues into a file.
"""

from __future__ import annotations

from collections.abc import Mapping

from vpo.errors import PlanError
from vpo.execute.context import RunContext
from vpo.execute.work import Work
from vpo.execute.workspace import Workspace, tool_path
from vpo.media.containers import container, is_untimed
from vpo.media.model import Track
from vpo.plan.model import Plan
from vpo.policy.codec_conversion import is_nameless_webvtt
from vpo.tools import mkvmerge
from vpo.tools.process import Command

_MISREAD = {("wmv", "flac")}
"""Container and codec of streams that ffmpeg reads with wrong times.

Measured with ffmpeg 5.1: its parser holds back ten packets of FLAC, and gives them times of others.
"""


def reordered(plan: Plan) -> Track | None:
    """Return the video of which somebody has to find out the times, if there is one.

    For a copy into a container without times, none are needed.
    """
    needless = is_untimed(plan.after.container)
    decodes = container(plan.before.container).decoding_times
    sources = (track for track in plan.before.of("video") if track.reordered)
    kept = {track.index for track in plan.after.of("video")}
    encoded = plan.video_encodes
    return next(
        (
            t
            for t in sources
            if (t.index in encoded and not decodes)
            or (t.index in kept and t.index not in encoded and not needless)
        ),
        None,
    )


def nameless(plan: Plan) -> list[Track]:
    """Return the tracks that ffmpeg has no name for, and of which vpo writes the cues."""
    made = dict(plan.sources)
    return [
        track
        for track in plan.before.tracks
        if is_nameless_webvtt(track) and track.index not in made and _kept(plan, track)
    ]


def _kept(plan: Plan, track: Track) -> bool:
    return any(plan.origin(other.index) == track.index for other in plan.after.tracks)


def need_tools(plan: Plan, context: RunContext) -> None:
    """Raise ``PlanError`` or ``ToolMissingError`` if no tool can make a file that is needed."""
    _refuse_misread(plan)
    track = reordered(plan)
    if track is None:
        return
    if container(plan.before.container).decoding_times:
        raise PlanError(
            f"no tool can tell when the frames of {track} are shown: {plan.before.container} does "
            "not state it; transcode the video in the same policy"
        )
    if len(plan.before.of("video")) > 1:
        raise PlanError(
            f"no tool can tell when the frames of {track} are shown: {plan.before.container} does "
            "not state it, and has several videos"
        )
    context.tools.need("mkvmerge")


def _refuse_misread(plan: Plan) -> None:
    encoded = dict(plan.encodes)
    for track in plan.before.tracks:
        pair = plan.before.container, track.codec
        if pair in _MISREAD and track.index not in encoded and _kept(plan, track):
            raise PlanError(
                f"ffmpeg reads the times of {track} wrongly, as it is {track.codec} in "
                f"{plan.before.container}; transcode it in the same policy, for example to aac"
            )


def header_warnings(plan: Plan) -> list[str]:
    """Return what is not in the files."""
    return [f"of {track} the cues are kept, not styles in its header" for track in nameless(plan)]


def texts(plan: Plan, context: RunContext) -> dict[int, bytes]:
    """Return the cues of the tracks that ffmpeg has no name for, by the index of the stream."""
    return {
        track.index: context.prober.webvtt(plan.before.path, track.index)
        for track in nameless(plan)
    }


def make(work: Work, workspace: Workspace, cues: Mapping[int, bytes]) -> dict[int, str]:
    """Return the files by the index of the stream in the source; they are removed with the rest."""
    plan, context = work.plan, work.context
    made = {index: workspace.store(text) for index, text in cues.items()}
    track = reordered(plan)
    if track is not None:
        path = made[track.index] = workspace.store(b"")
        source = tool_path(work.lock.path, work.lock.fd)
        argv = mkvmerge.video_argv(context.tools.need("mkvmerge"), source, path)
        context.tools.run(Command(argv, path, (0, 1), work.lock.fds))
    return made
