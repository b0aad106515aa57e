"""Waking whoever waits for a change in the store, in this process and in others.

Within a process it is a condition. Across processes PostgreSQL carries notifications; on SQLite a
waiter looks every 25 ms whether anybody committed. A signal is a hint, not a fact: whoever wakes
looks into the store, so that one too many costs a query and a lost one costs the timeout.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from math import inf
from secrets import token_hex
from threading import Condition, Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import text

from bridge.errors import StoreError
from bridge.store.database import Database

if TYPE_CHECKING:
    import psycopg

_POLL = 0.025
_HEARTBEAT = 1.0
"""Seconds in which the listener notices that it is to end, or tries to connect again."""


class Wake:
    """Signals by topic: `schedule`, `commands`, `published`.

    To miss nothing, take `seen` before looking into the store, and wait from there.
    """

    def __init__(self, database: Database) -> None:
        self._condition = Condition()
        self._counts: Counter[str] = Counter()
        self._closed = False
        self._others: _Others = (
            _Commits(database, self._arrived)
            if database.dialect == "sqlite"
            else _Notifications(database, self._arrived)
        )

    def seen(self, topic: str) -> int:
        """Give the number of the topic's last signal."""
        with self._condition:
            self._others.look()
            return self._count(topic)

    def notify(self, topic: str) -> None:
        """Wake every waiter of a topic; call it after the commit, with no transaction open."""
        self._arrived(topic)
        self._others.tell(topic)

    def wait(self, topic: str, timeout: float, seen: int | None = None) -> int | None:
        """Wait for a signal after the one numbered `seen`, by default for the next one.

        Args:
            topic: which signals.
            timeout: seconds.
            seen: what `seen` or an earlier `wait` returned.

        Returns:
            The number of the last signal; None when none came in time, or after `close`.
        """
        deadline = monotonic() + timeout
        with self._condition:
            self._others.look()
            start = self._count(topic) if seen is None else seen
            while not self._closed:
                if self._count(topic) > start:
                    return self._count(topic)
                remaining = deadline - monotonic()
                if remaining <= 0:
                    return None
                self._condition.wait(min(remaining, self._others.patience))
                self._others.look()
            return None

    def close(self) -> None:
        """Let every waiter go."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            self._others.stop()
        self._others.close()

    def _arrived(self, topic: str) -> None:
        with self._condition:
            self._counts[topic] += 1
            self._condition.notify_all()

    def _count(self, topic: str) -> int:
        return self._counts[topic] + self._counts[_ANY]


_ANY = ""
"""A signal of which only the existence is known: it counts for every topic."""


class _Others(Protocol):
    """What other processes signal."""

    patience: float
    """A waiter calls `look` at least so often, seconds."""

    def look(self) -> None: ...
    def tell(self, topic: str) -> None: ...
    def stop(self) -> None:
        """End looking; called with the condition's lock held, and before `close`."""

    def close(self) -> None: ...


class _Commits:
    """On SQLite every commit is a signal, ours and others': nothing has to be written for it.

    PRAGMA data_version changes when a connection other than the asking one commits. `look` is
    called with the condition's lock held.
    """

    patience = _POLL

    def __init__(self, database: Database, arrived: Callable[[str], None]) -> None:
        self._database = database
        self._arrived = arrived
        self._conn: sqlite3.Connection | None = None
        self._version = 0
        self._next_look = 0.0

    def look(self) -> None:
        now = monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _POLL
        with suppress(StoreError, sqlite3.Error):  # a waiter's timeout copes with a lost database
            conn = self._conn = self._conn or self._database.own_connection()
            version: int = conn.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._version = version
                self._arrived(_ANY)

    def tell(self, topic: str) -> None:
        """Do nothing: the commit was seen."""

    def stop(self) -> None:
        self._next_look = inf
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def close(self) -> None:
        """Do nothing: `stop` closed it while nobody could look."""


class _Notifications:
    """On PostgreSQL a thread listens, from the first waiter on."""

    patience = 3600.0

    def __init__(self, database: Database, arrived: Callable[[str], None]) -> None:
        self._database = database
        self._arrived = arrived
        self._name = token_hex(8)
        self._stop = Event()
        self._thread: Thread | None = None

    def look(self) -> None:
        if self._thread is None and not self._stop.is_set():
            self._thread = Thread(target=self._listen, name="store-wake", daemon=True)
            self._thread.start()

    def tell(self, topic: str) -> None:
        with suppress(StoreError), self._database.write() as conn:
            statement = text("SELECT pg_notify('busybridge', :payload)")
            conn.execute(statement, {"payload": f"{self._name} {topic}"})

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        if self._thread is not None:
            self.tell(_ANY)  # to our own listener, so that it looks
            self._thread.join()

    def _listen(self) -> None:
        import psycopg

        while not self._stop.is_set():
            with (
                suppress(StoreError, psycopg.Error),
                closing(self._database.own_connection()) as conn,
            ):
                conn.autocommit = True
                conn.execute("LISTEN busybridge")
                self._arrived(_ANY)  # what was told before is lost
                self._receive(conn)
            self._stop.wait(_HEARTBEAT)

    def _receive(self, conn: psycopg.Connection[tuple[object, ...]]) -> None:
        while not self._stop.is_set():
            for notice in conn.notifies(timeout=_HEARTBEAT):
                sender, _, topic = notice.payload.partition(" ")
                if sender != self._name:
                    self._arrived(topic)
                if self._stop.is_set():
                    return
