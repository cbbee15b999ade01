"""``rules``: conditions on a file, the expressions that write them in one line, and actions."""
