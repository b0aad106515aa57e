"""What was told of connections that fare badly, and messages on their way to the admin.

Who decides what is told holds `lock` until the messages are committed with the decision, so that
each change is told once however many processes look. Messages are delivered at least once: who
takes one holds it until a lease ends, and whoever dies with it leaves it to the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.store import meta
from bridge.store.alert_tables import alert_messages, alert_ways, alerts
from bridge.store.database import upsert

_NAME = "alerts"
_STUBBORN = 5
"""A message that failed so often, while others arrived, holds back nothing of its connection."""

LONGEST_REST = 4000
"""Seconds; leases and rests are shorter."""


class AlertRow(NamedTuple):
    """One trouble of one connection that was told."""

    connection_id: ConnectionId
    trouble: str
    alert_id: str
    since: Instant
    told_at: Instant
    times: int
    """How often it was told since it was last gone for a day."""
    cleared_at: Instant | None
    """When it was seen to be gone; None while it lasts."""
    over_at: Instant | None
    """When that was told."""


class Message(NamedTuple):
    """Something to tell in one way, and the right to do so until the lease ends."""

    id: int
    way: str
    message_id: str
    body: str
    created_at: Instant
    attempts: int
    """This one included."""


class WayRow(NamedTuple):
    """How one way fares."""

    way: str
    failures: int
    """In a row."""
    failing_since: Instant | None
    next_try: Instant
    error: str
    success_at: Instant | None


_ALERT = [alerts.c[name] for name in AlertRow._fields]
_WAY = [alert_ways.c[name] for name in WayRow._fields]
_MESSAGE = [alert_messages.c[name] for name in Message._fields]
_waiting = alert_messages.c.done_at.is_(None)


def lock(conn: Connection) -> None:
    """Let one process at a time decide what is told; see `meta.lock`."""
    meta.lock(conn, _NAME)


def told(conn: Connection) -> list[AlertRow]:
    """List every trouble that was told and is remembered."""
    query = select(*_ALERT).order_by(alerts.c.connection_id, alerts.c.trouble)
    return [AlertRow._make(row) for row in conn.execute(query)]


def keep(conn: Connection, rows: Sequence[AlertRow]) -> None:
    """Write what was told."""
    key = ("connection_id", "trouble")
    changing = [name for name in AlertRow._fields if name not in key]
    upsert(conn, alerts, [row._asdict() for row in rows], update=changing)


def waiting(conn: Connection) -> dict[str, int]:
    """Count what is not delivered yet, by way."""
    query = select(alert_messages.c.way, func.count().label("number")).where(_waiting)
    return {row.way: row.number for row in conn.execute(query.group_by(alert_messages.c.way))}


def forget(conn: Connection, rows: Sequence[AlertRow]) -> None:
    """Delete rows."""
    for row in rows:
        same = (alerts.c.connection_id == row.connection_id, alerts.c.trouble == row.trouble)
        conn.execute(delete(alerts).where(*same))


def post(
    conn: Connection,
    ways: Collection[str],
    connection_id: ConnectionId,
    message: tuple[str, str],
    now: Instant,
) -> None:
    """Put a message, its id and its body, on its way."""
    message_id, body = message
    given = {"connection_id": connection_id, "message_id": message_id, "body": body}
    times = {"created_at": now, "next_due": now}
    if ways:
        rows = [{"way": way} | given | times for way in ways]
        conn.execute(insert(alert_messages), rows)


def take(conn: Connection, way: str, now: Instant, lease: int, most: int = 1) -> list[Message]:
    """Take up to `most` messages that are due in a way; none while the way rests.

    What is told of one connection is told in its order. Of several the least tried come first,
    so that one which is never taken keeps nothing else; a way that failed is tried with one. A
    lease or a rest that is longer than it can be was noted by a clock that ran ahead.
    """
    meta.lock(conn, f"{_NAME}.{way}")
    standing = of_way(conn, way)
    if standing and now < standing.next_try <= now + LONGEST_REST:
        return []
    table = alert_messages.c
    query = select(*_MESSAGE, table.connection_id, table.next_due, table.lease_until)
    held, free = set(), []
    for row in conn.execute(query.where(_waiting, _of(way)).order_by(table.id)):
        rests = any(now < until <= now + LONGEST_REST for until in (row.next_due, row.lease_until))
        if not rests and row.connection_id not in held:
            free.append(Message(*row[: len(Message._fields)]))
        # While nothing at all arrives, what was tried often is in nobody's way.
        others_arrive = standing is not None and (standing.success_at or 0) > row.created_at
        if row.attempts < _STUBBORN or not others_arrive:
            held.add(row.connection_id)
    attempts = min((each.attempts for each in free), default=0)
    least = [each for each in free if each.attempts == attempts]
    probing = standing is not None and standing.failures > 0
    taken = [each._replace(attempts=attempts + 1) for each in least[: 1 if probing else most]]
    for each in taken:
        _set(conn, each.id, lease_until=now + lease, attempts=each.attempts)
    return taken


def delivered(conn: Connection, messages: Sequence[Message], now: Instant) -> None:
    """Note that messages of one way, at least one, arrived, and that the way is well."""
    for message in messages:
        _set(conn, message.id, done_at=now, delivered=True)
    well: dict[str, object] = {
        "failures": 0,
        "failing_since": None,
        "next_try": 0,
        "error": "",
        "success_at": now,
    }
    upsert(conn, alert_ways, [well | {"way": messages[0].way}], update=list(well))


def failed(
    conn: Connection,
    messages: Sequence[Message],
    now: Instant,
    rests: Sequence[int],
    error: str,
    *,
    oldest: Instant,
) -> None:
    """Note that messages of one way, at least one, did not arrive: they rest, and so does the way.

    Args:
        conn: a write transaction.
        messages: what was tried.
        now: the present.
        rests: seconds after the first failure, the second and so on; less than `LONGEST_REST`.
        error: for the admin.
        oldest: what was made before is given up.
    """

    def until(failures: int) -> Instant:
        return now + rests[min(failures, len(rests)) - 1]

    for message in messages:
        if message.created_at < oldest:
            _set(conn, message.id, done_at=now)
        else:
            _set(conn, message.id, next_due=until(message.attempts), lease_until=0)
    way = messages[0].way
    before = of_way(conn, way)
    failures = 1 if before is None else before.failures + 1
    since = now if before is None or before.failing_since is None else before.failing_since
    row = {
        "way": way,
        "failures": failures,
        "failing_since": since,
        "next_try": until(failures),
        "error": error,
    }
    upsert(conn, alert_ways, [row], update=[name for name in row if name != "way"])


def hasten(conn: Connection, ways: Collection[str], now: Instant) -> None:
    """Try again at once what waits after failures: the way may be another one by now."""
    for way in sorted(ways):
        meta.lock(conn, f"{_NAME}.{way}")
        statement = update(alert_messages).where(_waiting, _of(way))
        again = alert_messages.c.attempts > 0
        conn.execute(statement.where(again).values(next_due=now))
        conn.execute(update(alert_ways).where(alert_ways.c.way == way).values(next_try=0))


def clean(conn: Connection, before: Instant, ways: Collection[str]) -> None:
    """Forget messages made before an instant, and ways that are no more."""
    conn.execute(delete(alert_messages).where(alert_messages.c.created_at < before))
    conn.execute(delete(alert_ways).where(alert_ways.c.way.not_in(sorted(ways))))
    gone = (_waiting, alert_messages.c.way.not_in(sorted(ways)))
    conn.execute(delete(alert_messages).where(*gone))


def of_way(conn: Connection, way: str) -> WayRow | None:
    """Tell how a way fares; None when nothing was ever tried."""
    row = conn.execute(select(*_WAY).where(alert_ways.c.way == way)).first()
    return WayRow._make(row) if row else None


def ways(conn: Connection) -> list[WayRow]:
    """Tell how every way fares that anything was sent in."""
    return [WayRow._make(row) for row in conn.execute(select(*_WAY).order_by(alert_ways.c.way))]


def backlog(conn: Connection) -> dict[str, int]:
    """Count what waits in each way."""
    counted = select(alert_messages.c.way, func.count().label("number")).where(_waiting)
    return {row.way: row.number for row in conn.execute(counted.group_by(alert_messages.c.way))}


def lost(conn: Connection, since: Instant) -> dict[str, int]:
    """Count what was given up in each way since an instant."""
    counted = select(alert_messages.c.way, func.count().label("number")).where(
        alert_messages.c.done_at >= since, ~alert_messages.c.delivered
    )
    return {row.way: row.number for row in conn.execute(counted.group_by(alert_messages.c.way))}


def _of(way: str) -> Any:
    return alert_messages.c.way == way


def _set(conn: Connection, message: int, **values: Any) -> None:
    conn.execute(update(alert_messages).where(alert_messages.c.id == message).values(**values))
