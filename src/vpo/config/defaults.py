"""Defaults of the configuration that modules below its readers have, too; nothing is imported."""

STALL_SECONDS = 120
"""Seconds after which a program without progress is ended."""
