"""The first of two passes to a loudness: the levels of the tracks of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from vpo.execute.context import RunContext
from vpo.execute.lock import FileLock
from vpo.execute.workspace import tool_path
from vpo.media.encode_spec import AudioEncode, Loudness
from vpo.plan.model import Plan
from vpo.tools import audio_options, ffmpeg, loudness
from vpo.tools.loudness import TOLERANCE, AudioLevel, LevelOutput
from vpo.tools.process import Command

Levels = Mapping[int, AudioLevel]
"""What was measured of the tracks that get a loudness, by their index in the plan."""
_MOST_LIMITED_PASSES = 3
"""Further passes behind a limiter, each with the gain that the one before was lacking."""


def measure_levels(plan: Plan, lock: FileLock, context: RunContext) -> dict[int, AudioLevel]:
    """Measure each track as it will be mixed, in the whole of the locked file.

    Once, or a few times where a limiter has to hold the peaks, and makes the track quieter.
    """
    wanted = [(i, how) for i, how in plan.audio_encodes.items() if how.loudness is not None]
    found = {}
    for number, (index, how) in enumerate(wanted):
        part = partial(_report, context, plan, number, len(wanted))
        found[index] = _measured(plan, how, lock, context, part)
    return found


def _report(context: RunContext, plan: Plan, number: int, tracks: int, seconds: float) -> None:
    """Report how far the measurement of so many tracks has come, the first of them being 0."""
    if plan.before.duration:
        part = min(1.0, seconds / plan.before.duration)
        context.preparing(plan.before.path, (number + part) / tracks)


def _measured(
    plan: Plan,
    how: AudioEncode,
    lock: FileLock,
    context: RunContext,
    heard_to: Callable[[float], None],
) -> AudioLevel:
    track = next(track for track in plan.before.tracks if track.index == how.source)
    source = ffmpeg.input_options(plan.before.container)
    source += ["-i", tool_path(lock.path, lock.fd)]
    steps = audio_options.mixing_steps(how, track)

    def measure(further: Sequence[str] = ()) -> AudioLevel:
        program, heard = context.tools.need("ffmpeg"), LevelOutput(heard_to)
        argv = loudness.measuring_argv(program, source, how.source, [*steps, *further])
        context.tools.run(Command(argv, fds=lock.fds), heard)
        return heard.level

    level, wanted, missing = measure(), how.loudness, 0.0
    for _ in range(_MOST_LIMITED_PASSES):
        if wanted is None or not level.is_limited(wanted):
            break
        level = level._replace(raised=level.raised + missing)
        made = measure(loudness.changing_steps(level, wanted, track.sample_rate)).loudness
        level = level._replace(reached=made)
        missing = 0.0 if made is None else wanted.target - made
        if missing <= TOLERANCE / 2:
            break
    return level


def reached(plan: Plan, levels: Levels) -> dict[int, Loudness]:
    """Return the tracks that have their loudness already, unless they are mixed again."""
    found = {}
    for index, how in plan.audio_encodes.items():
        unmixed = how.source == index and how.channels is None and not how.night
        if how.loudness is not None and unmixed and levels[index].is_at(how.loudness):
            found[index] = how.loudness
    return found


def limited(plan: Plan, levels: Levels) -> Iterator[str]:
    """Yield warnings about tracks whose peaks a limiter holds."""
    for index, how in plan.audio_encodes.items():
        wanted, level = how.loudness, levels.get(index)
        if wanted is not None and level is not None and level.is_limited(wanted):
            track = next(track for track in plan.after.tracks if track.index == index)
            gain, reached = level.gain(wanted), ""
            if level.reached is not None and level.reached < wanted.target - TOLERANCE:
                reached = f", and it reaches {level.reached:.1f} LUFS"
            yield (
                f"{track}: a gain of {gain:+.1f} dB would bring its peaks to "
                f"{level.peak + gain:+.1f} dBTP; a limiter holds them at {wanted.true_peak:g}"
                f"{reached}"
            )
