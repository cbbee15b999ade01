"""Indexes the library, and finds statistics, duplicates and non-compliant files in the index."""
