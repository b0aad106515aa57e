"""Bookings that go to another calendar: there once, here no more, and nobody is told too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge import points
from bridge.bookings.words import Result
from bridge.dispatch.points import Point
from bridge.errors import RateLimited, RemoteRejected, TemporarilyUnavailable
from bridge.model.conference import ConferenceKind
from bridge.model.event import Event, EventSeries
from bridge.store import bookings, outbox
from bridge.store.outbox import ProposalRow
from bridge.store.wake import Wake
from tests.bookings.hall import ROOM
from tests.dispatch.stage import Killed, Stage, die_at, event

NINE = ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")
LATER = ("20261123T140000Z", "20261123T150000Z")
GUEST = "ATTENDEE:mailto:ann@example.net"
ZOOM, MEET = (f"X-BUSYBRIDGE-CONFERENCE:{it}" for it in ("zoom", "google_meet"))
HERE, THERE = "main", "other"
CONNECTION = {"id": "work", "account_email": "room@example.com", "primary": True}


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Iterator[Stage]:
    yield open_stage(zoom=True)
    points.arm(None)


def receives(stage: Stage, calendar: str, connection: str = "work", **keys: object) -> None:
    """Let bookings go to another calendar of a connection."""
    stage.house.calendar(calendar, connection) if connection == "work" else None
    entries = [{"id": "zoom"}, CONNECTION | {"write_calendar": calendar} | keys]
    if connection != "work":
        moved = CONNECTION | {"id": connection, "write_calendar": calendar}
        entries = [{"id": "zoom"}, CONNECTION | {"primary": False}, moved]
    stage.house.configure(connections=entries)
    stage.house.calendar(calendar, connection)
    stage.house.pull(connection)


def go(stage: Stage) -> list[int]:
    return stage.outbox.transfers.queue(ROOM, stage.now)


def stands(stage: Stage, calendar: str, connection: str = "work") -> list[EventSeries]:
    objects = stage.house.calendar(calendar, connection).objects.values()
    return [it for it in objects if isinstance(it, EventSeries)]


def book(stage: Stage, *more: str) -> None:
    ticket = stage.put(event("20261123T090000Z", "20261123T100000Z", *more))
    assert stage.done(ticket).result is Result.SETTLED


def moved(event: Event) -> Event:
    """As a person moves it by two hours."""
    assert isinstance(event.start, datetime)
    assert isinstance(event.end, datetime)
    by = timedelta(hours=2)
    return replace(event, start=event.start + by, end=event.end + by)


def of_kind(stage: Stage, state: outbox.State) -> list[ProposalRow]:
    return [it for it in stage.proposals() if it.state is state]


class Deadly(Wake):
    """Kills whoever wakes others."""

    def notify(self, topic: str) -> None:
        raise Killed(topic)


def copy(stage: Stage, number: int) -> None:
    """Add as many bookings like the first one."""
    row = stage.booking()
    with stage.database.write() as conn:
        [held] = bookings.booked_of(conn, row.id)
        for it in map(str, range(number)):
            bookings.save(conn, [row._replace(id=it, uid=it, name=it, token=it, remote_id=it)])
            bookings.save_booked(conn, [held._replace(id=it, booking_id=it)])


@pytest.mark.covers("S4-33")
def test_a_booking_goes_to_the_new_calendar_and_leaves_the_old_one(stage: Stage) -> None:
    book(stage, GUEST, ZOOM, "X-OWN-LINE:kept")
    [meeting], before = stage.meetings(), stage.text()
    receives(stage, THERE)
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [1, 0], "it stays until it is said"
    assert len(go(stage)) == 1
    assert go(stage) == [], "once is enough"
    stage.work()
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [0, 1]
    assert stage.text() == before, "who reads it sees no difference"
    assert stage.meetings() == [meeting], "the meeting goes along"
    told = Counter((mail.address.partition(":")[2], mail.about) for mail in stage.memory.mails)
    assert told["ann@example.net", "invited"] == 2, "by the old calendar, and by the new one"
    assert told["ann@example.net", "cancelled"] == 0
    stage.house.pull()
    assert stage.text() == before
    assert stage.busy() == [NINE]
    assert stage.told() == ["booking.created", "booking.conference_assigned", "booking.updated"]
    # From now on everything happens there.
    assert stage.done(stage.put(event(*LATER, GUEST, ZOOM))).result is Result.SETTLED
    [there] = stands(stage, THERE)
    assert there.master is not None
    assert there.master.start.hour == 14  # type: ignore[union-attr]
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert [stands(stage, HERE), stands(stage, THERE), stage.meetings()] == [[], [], []]


@pytest.mark.covers("S4-33", "F54")
def test_a_booking_that_stays_is_counted_once_and_follows_what_happens_there(stage: Stage) -> None:
    book(stage)
    receives(stage, THERE)
    stage.house.pull(full=True)
    assert stage.busy() == [NINE]
    assert stage.done(stage.put(event(*LATER))).result is Result.SETTLED
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]
    stage.remove()
    stage.house.pull()
    assert stage.busy() == []
    assert "STATUS:CANCELLED" in stage.text()


@pytest.mark.covers("S4-33", "F54")
def test_a_booking_on_its_way_is_counted_once_whatever_is_pulled(stage: Stage) -> None:
    book(stage)
    receives(stage, THERE)
    stage.memory.orders.give("put", TemporarilyUnavailable("no answer"), after=True)
    stage.memory.orders.give("delete", TemporarilyUnavailable("no answer"))
    go(stage)
    stage.work()
    stage.house.pull(full=True)
    assert stage.work() != [], "it is in both, and seen there"
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [1, 1]
    stage.house.pull(full=True)
    assert stage.done(stage.put(event(*LATER))).result is Result.SETTLED
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


@pytest.mark.covers("S4-33")
def test_a_booking_goes_to_another_account_with_a_meeting_of_that_account(stage: Stage) -> None:
    stage.house.configure(
        sections={"event_defaults": {"conference": "auto"}},
        connections=[{"id": "zoom"}, CONNECTION | {"write_calendar": HERE}],
    )
    book(stage)
    before = stage.booking()
    assert before.meeting_kind == "google_meet"
    receives(stage, THERE, "team")
    stage.house.memory("team").natively = (ConferenceKind.TEAMS,)
    go(stage)
    stage.work()
    assert [len(stands(stage, HERE)), len(stands(stage, THERE, "team"))] == [0, 1]
    after = stage.booking()
    assert (after.connection_id, after.meeting_kind) == ("room-a.team", "teams")
    assert after.meeting_url in stage.text()
    assert before.meeting_url not in stage.text()
    stage.house.pull("team")
    stage.house.pull()
    assert stage.busy() == [NINE]


@pytest.mark.covers("S4-33", "P1", "P2", "F4")
def test_a_transfer_survives_a_death_at_every_moment(stage: Stage) -> None:
    book(stage, GUEST, ZOOM)
    places = [HERE, THERE]
    died: Counter[Point] = Counter()
    for number, point in enumerate(Point):
        is_back = number % 2
        receives(stage, places[1 - is_back])
        go(stage)
        for _ in range(2):  # who writes the new event, and who deletes the old one
            died[point] += die_at(stage, point)
            stage.work()
        assert [len(stands(stage, it)) for it in places] == [is_back, 1 - is_back], point
        assert len(stage.meetings()) == 1
    assert died.keys() >= {Point.CLAIMED, Point.EVENT_WANTED, Point.EVENT_WRITTEN, Point.SETTLED}
    told = Counter(mail.about for mail in stage.memory.mails if "ann" in mail.address)
    assert told == {"invited": 1 + len(Point)}


def test_clients_do_not_wait_for_a_transfer_and_it_brings_along_what_they_change(
    stage: Stage,
) -> None:
    book(stage)
    receives(stage, THERE)
    stage.memory.orders.give("put", TemporarilyUnavailable("no answer"), after=True)
    go(stage)
    stage.work()
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [1, 1], "half of it is done"
    assert stage.done(stage.put(event(*LATER, title="Later"))).result is Result.SETTLED
    stage.later()
    assert stands(stage, HERE) == []
    [there] = stands(stage, THERE)
    assert there.master is not None
    assert there.master.summary == "Later"
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_a_booking_that_ends_on_its_way_is_in_neither_calendar(stage: Stage) -> None:
    book(stage)
    receives(stage, THERE)
    stage.memory.orders.give("put", TemporarilyUnavailable("no answer"), after=True)
    go(stage)
    stage.work()
    assert stage.done(stage.delete()).result is Result.SETTLED
    stage.later()
    assert [stands(stage, HERE), stands(stage, THERE), stage.busy()] == [[], [], []]
    assert all(not it.state.is_open for it in stage.proposals())


def test_a_booking_that_the_new_calendar_refuses_stays_and_is_shown_to_a_human(
    stage: Stage,
) -> None:
    book(stage)
    before = stage.text()
    receives(stage, THERE)
    stage.memory.orders.give("put", RemoteRejected("no series of that kind"))
    go(stage)
    assert stage.outcomes() == ["failed"]
    [failed] = of_kind(stage, outbox.State.FAILED)
    assert "no series of that kind" in failed.error_message
    assert (stage.text(), len(stands(stage, HERE))) == (before, 1)
    assert stage.told()[-1] == "booking.failed"
    assert stage.desk.retry(stage.booking().id)
    stage.work()
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [0, 1]


def test_half_of_a_transfer_that_failed_is_finished_when_it_is_said_again(stage: Stage) -> None:
    book(stage)
    receives(stage, THERE)
    stage.memory.orders.give("put", TemporarilyUnavailable("no answer"), after=True)
    go(stage)
    stage.work()
    [claim] = [it for it in stage.proposals() if it.state.is_open]
    with stage.database.write() as conn:  # as of a connection that was paused for three days
        outbox.change(conn, claim.id, state=outbox.State.FAILED)
    assert stage.done(stage.put(event(*LATER))).result is Result.SETTLED
    assert go(stage) == [claim.id], "no other is begun beside it"
    stage.work()
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [0, 1]
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_what_a_person_did_in_the_old_calendar_goes_along_although_nobody_read_it(
    stage: Stage,
) -> None:
    book(stage, GUEST, ZOOM)
    receives(stage, THERE)
    stage.edit(moved)
    go(stage)
    assert stage.outcomes() == ["later", "settled"], "its meeting follows, then it goes"
    stage.later()
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [0, 1]
    [there] = stands(stage, THERE)
    assert there.master is not None
    assert there.master.start.hour == 11  # type: ignore[union-attr]
    assert "T110000" in stage.text()
    assert stage.busy() == [("2026-11-23 11:00", "2026-11-23 12:00", "BUSY")]


@pytest.mark.parametrize("cancels", [True, False])
def test_what_a_person_deleted_in_the_old_calendar_is_not_made_anew(
    stage: Stage, cancels: bool
) -> None:
    book(stage, GUEST)
    receives(stage, THERE, cancel_if_declined_or_deleted=cancels)
    stage.remove()
    go(stage)
    stage.work()
    stage.later()
    assert [stands(stage, it) for it in (HERE, THERE)] == [[], []]
    assert Counter(mail.about for mail in stage.memory.mails if "ann" in mail.address) == {
        "invited": 1
    }
    if cancels:
        assert ("STATUS:CANCELLED" in stage.text(), stage.busy()) == (True, [])
    else:  # it stands for who booked it, and somebody has to say what is to become of it
        [failed] = of_kind(stage, outbox.State.FAILED)
        assert ("deleted" in failed.error_message, stage.busy()) == (True, [NINE])


def test_what_a_person_does_to_the_event_that_is_left_is_shown_before_it_is_deleted(
    stage: Stage,
) -> None:
    book(stage)
    receives(stage, THERE)
    stage.memory.orders.give("put", lambda: stage.edit(moved), after=True)
    go(stage)
    assert stage.outcomes() == ["settled", "failed"]
    [failed] = of_kind(stage, outbox.State.FAILED)
    assert "changed meanwhile" in failed.error_message
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [1, 1], "nothing is lost unseen"
    assert stage.desk.retry(stage.booking().id)
    assert stage.outcomes() == ["settled"]
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [0, 1]


def test_a_booking_that_blocks_when_its_event_does_is_not_moved_to_when_its_text_says(
    stage: Stage,
) -> None:
    book(stage)
    with stage.database.write() as conn:  # as of an event that could not be said again
        bookings.save(conn, [stage.booking()._replace(written="")])
    stage.edit(moved)
    stage.house.pull()
    eleven = [("2026-11-23 11:00", "2026-11-23 12:00", "BUSY")]
    receives(stage, THERE)
    go(stage)
    assert (stage.outcomes(), stage.busy()) == (["failed"], eleven)
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [1, 0]
    [failed] = of_kind(stage, outbox.State.FAILED)
    assert "changed in the calendar" in failed.error_message
    assert stage.done(stage.put(event(*LATER))).result is Result.SETTLED, "its client has a say"
    assert go(stage) == [failed.id]
    stage.work()
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [0, 1]
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_the_account_that_asks_for_a_pause_gets_it_whichever_of_both_it_is(stage: Stage) -> None:
    book(stage)
    receives(stage, THERE, "team")
    there = stage.house.memory("team")
    there.natively = ()
    pause = RateLimited("slow", retry_after=timedelta(seconds=120))
    there.orders.give("put", pause)
    stage.memory.orders.give("delete", pause)
    go(stage)
    assert [it.limited for it in stage.work()] == ["room-a.team"]
    stage.house.now += 100
    with stage.database.write() as conn:  # whoever tries before that does not ask
        outbox.change(conn, stage.proposals()[-1].id, due_at=stage.now)
    asked = len(there.asked)
    assert [it.limited for it in stage.work()] == [None]
    assert len(there.asked) == asked
    assert [it.limited for it in stage.later(60)] == [None, "room-a.work"]
    stage.later(140)
    assert [len(stands(stage, HERE)), len(stands(stage, THERE, "team"))] == [0, 1]


def test_what_was_written_of_a_transfer_that_is_refused_in_the_end_goes_again(
    stage: Stage,
) -> None:
    book(stage, GUEST)
    receives(stage, THERE)
    stage.memory.orders.give("put", TemporarilyUnavailable("no answer"), after=True)
    go(stage)
    stage.work()
    assert len(stands(stage, THERE)) == 1
    stage.memory.orders.give("put", RemoteRejected("no more today"))
    assert [it.outcome for it in stage.later()] == ["failed"]
    assert [len(stands(stage, it)) for it in (HERE, THERE)] == [1, 0]
    assert stage.busy() == [NINE]


def test_many_bookings_are_queued_a_few_at_a_time_and_who_is_killed_goes_on(stage: Stage) -> None:
    book(stage)
    copy(stage, 60)
    receives(stage, THERE)
    with pytest.raises(Killed):
        replace(stage.outbox.transfers, wake=Deadly(stage.database)).queue(ROOM, stage.now)
    # Others write meanwhile: it takes milliseconds for each.
    assert len(go(stage)) == 61 - 50
    assert go(stage) == []
    due = stage.outbox.next_due(stage.now)
    assert due is not None
    assert due <= stage.now


def test_guests_are_not_told_that_it_is_cancelled_by_the_uid_that_it_has_in_both_calendars(
    stage: Stage,
) -> None:
    book(stage, GUEST)
    receives(stage, THERE, "team")
    there = stage.house.memory("team")
    there.natively, stage.memory.schedules = (), True
    go(stage)
    assert stage.outcomes() == ["failed"]
    assert [len(stands(stage, HERE)), stands(stage, THERE, "team")] == [1, []]
    [failed] = of_kind(stage, outbox.State.FAILED)
    assert "cancelled, by a UID" in failed.error_message
    there.own_uids = True  # for guests that is another event
    go(stage)
    stage.work()
    assert [stands(stage, HERE), len(stands(stage, THERE, "team"))] == [[], 1]


def test_what_is_over_or_cancelled_stays_where_it_was(stage: Stage) -> None:
    book(stage)
    stage.house.now += 30 * 86400
    receives(stage, THERE)
    assert go(stage) == []


def test_what_was_left_in_an_account_that_is_gone_holds_nothing_up(stage: Stage) -> None:
    book(stage)
    receives(stage, THERE, "team")
    stage.house.memory("team").natively = ()
    stage.memory.orders.give("delete", TemporarilyUnavailable("down"))
    go(stage)
    stage.work()
    assert len(stands(stage, HERE)) == len(stands(stage, THERE, "team")) == 1
    moved = CONNECTION | {"id": "team", "write_calendar": THERE}
    stage.house.configure(connections=[{"id": "zoom"}, moved])
    stage.later()
    assert all(not it.state.is_open for it in stage.proposals())
