"""Purging: events go, bookings and meetings end, and what was queued makes nothing anew."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from bridge import deadline
from bridge.bookings.words import Result
from bridge.config.plan import MirrorPlan
from bridge.dispatch.clearing import PURGED, Clearing
from bridge.dispatch.purging import Purged, Purging
from bridge.errors import RateLimited, RemoteRejected, StoreError, TemporarilyUnavailable
from bridge.model.resource import ConnectionId
from bridge.provider import AccessRole, CalendarId, RemoteId
from bridge.sink import Desired
from bridge.store import mirrors
from bridge.store.bookings import State
from tests.bookings.hall import INSTANCE, LEASE, ROOM
from tests.dispatch.stage import Killed, Stage, event, kill
from tests.dispatch.test_meetings import meeting
from tests.dispatch.test_transfers import receives
from tests.engine.house import make_series

WORK, TEAM = ConnectionId("room-a.work"), ConnectionId("room-a.team")
DAY = timedelta(days=1)
DOWN = TemporarilyUnavailable("it is down")
LATER = ("20261123T140000Z", "20261123T150000Z")


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Stage:
    """Written to in one calendar, with an account that makes meetings at Zoom."""
    made = open_stage(zoom=True)
    made.calendar.info = replace(made.calendar.info, role=AccessRole.WRITE)
    made.calendar.put("theirs", make_series("2026-11-23T20:00", uid="theirs"))
    return made


def purging(stage: Stage, *, clock: Callable[[], int] | None = None) -> Purging:
    clock = clock or (lambda: stage.now)
    clearing = Clearing(
        database=stage.database, publisher=stage.house.publisher, wake=stage.wake, clock=clock
    )
    return Purging(accounts=stage.house.accounts, instance=INSTANCE, clock=clock, clearing=clearing)


def purge(stage: Stage) -> Purged:
    return purging(stage).purge(WORK)


def standing(stage: Stage) -> list[str]:
    return sorted(it.uid for it in stage.events())


def mirrored(stage: Stage) -> str:
    """Have a mirror that is written to the calendar, and give its id."""
    plan = MirrorPlan(
        to="work/main", connection_id=WORK, calendar="main", sources=(), title="Busy", ahead=DAY
    )
    with stage.database.write() as conn:
        mirrors.sync_mirrors(conn, ROOM, [plan], stage.now)
    return mirrors.mirror_id(ROOM, plan.to)


def test_a_booking_ends_with_its_event_and_its_meeting(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    assert standing(stage) == ["one", "theirs"]
    purged = purge(stage)
    assert (len(purged.deleted), purged.left, purged.meetings) == (1, [], [])
    assert standing(stage) == ["theirs"]
    assert stage.meetings() == []
    assert (stage.booking().state, stage.booking().reason) == (State.CANCELLED, PURGED)
    assert "STATUS:CANCELLED" in stage.text()
    assert "booking.cancelled" in stage.told()
    assert stage.later() == [], "nothing is owed"
    assert purge(stage) == Purged()
    again = stage.done(stage.put(event()))
    assert again.result is Result.SETTLED, "it may be booked again"


def test_what_is_queued_makes_nothing_anew(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.put(event(*LATER))
    stage.put(event("20261123T170000Z", "20261123T180000Z", uid="two"), "two.ics")
    stage.house.now += 1
    purge(stage)
    assert stage.later() == []
    assert standing(stage) == ["theirs"]
    assert stage.booking().state is State.CANCELLED
    assert stage.names() == ["one.ics"], "nobody saw the other one"
    assert stage.busy() == []


def test_what_failed_is_not_tried_again_and_its_meeting_goes(stage: Stage) -> None:
    stage.memory.orders.give("put", DOWN, times=None)
    stage.put(meeting("zoom"))
    stage.later(4 * 86400)
    assert len(stage.meetings()) == 1
    stage.memory.orders.forget()
    assert purge(stage).meetings == []
    assert stage.meetings() == []
    assert not stage.desk.retry(stage.booking().id)


def test_a_purge_that_was_killed_leaves_the_rest_as_it_was_and_is_done_again(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.done(stage.put(event(uid="two", start=LATER[0], end=LATER[1]), "two.ics"))
    stage.put(event(title="Other"))
    deleted = count()
    stage.memory.orders.give("delete", lambda: kill() if next(deleted) else None, times=None)
    with pytest.raises(Killed):
        purge(stage)
    stage.memory.orders.forget()
    assert len(standing(stage)) == 2
    assert stage.booking().state is State.CONFIRMED
    stage.house.now += 1
    assert purge(stage).is_whole
    assert standing(stage) == ["theirs"]
    assert stage.booking().state is State.CANCELLED
    assert stage.later() == []


def test_what_a_killed_purge_held_goes_on_within_minutes(stage: Stage) -> None:
    stage.done(stage.put(event()))
    mirrored(stage)
    stage.put(event(uid="two", start=LATER[0], end=LATER[1]), "two.ics")
    clearing, process = purging(stage).clearing, copy_context()
    assert clearing is not None
    purge_there = clearing.holding(WORK)
    process.run(purge_there.__enter__)
    stage.house.now += 179
    assert stage.outcomes() == []
    stage.house.now += 1
    with stage.database.read() as conn:
        assert mirrors.is_any_due(conn, stage.now)
    assert stage.outcomes() == ["settled"]
    assert standing(stage) == ["one", "theirs", "two"]
    process.run(purge_there.__exit__, None, None, None)


def test_a_purge_that_takes_an_hour_holds_what_is_queued_all_the_while(stage: Stage) -> None:
    for n in range(40):
        at = f"202611{n % 5 + 24}T{n // 5 + 6:02}"
        booked = event(f"{at}0000Z", f"{at}3000Z", uid=f"e{n}")
        stage.done(stage.put(booked, f"e{n}.ics"))
    mirrored(stage)
    stage.put(event(title="Other"))
    started: list[object] = []

    def slow() -> None:
        stage.house.now += 100
        deadline.ask()  # as what sends requests does before each
        with stage.database.write() as conn:
            started.extend(mirrors.claim(conn, "engine", stage.now, 1))
        started.extend(stage.outbox.claim("engine", stage.now, 10, LEASE))

    stage.memory.orders.give("delete", slow, times=None)
    assert purge(stage).is_whole
    assert started == []
    with stage.database.read() as conn:
        assert mirrors.is_any_due(conn, stage.now), "it goes on at once when the purge is over"


def test_what_cannot_be_deleted_keeps_its_booking(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.done(stage.put(event(uid="two", start=LATER[0], end=LATER[1]), "two.ics"))
    stage.memory.orders.give("delete", RemoteRejected("no"))
    ((_, number, _),) = purge(stage).left
    assert number == 1
    assert len(standing(stage)) == 2
    states = [seen.text.count("CANCELLED") for name in stage.names() if (seen := stage.seen(name))]
    assert sorted(states) == [0, 1]
    assert purge(stage).is_whole
    assert standing(stage) == ["theirs"]


@pytest.mark.covers("P3")
def test_an_event_whose_mark_was_taken_away_is_left_and_its_booking_goes_on(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.calendar.delete(RemoteId("theirs"))
    stage.edit(lambda it: replace(it, origin=""))
    stage.house.now += 1
    stage.memory.orders.give("read", DOWN)
    assert [(number, problem) for _, number, problem in purge(stage).left] == [(1, DOWN)]
    ((_, number, problem),) = purge(stage).left
    assert (number, "without our mark" in str(problem)) == (1, True)
    assert (standing(stage), len(stage.meetings())) == (["one"], 1)
    assert stage.booking().state is State.CONFIRMED
    stage.remove()
    assert purge(stage).is_whole
    assert (stage.booking().state, stage.meetings()) == (State.CANCELLED, [])


def test_a_calendar_that_cannot_be_read_ends_no_booking(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.memory.orders.give("marked", DOWN)
    ((_, number, problem),) = purge(stage).left
    assert (number, problem) == (None, DOWN)
    assert stage.booking().state is State.CONFIRMED
    assert standing(stage) == ["one", "theirs"]


def test_nobody_purges_beside_a_write_that_is_under_way(stage: Stage) -> None:
    stage.put(event())
    claim = stage.claim()
    moments = count(stage.now, 70)
    with pytest.raises(StoreError, match="being written to"):
        purging(stage, clock=lambda: next(moments)).purge(WORK)
    stage.dispatch.run(claim)
    assert standing(stage) == ["one", "theirs"]
    assert purge(stage).is_whole
    assert standing(stage) == ["theirs"]


def test_a_request_does_not_wait_longer_than_it_may_take(stage: Stage) -> None:
    stage.put(event())
    stage.claim()
    moments = count(stage.now)
    with deadline.within(1), pytest.raises(StoreError, match="being written to"):
        purging(stage, clock=lambda: next(moments)).purge(WORK)
    assert next(moments) < stage.now + 10


def test_nobody_purges_beside_a_mirror_that_is_being_written(stage: Stage) -> None:
    mirrored(stage)
    with stage.database.write() as conn:
        (claimed,) = mirrors.claim(conn, "engine", stage.now, 1)
    moments = count(stage.now, 70)
    with pytest.raises(StoreError, match="being written to"):
        purging(stage, clock=lambda: next(moments)).purge(WORK)
    with stage.database.write() as conn:
        assert mirrors.end(conn, claimed)
    assert purge(stage) == Purged()
    with stage.database.read() as conn:
        assert mirrors.is_any_due(conn, stage.now), "it goes on when the purge is over"


def test_nobody_purges_beside_a_transfer_in_the_account_it_goes_to(stage: Stage) -> None:
    stage.done(stage.put(event()))
    receives(stage, "other", "team")
    there = stage.house.calendar("other", "team")
    there.info = replace(there.info, role=AccessRole.WRITE)
    team = stage.house.memory("team").orders

    def fail() -> None:
        moments = count(stage.now, 70)
        with pytest.raises(StoreError, match="being written to"):
            purging(stage, clock=lambda: next(moments)).purge(TEAM)

    team.give("put", fail, after=True)
    team.give("marked", lambda: seen.append(stage.outcomes()))
    seen: list[list[str]] = []
    stage.outbox.transfers.queue(ROOM, stage.now)
    assert purging(stage).purge(TEAM) == Purged()
    assert (seen, len(there.objects)) == ([[]], 0), "nor does a transfer begin beside a purge"
    assert stage.outcomes() == ["settled", "settled"]
    assert (standing(stage), len(there.objects)) == (["theirs"], 1)
    stage.house.now += 1
    assert len(purging(stage).purge(TEAM).deleted) == 1
    assert (there.objects, stage.booking().state) == ({}, State.CANCELLED)


def test_what_was_booked_since_it_was_looked_is_left_alone(stage: Stage) -> None:
    stage.done(stage.put(event()))

    def book() -> None:
        stage.house.now += 1
        stage.done(stage.put(event(uid="two", start=LATER[0], end=LATER[1]), "two.ics"))

    stage.memory.orders.give("delete", book)
    assert purge(stage).is_whole
    assert standing(stage) == ["theirs", "two"]
    seen = stage.seen("two.ics")
    assert seen is not None
    assert "CANCELLED" not in seen.text


def test_pauses_that_a_provider_asked_for_outlast_a_purge(stage: Stage) -> None:
    mirroring = mirrored(stage)
    with stage.database.write() as conn:
        (claimed,) = mirrors.claim(conn, "engine", stage.now, 1)
        assert mirrors.end(conn, claimed, rest_until=stage.now + 600)
    slow = RateLimited("slow", retry_after=timedelta(seconds=600))
    stage.memory.orders.give("put", slow)
    stage.put(event())
    stage.work()
    (before,) = stage.proposals()
    stage.memory.orders.give("find", slow)  # nobody knows whether it was written
    purge(stage)
    with stage.database.read() as conn:
        found = mirrors.get(conn, mirroring)
    assert (found and found.rest_until, stage.proposals()) == (stage.now + 600, [before])


def test_what_was_booked_since_and_waits_is_written_when_the_purge_is_over(stage: Stage) -> None:
    stage.done(stage.put(event()))

    def book() -> None:
        stage.house.now += 1
        stage.put(event(*LATER, uid="two"), "two.ics")

    stage.memory.orders.give("delete", book)
    assert purge(stage).is_whole
    assert (standing(stage), stage.outcomes()) == (["theirs"], ["settled"])
    assert standing(stage) == ["theirs", "two"]


def test_a_meeting_that_cannot_be_cancelled_now_is_named_and_cancelled_later(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    (reference,) = stage.meetings()
    stage.zoom.orders.give("meeting.cancel", DOWN)
    assert purge(stage).meetings == [f"zoom {reference}"]
    assert [it.outcome for it in stage.later()] == ["settled"]
    assert stage.meetings() == []


def test_a_meeting_of_which_only_its_event_tells_goes_too_or_is_named(stage: Stage) -> None:
    """Another database: the token says for which event it was made."""
    provider = stage.memory.provider()
    assert provider.sink is not None
    for token in ("abcdef01" * 5, "abcdef02" * 5):
        series = make_series("2026-11-23T10:00", uid=token)
        made = stage.zoom.provider().conferences
        assert made is not None
        link = f"https://zoom.example/{token}"
        if token.startswith("abcdef01"):
            link = made.create(token, series).join_url
        assert series.master is not None
        series = replace(series, master=replace(series.master, conference_url=link))
        desired = Desired(token=token, origin=INSTANCE, series=series)
        provider.sink.put(CalendarId("main"), desired, None)
    assert purge(stage).meetings == [f"https://zoom.example/{'abcdef02' * 5}"]
    assert stage.meetings() == []
    assert standing(stage) == ["theirs"]


def test_what_a_transfer_left_in_another_account_goes_although_its_booking_was_purged(
    stage: Stage,
) -> None:
    stage.done(stage.put(event()))
    receives(stage, "other", "team")
    team = stage.house.memory("team")
    team.natively = ()
    there = stage.house.calendar("other", "team")
    there.info = replace(there.info, role=AccessRole.WRITE)
    stage.memory.orders.give("delete", DOWN)
    stage.outbox.transfers.queue(ROOM, stage.now)
    stage.work()
    assert (standing(stage), len(there.objects)) == (["one", "theirs"], 1)
    assert purging(stage).purge(TEAM).is_whole
    assert there.objects == {}
    stage.later()
    assert standing(stage) == ["theirs"]
    assert all(not it.state.is_open for it in stage.proposals())
