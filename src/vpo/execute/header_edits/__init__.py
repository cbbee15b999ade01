"""Edits of a file's header in process: a plan and the open file give the bytes that change."""
