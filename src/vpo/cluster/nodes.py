"""The nodes of a cluster as the workers of a run."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

from vpo.cluster import node
from vpo.cluster.executor import NodesExecutor
from vpo.cluster.handshake import Sample, compatibility_warnings, file_identity, incompatibility
from vpo.config.builder import Settings
from vpo.discover import LEFTOVER_PREFIX, Candidate
from vpo.errors import ClusterError, FileError
from vpo.execute.lock import FileLock
from vpo.execute.lock_file import try_lock
from vpo.execute.workspace import TEMPORARY_EXTENSION
from vpo.run.workers import Assignment, Workers, installed_tools
from vpo.tools.programs import tool_versions

_CONNECT_SECONDS = 10
_HANDSHAKE_SECONDS = 60
_LOOK_SECONDS = 1.0
_NO_NODE_SECONDS = 60.0
"""How long a run without nodes waits for one."""


class Nodes:
    """Workers that are the nodes of a Dask scheduler at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def prepare(self, settings: Settings) -> None:
        """Do nothing: nodes need no early start."""

    def close(self) -> None:
        """Do nothing, as ``prepare`` started nothing."""

    @contextlib.contextmanager
    def open(self, assignment: Assignment) -> Iterator[Workers]:
        """Yield the compatible nodes as workers.

        Raises ``ClusterError`` if the scheduler is unreachable or no node is compatible. If it is
        lost later, the jobs fail with that error, and the batch ends.
        """
        address = self._address
        if assignment.settings.config.cluster.require_tls:
            refuse_plain(address)
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(_connected(address))
            paths = _sample_paths(assignment.candidates)
            samples = [stack.enter_context(_sample(path)) for path in paths]
            cluster = _Cluster(address, client, assignment, samples)
            cluster.admit_nodes()
            if not cluster.executor.slots:
                raise ClusterError(f"no node of {address} can be used{cluster.reasons()}")
            stack.enter_context(cluster.watched())
            yield Workers(
                cluster.executor,
                lambda: cluster.executor.slots,
                node.process_job,
                cluster.end_tools,
                _ignore_pause,
                cluster.messages,
            )


def refuse_plain(address: str) -> None:
    """Raise ``ClusterError`` for an address at which others could give orders to all machines.

    Dask asks for no password, and unpickles what it is sent, which runs code: on the nodes, on the
    scheduler, and here. With its TLS, both sides need a certificate.
    """
    scheme, _, rest = address.rpartition("://")
    host = rest.rpartition(":")[0] or rest
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host.strip("[]")).is_loopback:
            return
    if scheme in ("tls", "wss") or host == "localhost":
        return
    raise ClusterError(
        f"the cluster at {address} is not protected: whoever can reach it can run programs on all "
        "of its machines and on this one; use TLS (docs/cluster.md), or set [cluster] require_tls "
        "= false if you trust everyone in that network"
    )


def _ignore_pause(paused: bool) -> None:
    """Let running jobs complete: a suspended node would be taken for lost."""


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            "--cluster needs Dask: install vpo with its extra 'cluster' (see Install in the README)"
        ) from None
    try:
        client: Any = Client(address, timeout=_CONNECT_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"the scheduler {address} cannot be reached ({error}); start it with `dask scheduler`, "
            "or correct the address"
        ) from None
    except TypeError:  # what Dask raises without its certificates
        raise ClusterError(
            f"{address} needs certificates, which Dask's configuration does not name "
            "(docs/cluster.md)"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=_CONNECT_SECONDS)


def _sample_paths(candidates: Sequence[Candidate]) -> list[str]:
    """Return one file on each file system of the run."""
    return list({item.device: item.path for item in candidates}.values())


@contextlib.contextmanager
def _sample(neighbour: str) -> Iterator[Sample]:
    """Hold a locked file with unique content, next to this one, while the run lasts.

    Where it cannot be created, the sample is the given file.
    """
    path = os.path.join(
        os.path.dirname(neighbour), f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}{TEMPORARY_EXTENSION}"
    )
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "xb"))
            stack.callback(os.unlink, path)
            file.write(uuid.uuid4().bytes)
            file.flush()
            os.fsync(file.fileno())
            if stack.enter_context(FileLock(path)).beside:
                try_lock(file.fileno())  # so that no other run takes it for a leftover
        except OSError:
            yield Sample(neighbour, *file_identity(neighbour))
        except FileError:  # the file system has no locks
            yield Sample(path, *file_identity(path))
        else:
            yield Sample(path, *file_identity(path), locked=True)


class _Cluster:
    """The nodes of a run: those that take part, and the refused ones."""

    def __init__(
        self, address: str, client: Any, assignment: Assignment, samples: Sequence[Sample]
    ) -> None:
        from distributed import KilledWorker

        self._address, self._client, self._interrupt = address, client, assignment.interrupt
        self._policies, self._samples = assignment.policies.policies, samples
        self._own = tool_versions(installed_tools(assignment.settings))
        self._refused: dict[str, str] = {}
        self._messages: deque[str] = deque()
        self._over = threading.Event()
        self._no_node_since: float | None = None
        self.executor = NodesExecutor(node.retry_job, (CancelledError, KilledWorker))

    def messages(self) -> Sequence[str]:
        """Return the messages about nodes since the last call."""
        # Not a list that is swapped: the watching thread may be about to append to the old one.
        return [self._messages.popleft() for _ in range(len(self._messages))]

    def reasons(self) -> str:
        """Return why the nodes were refused, as the end of a message."""
        listed = "".join(f"; {name}: {why}" for name, why in sorted(self._refused.items()))
        return listed or "; there is none: start one with `dask worker`"

    def admit_nodes(self) -> None:
        """Do the handshake with new nodes, and add the compatible ones."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        hosts = [info["host"] for info in workers.values()]
        for name in workers.keys() - self.executor.nodes - self._refused.keys():
            found = self._facts(name)
            why = self._why_refused(name, found)
            if isinstance(why, str):
                self._refused[name] = why
                self._messages.append(f"warning: {name} does not take part: {why}")
                continue
            warnings = compatibility_warnings(found, self._samples, self._own)
            self._messages.extend(f"warning: {name}: {text}" for text in warnings)
            info = workers[name]
            part = found["slots"] // hosts.count(info["host"])
            slots = max(1, min(part, info["nthreads"]))
            executor = self._client.get_executor(workers=[name], pure=False, retries=0)
            self.executor.add(name, executor, slots)

    def _facts(self, name: str) -> Any:
        return self._ask(name, node.facts, self._samples)

    def _why_refused(self, name: str, found: Any) -> Any:
        """Return why a node cannot take part, ``None`` if it can."""
        if not isinstance(found, dict):
            return found
        why = incompatibility(found, self._samples, self._own)
        return why or self._ask(name, node.missing_encoders, self._policies)

    def _ask(self, name: str, question: Any, *values: Any) -> Any:
        """Return the node's answer, or a message why there is none."""
        asked = self._client.submit(question, *values, workers=[name], pure=False)
        try:
            return asked.result(timeout=_HANDSHAKE_SECONDS)
        except ImportError as error:
            return (
                f"vpo cannot be used there ({error}); install vpo with its extra 'cluster' there "
                "(see Install in the README)"
            )
        except Exception as error:  # noqa: BLE001 - any error means that this node is unusable
            return f"it did not answer ({type(error).__name__}: {error})"

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the nodes in a thread."""
        thread = threading.Thread(target=self._watch, name="vpo cluster", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def end_tools(self) -> None:
        """Kill the tools that run on the nodes."""
        self._client.run(
            node.end_tools, workers=list(self.executor.nodes), wait=False, on_error="ignore"
        )

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - all that can fail here is the connection
                if self._over.is_set():
                    return
                self._give_up(f"the scheduler {self._address} was lost ({error})")
                return

    def _look(self) -> None:
        if self._client.status != "running":
            raise ConnectionError(self._client.status)
        there = self._client.scheduler_info(n_workers=-1)["workers"].keys()
        for name in self.executor.nodes - there:
            self.executor.lose(name)
            self._messages.append(f"warning: {name} was lost; its jobs go to other nodes")
        if self._interrupt.stop:
            self.executor.cancel_waiting()
            return
        self.admit_nodes()
        self.executor.reassign()
        if self.executor.slots:
            self._no_node_since = None
        elif self._no_node_since is None:
            self._no_node_since = time.monotonic()
        elif time.monotonic() - self._no_node_since > _NO_NODE_SECONDS:
            self._give_up(f"no node of {self._address} is left")

    def _give_up(self, what: str) -> None:
        self._interrupt.stop = True
        self.executor.fail(
            ClusterError(
                f"{what}; running jobs are completed or rolled back there; run again to continue"
            )
        )
