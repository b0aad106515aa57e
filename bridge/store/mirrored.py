"""Blocks of mirrors: what they are made of, and what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from bridge.model.interval import Instant, Window
from bridge.provider import AccessRole
from bridge.store.booking_tables import booked, bookings
from bridge.store.bulk import delete_rows, upsert_rows
from bridge.store.mirror_tables import mirrored
from bridge.store.schema import calendars, connections, events, occurrences

EVERYTHING_STALE = ""
"""Remote id of the occurrence that stands in for a stale calendar: nobody's event."""


class MirroredRow(NamedTuple):
    """One block in somebody's calendar; columns in the table's order."""

    mirror_id: str
    token: str
    remote_id: str
    uid: str
    start: Instant
    end: Instant
    fbtype: int
    sources: str


class SpanRow(NamedTuple):
    """Busy time of one connection, to be mirrored."""

    start: Instant
    end: Instant
    fbtype: int
    connection_id: str


_COLUMNS = [mirrored.c[name] for name in MirroredRow._fields]


def of_mirror(conn: Connection, mirror_id: str) -> list[MirroredRow]:
    """List the blocks of a mirror in the order of time."""
    query = select(*_COLUMNS).where(mirrored.c.mirror_id == mirror_id)
    query = query.order_by(mirrored.c.start, mirrored.c.token)
    return [MirroredRow(*row) for row in conn.execute(query)]


def counts(conn: Connection) -> Counter[str]:
    """Count the blocks that each mirror has in its target; one without any is left out."""
    query = select(mirrored.c.mirror_id, func.count()).where(mirrored.c.remote_id != "")
    return Counter(dict(conn.execute(query.group_by(mirrored.c.mirror_id)).all()))


def save(conn: Connection, rows: Sequence[MirroredRow]) -> None:
    """Insert or replace blocks."""
    upsert_rows(conn, mirrored, rows)


def remove(conn: Connection, mirror_id: str, tokens: Sequence[str]) -> None:
    """Forget blocks."""
    delete_rows(conn, mirrored, "token", tokens, mirror_id=mirror_id)


def spans(
    conn: Connection,
    resource_id: str,
    connection_ids: Collection[str],
    window: Window,
    *,
    longest: int,
    target: tuple[str, str],
) -> list[SpanRow]:
    """List the busy time of some connections that may be mirrored on.

    Left out are blocks that another instance published or mirrored, and whatever is read of a block
    of ours by a way that loses its marks: a feed of the target by its UID, and the target itself
    where only busy times can be read of it. What stands in for a stale calendar is left out, too:
    what was known of that is still here.

    Args:
        conn: a transaction.
        resource_id: whose.
        connection_ids: the connections; of bookings, those that they were written to.
        window: half-open; what overlaps it is given whole.
        longest: length of the resource's longest occurrence, seconds: bounds the index scan.
        target: kind of provider and remote id of the calendar that is written to.
    """
    kind, calendar = target
    wanted = list(connection_ids)
    ours = select(mirrored.c.uid).where(mirrored.c.uid != "")
    read = (
        select(occurrences.c.start, occurrences.c.end, occurrences.c.fbtype, connections.c.id)
        .join(calendars, calendars.c.id == occurrences.c.calendar_id)
        .join(connections, connections.c.id == calendars.c.connection_id)
        .outerjoin(
            events,
            (events.c.calendar_id == occurrences.c.calendar_id)
            & (events.c.remote_id == occurrences.c.remote_id),
        )
        .where(
            occurrences.c.resource_id == resource_id,
            occurrences.c.start >= window.start - longest,
            occurrences.c.start < window.end,
            occurrences.c.end > window.start,
            occurrences.c.fbtype != 0,
            ~occurrences.c.relayed,
            occurrences.c.remote_id != EVERYTHING_STALE,
            connections.c.id.in_(wanted),
            (connections.c.provider != kind)
            | (calendars.c.remote_id != calendar)
            | (calendars.c.role != AccessRole.FREE_BUSY.value),
            func.coalesce(events.c.uid, "").not_in(ours),
        )
    )
    own = (
        select(booked.c.start, booked.c.end, booked.c.fbtype, bookings.c.connection_id)
        .join(bookings, bookings.c.id == booked.c.booking_id)
        .where(
            booked.c.resource_id == resource_id,
            booked.c.start >= window.start - longest,
            booked.c.start < window.end,
            booked.c.end > window.start,
            booked.c.fbtype != 0,
            booked.c.proposal_id <= 0,
            bookings.c.connection_id.in_(wanted),
        )
    )
    return [SpanRow(*row) for query in (read, own) for row in conn.execute(query)]
