"""``transcode``: video and audio into other codecs."""

from __future__ import annotations

from vpo.policy.pending import Pending


class Transcode(Pending):
    """Video and audio into other codecs."""

    key = "transcode"
    step = 90
