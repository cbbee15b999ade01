"""The library in a browser: pages and an API over the same core as the commands."""
