"""``python -m vpo``."""

from vpo.cli.main import main

main()
