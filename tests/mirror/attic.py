"""A resource whose accounts are mirrored into each other, and the rounds that do it.

The accounts are in this process and misbehave on command; the database is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bridge.ingest import Ingest
from bridge.mirror import Mirroring, Report
from bridge.model.event import Event, EventSeries, Status
from bridge.provider import AccessRole, CalendarId, RemoteId
from bridge.providers.memory import MemoryCalendar
from bridge.publish import Publisher
from bridge.store import mirrored, mirrors
from bridge.store.database import Database
from bridge.store.mirrored import MirroredRow
from bridge.store.mirrors import LEASE, MirrorRow
from tests.engine.house import IDENTITY, INSTANCE, ROOM, House, make_series

WORK_TO_TEAM = {"to": "team/main", "from": ["work"]}
TEAM_TO_WORK = {"to": "work/main", "from": ["team"]}
OTHER = "fedcba9876543210"
"""Another instance."""


class Killed(BaseException):
    """The process ends here and now."""


def kill() -> None:
    raise Killed


class Attic(House):
    """A house with the accounts `work` and `team`, each with one calendar `main`."""

    def __init__(self, database: Database, *mirror: dict[str, Any], **resource: Any) -> None:
        connections = resource.pop("connections", [{"id": "work"}, {"id": "team"}])
        mirror = mirror or (WORK_TO_TEAM,)
        self.instance = resource.pop("instance", INSTANCE)
        super().__init__(database, connections=connections, mirror=list(mirror), **resource)
        for entry in connections:
            self.calendar(connection=entry["id"], role=AccessRole.WRITE)
        self.publisher = Publisher(IDENTITY, self.instance)
        self.ingest = Ingest(database, self.accounts, self.publisher)
        self.mirroring = self.engine()

    def beside(self, database: Database, *mirror: dict[str, Any], **resource: Any) -> Attic:
        """Open the same accounts from another database, as another instance unless it is told."""
        other = Attic(database, *mirror, **{"instance": OTHER} | resource)
        other.now = self.now
        other.accounts.memories.update(self.accounts.memories)
        other.accounts.providers.update(self.accounts.providers)
        return other

    def engine(self) -> Mirroring:
        return Mirroring(
            database=self.database,
            accounts=self.accounts,
            instance=self.instance,
            clock=lambda: self.now,
        )

    def mirror(self, *mirror: dict[str, Any], **resource: Any) -> None:
        """Reload with other mirrors."""
        connections = [{"id": each.id} for each in self.settings.resources[0].connections]
        self.configure(connections=connections, mirror=list(mirror), **resource)

    # The engine

    def pull_all(self) -> None:
        for connection in self.settings.resources[0].connections:
            self.pull(connection.id)

    def write(self, *, look: bool = False) -> list[Report]:
        """Carry out the rounds that are due, until none is; `look`: those that are not, too."""
        reports: list[Report] = []
        wanted = [row.id for row in self.rows()] if look else [None]
        for only in wanted:
            while claims := self.claim(only):
                reports += [self.mirroring.run(each, look=look) for each in claims]
                assert len(reports) < 100, "it never ends"
                if only is not None:
                    break
        return reports

    def claim(self, only: str | None = None) -> list[MirrorRow]:
        with self.database.write() as conn:
            return mirrors.claim(conn, "engine", self.now, 10, only=only)

    def round(self) -> list[Report]:
        """Pull everything, and write what comes of it."""
        self.pull_all()
        return self.write()

    def look(self) -> list[Report]:
        """Write what people undid, once it is time to look."""
        return self.write(look=True)

    def die(self) -> None:
        """Carry out a round in a process that is killed on the way, and time passes."""
        try:
            self.write(look=True)
        except Killed:
            self.now += LEASE + 1
        else:
            raise AssertionError("it was not killed")

    def rows(self) -> list[MirrorRow]:
        with self.database.read() as conn:
            return mirrors.every(conn, ROOM)

    def row(self) -> MirrorRow:
        (row,) = self.rows()
        return row

    def noted(self) -> list[MirroredRow]:
        with self.database.read() as conn:
            return [each for row in self.rows() for each in mirrored.of_mirror(conn, row.id)]

    def asked(self, connection: str = "team") -> list[str]:
        """What was asked of a sink since the last time."""
        memory = self.memory(connection)
        found, memory.asked = memory.asked, []
        return found

    # What people have in their calendars

    def add(self, name: str, start: Any, hours: float = 1, **changes: Any) -> None:
        """Somebody saves an event."""
        connection = changes.pop("connection", "work")
        series = make_series(start, hours, uid=name, summary=name, **changes)
        self.calendar(connection=connection).put(RemoteId(name), series)

    def events(self, connection: str = "team") -> dict[str, Event]:
        return dict(masters(self.calendar(connection=connection)))

    def blocks(self, connection: str = "team") -> list[str]:  # type: ignore[override]
        """The blocks that stand there, in the order of time: `11-23 09:00 +60 Busy`."""
        found = [it for it in self.events(connection).values() if it.mirror]
        return [shown(it) for it in sorted(found, key=lambda it: it.start)]  # type: ignore[arg-type,return-value]

    def ids(self, connection: str = "team") -> set[str]:
        return {name for name, it in self.events(connection).items() if it.mirror}


def masters(calendar: MemoryCalendar) -> Iterator[tuple[str, Event]]:
    for name, series in calendar.objects.items():
        if isinstance(series, EventSeries) and series.master is not None:
            yield str(name), series.master


def shown(event: Event) -> str:
    start, end = event.start, event.end
    assert isinstance(start, datetime)
    assert isinstance(end, datetime)
    minutes = int((end - start).total_seconds() // 60)
    kind = " tentative" if event.status is Status.TENTATIVE else ""
    return f"{start.astimezone(UTC):%m-%d %H:%M} +{minutes} {event.summary}{kind}"


__all__ = ["Attic", "CalendarId", "Killed", "kill"]
