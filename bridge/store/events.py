"""What providers said (`events`) and when it takes place (`occurrences`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, union_all

from bridge.model.interval import Instant, Window
from bridge.store.booking_tables import booked
from bridge.store.bulk import chunks, delete_rows, upsert_rows
from bridge.store.overlap import asked, longest_of, overlaps
from bridge.store.schema import events, occurrences

_SUSPENDED = (0,)


class EventRow(NamedTuple):
    """One calendar object as we understood it; columns in the table's order."""

    calendar_id: str
    remote_id: str
    uid: str
    etag: str | None
    text: str
    """Canonical iCalendar; empty when the object was never readable."""
    digest: str
    """Of the text; empty while the object waits to be expanded."""
    problem: str
    notes: str
    """JSON list of texts."""
    changed_at: Instant


class Known(NamedTuple):
    """What tells whether an object changed, without its text."""

    etag: str | None
    digest: str
    problem: str


class OccurrenceRow(NamedTuple):
    """One instance on the time line; columns in the table's order."""

    id: str
    resource_id: str
    calendar_id: str
    remote_id: str
    original_start: Instant
    start: Instant
    """With the buffer, where it blocks."""
    end: Instant
    fbtype: int
    """An `FBType`, or 0 when it does not block."""
    all_day: bool
    reason: str
    details: str
    """JSON of `bridge.privacy.Details`."""
    relayed: bool = False
    """A block that another BusyBridge published or mirrored."""


class BusyRow(NamedTuple):
    """The part of an occurrence that publishing needs."""

    id: str
    start: Instant
    end: Instant
    fbtype: int
    details: str


_EVENT = [events.c[name] for name in EventRow._fields]
_OCCURRENCE = [occurrences.c[name] for name in OccurrenceRow._fields]

# Made once: building a statement takes five times as long as running one of these.
_BUSY_IN = select(*(occurrences.c[name] for name in BusyRow._fields)).where(
    overlaps(occurrences), occurrences.c.fbtype.notin_(_SUSPENDED)
)
_BOOKED_IN = select(*(booked.c[name] for name in BusyRow._fields)).where(
    overlaps(booked), booked.c.fbtype.notin_(_SUSPENDED), booked.c.proposal_id <= 0
)
_BUSY_WITHOUT = union_all(
    _BUSY_IN.where(occurrences.c.calendar_id.notin_(bindparam("without", expanding=True))),
    _BOOKED_IN,
)
_BUSY = union_all(_BUSY_IN, _BOOKED_IN)


def known(conn: Connection, calendar_id: str) -> dict[str, Known]:
    """Give every object of a calendar by its remote id."""
    query = select(events.c.remote_id, events.c.etag, events.c.digest, events.c.problem)
    rows = conn.execute(query.where(events.c.calendar_id == calendar_id))
    return {remote_id: Known(etag, digest, problem) for remote_id, etag, digest, problem in rows}


def known_of(conn: Connection, calendar_id: str, remote_ids: Collection[str]) -> dict[str, Known]:
    """Give those of the named objects that exist."""
    found: dict[str, Known] = {}
    query = select(events.c.remote_id, events.c.etag, events.c.digest, events.c.problem).where(
        events.c.calendar_id == calendar_id,
        events.c.remote_id.in_(bindparam("ids", expanding=True)),
    )
    for chunk in chunks(list(remote_ids)):
        for remote_id, etag, digest, problem in conn.execute(query, {"ids": list(chunk)}):
            found[remote_id] = Known(etag, digest, problem)
    return found


def waiting(conn: Connection, calendar_id: str) -> list[str]:
    """Name the objects that were read and not expanded yet."""
    query = select(events.c.remote_id).where(
        events.c.calendar_id == calendar_id, events.c.digest == "", events.c.text != ""
    )
    return list(conn.execute(query).scalars())


def retriable(conn: Connection, calendar_id: str, problem: str, before: Instant) -> list[str]:
    """Name the objects that have had a problem, word by word, since before an instant."""
    query = select(events.c.remote_id).where(
        events.c.calendar_id == calendar_id,
        events.c.problem == problem,
        events.c.changed_at <= before,
    )
    return list(conn.execute(query).scalars())


def with_problems(conn: Connection, calendar_id: str) -> list[tuple[str, str, str]]:
    """List (remote id, UID, problem) of the objects that could not be understood whole."""
    query = (
        select(events.c.remote_id, events.c.uid, events.c.problem)
        .where(events.c.calendar_id == calendar_id, events.c.problem != "")
        .order_by(events.c.remote_id)
    )
    return [(remote_id, uid, problem) for remote_id, uid, problem in conn.execute(query)]


def repaired(conn: Connection, calendar_id: str) -> dict[str, int]:
    """Count the objects of a calendar by what was repaired or guessed in them, most first."""
    number = func.count()
    query = (
        select(events.c.notes, number)
        .where(events.c.calendar_id == calendar_id, events.c.notes != "[]")
        .group_by(events.c.notes)
        .order_by(number.desc(), events.c.notes)
    )
    counts: Counter[str] = Counter()
    for notes, count in conn.execute(query):
        counts.update(dict.fromkeys(json.loads(notes), count))
    return dict(counts.most_common())


def of_calendar(
    conn: Connection, calendar_id: str, remote_ids: Collection[str] | None = None
) -> dict[str, EventRow]:
    """Give the objects of a calendar, or the named ones, by remote id."""
    query = select(*_EVENT).where(events.c.calendar_id == calendar_id)
    if remote_ids is None:
        return {row.remote_id: EventRow(*row) for row in conn.execute(query)}
    query = query.where(events.c.remote_id.in_(bindparam("ids", expanding=True)))
    return {
        row.remote_id: EventRow(*row)
        for chunk in chunks(list(remote_ids))
        for row in conn.execute(query, {"ids": list(chunk)})
    }


def occurrences_of(
    conn: Connection, calendar_id: str, remote_ids: Collection[str] | None = None
) -> list[OccurrenceRow]:
    """List the occurrences of a calendar, or of the named objects in it."""
    query = select(*_OCCURRENCE).where(occurrences.c.calendar_id == calendar_id)
    if remote_ids is None:
        return [OccurrenceRow(*row) for row in conn.execute(query)]
    query = query.where(occurrences.c.remote_id.in_(bindparam("ids", expanding=True)))
    return [
        OccurrenceRow(*row)
        for chunk in chunks(list(remote_ids))
        for row in conn.execute(query, {"ids": list(chunk)})
    ]


def counts_in(conn: Connection, calendar_id: str, window: Window) -> dict[str, int]:
    """Count the occurrences of each object that overlap a window; one without any is left out."""
    query = (
        select(occurrences.c.remote_id, func.count())
        .where(
            occurrences.c.calendar_id == calendar_id,
            occurrences.c.start < window.end,
            occurrences.c.end > window.start,
        )
        .group_by(occurrences.c.remote_id)
    )
    return dict(conn.execute(query).all())


def busy_in(
    conn: Connection,
    resource_id: str,
    window: Window,
    *,
    longest: int,
    without: Collection[str] = (),
) -> list[BusyRow]:
    """List the blocking occurrences that overlap a window, bookings among them.

    Args:
        conn: a transaction.
        resource_id: whose.
        window: half-open.
        longest: length of the resource's longest occurrence, seconds: bounds the index scan.
        without: ids of calendars that are left out.
    """
    which = asked(resource_id, window, longest)
    if without:
        rows = conn.execute(_BUSY_WITHOUT, {**which, "without": list(without)})
    else:
        rows = conn.execute(_BUSY, which)
    return [BusyRow(*row) for row in rows]


def at(conn: Connection, resource_id: str, window: Window, *, longest: int) -> list[OccurrenceRow]:
    """List every occurrence that overlaps a window, blocking or not, in the order of time."""
    query = (
        select(*_OCCURRENCE)
        .where(overlaps(occurrences))
        .order_by(occurrences.c.start, occurrences.c.id)
    )
    which = asked(resource_id, window, longest)
    return [OccurrenceRow(*row) for row in conn.execute(query, which)]


def longest(conn: Connection, resource_id: str) -> int:
    """Measure the resource's longest occurrence, seconds."""
    return longest_of(conn, occurrences, resource_id)


def save(conn: Connection, rows: Sequence[EventRow]) -> None:
    """Insert or replace objects."""
    upsert_rows(conn, events, rows)


def save_occurrences(conn: Connection, rows: Sequence[OccurrenceRow]) -> None:
    """Insert or replace occurrences."""
    upsert_rows(conn, occurrences, rows)


def remove(conn: Connection, calendar_id: str, remote_ids: Sequence[str]) -> None:
    """Delete objects; their occurrences are deleted by id."""
    delete_rows(conn, events, "remote_id", remote_ids, calendar_id=calendar_id)


def remove_occurrences(conn: Connection, ids: Sequence[str]) -> None:
    """Delete occurrences."""
    delete_rows(conn, occurrences, "id", ids)


def clear(conn: Connection, calendar_id: str) -> None:
    """Delete everything read from a calendar."""
    conn.execute(delete(occurrences).where(occurrences.c.calendar_id == calendar_id))
    conn.execute(delete(events).where(events.c.calendar_id == calendar_id))


def by_uid(conn: Connection, calendar_ids: Collection[str], uid: str) -> list[EventRow]:
    """Find the objects of some calendars by their iCalendar UID."""
    query = select(*_EVENT).where(
        events.c.calendar_id.in_(bindparam("ids", expanding=True)), events.c.uid == uid
    )
    return [EventRow(*row) for row in conn.execute(query, {"ids": list(calendar_ids)})]
