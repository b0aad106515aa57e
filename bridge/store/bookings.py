"""Rows of bookings, and when they take place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    update,
)

from bridge.model.interval import Instant, Window
from bridge.store.booking_tables import booked, bookings
from bridge.store.bulk import chunks, upsert_rows
from bridge.store.events import EventRow, of_calendar
from bridge.store.overlap import asked, longest_of, overlaps
from bridge.store.schema import events


class State(Enum):
    """What readers see of a booking."""

    PROPOSED = "proposed"
    """Nothing yet: its creation is not settled."""
    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    """The provider may have it; it is not known yet."""
    CANCELLED = "cancelled"
    """It is shown with STATUS:CANCELLED and the reason; its time is free."""
    LEAVING = "leaving"
    """Its deletion was promised and is not settled: no reader sees it, its time still blocks."""
    REMOVED = "removed"
    """It is gone; the row is kept for as long as its event may come back in a pull."""

    @property
    def is_visible(self) -> bool:
        """Whether readers see it."""
        return self in {State.CONFIRMED, State.TENTATIVE, State.CANCELLED}


class BookingRow(NamedTuple):
    """One booking; columns in the table's order, whose comments say what they hold."""

    id: str
    resource_id: str
    name: str
    uid: str
    generation: int
    login: str
    private: bool
    state: State
    text: str
    etag: str
    schedule_tag: str
    sequence: int
    reason: str
    created_at: Instant
    changed_at: Instant
    token: str
    connection_id: str
    calendar: str
    remote_id: str = ""
    remote_uid: str = ""
    remote_etag: str | None = None
    written: str = ""
    meeting_kind: str = ""
    meeting_state: str = ""
    meeting_reference: str = ""
    meeting_url: str = ""
    meeting_details: str = ""
    meeting_reason: str = ""
    meeting_maker: str = ""
    echoed: str = ""


class BookedRow(NamedTuple):
    """One occurrence of a booking; columns in the table's order."""

    id: str
    resource_id: str
    booking_id: str
    proposal_id: int
    """0 of the visible revision; below it of a proposal that is shown as tentative beside it."""
    original_start: Instant
    start: Instant
    end: Instant
    fbtype: int
    all_day: bool
    reason: str
    details: str


_BOOKING = [bookings.c[name] for name in BookingRow._fields]
_BOOKED = [booked.c[name] for name in BookedRow._fields]
_VISIBLE = [it.value for it in State if it.is_visible]
_ALIVE = bookings.c.state.not_in([State.REMOVED.value, State.LEAVING.value])
_GET = select(*_BOOKING).where(bookings.c.id == bindparam("which"))
_BY_UID = (
    select(*_BOOKING)
    .where(bookings.c.resource_id == bindparam("resource"), bookings.c.uid == bindparam("uid"))
    .order_by(bookings.c.generation.desc())
)
_BOOKED_OF = select(*_BOOKED).where(booked.c.booking_id == bindparam("which"))


def get(conn: Connection, booking_id: str) -> BookingRow | None:
    """Find a booking, a removed one too."""
    row = conn.execute(_GET, {"which": booking_id}).first()
    return None if row is None else _read(row)


def named(conn: Connection, resource_id: str, name: str) -> list[BookingRow]:
    """List the bookings whose object has a name, or is to have it once it is settled.

    At most one of them is visible.
    """
    query = select(*_BOOKING).where(
        bookings.c.resource_id == resource_id, bookings.c.name == name, _ALIVE
    )
    return [_read(row) for row in conn.execute(query.order_by(bookings.c.created_at))]


def shown(conn: Connection, resource_id: str, names: Collection[str]) -> dict[str, BookingRow]:
    """Give what readers see under some names."""
    query = select(*_BOOKING).where(
        bookings.c.resource_id == resource_id,
        bookings.c.name.in_(bindparam("names", expanding=True)),
        bookings.c.state.in_(_VISIBLE),
    )
    found: dict[str, BookingRow] = {}
    for chunk in chunks(list(names)):
        for row in map(_read, conn.execute(query, {"names": list(chunk)})):
            found[row.name] = row
    return found


def by_uid(conn: Connection, resource_id: str, uid: str) -> list[BookingRow]:
    """List the generations of a UID in a resource, the newest first; at most that one is alive.

    The one before it may still be leaving.
    """
    rows = conn.execute(_BY_UID, {"resource": resource_id, "uid": uid})
    return [_read(row) for row in rows]


def visible(conn: Connection, resource_id: str) -> list[BookingRow]:
    """List what readers see of a resource's bookings, by name."""
    query = (
        select(*_BOOKING)
        .where(
            bookings.c.resource_id == resource_id,
            bookings.c.state.in_(_VISIBLE),
        )
        .order_by(bookings.c.name)
    )
    return [_read(row) for row in conn.execute(query)]


def meeting_at(conn: Connection, kind: str, reference: str) -> list[BookingRow]:
    """List the bookings that have a meeting, and take place; there is one at the most."""
    query = select(*_BOOKING).where(
        bookings.c.meeting_kind == kind,
        bookings.c.meeting_reference == reference,
        bookings.c.state.in_([State.CONFIRMED.value, State.TENTATIVE.value]),
    )
    return [_read(row) for row in conn.execute(query)]


def forget_meetings(conn: Connection, resource_id: str, kind: str, maker: str) -> None:
    """Forget by what a maker knows a resource's meetings, and what is said of them there.

    Those go as well of which it is not known who made them. Their links stay, which stand in the
    events, and by which they are taken out of them again.
    """
    which = and_(
        bookings.c.resource_id == resource_id,
        bookings.c.meeting_kind == kind,
        bookings.c.meeting_maker.in_(["", maker]),
    )
    conn.execute(update(bookings).where(which).values(meeting_reference="", meeting_details=""))


def written_to(
    conn: Connection, connection_id: str, calendar: str, remote_ids: Collection[str]
) -> list[BookingRow]:
    """List the bookings, removed ones too, that have these events in a calendar."""
    query = select(*_BOOKING).where(
        bookings.c.connection_id == connection_id,
        bookings.c.calendar == calendar,
        bookings.c.remote_id.in_(bindparam("ids", expanding=True)),
    )
    return [
        _read(row)
        for chunk in chunks(list(remote_ids))
        for row in conn.execute(query, {"ids": list(chunk)})
    ]


def of_connection(conn: Connection, connection_id: str, calendar: str) -> list[BookingRow]:
    """List the bookings of a calendar that are not gone, by resource."""
    query = select(*_BOOKING).where(
        bookings.c.connection_id == connection_id,
        bookings.c.calendar == calendar,
        bookings.c.state != State.REMOVED.value,
    )
    return [_read(row) for row in conn.execute(query.order_by(bookings.c.resource_id))]


def whose(conn: Connection, tokens: Collection[str]) -> dict[str, str]:
    """Give the connections whose calendars hold the events of bookings, by their tokens."""
    query = select(bookings.c.token, bookings.c.connection_id).where(
        bookings.c.token.in_(bindparam("tokens", expanding=True)), _ALIVE
    )
    return {
        token: connection_id
        for chunk in chunks(list(tokens))
        for token, connection_id in conn.execute(query, {"tokens": list(chunk)})
    }


def stand_in(conn: Connection, connection_id: str) -> bool:
    """Tell whether events of bookings stand in the calendars of a connection."""
    query = select(bookings.c.id).where(
        bookings.c.connection_id == connection_id, bookings.c.remote_id != "", _ALIVE
    )
    return conn.execute(query.limit(1)).first() is not None


def unheeded(
    conn: Connection, connection_id: str, calendar: str, calendar_id: str, window: Window
) -> list[tuple[BookingRow, EventRow | None]]:
    """List bookings whose events in a calendar are not as they were last taken into account.

    Args:
        conn: a transaction.
        connection_id: where they are written to.
        calendar: its remote id.
        calendar_id: the same calendar, as `events` knows it.
        window: where every event is known: who takes place in it is missed.

    Returns:
        Each with its event as it was pulled; None where there is none.
    """
    is_missed = exists().where(
        booked.c.booking_id == bookings.c.id,
        booked.c.proposal_id == 0,
        booked.c.start < window.end,
        booked.c.end > window.start,
    )
    query = (
        select(*_BOOKING)
        .outerjoin(
            events,
            and_(
                events.c.calendar_id == calendar_id,
                events.c.remote_id == bookings.c.remote_id,
            ),
        )
        .where(
            bookings.c.connection_id == connection_id,
            bookings.c.calendar == calendar,
            bookings.c.remote_id != "",
            bookings.c.state != State.REMOVED.value,
            or_(
                events.c.digest != bookings.c.echoed,
                and_(
                    events.c.digest.is_(None),
                    bookings.c.state != State.CANCELLED.value,
                    is_missed,
                ),
            ),
        )
        .order_by(bookings.c.id)
    )
    found = [_read(row) for row in conn.execute(query)]
    pulled = of_calendar(conn, calendar_id, [row.remote_id for row in found])
    return [(row, pulled.get(row.remote_id)) for row in found]


def names_of(
    conn: Connection, resource_id: str, connection_id: str, calendar: str
) -> tuple[set[str], set[str]]:
    """Give the remote ids and the UIDs that events of a resource's bookings have in a calendar.

    Of those that hold time, or will: a token is the id that some providers are asked to take.
    """
    free = (State.REMOVED.value, State.CANCELLED.value)
    query = select(
        bookings.c.remote_id, bookings.c.token, bookings.c.uid, bookings.c.remote_uid
    ).where(*_written_there(resource_id, connection_id, calendar), bookings.c.state.not_in(free))
    ids: set[str] = set()
    uids: set[str] = set()
    for remote_id, token, uid, remote_uid in conn.execute(query):
        ids.update((remote_id, token))
        uids.update((uid, remote_uid))
    return ids - {""}, uids - {""}


def unsettled_at(
    conn: Connection, resource_id: str, connection_id: str, calendar: str
) -> set[Instant]:
    """Give when bookings begin whose events are not known yet, but may stand in a calendar."""
    query = (
        select(booked.c.original_start)
        .join(bookings, bookings.c.id == booked.c.booking_id)
        .where(*_written_there(resource_id, connection_id, calendar), bookings.c.remote_id == "")
    )
    return set(conn.execute(query).scalars())


def _written_there(
    resource_id: str, connection_id: str, calendar: str
) -> tuple[ColumnElement[bool], ...]:
    return (
        bookings.c.resource_id == resource_id,
        bookings.c.connection_id == connection_id,
        bookings.c.calendar == calendar,
    )


def save(conn: Connection, rows: Sequence[BookingRow]) -> None:
    """Insert or replace bookings; the caller holds the resource's lock."""
    upsert_rows(conn, bookings, [row._replace(state=row.state.value) for row in rows])  # type: ignore[arg-type]


def living(conn: Connection, resource_id: str) -> list[BookingRow]:
    """List the bookings of a resource that hold time or may come to, by id."""
    query = (
        select(*_BOOKING)
        .where(bookings.c.resource_id == resource_id, bookings.c.state != State.REMOVED.value)
        .order_by(bookings.c.id)
    )
    return [_read(row) for row in conn.execute(query)]


def booked_of(conn: Connection, booking_id: str, proposal_id: int | None = None) -> list[BookedRow]:
    """List the occurrences of a booking: of all its revisions, or of one."""
    rows = (BookedRow(*row) for row in conn.execute(_BOOKED_OF, {"which": booking_id}))
    return [row for row in rows if proposal_id is None or row.proposal_id == proposal_id]


def booked_in(
    conn: Connection, resource_id: str, window: Window, *, longest: int
) -> list[BookedRow]:
    """List what takes place, or is proposed to, and overlaps a window, in the order of time."""
    query = select(*_BOOKED).where(overlaps(booked)).order_by(booked.c.start, booked.c.id)
    which = asked(resource_id, window, longest)
    return [BookedRow(*row) for row in conn.execute(query, which)]


def published_at(
    conn: Connection, resource_id: str, window: Window, *, longest: int
) -> list[BookedRow]:
    """List what readers see take place in a window, in the order of time."""
    return [
        row for row in booked_in(conn, resource_id, window, longest=longest) if row.proposal_id <= 0
    ]


def longest(conn: Connection, resource_id: str) -> int:
    """Measure the longest time that is booked, seconds."""
    return longest_of(conn, booked, resource_id)


def forget(conn: Connection, before: Instant) -> int:
    """Delete what was removed before an instant; returns how many."""
    statement = delete(bookings).where(
        bookings.c.state == State.REMOVED.value, bookings.c.changed_at < before
    )
    return conn.execute(statement).rowcount


def save_booked(conn: Connection, rows: Sequence[BookedRow]) -> None:
    """Insert or replace occurrences."""
    upsert_rows(conn, booked, rows)


def clear_booked(conn: Connection, booking_id: str, proposal_ids: Collection[int]) -> None:
    """Delete the occurrences of some revisions."""
    which = booked.c.proposal_id.in_(proposal_ids)
    conn.execute(delete(booked).where(booked.c.booking_id == booking_id, which))


def _read(row: object) -> BookingRow:
    found = BookingRow(*row)  # type: ignore[misc]
    return found._replace(state=State(found.state))
