"""``/metrics``: figures for Prometheus, read from the database when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from vpo import __version__
from vpo.db.queue import FileQueue
from vpo.db.savings import Savings
from vpo.report.status_json import status_json
from vpo.serve.context import Context, ServeContext

router = APIRouter()
_Metric = CounterMetricFamily | GaugeMetricFamily | InfoMetricFamily


@router.get("/metrics")
def read_metrics(context: Context) -> Response:
    """Return the figures in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(context))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Collects the figures; what they count is recorded, so they survive a restart."""

    def __init__(self, context: ServeContext) -> None:
        self._context = context

    def describe(self) -> list[_Metric]:
        return []

    def collect(self) -> Iterator[_Metric]:
        context, savings = self._context, Savings(self._context.pool)
        yield InfoMetricFamily("vpo_build", "The version of vpo.", {"version": __version__})
        files = CounterMetricFamily("vpo_files", "Files processed, by status.", labels=["status"])
        for status, number in savings.statuses().items():
            files.add_metric([status], number)
        yield files
        seconds = CounterMetricFamily(
            "vpo_busy_seconds", "Seconds in which files were processed, by strategy.",
            labels=["strategy"],
        )  # fmt: skip
        for strategy, spent in savings.seconds().items():
            seconds.add_metric([strategy], spent)
        yield seconds
        # A gauge: files can become larger, and a change can be undone.
        saved = savings.since().bytes
        yield GaugeMetricFamily("vpo_saved_bytes", "Bytes by which files became smaller.", saved)
        queue = GaugeMetricFamily("vpo_queue_files", "Files in the queue.", labels=["state"])
        for state, number in FileQueue(context.pool).counts().items():
            queue.add_metric([state], number)
        yield queue
        now = status_json(context.settings, context.pool)
        running = sum(len(run["running"]) for run in now["runs"])
        yield GaugeMetricFamily("vpo_running_files", "Files processed now, by all runs.", running)
        paused = float(now["paused"] is not None)
        yield GaugeMetricFamily("vpo_paused", "Whether all runs are paused.", paused)
