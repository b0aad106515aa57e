"""What a pull or a rebuild starts from, and the lock under which this is checked again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Lock

from bridge.config.plan import ConnectionPlan, ResourcePlan
from bridge.model.interval import Instant, Window
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.publish import Publisher, silence
from bridge.store import calendars, connections, resources
from bridge.store.calendars import CalendarRow
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database, Transaction
from bridge.store.resources import ResourceRow, ResourceState

_LARGE = 1000
"""Objects."""


class Moved(Exception):
    """The plan or the horizon changed while rows were being made: make them again."""


class Superseded(Exception):
    """Somebody else pulled the calendar meanwhile: what was read is older than what is stored."""


@dataclass(frozen=True, slots=True)
class Basis:
    """One connection with its resource, as they were when the work began."""

    resource: ResourceRow
    resource_plan: ResourcePlan
    connection: ConnectionRow
    plan: ConnectionPlan
    calendars: dict[str, CalendarRow]
    """By id."""

    @property
    def horizon(self) -> Window:
        """Where occurrences are known."""
        return self.resource.horizon


@dataclass(frozen=True, slots=True)
class Room:
    """What every stage of ingesting shares."""

    database: Database
    publisher: Publisher
    _large: Lock = field(default_factory=Lock)

    @contextmanager
    def turn(self, objects: int) -> Iterator[None]:
        """Let one thread at a time work on a large listing; small ones go past.

        Several at once end no sooner, since Python runs one thread at a time. But each would have
        its rows in memory, and hold the lock of the database for as long as all of them need.
        """
        with self._large if objects >= _LARGE else nullcontext():
            yield

    def basis(self, connection_id: ConnectionId) -> Basis | None:
        """Read where a connection stands; None when it, or its resource, is not in use."""
        with self.database.read() as conn:
            connection = connections.get(conn, connection_id)
            resource = resources.get(conn, connection.resource_id) if connection else None
            if not connection or not resource or resource.state is not ResourceState.ACTIVE:
                return None
            if connection.status is ConnectionStatus.DISCONNECTED:
                return None
            rows = calendars.of_connection(conn, connection_id)
        return Basis(
            resource,
            ResourcePlan.model_validate_json(resource.plan),
            connection,
            ConnectionPlan.model_validate_json(connection.plan),
            {row.id: row for row in rows},
        )

    @contextmanager
    def locked(self, before: ResourceRow, *, lasting: bool = True) -> Iterator[Transaction]:
        """Open the transaction that changes a resource, if it still is what the work is based on.

        Args:
            before: the resource as it was when the work began.
            lasting: see `Database.write`.

        Raises:
            Moved: its plan, its horizon or its state changed.
        """
        with self.database.write(lasting=lasting) as conn:
            resource = resources.lock(conn, before.id)
            if resource is None or _fundament(resource) != _fundament(before):
                raise Moved
            yield conn

    def stands(self, conn: Transaction, before: ConnectionRow) -> bool:
        """Tell whether a connection was not disconnected since; keep that out from now on."""
        resources.lock(conn, before.resource_id)
        now = connections.get(conn, before.id)
        return now is not None and now.severed == before.severed

    def publish(
        self, conn: Transaction, resource_id: ResourceId, dirty: Iterable[Window], now: Instant
    ) -> int:
        """Publish what became of dirty spans; the caller holds the resource's lock."""
        blocks = silence.publish(conn, self.publisher, resource_id, dirty, now)
        if blocks is None:
            raise Moved
        return blocks


def _fundament(resource: ResourceRow) -> tuple[int, Window, ResourceState]:
    return resource.generation, resource.horizon, resource.state
