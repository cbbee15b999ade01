"""The search for the crf at which a video has the VMAF score of a policy, on sample clips.

Sample clips from the whole video are encoded and compared with the source: a third of them for a
first estimate, then all of them near the answer, with linear interpolation in between. There are
many short clips, because shots differ more than the frames of one shot; they begin near keyframes,
because seeking to a frame far from one costs more than encoding it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, NamedTuple

from vpo.errors import PlanError, ToolError
from vpo.media.encode_spec import CRF_RANGE, VideoEncode
from vpo.media.model import Track
from vpo.probe.service import Prober
from vpo.tools import filters, video_options
from vpo.tools.capabilities import Capabilities
from vpo.tools.ffmpeg import input_options
from vpo.tools.memo import Memo
from vpo.tools.process import Command, Listener
from vpo.tools.programs import Tools
from vpo.tools.video_options import Encoding

Metric = Literal["vmaf", "xpsnr"]

_WHOLE_SECONDS = 20.0
"""Seconds up to which the whole video is the sample."""
_LENGTH = 0.6
"""Seconds of a sample. In shorter ones, the first keyframe distorts the score."""
_PART = 0.06
"""The fraction of a video in its samples; a third where encoding is faster than scoring."""
_MIN_SAMPLES, _MAX_SAMPLES = 6, 120
"""The minimum and maximum number of samples."""
_BATCH = 9
"""Samples that one ffmpeg reads at the same time, each with its own decoder."""
_WHOLE_TOLERANCE, _TOLERANCE, _ROUGH_TOLERANCE = 0.2, 0.6, 2.0
"""The largest difference in VMAF for linear interpolation: with the whole video, all samples, or a
third of them."""
_FLATTEST, _STEEPEST = -0.05, -8.0
_MAX_CRF_STEP = 20.0
"""The largest change of the crf from one encode to the next."""
_SLOPE: dict[str, float] = {"h264": -1.2, "hevc": -1.0, "vp9": -0.5, "av1": -0.5}
"""The initial estimate of the change in VMAF per step of crf."""
_START: dict[str, float] = {"h264": 24, "hevc": 24, "vp9": 32, "av1": 32}
"""A crf that scores about 93."""
_START_SCORE = 93.0
_LARGE = 1440
"""The frame height above which VMAF's 4K model is used."""
_VMAF = re.compile(r"VMAF score: ([\d.]+)")
_XPSNR = re.compile(r"XPSNR\s+y: ([\d.]+)")
_XPSNR_AT = (95.0, 39.3, 1.2)
"""A VMAF score, the luma XPSNR (dB) that corresponds to it, and the VMAF points per dB."""


@dataclass(frozen=True, slots=True)
class CrfResult:
    """The crf that was found, and its score on the samples."""

    crf: float
    score: float
    metric: Metric = "vmaf"

    def __str__(self) -> str:
        unit = "VMAF" if self.metric == "vmaf" else "VMAF, estimated by XPSNR"
        return f"crf {self.crf:g} ({unit} {self.score:.1f} on samples)"


def metric(capabilities: Capabilities) -> Metric:
    """Return the metric that this ffmpeg has; raise ``PlanError`` if it has none."""
    if "libvmaf" in capabilities.filters:
        return "vmaf"
    if "xpsnr" in capabilities.filters:
        return "xpsnr"
    raise PlanError(
        "this ffmpeg cannot measure vmaf: it has neither libvmaf nor xpsnr; set a crf, or use "
        "an ffmpeg built with libvmaf, for example vpo's bundled one"
    )


class SourceVideo(NamedTuple):
    """The video that is encoded: ``name`` for the tools, ``path`` for the prober.

    ``fds`` stay open in the tools; ``duration`` is in seconds; ``container`` is the source's.
    """

    name: str
    path: str
    fds: tuple[int, ...]
    duration: float | None
    container: str


_Key = tuple[str, float | None, Track, VideoEncode, str]


class CrfSearches:
    """The results of the crf searches of a run, by file and encode."""

    def __init__(self) -> None:
        self._found: Memo[_Key, CrfResult] = Memo()

    def find(self, sampling: SampleTools, source: SourceVideo, encoding: Encoding) -> CrfResult:
        """Return the crf for the encoding's ``vmaf``, searched for once."""
        key = (source.path, source.duration, encoding.track, encoding.spec, encoding.encoder.name)
        return self._found.get(key, partial(_search, _SampleEncoder(sampling, source, encoding)))


@dataclass(frozen=True)
class SampleTools:
    """The tools, the prober and the output file for encoding and scoring samples.

    ``report`` takes the fraction of the search that is done; most end before all of it.
    """

    tools: Tools
    prober: Prober
    output: str
    report: Callable[[float], object] = bool


class _Span(NamedTuple):
    """A part of the video, in seconds."""

    start: float
    length: float


def sample_spans(duration: float, fast: bool) -> list[_Span]:
    """Return the samples: one in each of several equal parts, at varying offsets."""
    if duration <= _WHOLE_SECONDS:
        return [_Span(0.0, duration)]
    part = _PART / 3 if fast else _PART
    count = min(_MAX_SAMPLES, max(_MIN_SAMPLES, round(duration * part / _LENGTH)))
    slack = duration / count - _LENGTH
    golden = 0.618034
    return [
        _Span(n * duration / count + slack * ((n * golden + 0.5) % 1), _LENGTH)
        for n in range(count)
    ]


@dataclass
class _Effort:
    """The samples of a search: those encoded so far, and the most that there can be."""

    most: int = 1
    encoded: int = 0

    def done(self, number: int) -> float:
        """Count further samples, and return which part of all they make."""
        self.encoded += number
        return min(1.0, self.encoded / self.most)


@dataclass(frozen=True)
class _SampleEncoder:
    """Encodes the samples at a given crf, and scores them."""

    sampling: SampleTools
    source: SourceVideo
    encoding: Encoding
    effort: _Effort = field(default_factory=_Effort)

    def spans(self) -> list[_Span]:
        if not self.source.duration:
            raise PlanError("its duration is unknown, so no samples can be taken; set a crf")
        spans = sample_spans(self.source.duration, self._fast)
        if len(spans) == 1:
            return spans
        index, times = self.encoding.track.index, [span.start for span in spans]
        keys = self.sampling.prober.keyframes(self.source.path, index, times)
        return [
            span._replace(start=key + (span.start - key) % 1.0)
            for span, key in zip(spans, keys, strict=True)
        ]

    @property
    def _fast(self) -> bool:
        return self.encoding.encoder.is_quick(self.encoding.spec.preset)

    def score(self, spans: Sequence[_Span], crf: float) -> float:
        """Return the mean VMAF score of the samples."""
        total = weight = 0.0
        for first in range(0, len(spans), _BATCH):
            batch = spans[first : first + _BATCH]
            total += self._batch(batch, crf) * len(batch)
            weight += len(batch)
            self.sampling.report(self.effort.done(len(batch)))
        return total / weight

    def _batch(self, spans: Sequence[_Span], crf: float) -> float:
        output = self.sampling.output
        quality = replace(self.encoding.spec.quality, crf=crf, vmaf=None, max_bitrate=None)
        spec = replace(self.encoding.spec, quality=quality)
        encoding = replace(self.encoding, spec=spec, number=0, container="mkv")
        graph = f"{self._frames(spans, 0)}{self._steps()}[v]"
        arguments = ["-filter_complex", graph, "-map", "[v]", "-fps_mode", "passthrough"]
        arguments += [*video_options.video(encoding), "-f", "matroska", output]
        head = encoding.encoder.device_options
        self._run([*head, *self._inputs(spans), *arguments], output, Listener())
        return self._compare(spans, output)

    def _compare(self, spans: Sequence[_Span], encoded: str) -> float:
        kind = metric(self.sampling.tools.capabilities())
        reference = f"{self._frames(spans, 1)}{self._plain_steps()}[reference]"
        # Both inputs need the same pixel format, in memory: the filters take no hardware frames.
        graph = f"{reference};[0:v]{self._timing}[encoded];[encoded][reference]{self._filter(kind)}"
        arguments = [
            *input_options("mkv"),
            "-i",
            encoded,
            *self._inputs(spans),
            "-filter_complex",
            graph,
            "-f",
            "null",
            "-",
        ]
        score = _Score(kind)
        self._run(arguments, None, score)
        if score.value is None:
            raise ToolError("ffmpeg compared the clips and printed no score", ("ffmpeg",), 1, "")
        value = score.value
        if kind == "vmaf":
            return value
        points, decibels, worth = _XPSNR_AT
        return points + (value - decibels) * worth

    def _filter(self, kind: Metric) -> str:
        if kind == "xpsnr":
            return "xpsnr"
        height = (
            self.encoding.spec.size[1] if self.encoding.spec.size else self.encoding.track.height
        )
        model = ":model=version=vmaf_4k_v0.6.1" if (height or 0) > _LARGE else ""
        return f"libvmaf=n_threads={self.encoding.threads or 2}:n_subsample=3{model}"

    def _inputs(self, spans: Sequence[_Span]) -> list[str]:
        arguments: list[str] = []
        for span in spans:
            arguments += ["-threads", "1", "-ss", f"{span.start:.3f}", "-t", f"{span.length:.3f}"]
            arguments += [*input_options(self.source.container), "-i", self.source.name]
        return arguments

    def _frames(self, spans: Sequence[_Span], first: int) -> str:
        index = self.encoding.track.index
        inputs = "".join(f"[{first + n}:{index}]" for n in range(len(spans)))
        return f"{inputs}concat=n={len(spans)}:v=1:a=0,{self._timing}"

    @property
    def _timing(self) -> str:
        """The filters that number the frames, so that they are compared one by one."""
        return f"settb=1/({self.encoding.track.frame_rate or 25}),setpts=N"

    def _steps(self) -> str:
        steps = filters.chain(self.encoding)
        return f",{steps}" if steps else ""

    def _plain_steps(self) -> str:
        """Return the same filters for the reference, without the upload to a device."""
        steps = filters.steps(self.encoding)
        if self.encoding.spec.drop is not None or self.encoding.spec.film is not None:
            steps.append(self._timing)  # the encoded clip has only the frames that stay
        return "".join(f",{step}" for step in steps)

    def _run(self, arguments: Sequence[str], output: str | None, listener: Listener) -> None:
        tools = self.sampling.tools
        argv = [tools.need("ffmpeg"), "-hide_banner", "-nostdin", "-nostats", "-y", *arguments]
        memory = video_options.memory([self.encoding])
        tools.run(Command(argv, output, fds=self.source.fds, memory=memory), listener)


class _Score(Listener):
    """Reads the score that ffmpeg prints when it has compared all frames."""

    def __init__(self, kind: Metric) -> None:
        self._pattern = _VMAF if kind == "vmaf" else _XPSNR
        self.value: float | None = None

    def stderr(self, line: str) -> None:
        found = self._pattern.search(line)
        if found is not None:
            self.value = float(found[1])


def _search(trial: _SampleEncoder) -> CrfResult:
    """Search with a third of the samples first, then with all of them."""
    codec = trial.encoding.spec.codec
    target = trial.encoding.spec.quality.vmaf or 0.0
    curve = _Curve(trial, target, _SLOPE[codec])
    spans = trial.spans()
    at = _START[codec] + (target - _START_SCORE) / _SLOPE[codec]
    few = spans[::3]
    if len(few) >= _MIN_SAMPLES // 3 and len(spans) > 1:
        trial.effort.most = 4 * len(few) + 2 * len(spans)
        at, _ = curve.follow(few, at, _ROUGH_TOLERANCE, rounds=4)
        at, score = curve.follow(spans, at, _TOLERANCE, rounds=2)
    else:
        trial.effort.most = 4 * len(spans)
        at, score = curve.follow(spans, at, _WHOLE_TOLERANCE, rounds=4)
    return CrfResult(at, round(score, 2), metric(trial.sampling.tools.capabilities()))


@dataclass
class _Curve:
    """The score as a function of the crf; ``slope`` is its change per step of crf."""

    trial: _SampleEncoder
    target: float
    slope: float

    def follow(
        self, spans: Sequence[_Span], at: float, tolerance: float, rounds: int
    ) -> tuple[float, float]:
        """Return the crf for the target and its score, from at most ``rounds`` encodes.

        Stops at a score within ``tolerance`` of the target, and interpolates linearly from there.
        """
        points: dict[float, float] = {}
        at = self._step(at)
        for _ in range(rounds):
            score = points[at] = self.trial.score(spans, at)
            better = self._step(self._better(points, at))
            if better in points or abs(score - self.target) <= tolerance:
                break
            last, at = at, better
        else:
            at = last
        if abs(score - self.target) > _ROUGH_TOLERANCE:
            # Too far from the target to extrapolate.
            return at, score
        return better, score + (better - at) * self.slope

    def _better(self, points: dict[float, float], at: float) -> float:
        """Return the crf at which the line through the two nearest points has the target score.

        Sets ``slope`` to that of the line.
        """
        above = [crf for crf, score in points.items() if score >= self.target]
        below = [crf for crf, score in points.items() if score < self.target]
        pair = (max(above), min(below)) if above and below else tuple(sorted(points)[-2:])
        if len(pair) > 1 and pair[0] != pair[1]:
            slope = (points[pair[1]] - points[pair[0]]) / (pair[1] - pair[0])
            self.slope = min(_FLATTEST, max(_STEEPEST, slope))
        step = (self.target - points[at]) / self.slope
        return at + min(_MAX_CRF_STEP, max(-_MAX_CRF_STEP, step))

    def _step(self, crf: float) -> float:
        """Return the nearest crf that the encoder accepts."""
        low, high = CRF_RANGE[self.trial.encoding.spec.codec]
        fine = self.trial.encoding.encoder.fractional_crf
        return min(float(high), max(float(low + 1), round(crf, 1 if fine else None)))
