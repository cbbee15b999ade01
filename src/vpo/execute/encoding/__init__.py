"""Encoding the video of one file: devices, the search for a crf, passes."""
