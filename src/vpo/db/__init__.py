"""The library database: the only package that holds SQL."""
