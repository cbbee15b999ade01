"""The command line: a module for each command, which parses options, calls vpo and prints."""

import gc

# Importing modules creates many objects that are never freed. Collecting garbage after every 700
# of them, Python's default, takes up to a tenth of the start-up time.
gc.set_threshold(50_000)
