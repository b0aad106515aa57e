"""Where the bookings of a resource are written, and by which rules their times count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache
from hashlib import blake2b, sha256
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.bookings.words import NotBookable
from bridge.config.plan import CalendarPolicy, ConnectionPlan, ResourcePlan
from bridge.config.policy import Availability
from bridge.model.interval import Window
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store import calendars, connections, resources
from bridge.store.calendars import CalendarRow
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.store.resources import ResourceRow, ResourceState

_NOT_CONNECTED = frozenset({ConnectionStatus.PENDING, ConnectionStatus.DISCONNECTED})
_NO_CALENDAR = "this resource has no calendar that bookings are written to"


@dataclass(frozen=True, slots=True)
class Target:
    """The calendar that receives new bookings."""

    connection_id: str
    calendar: str
    """Its remote id."""
    account: str
    """Mail address of the account, in lower case; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Place:
    """A resource as one transaction saw it."""

    resource: ResourceRow
    plan: ResourcePlan
    policies: dict[str, CalendarPolicy]
    """By connection: what its events do to their owner's time, and what of them may show."""
    accounts: dict[str, str]
    """By connection: the mail address of its account."""
    target: Target | None
    """None: nothing new can be booked."""
    awaits: bool = False
    """A calendar is chosen for that, and was not looked at yet."""
    lacking: str = _NO_CALENDAR
    """What to say where there is no target."""
    connected: frozenset[str] = frozenset()
    """Connections that can be written to now."""
    notifies: Mapping[str, bool] = field(default_factory=dict)
    """By connection, where it says so itself: whether guests are mailed."""

    @property
    def horizon(self) -> Window:
        """Where busy time is known."""
        return self.resource.horizon

    @property
    def zone(self) -> tzinfo:
        """Of floating times and all-day events."""
        return _zone(self.plan.timezone)

    def receiver(self) -> Target:
        """Give the calendar that receives new bookings.

        Raises:
            NotBookable: there is none; the text says why.
        """
        if self.target is None:
            raise NotBookable(self.lacking)
        return self.target

    def policy(self, connection_id: str) -> CalendarPolicy:
        """Give the rules by which a booking written to a connection counts."""
        found = self.policies.get(connection_id)
        if found is not None:
            return found
        return CalendarPolicy(availability=Availability(), privacy=self.plan.privacy)

    def rules(self, connection_id: str) -> ResourcePlan:
        """Give what a booking written to a connection is like where it does not say."""
        notifies = self.notifies.get(connection_id)
        if notifies is None:
            return self.plan
        update = {"notify_attendees": notifies}
        own = self.plan.event_defaults.model_copy(update=update)
        return self.plan.model_copy(update={"event_defaults": own})

    def stands(self, now: ResourceRow) -> bool:
        """Tell whether the locked row is still what the work is based on."""
        before = self.resource
        return (now.generation, now.horizon, now.state) == (
            before.generation,
            before.horizon,
            before.state,
        )


def look(conn: Transaction, resource_id: ResourceId) -> Place:
    """Look at a resource.

    Raises:
        NotBookable: there is no such resource, or it is not in use.
    """
    resource = resources.get(conn, resource_id)
    if resource is None or resource.state is not ResourceState.ACTIVE:
        raise NotBookable("there is nothing to book")
    return of(conn, resource)


def of(conn: Transaction, resource: ResourceRow) -> Place:
    """Give the place of a resource that was read already."""
    rows = connections.of_resource(conn, resource.id)
    plans = {row.id: _connection(row.plan) for row in rows}
    connected = frozenset(row.id for row in rows if row.status not in _NOT_CONNECTED)
    known = calendars.of_resource(conn, resource.id)
    target = _target(rows, known)
    return Place(
        resource,
        _plan(resource.plan),
        {name: plan.policy for name, plan in plans.items()},
        {name: plan.account_email.lower() for name, plan in plans.items()},
        target,
        awaits=target is None and any(_awaits(plans[name], known) for name in connected),
        lacking=_lacking(rows, plans),
        connected=connected,
        notifies={
            name: own for name, plan in plans.items() if (own := plan.notify_attendees) is not None
        },
    )


def _target(rows: list[ConnectionRow], found: list[CalendarRow]) -> Target | None:
    for row in rows:
        plan = _connection(row.plan)
        if not _receives(plan) or row.status in _NOT_CONNECTED:
            continue
        for calendar in found:
            if calendar.connection_id == row.id and calendar.writes and calendar.remote_id:
                return Target(row.id, calendar.remote_id, plan.account_email.lower())
    return None


def _receives(plan: ConnectionPlan) -> bool:
    return plan.is_primary and plan.write_calendar is not None and plan.direction.writes


def _lacking(rows: list[ConnectionRow], plans: Mapping[ConnectionId, ConnectionPlan]) -> str:
    """Say why nothing can be booked, and what whoever runs the bridge can do about it."""
    status = next((row.status for row in rows if _receives(plans[row.id])), None)
    account = "the account that bookings are written to"
    if status is ConnectionStatus.PENDING:
        link = f"`busybridge auth url {rows[0].resource_id}` prints a link for its owner"
        return f"{account} is not connected yet; {link}"
    return f"{account} is disconnected" if status in _NOT_CONNECTED else _NO_CALENDAR


def _awaits(plan: ConnectionPlan, known: list[CalendarRow]) -> bool:
    """Tell whether the next pull may find the calendar that a connection writes to."""
    return _receives(plan) and not any(
        it.connection_id == plan.id and it.name == plan.write_calendar and it.error_code
        for it in known
    )


def booking_id(resource_id: str, uid: str, generation: int) -> str:
    """Name a booking for ever."""
    return blake2b(f"{resource_id}\n{uid}\n{generation}".encode(), digest_size=16).hexdigest()


def token(
    instance: str,
    target: Target,
    resource_id: str,
    uid: str,
    generation: int,
    *,
    transfer: int = 0,
) -> str:
    """Name the event of a booking at its provider: the same in every try, and nowhere twice.

    `transfer` is the number of what brought it there; a booking may come back to a calendar.
    """
    calendar = f"{target.connection_id} {target.calendar}"
    parts = (instance, calendar, resource_id, uid, str(generation))
    text = "\n".join((*parts, str(transfer)) if transfer else parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


@lru_cache(maxsize=1024)
def _plan(text: str) -> ResourcePlan:
    return ResourcePlan.model_validate_json(text)


@lru_cache(maxsize=4096)
def _connection(text: str) -> ConnectionPlan:
    return ConnectionPlan.model_validate_json(text)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
