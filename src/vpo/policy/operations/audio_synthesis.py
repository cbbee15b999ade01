"""``audio_synthesis``: additional audio tracks made from those in the file."""

from __future__ import annotations

from vpo.policy.pending import Pending


class AudioSynthesis(Pending):
    """Additional audio tracks made from those in the file."""

    key = "audio_synthesis"
    step = 80
