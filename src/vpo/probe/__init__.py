"""A path to a ``MediaFile``: parsers, and the child processes that they run in."""
