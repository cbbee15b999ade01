"""Jobs on nodes that come and go; the nodes are played by executors without any Dask."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

import pytest

from vpo.cluster.executor import ATTEMPTS, NodesExecutor
from vpo.errors import ClusterError, NodeLostError


class Node(Executor):
    """Notes what it is given, and answers when it is told to."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, Future[Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.given.append((fn(*args), future))
        return future

    @property
    def jobs(self) -> list[Any]:
        return [job for job, _ in self.given]

    def answer(self, number: int = -1) -> None:
        job, future = self.given[number]
        future.set_result(job)


def first(job: str) -> str:
    return job


def retry(job: str) -> str:
    return f"{job} again"


@pytest.fixture
def nodes() -> NodesExecutor:
    return NodesExecutor(retry)


def test_executor_submits_as_many_jobs_as_slots(nodes: NodesExecutor) -> None:
    a, b = Node(), Node()
    nodes.add("a", a, 2)
    nodes.add("b", b, 1)
    futures = [nodes.submit(first, name) for name in "uvwxy"]
    assert nodes.slots == 3
    assert sorted(a.jobs + b.jobs) == ["u", "v", "w"]
    assert len(a.jobs) == 2
    a.answer(0)
    assert len(a.jobs) == 3
    assert [future.done() for future in futures] == [True, *[False] * 4]


def test_executor_moves_job_of_lost_node_to_another(nodes: NodesExecutor) -> None:
    a, b = Node(), Node()
    nodes.add("a", a, 1)
    future = nodes.submit(first, "film")
    nodes.lose("a")
    assert a.given[0][1].cancelled()
    nodes.add("b", b, 1)
    assert not b.jobs  # not before somebody says that the cluster is well
    nodes.reassign()
    assert b.jobs == ["film again"]
    b.answer()
    assert future.result() == "film again"


def test_executor_ignores_results_of_lost_node(nodes: NodesExecutor) -> None:
    class Stubborn(Node):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
            future = super().submit(fn, *args)
            future.set_running_or_notify_cancel()  # so that it cannot be called off
            return future

    a, b = Stubborn(), Node()
    nodes.add("a", a, 1)
    future = nodes.submit(first, "film")
    nodes.lose("a")
    a.answer()
    assert not future.done()
    nodes.add("b", b, 1)
    nodes.reassign()
    b.answer()
    assert future.result() == "film again"


def test_executor_fails_job_that_kills_nodes(nodes: NodesExecutor) -> None:
    future = nodes.submit(first, "bad")
    for name in range(ATTEMPTS):
        assert not future.done()
        nodes.add(str(name), Node(), 1)
        nodes.reassign()
        nodes.lose(str(name))
    nodes.reassign()
    with pytest.raises(NodeLostError, match="3 nodes were lost"):
        future.result(timeout=0)


def test_executor_retries_job_whose_error_means_node_lost(nodes: NodesExecutor) -> None:
    a = Node()
    nodes.add("a", a, 1)
    future = nodes.submit(first, "film")
    a.given[0][1].set_exception(CancelledError())
    nodes.reassign()
    a.answer()
    assert future.result() == "film again"


def test_executor_passes_other_errors_on(nodes: NodesExecutor) -> None:
    a = Node()
    nodes.add("a", a, 1)
    future = nodes.submit(first, "film")
    a.given[0][1].set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        future.result(timeout=0)


def test_executor_call_off_cancels_waiting_jobs(nodes: NodesExecutor) -> None:
    a = Node()
    nodes.add("a", a, 1)
    running, waiting = nodes.submit(first, "u"), nodes.submit(first, "v")
    nodes.cancel_waiting()
    with pytest.raises(CancelledError):
        waiting.result(timeout=0)
    a.answer()
    assert running.result() == "u"
    assert a.jobs == ["u"]


def test_executor_failure_fails_all_jobs(nodes: NodesExecutor) -> None:
    nodes.add("a", Node(), 1)
    futures = [nodes.submit(first, "u"), nodes.submit(first, "v")]
    nodes.fail(ClusterError("gone"))
    futures.append(nodes.submit(first, "w"))
    for future in futures:
        with pytest.raises(ClusterError, match="gone"):
            future.result(timeout=0)


def test_executor_submit_takes_one_argument(nodes: NodesExecutor) -> None:
    with pytest.raises(TypeError, match="one argument"):
        nodes.submit(first, "u", "v")


def test_result_after_the_cluster_was_given_up_is_ignored(nodes: NodesExecutor) -> None:
    node = Node()
    nodes.add("a", node, 1)
    future = nodes.submit(first, "film")
    nodes.fail(ClusterError("lost"))
    node.given[0][1].set_result("film")
    assert isinstance(future.exception(0), ClusterError)


def test_job_that_is_lost_after_the_cluster_was_given_up_ends(nodes: NodesExecutor) -> None:
    node = Node()
    nodes.add("a", node, 2)
    futures = [nodes.submit(first, name) for name in "ab"]
    node.given[0][1].cancel()
    nodes.fail(ClusterError("lost"))
    node.given[1][1].cancel()
    assert [type(future.exception(0)) for future in futures] == [ClusterError] * 2
