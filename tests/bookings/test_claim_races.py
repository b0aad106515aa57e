"""Claims that are made while somebody decides about the same booking; both see the moment before.

On a server alone: where a database is a file, one transaction writes at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text

from bridge.bookings import Claim, failing
from bridge.bookings.words import Result
from bridge.store import bookings, claiming, outbox
from bridge.store.database import Database
from tests.bookings.hall import LEASE, ROOM, Hall, event

It = TypeVar("It")


@pytest.fixture
def hall(postgresql_url: str) -> Iterator[Hall]:
    with closing(Database(postgresql_url, patience=timedelta(minutes=1))) as database:
        hall = Hall(database)
        yield hall
        hall.close()


def while_it_is_claimed(hall: Hall, decide: Callable[[], It]) -> It:
    """Decide after another process has claimed a proposal, and before that is committed."""
    with ThreadPoolExecutor(1) as pool:
        with hall.database.write() as conn:
            assert len(claiming.claim(conn, "another", hall.now, 1, LEASE)) == 1
            decided = pool.submit(decide)
            until_it_waits(hall.database, decided)
        return decided.result()


def until_it_waits(database: Database, decided: Future[It]) -> None:
    waiting = text(
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while not decided.done():
        with database.read() as conn:
            if conn.execute(waiting).first():
                return
        time.sleep(0.01)


def test_a_client_is_not_told_that_nothing_was_done_once_its_booking_is_claimed(
    hall: Hall,
) -> None:
    ticket = hall.put(event())
    outcome = while_it_is_claimed(hall, lambda: hall.end(ticket))
    assert outcome.result is Result.TENTATIVE
    assert hall.names() == ["one.ics"]
    assert hall.proposal(ticket).state is outbox.State.CLAIMED


@pytest.mark.parametrize(
    "decide",
    [
        lambda hall, claim: hall.settle(claim),
        lambda hall, claim: hall.outbox.refuse(claim, "no", hall.now),
        lambda hall, claim: hall.outbox.fail(claim, ("timeout", "no answer"), hall.now),
    ],
    ids=["settled", "refused", "failed"],
)
def test_what_was_claimed_by_another_is_not_ended_by_whoever_had_it_before(
    hall: Hall, decide: Callable[[Hall, Claim], bool]
) -> None:
    ticket = hall.put(event())
    late = hall.claim()
    hall.house.now += LEASE
    assert not while_it_is_claimed(hall, lambda: decide(hall, late))
    assert hall.names() == hall.told() == []
    proposal = hall.proposal(ticket)
    assert (proposal.state, proposal.lease_owner) == (outbox.State.CLAIMED, "another")


def test_a_change_that_came_between_the_look_and_the_locks_of_another_claim_is_alone(
    hall: Hall,
) -> None:
    """Of one booking its meeting was due, and while another process looked, a change came."""
    hall.book(event())
    with hall.database.write() as conn:
        [booking] = bookings.by_uid(conn, ROOM, "one")
        outbox.owe(conn, booking.id, hall.now, actor="alice", name="one.ics", progress={})
        for statement in _SLOW:
            conn.execute(text(statement))
    with ThreadPoolExecutor(1) as pool:
        with hall.database.write() as conn:
            conn.execute(text("SELECT pg_advisory_xact_lock(19)"))
            claimed = pool.submit(lambda: slowly_claimed(hall))
            until_it_waits(hall.database, claimed)
            hall.put(event("20261123T140000Z", "20261123T150000Z"))
            assert hall.claim().kind is outbox.Kind.CHANGE
        assert claimed.result() == []


_SLOW = (
    "ALTER TABLE connections RENAME TO known",
    "CREATE FUNCTION look() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
    " IF current_setting('test.slow', true) = 'on'"
    " THEN PERFORM pg_advisory_xact_lock_shared(19); END IF; RETURN true; END $$",
    "CREATE VIEW connections AS SELECT * FROM known WHERE look()",
)
"""Whoever is slow waits in the middle of its look, with what it saw."""


def slowly_claimed(hall: Hall) -> list[outbox.ProposalRow]:
    with hall.database.write() as conn:
        conn.execute(text("SET LOCAL test.slow = 'on'"))
        return claiming.claim(conn, "slow", hall.now, 10, LEASE)


def test_of_two_who_have_the_same_tried_again_only_one_does(hall: Hall) -> None:
    hall.put(event())
    claim = hall.claim()
    assert hall.outbox.fail(claim, ("broken", "a fault"), hall.now)
    with ThreadPoolExecutor(1) as pool:
        with hall.database.write() as conn:
            assert failing.again(conn, claim.proposal.id, hall.now)
            [again] = claiming.claim(conn, "another", hall.now, 1, LEASE)
            decided = pool.submit(hall.desk.retry, claim.booking.id)
            until_it_waits(hall.database, decided)
        assert not decided.result()
    assert hall.claims() == [], "it is worked on"
    assert hall.settle(replace(claim, proposal=again))


@pytest.mark.covers("F50")
def test_two_generations_of_one_uid_are_never_worked_on_at_once(hall: Hall) -> None:
    """While one process claims what is owed of the one before, a client makes it anew."""
    hall.book(event())
    hall.delete()
    gone = hall.claim()
    owed = {"cancel": "zoom 123"}
    assert hall.outbox.settle(gone, None, None, hall.now, owed=owed)
    with hall.database.write() as conn:
        [owing] = claiming.claim(conn, "another", hall.now, 10, LEASE)
        assert owing.kind is outbox.Kind.MEETING
        hall.put(event())
        assert hall.claims() == []
    assert hall.claims() == [], "the other one has it now"
    hall.house.now += LEASE
    [new] = hall.claims()
    assert new.kind is outbox.Kind.CREATE


def test_of_one_uid_that_two_make_anew_at_once_one_lives(hall: Hall) -> None:
    hall.book(event())
    with ThreadPoolExecutor(2) as pool:
        hall.delete()
        tickets = list(pool.map(hall.put, [event(title="Mine"), event(title="Yours")]))
    while claims := hall.claims():
        assert len(claims) == 1, "in order"
        hall.settle(claims[0])
    assert {hall.end(it).result for it in tickets} == {Result.SETTLED}
    assert hall.names() == ["one.ics"]
    with hall.database.read() as conn:
        states = [it.state for it in bookings.by_uid(conn, ROOM, "one")]
    assert states == [bookings.State.CONFIRMED, bookings.State.REMOVED]
