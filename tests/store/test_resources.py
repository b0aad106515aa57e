"""The change sequence of a resource: no gap, no two alike, in the order of commits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from bridge.model.interval import Window
from bridge.model.resource import Projection, ResourceId
from bridge.store import busy, resources
from bridge.store.busy import ChangeRow
from bridge.store.database import Database
from bridge.store.resources import Owner, ResourceState
from tests.builders import NOW, store_resource

ROOM = ResourceId("room-a")
TIMES = Projection.TIMES.value
THREADS, TRANSACTIONS = 4, 75


def change(database: Database, name: str, count: int) -> None:
    """Log so many changes in one transaction, as publishing does."""
    with database.write() as conn:
        row = resources.lock(conn, ROOM)
        assert row
        last = resources.advance(conn, ROOM, changes=count, changed_at=NOW)
        assert last == row.change_seq + count, "somebody else came between lock and advance"
        rows = [
            ChangeRow(ROOM, TIMES, f"{name}-{seq}", seq, deleted=False, changed_at=NOW)
            for seq in range(last - count + 1, last + 1)
        ]
        busy.log(conn, rows)


def test_a_reader_that_polls_changes_never_misses_one_while_threads_write(
    database: Database,
) -> None:
    store_resource(database)
    finished = Event()

    def write(thread: int) -> int:
        total = 0
        for number in range(TRANSACTIONS):
            count = 1 + (thread + number) % 3
            change(database, f"{thread}-{number}", count)
            total += count
        return total

    def poll() -> list[int]:
        seen: list[int] = []
        while True:
            last_round = finished.is_set()
            with database.read() as conn:
                found = busy.changes_since(conn, ROOM, TIMES, seen[-1] if seen else 0)
            seen += [row.seq for row in found]
            if last_round:
                return seen

    with ThreadPoolExecutor(THREADS + 1) as pool:
        reader = pool.submit(poll)
        try:
            total = sum(pool.map(write, range(THREADS)))
        finally:
            finished.set()
        assert reader.result() == list(range(1, total + 1))


def test_a_change_that_is_rolled_back_leaves_no_gap(database: Database) -> None:
    store_resource(database)
    with pytest.raises(RuntimeError, match="give up"), database.write() as conn:
        resources.lock(conn, ROOM)
        resources.advance(conn, ROOM, changes=5, changed_at=NOW)
        raise RuntimeError("give up")
    change(database, "next", 1)
    with database.read() as conn:
        assert [row.seq for row in busy.changes_since(conn, ROOM, TIMES, 0)] == [1]


def test_a_changed_plan_raises_the_generation_and_an_epoch_lasts(database: Database) -> None:
    with database.write() as conn:
        resources.upsert(conn, {ROOM: "{}"}, managed_by=Owner.FILE)
        first = resources.get(conn, ROOM)
        resources.upsert(conn, {ROOM: '{"name": "A"}'}, managed_by=Owner.FILE)
        second = resources.get(conn, ROOM)
    assert first
    assert second
    assert (first.generation, second.generation) == (1, 2)
    assert first.epoch == second.epoch != ""
    assert second.plan == '{"name": "A"}'


def test_a_parked_resource_is_not_among_the_active_ones_until_it_returns(
    database: Database,
) -> None:
    store_resource(database, "room-a")
    store_resource(database, "room-b")
    with database.write() as conn:
        resources.park(conn, [ROOM])
        assert [row.id for row in resources.all_active(conn)] == ["room-b"]
        assert resources.count(conn) == {ResourceState.ACTIVE: 1, ResourceState.PARKED: 1}
        resources.upsert(conn, {ROOM: "{}"}, managed_by=Owner.FILE)
        assert [row.id for row in resources.all_active(conn)] == ["room-a", "room-b"]
        assert [row.id for row in resources.every(conn)] == ["room-a", "room-b"]


def test_a_horizon_is_remembered(database: Database) -> None:
    store_resource(database)
    with database.write() as conn:
        resources.set_horizon(conn, ROOM, Window(10, 20))
        row = resources.get(conn, ROOM)
    assert row
    assert row.horizon == Window(10, 20)
