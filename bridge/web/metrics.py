"""Figures for Prometheus: a registry of our own, filled by requests, pulls and the store."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


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

        self._pull_seconds = Histogram(
            "busybridge_pull_seconds",
            "How long pulls took.",
            buckets=_LONG_SECONDS,
            registry=self._registry,
        )
        self._lateness = Histogram(
            "busybridge_pull_lateness_seconds",
            "How much later than interval and jitter pulls of healthy connections began.",
            buckets=_LONG_SECONDS,
            registry=self._registry,
        )
        self._running = Gauge(
            "busybridge_pulls_running", "Pulls that run at this moment.", registry=self._registry
        )
        self._jobs = Counter(
            "busybridge_jobs_total",
            "Regular jobs that ended, by outcome.",
            ("job", "outcome"),
            registry=self._registry,
        )

        self._bookings = Counter(
            "busybridge_bookings_total",
            "Tries to write a booking to its calendar, by outcome.",
            ("outcome",),
            registry=self._registry,
        )
        self._rounds = Counter(
            "busybridge_mirror_rounds_total",
            "Rounds of mirrors that ended, by outcome.",
            ("outcome",),
            registry=self._registry,
        )
        self._mirrored = Counter(
            "busybridge_mirror_writes_total",
            "Blocks that mirrors wrote, by what was done.",
            ("change",),
            registry=self._registry,
        )
        self._notifications = Counter(
            "busybridge_notifications_total",
            "Notifications of providers, taken or refused.",
            ("outcome",),
            registry=self._registry,
        )

    def request(self, area: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(area, method, f"{status // 100}xx").observe(seconds)

    def notifications(self, taken: int, refused: int) -> None:
        """Count what providers, or those who claim to be some, posted."""
        self._notifications.labels("taken").inc(taken)
        self._notifications.labels("refused").inc(refused)

    def pull(self, outcome: str) -> None:
        """Count a pull that ended; the outcome is `ok` or a provider error's `code`."""
        self._pulls.labels(outcome).inc()

    def booking(self, outcome: str) -> None:
        """Count a try to write a booking: `settled`, `refused`, `later`, `failed` or `lost`."""
        self._bookings.labels(outcome).inc()

    def mirror(self, outcome: str, made: int, moved: int, dropped: int) -> None:
        """Count a round of a mirror, and the blocks that it made, moved and deleted.

        Its outcome is `written`, `unchanged`, `waiting`, `gone`, `lost` or `failed`.
        """
        self._rounds.labels(outcome).inc()
        for change, number in (("made", made), ("moved", moved), ("deleted", dropped)):
            self._mirrored.labels(change).inc(number)

    def pace(self, seconds: float, lateness: float) -> None:
        """Note how long a pull took, and how much too late it began."""
        self._pull_seconds.observe(seconds)
        self._lateness.observe(lateness)

    def running(self, count: Callable[[], int]) -> None:
        """Ask this for the number of running pulls."""
        self._running.set_function(count)

    def job(self, name: str, outcome: str) -> None:
        """Count a regular job that ended; the outcome is `ok` or `failed`."""
        self._jobs.labels(name, outcome).inc()

    def register(self, collector: Collector) -> None:
        """Add figures that are read when somebody asks."""
        self._registry.register(collector)

    def render(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self._registry)
