"""How fast vpo is, against what a shell script and the bare tools need for the same files."""
