"""Runs on several machines, with a Dask scheduler and its workers.

Only this package imports Dask, and it is imported only for a run on a cluster. The coordinator is
the ``vpo process`` that the user started; a node is one ``dask worker``.
"""
