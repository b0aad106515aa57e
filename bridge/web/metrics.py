"""Figures for Prometheus: a registry of our own, filled by requests, pulls and the store."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What this process counts; one per process.

    Labels are words of ours (areas, methods, ids from the configuration), never what a request
    brought with it: neither secrets nor an endless number of series can get in.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "busybridge_request_seconds",
            "Time to answer a request, by area of the URL space, method and class of status.",
            ("area", "method", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._pulls = Counter(
            "busybridge_pulls_total",
            "Pulls that ended, by outcome.",
            ("outcome",),
            registry=self._registry,
        )

    def request(self, area: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(area, method, f"{status // 100}xx").observe(seconds)

    def pull(self, outcome: str) -> None:
        """Count a pull that ended; the outcome is `ok` or a provider error's `code`."""
        self._pulls.labels(outcome).inc()

    def register(self, collector: Collector) -> None:
        """Add figures that are read when somebody asks."""
        self._registry.register(collector)

    def render(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self._registry)
