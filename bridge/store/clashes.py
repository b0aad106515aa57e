"""What lies in the way of a booking: two queries over whole spans, on both databases."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    literal,
    or_,
    select,
)

from bridge.model.interval import Instant, Window
from bridge.store.booking_tables import booked
from bridge.store.overlap import asked, overlaps
from bridge.store.schema import events, occurrences


class Obstacle(NamedTuple):
    """Busy time, buffers included, and the calendar that it comes from."""

    start: Instant
    end: Instant
    fbtype: int
    calendar_id: str
    """Empty of another booking."""
    details: str
    """JSON of what may show of it; empty of a proposal, which no reader sees."""


class Own(NamedTuple):
    """What a booking never clashes with: itself, in every form in which it comes back."""

    booking_ids: Collection[str]
    """Of every generation."""
    uids: Collection[str]
    """Its UID, and that which its provider chose."""
    remote_ids: Collection[str]


def obstacles(
    conn: Connection,
    resource_id: str,
    window: Window,
    fbtypes: Collection[int],
    *,
    longest: int,
    own: Own,
) -> list[Obstacle]:
    """List what is busy in a window and is not the booking itself, in the order of time.

    Args:
        conn: a transaction that holds the resource's lock.
        resource_id: whose.
        window: half-open.
        fbtypes: `FBType` values that count.
        longest: length of the resource's longest occurrence, seconds: bounds the index scan.
        own: what is left out.
    """
    which = {**asked(resource_id, window, longest), "fbtypes": list(fbtypes)}
    names = {"uids": list(own.uids), "remote_ids": list(own.remote_ids)}
    found = [Obstacle(*row) for row in conn.execute(_PULLED, which | names)]
    others = which | {"booking_ids": list(own.booking_ids)}
    found += [Obstacle(*row) for row in conn.execute(_OTHERS, others)]
    return sorted(found)


def _some(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


def _blocking(table: Table) -> ColumnElement[bool]:
    return and_(overlaps(table), table.c.fbtype.in_(_some("fbtypes")))


# Made once: making them takes longer than asking them.
_PULLED = (
    select(
        occurrences.c.start,
        occurrences.c.end,
        occurrences.c.fbtype,
        occurrences.c.calendar_id,
        occurrences.c.details,
    )
    .outerjoin(
        events,
        and_(
            events.c.calendar_id == occurrences.c.calendar_id,
            events.c.remote_id == occurrences.c.remote_id,
        ),
    )
    .where(
        _blocking(occurrences),
        occurrences.c.remote_id.not_in(_some("remote_ids")),
        or_(events.c.uid.is_(None), events.c.uid.not_in(_some("uids"))),
    )
)
_OTHERS = select(
    booked.c.start,
    booked.c.end,
    booked.c.fbtype,
    literal(""),
    case((booked.c.proposal_id <= 0, booked.c.details), else_=""),
).where(_blocking(booked), booked.c.booking_id.not_in(_some("booking_ids")))
