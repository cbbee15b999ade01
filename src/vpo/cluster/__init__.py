"""The work of a run on several machines, by a Dask scheduler and its workers.

Nothing outside this package imports Dask, and nothing imports this package unless a run names a
cluster. The coordinator is the ``vpo process`` that was started; a node is one ``dask worker``.
"""
