"""Bookings are carried out by threads: at once, beside each other, after a death by others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest

from bridge.app.outlet import Outlet, make_transport
from bridge.bookings.words import Result, Ticket
from bridge.config.live import Live
from bridge.config.settings import Outbound
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Rates
from bridge.model.resource import ConnectionId
from bridge.scheduler.dispatching import Dispatching
from bridge.scheduler.ground import Ground
from bridge.scheduler.scheduler import Scheduler
from bridge.store import leases, outbox
from bridge.store.outbox import LEASE, State
from tests.dispatch.stage import Stage, event
from tests.engine.house import ROOM, make_series

PATIENCE = timedelta(seconds=60)


class Running:
    """A stage with the threads of one process."""

    def __init__(
        self,
        stage: Stage,
        *,
        pulling: bool = True,
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.stage = stage
        ground = Ground(
            database=stage.database,
            wake=stage.wake,
            live=Live(stage.house.settings),
            clock=lambda: stage.house.now,
            random=Random(7),
        )
        self.budgets = ground.budgets
        self.outcomes: list[str] = []
        self._observe = observe
        self.dispatching = Dispatching(
            ground,
            stage.outbox,
            stage.dispatch,
            observe=self._tried,
        )
        engine = stage.house.ingest if pulling else None
        self.scheduler = Scheduler(
            ground, engine, dispatching=self.dispatching if pulling else None
        )

    def _tried(self, outcome: str) -> None:
        self.outcomes.append(outcome)
        self._observe(outcome)

    def settled(self, ticket: Ticket) -> Result:
        return self.stage.desk.wait(ticket, PATIENCE).result


@pytest.fixture
def start(open_stage: Callable[..., Stage]) -> Iterator[Callable[..., Running]]:
    """Starts the threads of a stage."""
    started: list[Running] = []

    def begin(
        *, pulling: bool = True, observe: Callable[[str], None] = lambda _: None, **resource: Any
    ) -> Running:
        running = Running(open_stage(**resource), pulling=pulling, observe=observe)
        running.scheduler.start()
        started.append(running)
        return running

    yield begin
    for running in started:
        running.scheduler.stop(PATIENCE.total_seconds())


def test_a_booking_is_carried_out_at_once(start: Callable[..., Running]) -> None:
    running = start()
    assert running.settled(running.stage.put(event())) is Result.SETTLED
    assert len(running.stage.events()) == 1
    assert running.scheduler.stop(PATIENCE.total_seconds())
    assert running.outcomes == ["settled"]


def test_a_failure_is_tried_again_when_it_is_due(start: Callable[..., Running]) -> None:
    running = start()
    stage = running.stage
    stage.memory.orders.give("put", TemporarilyUnavailable("down"), after=True)
    ticket = stage.put(event())
    seen = stage.wake.seen("booked")
    while stage.proposal(ticket).attempts == 0:
        stage.wake.wait("booked", 1, seen)
    stage.house.now += 60
    assert running.settled(ticket) is Result.SETTLED
    assert len(stage.events()) == 1


@contextmanager
def hanging(stage: Stage) -> Iterator[Event]:
    """The next write to the provider hangs meanwhile; tells when it does."""
    began, gate = Event(), Event()

    def hang() -> None:
        began.set()
        gate.wait(PATIENCE.total_seconds())

    stage.memory.orders.give("put", hang)
    try:
        yield began
    finally:
        gate.set()


def test_one_that_hangs_keeps_no_other_waiting(start: Callable[..., Running]) -> None:
    running = start()
    stage = running.stage
    with hanging(stage) as began:
        slow = stage.put(event())
        assert began.wait(PATIENCE.total_seconds())
        quick = stage.put(event("20261124T090000Z", "20261124T100000Z", uid="two"), name="two.ics")
        assert running.settled(quick) is Result.SETTLED
    assert running.settled(slow) is Result.SETTLED


def test_one_account_takes_half_of_the_threads_at_most(stage: Stage) -> None:
    dispatching = Running(stage).dispatching
    for hour in range(8):
        octets = event(f"20261124T{hour:02}0000Z", f"20261124T{hour:02}3000Z", uid=f"{hour}")
        stage.put(octets, f"{hour}.ics")
    assert len(dispatching.claim(8)) == 4
    assert dispatching.claim(4) == []


def test_an_account_that_has_spent_its_budget_takes_no_bookings_and_others_do(
    stage: Stage,
) -> None:
    running = Running(stage)
    budgets = running.budgets
    for _ in range(60):
        budgets.spend("room-a.work")
    stage.put(event())
    assert len(running.dispatching.claim(8)) == 1, "its kind has no budget"
    budgets.metered(Outlet(make_transport(Outbound())), "memory", "room-a.work", Rates(100, 100))
    stage.house.now += LEASE
    for _ in range(60):
        budgets.spend("room-a.work")
    assert running.dispatching.claim(8) == []


def test_calendars_are_read_once_more_before_a_booking_is_decided(
    start: Callable[..., Running],
) -> None:
    running = start(bookings={"recheck": {"timeout": "60s"}})
    stage = running.stage
    # The stage was read before its threads began, which read it once more: no sooner than that.
    assert running.scheduler.sync([ROOM], PATIENCE, full=True)
    stage.calendar.put("other", make_series("2026-11-23 09:30", uid="other"))
    stage.house.now += 31
    ticket = stage.put(event())
    assert running.settled(ticket) is Result.REFUSED
    assert list(stage.calendar.objects) == ["other"]


def test_fresh_calendars_are_not_read_again_and_a_change_of_title_needs_none(
    start: Callable[..., Running],
) -> None:
    recheck = {"recheck": {"timeout": "60s"}}
    running = start(sections={"sync": {"after_write": "1h"}}, bookings=recheck)
    stage = running.stage
    assert running.scheduler.sync([ROOM], PATIENCE, full=True)
    stage.house.now += 31
    assert running.settled(stage.put(event())) is Result.SETTLED
    read = stage.memory.listings
    two = event("20261124T090000Z", "20261124T100000Z", uid="two")
    assert running.settled(stage.put(two, name="two.ics")) is Result.SETTLED
    stage.house.now += 31
    assert running.settled(stage.put(event(title="Other"))) is Result.SETTLED
    assert stage.memory.listings == read


@pytest.mark.covers("S4-31")
def test_what_is_changed_right_after_a_write_shows_long_before_the_interval(
    start: Callable[..., Running],
) -> None:
    running = start(sections={"sync": {"interval": "1h", "after_write": "30s"}})
    stage = running.stage
    assert running.scheduler.sync([ROOM], PATIENCE, full=True)
    assert running.settled(stage.put(event())) is Result.SETTLED
    stage.edit(lambda it: replace(it, summary="Renamed by its owner"))
    work = ConnectionId("room-a.work")
    ends = monotonic() + PATIENCE.total_seconds()
    # The thread that settled it has it read back a moment later.
    while _due(stage, work) > stage.now + 30 and monotonic() < ends:
        sleep(0.01)
    seen = stage.wake.seen("published")
    stage.house.now += 30
    while "Renamed by its owner" not in stage.text() and monotonic() < ends:
        running.scheduler.stir()
        seen = stage.wake.wait("published", 1, seen) or seen
    assert "Renamed by its owner" in stage.text()


def _due(stage: Stage, connection_id: ConnectionId) -> int:
    with stage.database.read() as conn:
        due = leases.due_at(conn, connection_id)
    assert due is not None
    return due


def test_a_source_that_cannot_be_read_holds_no_booking_up(start: Callable[..., Running]) -> None:
    running = start()
    stage = running.stage
    stage.memory.fail(TemporarilyUnavailable("down"))
    stage.house.now += 31
    assert running.settled(stage.put(event())) is Result.SETTLED


def test_a_process_that_only_answers_carries_nothing_out(start: Callable[..., Running]) -> None:
    running = start(pulling=False)
    stage = running.stage
    ticket = stage.put(event())
    assert stage.end(ticket).result is Result.WITHDRAWN
    assert stage.events() == []


@pytest.mark.covers("P11")
def test_what_is_not_finished_in_time_is_given_to_others(
    start: Callable[..., Running],
) -> None:
    running = start()
    stage = running.stage
    with hanging(stage) as began:
        ticket = stage.put(event())
        assert began.wait(PATIENCE.total_seconds())
        assert not running.scheduler.stop(0.2)
        (claim,) = stage.claims()
        assert claim.is_retry
        assert stage.dispatch.run(claim).outcome == "settled"
    assert stage.proposal(ticket).state is State.SETTLED
    assert len(stage.events()) == 1


def test_what_is_claimed_while_its_booking_still_counts_as_running_was_never_begun(
    stage: Stage,
) -> None:
    dispatching = Running(stage).dispatching
    stage.put(event())
    (job,) = dispatching.claim(5)
    dispatching.run(job)
    ticket = stage.put(event("20261124T090000Z", "20261124T100000Z"))
    (anew,) = dispatching.claim(5, [job])
    job.join(anew)
    assert job.is_claimed_anew
    dispatching.give_back([job])
    (again,) = dispatching.claim(5)
    assert not again.claim.is_retry
    dispatching.give_back([again])
    assert stage.end(ticket).result is Result.WITHDRAWN


def test_a_change_that_is_asked_for_while_the_last_one_ends_is_carried_out(
    start: Callable[..., Running],
) -> None:
    tickets: list[Ticket] = []

    def ask_again(_: str) -> None:
        """In the thread that settled the first one, until the second one is claimed."""
        if tickets:
            return
        tickets.append(stage.put(event("20261124T090000Z", "20261124T100000Z")))
        seen = stage.wake.seen("outbox")
        while stage.proposal(tickets[0]).state is State.QUEUED:
            stage.wake.wait("outbox", 0.1, seen)

    running = start(observe=ask_again)
    stage = running.stage
    assert running.settled(stage.put(event())) is Result.SETTLED
    while not tickets:
        stage.wake.wait("booked", 0.1, None)
    assert running.settled(tickets[0]) is Result.SETTLED


def test_a_lease_that_is_renewed_stays(stage: Stage) -> None:
    dispatching = Running(stage).dispatching
    stage.put(event())
    (job,) = dispatching.claim(5)
    stage.house.now += LEASE - 1
    dispatching.renew([job])
    stage.house.now += LEASE - 1
    assert dispatching.claim(5) == []
    stage.house.now += 2
    assert len(dispatching.claim(5)) == 1


@pytest.mark.covers("P11")
def test_what_a_killed_process_had_claimed_is_gone_on_with_when_the_next_one_starts(
    stage: Stage,
) -> None:
    program = "from bridge.scheduler.ground import make_owner; print(make_owner())"
    gone = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()
    stage.put(event())
    assert len(stage.outbox.claim(gone, stage.now, 1, LEASE)) == 1
    dispatching = Running(stage).dispatching
    dispatching.keep_house()
    # Who shares a SQLite file shares the machine; elsewhere the lease ends by itself.
    found = dispatching.claim(5)
    assert len(found) == (0 if stage.database.path is None else 1)
    assert all(job.claim.is_retry for job in found)


@pytest.mark.covers("F29")
def test_a_clock_that_was_set_back_puts_no_booking_off_for_ever(stage: Stage) -> None:
    ticket = stage.put(event())
    with stage.database.write() as conn:
        outbox.change(conn, ticket.proposal_id, due_at=stage.now + 5 * 365 * 86400)
    dispatching = Running(stage).dispatching
    assert dispatching.claim(5) == []
    dispatching.keep_house()
    assert len(dispatching.claim(5)) == 1
