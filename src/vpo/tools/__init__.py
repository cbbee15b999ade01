"""The tools: one pure module per tool turns a plan into its argv; ``process`` runs them.

Paths in an argv are absolute, so that none can be taken for an option or a protocol.
"""
