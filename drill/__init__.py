"""Drills: vpo is killed, starved, lied to and fed rubbish, and no file of a library may be lost.

``make drill`` runs them all and prints a table; ``python -m drill --help`` says what else there is.
Each runs the real command on real files with the real tools, and faults are made by real means:
signals, small file systems, programs on ``PATH`` that misbehave. What became of a file is judged
without vpo's own code. ``docs/reliability.md`` says what is promised.
"""
