"""Blocks of mirrors: what they are made of, and what was written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from bridge.model.interval import Instant, Window
from bridge.provider import AccessRole
from bridge.store.booking_tables import booked, bookings
from bridge.store.bulk import upsert_rows
from bridge.store.mirror_tables import mirrored, mirrors
from bridge.store.overlap import asked, overlaps
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
    answer: str = ""
    written_at: Instant = 0
    refused_at: Instant = 0
    gone_at: Instant | None = None


class SpanRow(NamedTuple):
    """Busy time of one connection, to be mirrored."""

    start: Instant
    end: Instant
    fbtype: int
    connection_id: str


_COLUMNS = [mirrored.c[name] for name in MirroredRow._fields]
_STANDS = mirrored.c.gone_at.is_(None)


def of_mirror(conn: Connection, mirror_id: str) -> list[MirroredRow]:
    """List the blocks of a mirror in the order of time, without those that are gone."""
    query = select(*_COLUMNS).where(mirrored.c.mirror_id == mirror_id, _STANDS)
    query = query.order_by(mirrored.c.start, mirrored.c.token)
    return [MirroredRow(*row) for row in conn.execute(query)]


def counts(conn: Connection) -> Counter[str]:
    """Count the blocks that each mirror has in its target; one without any is left out."""
    query = select(mirrored.c.mirror_id, func.count()).where(mirrored.c.remote_id != "", _STANDS)
    return Counter(dict(conn.execute(query.group_by(mirrored.c.mirror_id)).all()))


def save(conn: Connection, rows: Sequence[MirroredRow]) -> None:
    """Insert or replace blocks."""
    upsert_rows(conn, mirrored, rows)


def bury(conn: Connection, mirror_id: str, tokens: Sequence[str], now: Instant) -> None:
    """Note that blocks are gone; what feeds of their calendar still show of them is known by it."""
    statement = update(mirrored).where(
        mirrored.c.mirror_id == mirror_id, mirrored.c.token == bindparam("which"), _STANDS
    )
    if tokens:
        rows = [{"which": token} for token in sorted(tokens)]
        conn.execute(statement.values(gone_at=now), rows)


def refuse(conn: Connection, mirror_id: str, token: str, now: Instant) -> None:
    """Note that a block's provider refused to change or delete it."""
    it = (mirrored.c.mirror_id == mirror_id, mirrored.c.token == token)
    conn.execute(update(mirrored).where(*it).values(refused_at=now))


def refuse_new(conn: Connection, mirror_id: str, token: str, now: Instant) -> None:
    """Note that a provider refused to make a block; earlier notes of the like of it go."""
    it = (mirrored.c.mirror_id == mirror_id, mirrored.c.token == token)
    row = conn.execute(select(*_COLUMNS).where(*it)).first()
    if row is None:
        return
    statement = mirrored.delete().where(
        *_never_made(mirror_id),
        mirrored.c.token != token,
        mirrored.c.start == row.start,
        mirrored.c.end == row.end,
        mirrored.c.fbtype == row.fbtype,
    )
    conn.execute(statement)
    refuse(conn, mirror_id, token, now)


def refused(conn: Connection, mirror_id: str) -> list[MirroredRow]:
    """List what a mirror's provider refused to make, each block once."""
    query = select(*_COLUMNS).where(*_never_made(mirror_id))
    return [MirroredRow(*row) for row in conn.execute(query)]


def _never_made(mirror_id: str) -> Sequence[ColumnElement[bool]]:
    return (
        mirrored.c.mirror_id == mirror_id,
        mirrored.c.gone_at.is_not(None),
        mirrored.c.refused_at != 0,
        mirrored.c.remote_id == "",
    )


def bury_deleted(
    conn: Connection,
    connection_id: str,
    calendar: str,
    remote_ids: Collection[str],
    now: Instant,
) -> None:
    """Note that blocks are gone that somebody else than their mirror deleted, by their events."""
    query = select(mirrored.c.mirror_id, mirrored.c.token, mirrored.c.remote_id)
    query = query.join(mirrors, mirrors.c.id == mirrored.c.mirror_id).where(
        mirrors.c.connection_id == connection_id, mirrors.c.calendar == calendar, _STANDS
    )
    tokens: defaultdict[str, list[str]] = defaultdict(list)
    for mirror_id, token, remote_id in conn.execute(query):
        if remote_id in remote_ids:
            tokens[mirror_id].append(token)
    for mirror_id, some in tokens.items():
        bury(conn, mirror_id, some, now)


def forget(conn: Connection, before: Instant) -> int:
    """Delete what went before an instant. Returns how many."""
    return conn.execute(mirrored.delete().where(mirrored.c.gone_at < before)).rowcount


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
    of ours by a way that loses its marks: in a feed of the target, by its UID, and in the target
    itself where only busy times can be read of it. What stands in for a stale calendar is left out,
    too: what was known of that is still here.

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
    read = (
        select(
            occurrences.c.start,
            occurrences.c.end,
            occurrences.c.fbtype,
            connections.c.id,
            func.coalesce(events.c.uid, ""),
        )
        .join(calendars, calendars.c.id == occurrences.c.calendar_id)
        .join(connections, connections.c.id == calendars.c.connection_id)
        .outerjoin(
            events,
            (events.c.calendar_id == occurrences.c.calendar_id)
            & (events.c.remote_id == occurrences.c.remote_id),
        )
        .where(
            overlaps(occurrences),
            occurrences.c.fbtype != 0,
            ~occurrences.c.relayed,
            occurrences.c.remote_id != EVERYTHING_STALE,
            connections.c.id.in_(wanted),
            (connections.c.provider != kind)
            | (calendars.c.remote_id != calendar)
            | (calendars.c.role != AccessRole.FREE_BUSY.value),
        )
    )
    own = (
        select(booked.c.start, booked.c.end, booked.c.fbtype, bookings.c.connection_id)
        .join(bookings, bookings.c.id == booked.c.booking_id)
        .where(
            overlaps(booked),
            booked.c.fbtype != 0,
            booked.c.proposal_id <= 0,
            bookings.c.connection_id.in_(wanted),
        )
    )
    which = asked(resource_id, window, longest)
    tokens, uids = _names(conn, resource_id)
    found = [
        SpanRow(start, end, fbtype, connection_id)
        for start, end, fbtype, connection_id, uid in conn.execute(read, which)
        # Some providers make the UID of the name that a block was given, and some have their own.
        if uid not in uids and uid.partition("@")[0] not in tokens
    ]
    return [*found, *(SpanRow(*row) for row in conn.execute(own, which))]


def _names(conn: Connection, resource_id: str) -> tuple[set[str], set[str]]:
    """Give tokens and UIDs of all blocks that were written for a resource."""
    query = (
        select(mirrored.c.token, mirrored.c.uid)
        .join(mirrors, mirrors.c.id == mirrored.c.mirror_id)
        .where(mirrors.c.resource_id == resource_id)
    )
    rows = conn.execute(query).all()
    return {row.token for row in rows}, {row.uid for row in rows if row.uid}
