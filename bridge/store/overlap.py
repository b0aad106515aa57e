"""Which rows of a resource take place in a window: blocks, occurrences, and what is booked."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, func, select

from bridge.model.interval import Instant, Window


def overlaps(table: Table) -> ColumnElement[bool]:
    """Tell rows that overlap a window, as an index on resource and start finds them.

    Its parameters are those that `asked` gives.

    Args:
        table: has `resource_id`, `start` and `end`.
    """
    return and_(
        table.c.resource_id == bindparam("resource"),
        table.c.start >= bindparam("earliest"),
        table.c.start < bindparam("end"),
        table.c.end > bindparam("start"),
    )


def asked(resource_id: str, window: Window, longest: int) -> dict[str, str | Instant]:
    """Say which rows are meant.

    Args:
        resource_id: whose.
        window: half-open.
        longest: length of the longest row, seconds: bounds the index scan.
    """
    return {
        "resource": resource_id,
        "earliest": window.start - longest,
        "start": window.start,
        "end": window.end,
    }


def longest_of(conn: Connection, table: Table, resource_id: str) -> int:
    """Measure the longest row of a resource, seconds."""
    length = func.max(table.c.end - table.c.start)
    return conn.execute(select(length).where(table.c.resource_id == resource_id)).scalar() or 0
