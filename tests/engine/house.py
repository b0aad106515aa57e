"""One resource with memory accounts, and the engine between them and a real database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bridge import inventory
from bridge.config.settings import Settings
from bridge.ingest import Considered, Ingest, PullReport, explain
from bridge.model.event import Event, EventSeries
from bridge.model.interval import BusyPeriod, Instant, Window
from bridge.model.resource import ConnectionId, Projection, ResourceId
from bridge.provider import CalendarId, CalendarInfo, Provider
from bridge.providers.memory import Memory, MemoryCalendar
from bridge.publish import Freshness, Publisher, State
from bridge.store import calendars, connections
from bridge.store.busy import BlockRow, ChangeRow
from bridge.store.calendars import CalendarRow
from bridge.store.database import Database
from tests.builders import make_settings

IDENTITY = bytes(range(32))
INSTANCE = "0123456789abcdef"
ROOM = ResourceId("room-a")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
ALWAYS = Window(-(10**11), 10**12)
DAY = 86400


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    """Read `2026-11-23 09:00`, in UTC unless a zone is given."""
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC)


def instant_at(text: str, zone: ZoneInfo | None = None) -> Instant:
    return int(at(text, zone).timestamp())


def make_event(start: Any = "2026-11-23 09:00", hours: float = 1, **changes: Any) -> Event:
    """One event; a date makes it all-day."""
    if isinstance(start, str):
        start = at(start)
    days = isinstance(start, date) and not isinstance(start, datetime)
    end = start + (timedelta(days=1) if days else timedelta(hours=hours))
    return Event(**{"uid": "event", "start": start, "end": end, "summary": "An event"} | changes)


def make_series(start: Any = "2026-11-23 09:00", hours: float = 1, **changes: Any) -> EventSeries:
    overrides = changes.pop("overrides", ())
    event = make_event(start, hours, **changes)
    return EventSeries(uid=event.uid, master=event, overrides=tuple(overrides))


@dataclass
class Accounts:
    """Opens memory accounts; a connection may be given another provider."""

    memories: dict[str, Memory] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    shared: list[ConnectionId] = field(default_factory=list)
    """Accounts that serve every resource without being anybody's connection."""

    def serving(self, _resource_id: ResourceId) -> list[ConnectionId]:
        return self.shared

    def open(self, connection_id: ConnectionId, _fingerprint: str | None = None) -> Provider:
        if connection_id in self.errors:
            raise self.errors[connection_id]
        return self.providers.get(connection_id) or self.memories[connection_id].provider()


class House:
    """One resource `room-a`; its connections are named as the settings name them."""

    def __init__(self, database: Database, now: Instant = NOW, **resource: Any) -> None:
        self.database = database
        self.accounts = Accounts()
        self.publisher = Publisher(IDENTITY, INSTANCE)
        self.ingest = Ingest(database, self.accounts, self.publisher)
        self.now = now
        self.sections: dict[str, Any] = {}
        self.configure(**{"connections": [{"id": "work"}], **resource})

    def configure(self, *, sections: Mapping[str, Any] | None = None, **resource: Any) -> None:
        """Reload with another file."""
        self.sections |= sections or {}
        entries = [{"provider": "memory"} | entry for entry in resource.pop("connections")]
        keys = {"id": "room-a", "timezone": "Europe/Berlin", "connections": entries} | resource
        settings: Settings = make_settings(**self.sections, resources=[keys])
        self.settings = settings
        report = inventory.apply(self.database, settings, self.now, identity=IDENTITY)
        for entry in entries:
            self.accounts.memories.setdefault(f"room-a.{entry['id']}", Memory())
        for resource_id in report.rebuild:
            self.ingest.rebuild(resource_id, self.now)

    def memory(self, name: str = "work") -> Memory:
        return self.accounts.memories[f"room-a.{name}"]

    def calendar(
        self, calendar_id: str = "main", connection: str = "work", **info: Any
    ) -> MemoryCalendar:
        """Find or make a calendar at the provider."""
        memory = self.memory(connection)
        key = CalendarId(calendar_id)
        if key not in memory.calendars:
            memory.add(CalendarInfo(**{"id": key, "name": calendar_id.title()} | info))
        return memory.calendars[key]

    def pull(self, connection: str = "work", *, full: bool = False, later: int = 60) -> PullReport:
        """Pull some time later, and record it as the scheduler does."""
        self.now += later
        connection_id = ConnectionId(f"room-a.{connection}")
        report = self.ingest.pull(connection_id, self.now, full=full)
        with self.database.write() as conn:
            connections.record_success(conn, connection_id, self.now)
        return report

    def periods(self, window: Window = ALWAYS) -> list[BusyPeriod]:
        with self.database.read() as conn:
            return self.publisher.periods(conn, ROOM, window)

    def busy(self, window: Window = ALWAYS) -> list[tuple[str, str, str]]:
        """Give the published busy time, readable: start, end in UTC, FBTYPE."""
        return [
            (
                datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d %H:%M"),
                datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d %H:%M"),
                fbtype.rfc,
            )
            for start, end, fbtype in self.periods(window)
        ]

    def blocks(self, projection: Projection = Projection.TIMES) -> list[BlockRow]:
        with self.database.read() as conn:
            return self.publisher.blocks(conn, ROOM, projection, ALWAYS)

    def changes(self, seq: int, projection: Projection = Projection.TIMES) -> list[ChangeRow]:
        with self.database.read() as conn:
            return self.publisher.changes_since(conn, ROOM, projection, seq)

    def state(self) -> State:
        with self.database.read() as conn:
            state = self.publisher.state(conn, ROOM)
        assert state is not None
        return state

    def freshness(self) -> Freshness:
        with self.database.read() as conn:
            return self.publisher.freshness(conn, ROOM)

    def explain(self, **what: Any) -> list[Considered]:
        with self.database.read() as conn:
            return explain(conn, ROOM, **what)

    def calendar_rows(self) -> dict[str, CalendarRow]:
        with self.database.read() as conn:
            return {row.name: row for row in calendars.of_resource(conn, ROOM)}
