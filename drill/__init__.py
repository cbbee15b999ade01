"""Drills, which kill vpo and give it full disks, faulty tools and damaged files: no file may be lost.

``make drill`` runs them all and prints a table; ``python -m drill --help`` lists the options.
Each runs the real command on real files with the real tools, and faults are made by real means:
signals, small file systems, programs on ``PATH`` that misbehave. The result for a file is judged
without vpo's own code. ``docs/reliability.md`` says what is promised.
"""
