"""Benchmarks of vpo against a shell script and the bare tools on the same files."""
