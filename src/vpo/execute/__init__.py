"""Carry out a plan on a file so that it is at every moment the original or the verified result."""
