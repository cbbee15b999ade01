"""The command line: one small module a command, each parses, calls one function and prints."""

import gc

# Loading modules makes many objects that stay. To look for garbage after every 700 of them, as
# Python does, is up to a tenth of the time that a command takes to start.
gc.set_threshold(50_000)
