"""``rules``: conditions on a file, as mappings or one-line expressions, and actions."""
