"""Figures that are read from the store when somebody asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus
from bridge.store import alerts, channels, connections, mirrored, mirrors, resources
from bridge.store.channels import ChannelRow
from bridge.store.database import Transaction
from bridge.web.context import WebContext


class StoreFigures(Collector):
    """Freshness of resources, how connections and mirrors fare, and what the admin is told."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name nothing in advance: registering must not need the database."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the figures; when the database does not answer, say so and nothing else."""
        up = GaugeMetricFamily("busybridge_store_up", "Whether the database answers.")
        try:
            families = self._read()
        except StoreError:
            up.add_metric([], 0)
            families = []
        else:
            up.add_metric([], 1)
        yield up
        yield from families

    def _read(self) -> list[GaugeMetricFamily]:
        now = self._context.clock()
        with self._context.database.read() as conn:
            return [
                *self._resources(conn, now),
                *_connections(conn),
                _channels(conn, now),
                *_alerts(conn),
                *_mirrors(conn),
            ]

    def _resources(self, conn: Transaction, now: Instant) -> list[GaugeMetricFamily]:
        age = GaugeMetricFamily(
            "busybridge_resource_age_seconds",
            "Age of the oldest busy time of a resource; absent while a source was never read.",
            labels=("resource",),
        )
        stale = GaugeMetricFamily(
            "busybridge_resource_stale_calendars",
            "Calendars of a resource that could not be read.",
            labels=("resource",),
        )
        for resource in resources.all_active(conn):
            freshness = self._context.publisher.freshness(conn, resource.id)
            stale.add_metric([resource.id], freshness.stale)
            if freshness.oldest is not None:
                age.add_metric([resource.id], max(0, now - freshness.oldest))
        return [age, stale]


def _connections(conn: Transaction) -> list[GaugeMetricFamily]:
    status = GaugeMetricFamily(
        "busybridge_connection_status",
        "1 for the status that a connection has.",
        labels=("connection", "provider", "status"),
    )
    success = GaugeMetricFamily(
        "busybridge_connection_last_success_timestamp_seconds",
        "When a connection was last pulled completely.",
        labels=("connection", "provider"),
    )
    for row in connections.every(conn):
        for each in ConnectionStatus:
            status.add_metric([row.id, row.provider, each.value], row.status is each)
        if row.success_at is not None:
            success.add_metric([row.id, row.provider], row.success_at)
    return [status, success]


def _channels(conn: Transaction, now: Instant) -> GaugeMetricFamily:
    watched = GaugeMetricFamily(
        "busybridge_channels",
        "Channels by which providers tell of changes; healthy: open, and heard of.",
        labels=("connection", "state"),
    )
    states = Counter(_state(row, now) for row in channels.every(conn))
    for labels, number in sorted(states.items()):
        watched.add_metric(labels, number)
    return watched


def _alerts(conn: Transaction) -> list[GaugeMetricFamily]:
    troubles = GaugeMetricFamily(
        "busybridge_alerts",
        "Troubles of connections that the admin was told of, and that last.",
        labels=("trouble",),
    )
    untold = GaugeMetricFamily(
        "busybridge_alerts_waiting",
        "Messages to the admin that were not delivered yet, by way.",
        labels=("way",),
    )
    failing = GaugeMetricFamily(
        "busybridge_alert_way_failures",
        "How often in a row a way to the admin has failed.",
        labels=("way",),
    )
    told = Counter(row.trouble for row in alerts.told(conn) if row.cleared_at is None)
    for trouble, number in sorted(told.items()):
        troubles.add_metric([trouble], number)
    for name, number in sorted(alerts.waiting(conn).items()):
        untold.add_metric([name], number)
    for way in alerts.ways(conn):
        failing.add_metric([way.way], way.failures)
    return [troubles, untold, failing]


def _mirrors(conn: Transaction) -> list[GaugeMetricFamily]:
    blocks = GaugeMetricFamily(
        "busybridge_mirror_blocks",
        "Blocks that a mirror has in its target.",
        labels=("resource", "to"),
    )
    failures = GaugeMetricFamily(
        "busybridge_mirror_failures",
        "Rounds of a mirror that failed in a row.",
        labels=("resource", "to"),
    )
    counts = mirrored.counts(conn)
    for mirror in mirrors.every(conn):
        labels = [mirror.resource_id, mirror.target]
        blocks.add_metric(labels, counts[mirror.id])
        failures.add_metric(labels, mirror.failures)
    return [blocks, failures]


def _state(row: ChannelRow, now: Instant) -> tuple[str, str]:
    healthy = row.is_open(now) and row.confirmed_at is not None
    return row.connection_id, "healthy" if healthy else row.state.value
