"""Policies and a media file to a plan: the fold over the phases, the differences, the reasons."""
