"""An executor over nodes that come and go, which retries the jobs of lost nodes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from vpo.errors import NodeLostError

ATTEMPTS = 3
"""The number of lost nodes after which a job fails: it may be what crashes them."""


@dataclass(eq=False)
class _Task:
    work: Callable[[Any], Any]
    job: Any
    future: Future[Any] = field(default_factory=Future)
    attempts: int = 0


@dataclass(eq=False)
class _Node:
    executor: Executor
    slots: int
    running: dict[_Task, Future[Any]] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.slots - len(self.running)


class NodesExecutor(Executor):
    """Runs each job, which is one argument, on a free node; thread-safe.

    ``again`` is called instead of the submitted function for a job whose node was lost; ``losses``
    are the errors of a lost node. The owner calls ``add`` and ``lose`` for the nodes, and
    ``reassign`` when the jobs of lost nodes may be tried again.
    """

    def __init__(
        self,
        again: Callable[[Any], Any],
        losses: tuple[type[BaseException], ...] = (CancelledError,),
    ) -> None:
        self._again, self._losses = again, losses
        self._lock = threading.RLock()
        self._nodes: dict[str, _Node] = {}
        self._waiting: deque[_Task] = deque()
        self._returned: list[_Task] = []
        self._error: Exception | None = None

    @property
    def slots(self) -> int:
        """The number of jobs that the nodes can process at the same time."""
        with self._lock:
            return sum(node.slots for node in self._nodes.values())

    @property
    def nodes(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._nodes)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if kwargs or len(args) != 1:
            raise TypeError("a job is one argument")
        task = _Task(fn, args[0])
        task.future.set_running_or_notify_cancel()
        with self._lock:
            if self._error is not None:
                task.future.set_exception(self._error)
                return task.future
            self._waiting.append(task)
        self._dispatch()
        return task.future

    def add(self, name: str, executor: Executor, slots: int) -> None:
        """Add a node that processes ``slots`` jobs at the same time."""
        with self._lock:
            self._nodes[name] = _Node(executor, slots)
        self._dispatch()

    def lose(self, name: str) -> None:
        """Remove a node; its jobs wait for ``reassign``."""
        with self._lock:
            node = self._nodes.pop(name, None)
            if node is None:
                return
            lost, node.running = node.running, {}
            self._returned += lost
        for inner in lost.values():
            inner.cancel()

    def reassign(self) -> None:
        """Give the jobs of lost nodes to other nodes, or fail those with too many attempts."""
        with self._lock:
            tasks, self._returned = self._returned, []
            failed = [task for task in tasks if task.attempts >= ATTEMPTS]
            self._waiting.extendleft(task for task in tasks if task.attempts < ATTEMPTS)
        for task in failed:
            task.future.set_exception(
                NodeLostError(
                    f"{ATTEMPTS} nodes were lost while they processed it, so it may have crashed "
                    "them; see their logs, and process it alone, without a cluster"
                )
            )
        self._dispatch()

    def cancel_waiting(self) -> None:
        """Cancel the jobs that have not started."""
        self._end_waiting(CancelledError())

    def fail(self, error: Exception) -> None:
        """Fail all jobs with this error, without waiting for the nodes."""
        with self._lock:
            self._error = error
            for node in self._nodes.values():
                self._returned += node.running
                node.running = {}  # what they still answer comes too late
            self._nodes.clear()
        self._end_waiting(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Do nothing: ``vpo.run.batch.Batch`` has waited for all jobs."""

    def _end_waiting(self, error: Exception | CancelledError) -> None:
        with self._lock:
            tasks = [*self._waiting, *self._returned]
            self._waiting.clear()
            self._returned = []
        for task in tasks:
            task.future.set_exception(error)

    def _dispatch(self) -> None:
        with self._lock:
            while self._waiting:
                node = max(self._nodes.values(), key=lambda node: node.free, default=None)
                if node is None or node.free < 1:
                    return
                self._start(node, self._waiting.popleft())

    def _start(self, node: _Node, task: _Task) -> None:
        work = self._again if task.attempts else task.work
        task.attempts += 1
        inner = node.executor.submit(work, task.job)
        node.running[task] = inner
        inner.add_done_callback(partial(self._done, node, task))

    def _done(self, node: _Node, task: _Task, inner: Future[Any]) -> None:
        with self._lock:
            if node.running.pop(task, None) is None:
                return  # the node was lost, and another one has the job
            error = CancelledError() if inner.cancelled() else inner.exception()
            if isinstance(error, self._losses):
                error = self._error
                if error is None:
                    self._returned.append(task)
                    return
        if error is None:
            task.future.set_result(inner.result())
        else:
            task.future.set_exception(error)
        self._dispatch()
