"""Busy blocks as they are published, and the log of their changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, exists, func, or_, select, update

from bridge.model.interval import Instant, Window
from bridge.model.resource import ConnectionStatus
from bridge.store.bulk import chunks, delete_rows, upsert_rows
from bridge.store.overlap import asked, overlaps
from bridge.store.prepared import Prepared
from bridge.store.schema import blocks, calendars, changes, connections, resources


class BlockRow(NamedTuple):
    """One published block; columns in the table's order."""

    resource_id: str
    projection: str
    uid: str
    start: Instant
    end: Instant
    fbtype: int
    etag: str
    details: str
    """JSON of `bridge.privacy.Details`; always `{}` in the projection `times`."""
    sequence: int
    changed_at: Instant


class Mark(NamedTuple):
    """What tells one state of a block from another; all that a listing needs."""

    uid: str
    etag: str
    changed_at: Instant


class ChangeRow(NamedTuple):
    """The last change of one block; columns in the table's order."""

    resource_id: str
    projection: str
    uid: str
    seq: int
    deleted: bool
    changed_at: Instant


class Source(NamedTuple):
    """One calendar that blocks time, or a connection whose calendars are not known yet."""

    connection_id: str
    success_at: Instant | None
    stale: bool
    """Its last pull failed, none ever succeeded, or nobody pulls it at present."""
    is_awaited: bool
    """Its connection's first pull has not come to it yet."""
    plan: str
    """What the configuration says of a connection that was never read; else empty."""


class Extents(NamedTuple):
    """Lengths in seconds that bound overlap queries."""

    block: int
    occurrence: int


_BLOCK = [blocks.c[name] for name in BlockRow._fields]
_MARK = [blocks.c[name] for name in Mark._fields]
_CHANGE = [changes.c[name] for name in ChangeRow._fields]

# Made once: building a statement takes five times as long as running one of these.
_OF_PROJECTION = blocks.c.projection == bindparam("projection")
_EVERY = and_(blocks.c.resource_id == bindparam("resource"), _OF_PROJECTION)
_IN_WINDOW = and_(overlaps(blocks), _OF_PROJECTION)
_OVERLAPPING = (
    select(*_BLOCK).where(_IN_WINDOW).order_by(blocks.c.start, blocks.c.end, blocks.c.uid)
)
_ALL = select(*_BLOCK).where(_EVERY).order_by(blocks.c.start, blocks.c.end, blocks.c.uid)
_MARKS = select(*_MARK).where(_EVERY).order_by(blocks.c.start, blocks.c.end, blocks.c.uid)
_SPANS = (
    select(blocks.c.start, blocks.c.end, blocks.c.fbtype)
    .where(_IN_WINDOW)
    .order_by(blocks.c.start, blocks.c.end)
)
_EXTENTS = select(resources.c.longest_block, resources.c.longest_occurrence).where(
    resources.c.id == bindparam("resource")
)


def overlapping(
    conn: Connection, resource_id: str, projection: str, window: Window, *, longest: int
) -> list[BlockRow]:
    """List the blocks that overlap a window, in the order of time.

    Args:
        conn: a transaction.
        resource_id: whose.
        projection: `Projection` value.
        window: half-open.
        longest: length of the longest block, seconds: bounds the index scan.
    """
    which = {**asked(resource_id, window, longest), "projection": projection}
    return [BlockRow(*row) for row in conn.execute(_OVERLAPPING, which)]


def spans(
    conn: Connection, resource_id: str, projection: str, window: Window, *, longest: int
) -> list[tuple[Instant, Instant, int]]:
    """Give only (start, end, FBType) of the same blocks; answered from the index alone."""
    which = {**asked(resource_id, window, longest), "projection": projection}
    return [(start, end, fbtype) for start, end, fbtype in conn.execute(_SPANS, which)]


def named(
    conn: Connection, resource_id: str, projection: str, uids: Collection[str]
) -> dict[str, BlockRow]:
    """Give those of the named blocks that exist."""
    query = select(*_BLOCK).where(
        blocks.c.resource_id == resource_id,
        blocks.c.projection == projection,
        blocks.c.uid.in_(bindparam("uids", expanding=True)),
    )
    return {
        row.uid: BlockRow(*row)
        for chunk in chunks(list(uids))
        for row in conn.execute(query, {"uids": list(chunk)})
    }


def save(conn: Connection, rows: Sequence[BlockRow]) -> None:
    """Insert or replace blocks."""
    upsert_rows(conn, blocks, rows)


def remove(conn: Connection, resource_id: str, projection: str, uids: Sequence[str]) -> None:
    """Delete blocks."""
    delete_rows(conn, blocks, "uid", uids, resource_id=resource_id, projection=projection)


def log(conn: Connection, rows: Sequence[ChangeRow]) -> None:
    """Record changes; the last one of each block is kept."""
    upsert_rows(conn, changes, rows)


def buried(conn: Connection, resource_id: str, projection: str, uids: Collection[str]) -> set[str]:
    """Give those of the named blocks that were there before and were dropped."""
    query = select(changes.c.uid).where(
        changes.c.resource_id == resource_id,
        changes.c.projection == projection,
        changes.c.uid.in_(bindparam("uids", expanding=True)),
        changes.c.deleted,
    )
    return {
        uid
        for chunk in chunks(list(uids))
        for uid in conn.execute(query, {"uids": list(chunk)}).scalars()
    }


def changes_since(
    conn: Connection,
    resource_id: str,
    projection: str,
    seq: int,
    *,
    most: int | None = None,
    buried_before: int = 0,
) -> list[ChangeRow]:
    """List the changes after a sequence number, ascending.

    Args:
        conn: a transaction.
        resource_id: whose.
        projection: `Projection` value.
        seq: of the last change that is known already.
        most: how many, from the oldest; None for all.
        buried_before: leave out the blocks that were gone with this change already.
    """
    query = (
        select(*_CHANGE)
        .where(
            changes.c.resource_id == resource_id,
            changes.c.projection == projection,
            changes.c.seq > seq,
        )
        .order_by(changes.c.seq)
        .limit(most)
    )
    if buried_before > seq:
        query = query.where(or_(changes.c.deleted.is_(False), changes.c.seq > buried_before))
    return [ChangeRow(*row) for row in conn.execute(query)]


def all_blocks(conn: Connection, resource_id: str, projection: str) -> list[BlockRow]:
    """List every block, in the order of time."""
    asked = {"resource": resource_id, "projection": projection}
    return [BlockRow(*row) for row in conn.execute(_ALL, asked)]


def all_marks(conn: Connection, resource_id: str, projection: str) -> list[Mark]:
    """List every block by what a listing shows of it, in the order of time."""
    asked = {"resource": resource_id, "projection": projection}
    return [Mark(*row) for row in conn.execute(_MARKS, asked)]


def floor(conn: Connection, resource_id: str, projection: str) -> int:
    """Return the number of the last change that may have been forgotten."""
    column = resources.c[f"{projection}_floor"]
    return conn.execute(select(column).where(resources.c.id == resource_id)).scalar() or 0


def forget(conn: Connection, before: Instant) -> int:
    """Drop the tombstones made before an instant and raise the floors of their resources' logs.

    A sync token below the floor of its projection can no longer be continued. The last change of
    each log stays, whatever it was: it dates all that is published. Returns how many were dropped.
    """
    later = changes.alias()
    old = (
        changes.c.deleted,
        changes.c.changed_at < before,
        exists().where(
            later.c.resource_id == changes.c.resource_id,
            later.c.projection == changes.c.projection,
            later.c.seq > changes.c.seq,
        ),
    )
    floors = conn.execute(
        select(changes.c.resource_id, changes.c.projection, func.max(changes.c.seq))
        .where(*old)
        .group_by(changes.c.resource_id, changes.c.projection)
        .order_by(changes.c.resource_id)  # locks are taken in one order everywhere
    ).all()
    for resource_id, projection, seq in floors:
        column = resources.c[f"{projection}_floor"]
        conn.execute(
            update(resources)
            .where(resources.c.id == resource_id, column < seq)
            .values({column: seq})
        )
    return conn.execute(changes.delete().where(*old)).rowcount


def extents(conn: Connection, resource_id: str) -> Extents:
    """Give the lengths that bound overlap queries of a resource."""
    row = conn.execute(_EXTENTS, {"resource": resource_id}).first()
    return Extents(*row) if row else Extents(0, 0)


def set_extents(conn: Connection, resource_id: str, found: Extents) -> None:
    """Record the lengths."""
    conn.execute(
        update(resources)
        .where(resources.c.id == resource_id)
        .values(longest_block=found.block, longest_occurrence=found.occurrence)
    )


_NEVER_READ = calendars.c.success_at.is_(None)
_SOURCES = Prepared(
    select(
        connections.c.id,
        calendars.c.success_at,
        or_(
            calendars.c.stale,
            calendars.c.failed_since.is_not(None),
            _NEVER_READ,
            connections.c.status == ConnectionStatus.PAUSED.value,
        ),
        and_(
            connections.c.success_at.is_(None),
            calendars.c.id.is_not(None),
            _NEVER_READ,
            calendars.c.failed_since.is_(None),
        ),
        case((calendars.c.id.is_(None), connections.c.plan), else_=""),
    )
    .select_from(
        connections.outerjoin(
            calendars,
            and_(calendars.c.connection_id == connections.c.id, calendars.c.reads),
        )
    )
    .where(
        connections.c.resource_id == bindparam("resource"),
        connections.c.status != ConnectionStatus.DISCONNECTED.value,
        # A connection that was read and blocks nothing is no source.
        or_(calendars.c.id.is_not(None), connections.c.success_at.is_(None)),
    )
)


def sources(conn: Connection, resource_id: str) -> list[Source]:
    """List what a resource's busy time is made of, and how each is doing."""
    rows = _SOURCES.all(conn, resource=resource_id)
    return [
        Source(name, at, bool(stale), bool(awaited), plan)
        for name, at, stale, awaited, plan in rows
    ]


def last_change(conn: Connection, resource_id: str, projection: str) -> tuple[int, Instant]:
    """Give number and instant of the last change that is known; zeros where there is none."""
    query = (
        select(changes.c.seq, changes.c.changed_at)
        .where(changes.c.resource_id == resource_id, changes.c.projection == projection)
        .order_by(changes.c.seq.desc())
        .limit(1)
    )
    row = conn.execute(query).first()
    return (row.seq, row.changed_at) if row else (0, 0)
