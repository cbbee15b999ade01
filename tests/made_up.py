"""An encoder that vpo does not know: one row, as a further hardware encoder would be added."""

from __future__ import annotations

from typing import cast

from vpo.media.encode_spec import Device, Quality
from vpo.media.pixel_formats import PixelFormat
from vpo.tools.presets import Options, scale
from vpo.tools.video_encoders import VideoEncoder


def _quantizer(crf: float, quality: Quality) -> Options:
    del quality
    return [("rc", "cqp"), ("qp_i", f"{crf:.0f}")]


AMF = VideoEncoder(
    "hevc_amf",
    "hevc",
    frozenset({PixelFormat("420", 8), PixelFormat("420", 10)}),
    _quantizer,
    device=cast(Device, "amf"),
    format_names={"yuv420p": "nv12", "yuv420p10le": "p010le"},
    device_options=("-init_hw_device", "amf=hw"),
    bitrate_mode=(("rc", "vbr_peak"),),
    presets=scale("quality", "0 0 0 1 1 1 2 2 2 2", ("0", "1", "2")),
    tunes={"zerolatency": ("usage", "lowlatency")},
)
