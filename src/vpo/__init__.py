"""Video Policy Orchestrator: keeps a video library the way its owner wants it."""

__version__ = "0.1.0"
