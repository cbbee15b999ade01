"""An encode and a source to ffmpeg's options: ``encoders/*.yaml``, written by hand from the
encoders' documentation.

A case has an ``encode``, facts of the ``track`` and the ``encoder``. Expected are the ``words``,
the ``filters``, the options that open the ``device``, the ``warnings``, the ``passes``, or an
``error``; ``carried`` says by the version of libavcodec whether HDR metadata arrive.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from vpo.errors import PlanError
from vpo.media.encode_spec import Quality, VideoEncode
from vpo.media.model import Track, media_from_json
from vpo.tools import filters, video_options
from vpo.tools.presets import X264_PRESETS
from vpo.tools.video_encoders import VIDEO_ENCODERS
from vpo.tools.video_options import EncodePass, Encoding

CASES = Path(__file__).parent / "encoders"
PLAIN = {
    "index": 0,
    "type": "video",
    "codec": "mpeg2video",
    "dispositions": [],
    "width": 1920,
    "height": 1080,
    "pixel_format": "yuv420p",
    "color": None,
}


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['case']}")
        for path in sorted(CASES.glob("*.yaml"))
        for case in YAML(typ="safe").load(path)
    ]


def track_of(facts: dict[str, Any]) -> Track:
    rest: dict[str, Any] = {"attachments": [], "chapters": [], "tags": []}
    media = media_from_json(
        {"path": "", "container": "mkv", "size": 1, "tracks": [PLAIN | facts], **rest}
    )
    return media.tracks[0]


def encoding_of(case: dict[str, Any]) -> Encoding:
    wanted = dict(case["encode"])
    wanted["quality"] = Quality(**wanted.get("quality", {}))
    wanted["options"] = tuple((name, value) for name, value in wanted.get("options", []))
    if "size" in wanted:
        wanted["size"] = tuple(wanted["size"])
    return Encoding(
        VideoEncode(**wanted),
        track_of(case.get("track", {})),
        VIDEO_ENCODERS[case["encoder"]],
        case.get("number", 0),
        case.get("threads"),
        case.get("container", "mkv"),
        EncodePass(*case["pass"]) if "pass" in case else None,
        case.get("tonemapper"),
    )


@pytest.mark.parametrize("case", cases())
def test_encoder_case_gives_its_options(case: dict[str, Any]) -> None:
    encoding = encoding_of(case)
    if "error" in case:
        with pytest.raises(PlanError, match=case["error"].replace("(", r"\(")):
            video_options.video(encoding)
        return
    if "words" in case:
        assert video_options.video(encoding) == shlex.split(case["words"])
    if "filters" in case or not encoding.encoder.upload:
        assert filters.chain(encoding) == case.get("filters", "")
    assert video_options.warnings(encoding.spec, encoding.encoder) == case.get("warnings", [])
    if "passes" in case:
        assert video_options.passes(encoding.spec, encoding.encoder) == case["passes"]
    if "device" in case:
        assert list(encoding.encoder.device_options) == shlex.split(case["device"])
    if "clean" in case:
        assert filters.clean(encoding, "0:0") == case["clean"]
    for version, carried in case.get("carried", {}).items():
        if carried:
            video_options.must_carry_hdr(encoding, version)
        else:
            with pytest.raises(PlanError, match="would lose the HDR metadata"):
                video_options.must_carry_hdr(encoding, version)


def test_every_encoder_has_cases() -> None:
    tried = {case.values[0]["encoder"] for case in cases() if "words" in case.values[0]}
    assert VIDEO_ENCODERS.keys() - tried == {"h264_videotoolbox"}


@pytest.mark.parametrize("preset", X264_PRESETS)
def test_every_encoder_with_presets_has_those_of_x264(preset: str) -> None:
    without = [row.name for row in VIDEO_ENCODERS.values() if not row.preset_options(preset)]
    assert without == ["h264_videotoolbox", "hevc_videotoolbox"]


def test_video_refuses_vmaf_without_crf() -> None:
    encoding = encoding_of(
        {"encode": {"codec": "hevc", "quality": {"vmaf": 95}}, "encoder": "libx265"}
    )
    with pytest.raises(ValueError, match="has not been looked for"):
        video_options.video(encoding)


@pytest.mark.parametrize(("name", "size"), [("libx265", 8), ("libsvtav1", 32)])
def test_frames_that_are_too_small_for_an_encoder_are_refused(name: str, size: int) -> None:
    encoder = VIDEO_ENCODERS[name]
    spec = VideoEncode(codec=encoder.codec, quality=Quality(crf=30))
    small = Encoding(spec, track_of({"width": size, "height": size}), encoder, 0)
    with pytest.raises(PlanError, match=f"cannot encode frames of {size}x{size}"):
        video_options.video(small)


def test_tonemappers_are_in_order_of_preference() -> None:
    assert filters.tonemappers({"zscale", "tonemap", "libplacebo"}) == ["zscale", "libplacebo"]
    assert filters.tonemappers({"zscale", "libplacebo"}) == ["libplacebo"]
    with pytest.raises(PlanError, match="neither zscale with tonemap nor libplacebo"):
        filters.tonemappers({"zscale", "scale"})
