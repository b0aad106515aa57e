"""Commands to the serving process, and its verdicts: how `busybridge reload` reaches it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from bridge.model.interval import Instant
from bridge.store.schema import commands

_KEPT = 7 * 86400
"""Seconds for which a finished command can be looked up."""

_OVERTAKEN = 100
"""Commands that may be given an id between the id of another and its commit."""


class CommandRow(NamedTuple):
    """One command."""

    id: int
    kind: str
    """`reload` or `apply`."""
    payload: str
    """JSON."""
    created_at: Instant
    done_at: Instant | None
    """None while it waits."""
    ok: bool
    verdict: str


_COLUMNS = [commands.c[name] for name in CommandRow._fields]


def submit(conn: Connection, kind: str, payload: str, now: Instant) -> int:
    """Leave a command for the serving process and return its id."""
    conn.execute(delete(commands).where(commands.c.done_at < now - _KEPT))
    statement = insert(commands).values(kind=kind, payload=payload, created_at=now)
    made: int = conn.execute(statement.returning(commands.c.id)).scalar_one()
    return made


def pending(conn: Connection) -> list[CommandRow]:
    """List the commands without a verdict, oldest first."""
    query = select(*_COLUMNS).where(commands.c.done_at.is_(None)).order_by(commands.c.id)
    return [CommandRow._make(row) for row in conn.execute(query)]


def since(conn: Connection, command_id: int) -> list[CommandRow]:
    """List the commands after this one, with a verdict or without: every process heeds each.

    A few before it are listed, too: ids may be committed in another order than they were given.
    """
    first = command_id - _OVERTAKEN
    query = select(*_COLUMNS).where(commands.c.id > first).order_by(commands.c.id)
    return [CommandRow._make(row) for row in conn.execute(query)]


def last(conn: Connection) -> int:
    """Return the id of the last command ever submitted and still known; 0 when there is none."""
    return conn.execute(select(func.max(commands.c.id))).scalar() or 0


def get(conn: Connection, command_id: int) -> CommandRow | None:
    """Find a command and, once it has one, its verdict."""
    row = conn.execute(select(*_COLUMNS).where(commands.c.id == command_id)).first()
    return CommandRow._make(row) if row else None


def answer(
    conn: Connection, command_id: int, now: Instant, verdict: tuple[bool, str], who: str
) -> None:
    """Add what came of a command in one process; it is well when it is in all of them.

    The first text stands alone; another process is named, and only when it says something else.
    """
    ok, text = verdict
    query = select(*_COLUMNS).where(commands.c.id == command_id).with_for_update()
    row = conn.execute(query).first()
    if row is None:
        return
    if row.done_at is not None:
        ok = ok and row.ok
        text = row.verdict if text in row.verdict else f"{row.verdict}\n{who}: {text}"
    statement = update(commands).where(commands.c.id == command_id)
    conn.execute(statement.values(done_at=now, ok=ok, verdict=text))


def finish(conn: Connection, command_id: int, now: Instant, *, ok: bool, verdict: str) -> bool:
    """Give the verdict unless there is one; False then."""
    statement = (
        update(commands)
        .where(commands.c.id == command_id, commands.c.done_at.is_(None))
        .values(done_at=now, ok=ok, verdict=verdict)
    )
    return conn.execute(statement).rowcount == 1
