"""A prober as the configuration wants it."""

from __future__ import annotations

from vpo.config.builder import Settings
from vpo.probe.service import Prober
from vpo.tools.process import Processes


def new_prober(settings: Settings) -> Prober:
    """Return a prober with processes of its own."""
    return Prober(Processes(), float(settings.config.tools.stall_seconds))
