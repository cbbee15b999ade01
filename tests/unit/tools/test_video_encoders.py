"""The rows of the encoders: what a further one needs, and that nothing knows them by name."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from tests.made_up import AMF

import vpo
from vpo.errors import PlanError
from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.encode_spec import (
    CRF_RANGE,
    DEFAULT_CRF,
    Accelerator,
    AudioCodec,
    Quality,
    VideoCodec,
    VideoEncode,
)
from vpo.media.model import Track
from vpo.policy.encoder_options import OPTIONS, PARAMETERS, parse_encoder_options
from vpo.tools import filters, video_encoders, video_options
from vpo.tools.capabilities import Capabilities
from vpo.tools.video_encoders import VIDEO_ENCODERS, accelerators, candidates
from vpo.tools.video_options import Encoding

TRACK = Track(0, "video", "h264", width=1920, height=1080, pixel_format="yuv420p10le")
CUTS = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition"}


@pytest.fixture
def further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(video_encoders.VIDEO_ENCODERS, AMF.name, AMF)


def arguments(spec: VideoEncode, track: Track = TRACK) -> str:
    return " ".join(video_options.video(Encoding(spec, track, AMF, 0)))


@pytest.mark.usefixtures("further")
def test_further_encoder_is_found_by_codec_and_device() -> None:
    assert accelerators()[AMF.device] == ("hevc",)
    assert list(accelerators())[-1] == AMF.device
    able = Capabilities(frozenset({"libx265", "hevc_amf"}), frozenset(), 61)
    assert able.encoder(candidates("hevc", AMF.device), "hevc") is AMF
    assert able.encoder(candidates("hevc", "none"), "hevc").name == "libx265"


def test_further_encoder_has_its_own_arguments() -> None:
    by_crf = VideoEncode("hevc", Quality(crf=24), "slow", "zerolatency")
    assert arguments(by_crf) == (
        "-c:0 hevc_amf -pix_fmt:0 p010le -rc:0 cqp -qp_i:0 24 -quality:0 2 -usage:0 lowlatency"
    )
    by_rate = VideoEncode("hevc", Quality(target_bitrate=4_000_000), "0")
    eight_bits = replace(TRACK, pixel_format="yuv420p")
    assert arguments(by_rate, eight_bits) == (
        "-c:0 hevc_amf -pix_fmt:0 nv12 -rc:0 vbr_peak -b:0 4000000 -quality:0 0"
    )


def test_further_encoder_refuses_what_its_row_lacks() -> None:
    spec = VideoEncode("hevc", Quality(target_bitrate=4_000_000, two_pass=True), tune="film")
    assert video_options.passes(spec, AMF) == 1
    assert video_options.warnings(spec, AMF) == [
        "hevc_amf has no tune film; encoded without",
        "hevc_amf has no second pass; encoded in one",
    ]
    with pytest.raises(PlanError, match=r"hevc_amf has no preset 'p4'.*, or 0 to 2"):
        arguments(replace(spec, preset="p4"))
    with pytest.raises(PlanError, match="hevc_amf cannot encode 4:4:4 with 8 bits"):
        arguments(spec, replace(TRACK, pixel_format="yuv444p"))


def test_further_encoder_gets_frames_from_memory_unless_it_uploads() -> None:
    spec = VideoEncode("hevc", Quality(), size=(1280, 720))
    encoding = Encoding(spec, TRACK, AMF, 0)
    assert filters.chain(encoding) == "scale=1280:720:flags=lanczos"
    uploading = replace(encoding, encoder=replace(AMF, upload=("hwupload",)))
    assert filters.chain(uploading) == "scale=1280:720:flags=lanczos,format=p010le,hwupload"
    assert "-pix_fmt:0" not in video_options.video(uploading)


def test_every_codec_and_device_of_policies_has_an_encoder() -> None:
    assert set(accelerators()) == set(get_args(Accelerator))
    for codec in get_args(VideoCodec):
        assert candidates(codec, "none")
        low, high = CRF_RANGE[codec]
        assert low < DEFAULT_CRF[codec] < high
    assert set(AUDIO_ENCODERS) == set(get_args(AudioCodec))


def test_policies_may_give_the_parameters_of_every_encoder() -> None:
    names = {row.params for row in VIDEO_ENCODERS.values() if row.params is not None}
    assert len(names) == 4
    for name in names:
        assert parse_encoder_options([f"-{name}", "a=1"], "hevc", software=True).options
        refused = parse_encoder_options([f"-{name}", "stats=/etc/passwd"], "hevc", software=True)
        assert refused.options == ()
        assert "must not name a file" in refused.errors[0]


HELP = re.compile(r"^(\S+)[\w ]* AVOptions:$", re.MULTILINE)


@pytest.fixture(scope="module")
def options_of_ffmpeg(media_tools: None) -> dict[str, set[str]]:  # noqa: ARG001
    """The options of each encoder that this ffmpeg has, and those of all (``AVCodecContext``)."""
    argv = ["ffmpeg", "-hide_banner", "-h", "full"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    _, *parts = HELP.split(text)
    found: dict[str, set[str]] = {}
    for name, part in zip(parts[::2], parts[1::2], strict=True):  # a decoder may have the name, too
        found.setdefault(name, set()).update(re.findall(r"^  -(\S+) .* E\S*V", part, re.M))
    return found


@pytest.mark.parametrize("codec", get_args(VideoCodec))
def test_policies_are_warned_of_the_options_that_an_encoder_does_not_have(
    options_of_ffmpeg: dict[str, set[str]], codec: VideoCodec
) -> None:
    """As ``ffmpeg -h`` lists them; it does not say which of the general ones an encoder reads."""
    rows = [row.name for row in candidates(codec, "none")]
    if rows[0] not in options_of_ffmpeg:
        pytest.skip(f"this ffmpeg has no {rows[0]}")
    own = [options_of_ffmpeg.get(name, set()) for name in rows]
    for name in sorted(OPTIONS - options_of_ffmpeg["AVCodecContext"]):
        found = parse_encoder_options([f"-{name}", "1"], codec, software=True)
        said = "\n".join(found.warnings)
        assert (name in own[0]) == ("is ignored" not in said), (name, said)
        assert not (any(name in options for options in own) and "no encoder" in said), name


def test_ffmpeg_knows_every_option_that_policies_may_give(
    options_of_ffmpeg: dict[str, set[str]],
) -> None:
    """One that nobody knows ends the encode."""
    needed = {"libx264", "libx265", "libvpx-vp9", "libaom-av1", "hevc_nvenc", "h264_qsv"}
    if missing := sorted(needed - options_of_ffmpeg.keys()):
        pytest.skip(f"this ffmpeg has no {', '.join(missing)}")
    assert set().union(*options_of_ffmpeg.values()) >= OPTIONS


def test_x265_takes_the_parameters_that_replace_options(media_tools: None) -> None:  # noqa: ARG001
    values = {"level-idc": "5.1", "rc-lookahead": "5"}
    params = ":".join(f"{name}={values.get(name, 1)}" for name in PARAMETERS["hevc"][1].values())
    argv = ["ffmpeg", "-hide_banner", "-f", "lavfi", "-i", "color=s=64x64:d=0.1", "-c:v", "libx265"]
    argv += ["-x265-params", params, "-f", "null", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert "Unknown option" not in done.stderr
    assert "Error parsing" not in done.stderr, done.stderr


def test_no_module_but_the_table_knows_encoders_by_name() -> None:
    """What an encoder is, and which family it is of, stands in its row."""
    root = Path(vpo.__file__).parent
    found = [
        f"{path.relative_to(root)}:{node.lineno}: {text}"
        for path in sorted({*root.rglob("*.py")} - {Path(video_encoders.__file__)})
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.expr | ast.MatchValue)
        for text in _names(node)
    ]
    assert found == []


def _names(node: ast.expr | ast.MatchValue) -> Iterator[str]:
    """Yield an encoder's name, and the part of one for which a text is searched or compared."""
    devices = get_args(Accelerator)
    if isinstance(node, ast.Constant) and node.value in VIDEO_ENCODERS:
        yield node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        parts = {"lib", "_", *devices, *(f"_{device}" for device in devices)}
        given = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
        if node.func.attr in CUTS:
            yield from map(str, given & parts)
    elif isinstance(node, ast.Compare | ast.MatchValue):
        parts = {*devices, *(row.name for row in AUDIO_ENCODERS.values())} - {*AUDIO_ENCODERS}
        given = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
        yield from map(str, given & parts)


@pytest.mark.parametrize(
    ("name", "pixels", "depth", "becomes"),
    [
        ("libx264", "yuv420p", 10, "yuv420p10le"),
        ("libx265", "yuv422p12le", 10, "yuv422p10le"),
        ("libvpx-vp9", "yuv444p10le", 8, "yuv444p"),
        ("libsvtav1", "yuv420p", 10, "yuv420p10le"),
        ("hevc_vaapi", "yuv420p", 10, "p010le"),
        ("libx265", "gbrp", 10, "yuv444p10le"),
        ("h264_nvenc", "yuv420p", 10, None),
        ("libsvtav1", "yuv422p", 10, None),
    ],
)
def test_a_depth_is_one_that_the_encoder_takes(
    name: str, pixels: str, depth: int, becomes: str | None
) -> None:
    row, track = VIDEO_ENCODERS[name], replace(TRACK, pixel_format=pixels)
    if becomes is not None:
        assert row.pixel_format(track, depth) == becomes
        return
    with pytest.raises(PlanError, match=f"{name} cannot encode .* 10 bits, as bit_depth asks"):
        row.pixel_format(track, depth)
