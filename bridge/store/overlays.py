"""What a login's clients keep with a calendar for themselves: its name, colour and place in lists.

None of it is seen by anybody else, and none of it changes the calendar.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, and_, bindparam, delete, select

from bridge.store.database import upsert
from bridge.store.schema import overlays

Kept = Mapping[str, str]
"""Property name -> value."""

_ALL = select(
    overlays.c.resource_id, overlays.c.collection, overlays.c.name, overlays.c.value
).where(overlays.c.login == bindparam("login"))


def of_login(conn: Connection, login: str) -> Mapping[tuple[str, str], Kept]:
    """Give all that a login keeps, by (resource, collection)."""
    found: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for resource_id, collection, name, value in conn.execute(_ALL, {"login": login}):
        found[resource_id, collection][name] = value
    return found


def keep(
    conn: Connection,
    *,
    login: str,
    resource_id: str,
    collection: str,
    values: Mapping[str, str | None],
) -> None:
    """Keep values; None removes one."""
    key = {"login": login, "resource_id": resource_id, "collection": collection}
    gone = [name for name, value in values.items() if value is None]
    if gone:
        mine = [overlays.c[column] == value for column, value in key.items()]
        conn.execute(delete(overlays).where(and_(*mine), overlays.c.name.in_(gone)))
    kept = [
        key | {"name": name, "value": value} for name, value in values.items() if value is not None
    ]
    upsert(conn, overlays, kept, update=["value"])
