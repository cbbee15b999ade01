"""Plan -> argv, one pure module a tool.

Paths in an argv are absolute, so that none can be taken for an option or a protocol.
"""
