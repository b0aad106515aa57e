"""Finding what a route is about; what the key may not see is as if it did not exist (T49)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from flask import g

from bridge.access import authorize
from bridge.model.resource import Access, ConnectionId, ResourceId
from bridge.store import connections, resources
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.store.resources import ResourceRow, ResourceState
from bridge.web.api.answers import unknown_connection, unknown_resource
from bridge.web.api.models import PageQuery
from bridge.web.context import WebContext
from bridge.web.problem import Problem

_T = TypeVar("_T")


def find_connection(context: WebContext, name: str, needed: Access) -> ConnectionRow:
    """Find an account by its global id, `room-a.work`.

    Raises:
        Problem: there is none, or none that the key may see.
    """
    with context.database.read() as conn:
        row = connections.get(conn, ConnectionId(name))
        resource = resources.get(conn, row.resource_id) if row else None
    if row is None or resource is None or resource.state is not ResourceState.ACTIVE:
        raise unknown_connection()
    if not authorize(g.principal, row.resource_id, needed):
        raise unknown_connection()
    return row


def find_resource(context: WebContext, name: str, needed: Access) -> ResourceRow:
    """Find a resource by its id.

    Raises:
        Problem: there is none, or none that the key may see.
    """
    with context.database.read() as conn:
        row = resources.get(conn, ResourceId(name))
    if row is None or row.state is not ResourceState.ACTIVE:
        raise unknown_resource()
    if not authorize(g.principal, row.id, needed):
        raise unknown_resource()
    return row


def visible_connections(conn: Transaction, needed: Access) -> list[ConnectionRow]:
    """List the accounts that the key may see, by resource."""
    active = {row.id for row in resources.all_active(conn)}
    return [
        row
        for row in connections.every(conn)
        if row.resource_id in active and authorize(g.principal, row.resource_id, needed)
    ]


class Page(NamedTuple):
    """Some of many, and how to ask for the next."""

    items: list[object]
    total: int
    next_cursor: str | None

    def json(self) -> dict[str, object]:
        """Write it as every list is answered."""
        return self._asdict()


def paged(
    rows: Sequence[_T], key: Callable[[_T], str], write: Callable[[_T], object], query: PageQuery
) -> Page:
    """Cut out one page.

    A cursor names the last of a page by its key, so that what is added or removed meanwhile makes
    none of the others appear twice, or not at all.

    Args:
        rows: all of them, in any order.
        key: unique; the order of the pages.
        write: makes the document of one.
        query: where the page begins, and how long it is.

    Raises:
        Problem: 422, the cursor is none of ours.
    """
    ordered = sorted(rows, key=key)
    after = _after(query.cursor)
    if after is not None:
        ordered = [each for each in ordered if key(each) > after]
    shown = ordered[: query.limit]
    more = len(ordered) > len(shown)
    cursor = _cursor(key(shown[-1])) if more else None
    return Page([write(each) for each in shown], len(rows), cursor)


def _cursor(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def _after(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        return base64.b64decode(
            cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as err:
        message = "is not a next_cursor of an answer"
        raise Problem(
            422,
            "invalid_request",
            f"cursor {message}.",
            errors=[{"field": "cursor", "message": message}],
        ) from err
