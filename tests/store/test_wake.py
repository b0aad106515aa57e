"""Waiting for a change: woken in this process, from another one, and never for nothing known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from time import monotonic, thread_time

import pytest
from sqlalchemy import text

from bridge.store import meta
from bridge.store.database import Database
from bridge.store.wake import Wake

PATIENCE = 60.0
"""Seconds after which something that must happen counts as not happening."""


@pytest.fixture
def wake(database: Database) -> Iterator[Wake]:
    made = Wake(database)
    yield made
    made.close()


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    thread = Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_waiter_wakes_when_its_topic_is_signalled(wake: Wake) -> None:
    seen = wake.seen("schedule")
    with meanwhile(lambda: wake.notify("schedule")):
        assert wake.wait("schedule", 30, seen)


def test_a_signal_between_looking_and_waiting_is_not_lost(wake: Wake) -> None:
    seen = wake.seen("schedule")
    wake.notify("schedule")
    assert wake.wait("schedule", 0, seen)


def test_a_wait_ends_at_its_timeout(database: Database, wake: Wake) -> None:
    with database.read() as conn:
        meta.get(conn, "key")
    # The first signal has no topic: it says that others are listened to from now on.
    assert (seen := wake.wait("schedule", PATIENCE, 0))
    started = monotonic()
    assert wake.wait("schedule", 0.2, seen) is None
    assert 0.15 < monotonic() - started < 10


def test_another_topic_does_not_wake_on_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    wake = Wake(database)
    assert wake.wait("schedule", PATIENCE, 0), "until the listener listens"
    seen = wake.seen("schedule")
    wake.notify("published")
    assert wake.wait("schedule", 0.2, seen) is None
    assert wake.wait("published", 0, 0)
    wake.close()
    database.close()


OTHER_PROCESS = """
import sys
from bridge.store import meta
from bridge.store.database import Database
from bridge.store.wake import Wake
database = Database(sys.argv[1])
wake = Wake(database)
sys.stdin.readline()
with database.write() as conn:
    meta.put(conn, "key", "value")
wake.notify("published")
wake.close()
"""


@contextmanager
def another_process(database: Database) -> Iterator[Callable[[], None]]:
    """A process that, when told, commits and signals `published`."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, database.url], stdin=subprocess.PIPE, text=True
    )

    def go() -> None:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()

    try:
        yield go
    finally:
        process.communicate(timeout=60)


def value(database: Database) -> str | None:
    with database.read() as conn:
        return meta.get(conn, "key")


def test_a_commit_of_another_process_wakes_the_waiter(database: Database, wake: Wake) -> None:
    with another_process(database) as go:
        seen: int | None = wake.seen("published")
        go()
        while value(database) is None:
            seen = wake.wait("published", PATIENCE, seen)
            assert seen is not None, "woken, not timed out"
    assert value(database) == "value"


def test_many_waiters_all_wake(wake: Wake) -> None:
    seen = wake.seen("published")
    with ThreadPoolExecutor(16) as pool:
        waits = [pool.submit(wake.wait, "published", 30, seen) for _ in range(16)]
        wake.notify("published")
        assert all(wait.result() for wait in waits)


def test_closing_lets_waiters_go(wake: Wake) -> None:
    seen = wake.seen("published") + 1_000_000
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wake.wait, "published", 60 * PATIENCE, seen)
        wake.close()
        assert waiting.result(timeout=PATIENCE) is None
    assert wake.wait("published", 60) is None


def test_waiting_costs_next_to_nothing(wake: Wake) -> None:
    seen = wake.seen("published") + 1_000_000
    before = thread_time()
    assert wake.wait("published", 1.0, seen) is None
    assert thread_time() - before < 0.05


def test_a_listener_whose_connection_was_cut_listens_again(
    postgresql_url: str,
) -> None:
    database = Database(postgresql_url)
    wake = Wake(database)
    seen = wake.wait("published", PATIENCE, 0)
    assert seen
    with database.write() as conn:
        conn.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert wake.wait("published", PATIENCE, seen), "it may have missed something, so it says so"
    wake.close()
    database.close()
