"""Encoding the video of one file: choice of the encoder, crf search, passes."""
