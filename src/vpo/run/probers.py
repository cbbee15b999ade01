"""The prober, as configured."""

from __future__ import annotations

from vpo.config.builder import Settings
from vpo.probe.service import Prober
from vpo.tools.process import Processes


def new_prober(settings: Settings) -> Prober:
    """Return a prober with its own ``Processes``."""
    return Prober(Processes(), float(settings.config.tools.stall_seconds))
