"""Claims: each due pull to one process only, and back again when that process dies."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert

from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store import connections, leases, resources, schedule
from bridge.store.calendars import of_connection
from bridge.store.connections import Failure
from bridge.store.database import Database
from bridge.store.schedule import LONGEST_LEASE, Claim
from bridge.store.schema import calendars
from tests.builders import NOW, store_resource

LEASE = 60


def claim(
    database: Database, now: int = NOW, limit: int = 100, connection: ConnectionId | None = None
) -> list[Claim]:
    with database.write() as conn:
        return schedule.claim(conn, "test", now, limit, LEASE, connection)


def release(database: Database, held: Claim, next_due: int, *, done: bool = True) -> bool:
    with database.write() as conn:
        return schedule.release(conn, held, next_due, done=done)


def mark(database: Database, connection: ConnectionId, now: int, *, full: bool = False) -> None:
    with database.write() as conn:
        schedule.mark(conn, [connection], now, full=full)


def next_due(database: Database) -> int | None:
    with database.read() as conn:
        return schedule.next_due(conn)


def test_a_claimed_connection_is_not_claimed_again_while_its_lease_lasts(
    database: Database,
) -> None:
    [work] = store_resource(database)
    taken = Claim(work, ResourceId("room-a"), 1, full=False, marked_at=None, due_at=NOW)
    assert claim(database) == [taken]
    assert claim(database, NOW + LEASE - 1) == []
    assert next_due(database) == NOW + LEASE


@pytest.mark.covers("F67")
def test_a_claim_of_a_killed_process_comes_back_when_its_lease_ends(database: Database) -> None:
    store_resource(database)
    [lost] = claim(database)
    [again] = claim(database, NOW + LEASE)
    assert again.fence == lost.fence + 1
    assert not release(database, lost, NOW + 300), "it woke up after its lease had ended"
    assert release(database, again, NOW + 600)
    assert next_due(database) == NOW + 600


def test_a_release_sets_when_the_connection_is_due_again(database: Database) -> None:
    store_resource(database)
    [held] = claim(database)
    assert release(database, held, NOW + 300)
    assert claim(database, NOW + 299) == []
    assert len(claim(database, NOW + 300)) == 1


def test_marked_connections_come_first_and_then_the_longest_due(database: Database) -> None:
    early, late, marked = store_resource(database, names=("early", "late", "marked"))
    for held in claim(database):
        due = {early: NOW + 100, late: NOW + 200, marked: NOW + 900}[held.connection_id]
        release(database, held, due)
    mark(database, marked, NOW + 250)
    with database.write() as conn:
        found = [schedule.claim(conn, "test", NOW + 250, 1, LEASE)[0] for _ in range(3)]
    assert [each.connection_id for each in found] == [marked, early, late]
    assert found[0].marked_at == NOW + 250


def test_a_mark_during_a_pull_makes_the_connection_due_at_its_end(database: Database) -> None:
    [work] = store_resource(database)
    [held] = claim(database)
    mark(database, work, NOW)
    assert next_due(database) == NOW + LEASE, "nobody can claim it before"
    release(database, held, NOW + 300)
    assert next_due(database) == NOW
    assert claim(database)[0].marked_at == NOW


def test_many_writes_have_a_connection_pulled_once_and_never_later_than_it_was(
    database: Database,
) -> None:
    [work] = store_resource(database)
    [held] = claim(database)
    release(database, held, NOW + 3600)
    for latest in (NOW + 30, NOW + 40, NOW + 50):
        with database.write() as conn:
            leases.follow(conn, work, latest)
    assert next_due(database) == NOW + 30
    [held] = claim(database, NOW + 30)
    assert held.marked_at is None
    with database.write() as conn:
        leases.follow(conn, work, NOW + 61)  # written while it is pulled
    release(database, held, NOW + 3630)
    assert next_due(database) == NOW + 61
    [held] = claim(database, NOW + 61)
    with database.write() as conn:
        leases.follow(conn, work, NOW + 100)
    release(database, held, NOW + 71)
    assert next_due(database) == NOW + 71


def test_writes_do_not_delay_a_pull_that_somebody_asked_for(database: Database) -> None:
    [work] = store_resource(database)
    for follow_first in (False, True):
        [held] = claim(database)
        for follows in (follow_first, not follow_first):
            with database.write() as conn:
                if follows:
                    leases.follow(conn, work, NOW + 30)
                else:
                    leases.want(conn, [work], NOW, NOW)
        release(database, held, NOW + 3600)
        assert next_due(database) == NOW, "a decision may wait for it"


def test_writes_do_not_hurry_a_connection_that_fails_or_rests(database: Database) -> None:
    [work] = store_resource(database)
    [held] = claim(database)
    release(database, held, NOW + 3600)
    for failure in (
        Failure("rate_limited", "slow", limited_until=NOW + 600),
        Failure("down", "no answer"),
    ):
        with database.write() as conn:
            connections.record_failure(conn, work, NOW, failure)
            leases.follow(conn, work, NOW + 30)
        assert next_due(database) == NOW + 3600


def test_a_wanted_full_listing_stays_wanted_until_it_was_done(database: Database) -> None:
    [work] = store_resource(database)
    mark(database, work, NOW, full=True)
    [first] = claim(database)
    release(database, first, NOW, done=False)
    [second] = claim(database)
    mark(database, work, NOW, full=True)
    release(database, second, NOW + 300)
    [third] = claim(database)
    release(database, third, NOW)
    [fourth] = claim(database)
    assert [each.full for each in (first, second, third, fourth)] == [True, True, True, False]


def test_a_provider_that_asked_for_a_pause_is_left_alone_however_often_it_is_marked(
    database: Database,
) -> None:
    [work] = store_resource(database)
    [held] = claim(database)
    with database.write() as conn:
        failure = Failure("rate_limited", "429", limited_until=NOW + 500)
        connections.record_failure(conn, work, NOW, failure)
    mark(database, work, NOW + 1)
    release(database, held, NOW + 500, done=False)
    assert next_due(database) == NOW + 500
    mark(database, work, NOW + 2)
    assert next_due(database) == NOW + 500
    assert claim(database, NOW + 499) == []
    assert claim(database, NOW + 499, connection=work) == []
    assert len(claim(database, NOW + 500)) == 1


@pytest.mark.parametrize(
    "status", [ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED, ConnectionStatus.PENDING]
)
def test_a_stopped_connection_is_not_pulled(database: Database, status: ConnectionStatus) -> None:
    [work] = store_resource(database)
    with database.write() as conn:
        connections.set_status(conn, work, status)
    assert claim(database) == []
    assert next_due(database) is None


def test_connections_of_a_parked_resource_are_not_pulled(database: Database) -> None:
    store_resource(database)
    with database.write() as conn:
        resources.park(conn, [ResourceId("room-a")])
    assert claim(database) == []
    assert next_due(database) is None


def test_a_named_connection_is_claimed_before_it_is_due_but_not_from_its_holder(
    database: Database,
) -> None:
    [work, _] = store_resource(database, names=("work", "other"))
    for held in claim(database):
        release(database, held, NOW + 300)
    [held] = claim(database, NOW + 1, connection=work)
    assert held.connection_id == work
    assert claim(database, NOW + 2, connection=work) == []


def test_a_lease_is_never_longer_than_what_tells_a_clock_that_ran_ahead(database: Database) -> None:
    with database.write() as conn, pytest.raises(ValueError, match="a lease lasts"):
        schedule.claim(conn, "test", NOW, 1, LONGEST_LEASE + 1)


@pytest.mark.covers("F29")
def test_connections_come_back_when_a_clock_that_ran_a_year_ahead_is_set_right(
    database: Database,
) -> None:
    done, held = store_resource(database, names=("done", "held"))
    ahead = NOW + 365 * 86400
    for each in claim(database, ahead):
        with database.write() as conn:
            connections.record_attempt(conn, each.connection_id, ahead)
        if each.connection_id == done:
            release(database, each, ahead + 300)
    assert claim(database) == []
    with database.write() as conn:
        assert schedule.heal_clock(conn, NOW) == 2
        assert schedule.heal_clock(conn, NOW) == 0
    assert {each.connection_id for each in claim(database)} == {done, held}


@pytest.mark.covers("F29")
def test_healing_the_clock_heals_what_calendars_note_by_it(database: Database) -> None:
    [work] = store_resource(database)
    far = NOW + 5 * 365 * 86400
    with database.write() as conn:
        conn.execute(
            insert(calendars).values(
                id="c", connection_id=work, success_at=far, failed_since=far, full_at=far
            )
        )
        schedule.heal_clock(conn, NOW)
        [row] = of_connection(conn, work)
    assert (row.success_at, row.failed_since, row.full_at) == (NOW, NOW, None)


@pytest.mark.covers("F29")
def test_healing_the_clock_takes_nothing_from_a_process_that_works(database: Database) -> None:
    [work] = store_resource(database)
    claim(database, NOW + 200)  # another host, whose clock is a little ahead
    with database.write() as conn:
        connections.record_attempt(conn, work, NOW + 200)
        assert schedule.heal_clock(conn, NOW) == 0


def test_threads_that_claim_at_once_never_get_the_same_pull(database: Database) -> None:
    store_resource(database, names=tuple(f"c{number}" for number in range(200)))

    def drain(_: int) -> list[str]:
        taken: list[str] = []
        while found := claim(database, limit=7):
            taken += [each.connection_id for each in found]
        return taken

    with ThreadPoolExecutor(4) as pool:
        counts = Counter(name for taken in pool.map(drain, range(4)) for name in taken)
    assert len(counts) == 200
    assert set(counts.values()) == {1}


DRAIN = """
import sys
from bridge.store import schedule
from bridge.store.database import Database
database = Database(sys.argv[1])
sys.stdin.readline()
while True:
    with database.write() as conn:
        found = schedule.claim(conn, sys.argv[2], int(sys.argv[3]), 3, 60)
    if not found:
        break
    for claim in found:
        with database.write() as conn:
            assert schedule.release(conn, claim, int(sys.argv[3]) + 300, done=True)
        print(claim.connection_id)
"""


@pytest.mark.covers("F67")
def test_processes_on_the_same_data_share_the_pulls(database: Database) -> None:
    store_resource(database, names=tuple(f"c{number}" for number in range(60)))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", DRAIN, database.url, name, str(NOW)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    taken = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    counts = Counter(name for names in taken for name in names)
    assert len(counts) == 60
    assert set(counts.values()) == {1}
