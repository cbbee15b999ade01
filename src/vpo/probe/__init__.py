"""From a path to a ``MediaFile``: parsers, and the child processes in which they run."""
