"""When the patience of a client ends before its calendar answers, and what comes later."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import pytest

from bridge.bookings.words import NotNow, Result
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import connections, outbox
from bridge.store.bookings import State
from tests.bookings.hall import BOB, LEASE, PATIENT, Hall, event
from tests.engine.house import at

NINE = ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")
TWO = ("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")
FOUR = ("2026-11-23 16:00", "2026-11-23 17:00", "BUSY")
MAYBE = "BUSY-TENTATIVE"
AT_TWO = event("20261123T140000Z", "20261123T150000Z")


def test_what_nobody_began_with_is_withdrawn(hall: Hall) -> None:
    ticket = hall.put(event())
    assert hall.end(ticket).result is Result.WITHDRAWN
    assert hall.claims() == []
    assert hall.names() == []
    assert hall.book(event(uid="two"), "two.ics").result is Result.SETTLED


def test_a_withdrawn_booking_can_be_made_again(hall: Hall) -> None:
    hall.end(hall.put(event()))
    assert hall.book(event()).result is Result.SETTLED
    assert hall.names() == ["one.ics"]


def test_a_withdrawn_change_leaves_all_as_it_was(hall: Hall) -> None:
    first = hall.book(event())
    assert hall.end(hall.put(AT_TWO)).result is Result.WITHDRAWN
    seen = hall.seen()
    assert seen is not None
    assert seen.etag == first.etag
    assert hall.busy() == [NINE]


def test_what_may_be_done_is_shown_as_tentative(hall: Hall) -> None:
    ticket = hall.put(event())
    claim = hall.claim()
    outcome = hall.end(ticket)
    assert (outcome.result, outcome.created, outcome.verbatim) == (Result.TENTATIVE, True, False)
    seen = hall.seen()
    assert seen is not None
    assert "STATUS:TENTATIVE" in seen.text
    assert hall.busy() == [(*NINE[:2], MAYBE)]
    assert hall.settle(claim)
    seen = hall.seen()
    assert seen is not None
    assert seen.text.encode() == event()
    assert hall.busy() == [NINE]


def test_while_a_change_is_tentative_the_old_time_stays_blocked(hall: Hall) -> None:
    hall.book(event())
    ticket = hall.put(AT_TWO)
    claim = hall.claim()
    assert hall.end(ticket).result is Result.TENTATIVE
    assert hall.busy() == [NINE, (*TWO[:2], MAYBE)]
    hall.settle(claim)
    assert hall.busy() == [TWO]


def test_a_creation_that_is_refused_late_is_shown_as_cancelled(hall: Hall) -> None:
    ticket = hall.put(event())
    claim = hall.claim()
    hall.end(ticket)
    assert hall.outbox.refuse(claim, "the calendar is read-only", hall.now)
    seen = hall.seen()
    assert seen is not None
    assert "STATUS:CANCELLED" in seen.text
    assert "X-BUSYBRIDGE-REASON:the calendar is read-only" in seen.text
    assert seen.booking.sequence == 1
    assert hall.busy() == []
    assert hall.told() == ["booking.failed"]


def test_a_cancelled_booking_can_be_taken_away_or_made_again(hall: Hall) -> None:
    ticket = hall.put(event())
    claim = hall.claim()
    hall.end(ticket)
    hall.outbox.refuse(claim, "no", hall.now)
    assert hall.book(AT_TWO).result is Result.SETTLED
    assert hall.busy() == [TWO]
    hall.delete()
    hall.settle()
    hall.end(hall.put(event(uid="two"), "two.ics"))
    assert hall.names() == []


def test_a_change_that_is_refused_late_restores_the_revision_before(hall: Hall) -> None:
    first = hall.book(event())
    ticket = hall.put(AT_TWO)
    claim = hall.claim()
    hall.end(ticket)
    hall.outbox.refuse(claim, "not allowed", hall.now)
    seen = hall.seen()
    assert seen is not None
    assert "DTSTART:20261123T090000Z" in seen.text
    assert "X-BUSYBRIDGE-REASON:not allowed" in seen.text
    assert "STATUS" not in seen.text
    assert seen.etag != first.etag
    assert hall.busy() == [NINE]
    assert hall.told() == ["booking.created", "booking.failed"]


def test_a_deletion_that_was_promised_is_seen_at_once_and_its_time_stays(hall: Hall) -> None:
    hall.book(event())
    seq = hall.seq()
    ticket = hall.delete()
    claim = hall.claim()
    assert hall.end(ticket).result is Result.TENTATIVE
    assert hall.names() == []
    assert hall.changed(seq) == [("one.ics", True)]
    assert hall.busy() == [NINE]
    hall.settle(claim)
    assert hall.busy() == []


def test_a_deletion_that_is_refused_late_brings_the_booking_back(hall: Hall) -> None:
    hall.book(event())
    ticket = hall.delete()
    claim = hall.claim()
    hall.end(ticket)
    hall.outbox.refuse(claim, "not yours", hall.now)
    seen = hall.seen()
    assert seen is not None
    assert "X-BUSYBRIDGE-REASON:not yours" in seen.text
    assert hall.busy() == [NINE]


def test_a_refusal_that_a_client_waits_for_changes_nothing_visible(hall: Hall) -> None:
    first = hall.book(event())
    ticket = hall.put(AT_TWO)
    seq = hall.seq()
    hall.outbox.refuse(hall.claim(), "not allowed", hall.now)
    outcome = hall.end(ticket)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, "not allowed")
    assert outcome.etag == first.etag
    assert hall.changed(seq) == []
    assert hall.told() == ["booking.created"]


@pytest.mark.parametrize("refused", [0, 1])
def test_of_two_tentative_changes_the_later_one_is_shown_until_it_is_known(
    open_hall: Callable[..., Hall], refused: int
) -> None:
    hall = open_hall(bookings={"on_provider_down": "queue"})
    hall.book(event())
    at_four = event("20261123T160000Z", "20261123T170000Z")
    hall.end(hall.put(AT_TWO))
    hall.end(hall.put(at_four))
    assert hall.busy() == [NINE, (*TWO[:2], MAYBE), (*FOUR[:2], MAYBE)]
    for number in range(2):
        claim = hall.claim()
        if number == refused:
            hall.outbox.refuse(claim, "no", hall.now)
        else:
            hall.settle(claim)
        if not number:
            seen = hall.seen()
            assert seen is not None
            assert "DTSTART:20261123T160000Z" in seen.text
    assert hall.busy() == [TWO if refused else FOUR]
    seen = hall.seen()
    assert seen is not None
    assert ("X-BUSYBRIDGE-REASON:no" in seen.text) is bool(refused)
    assert "STATUS" not in seen.text


def test_a_provider_that_is_down_leaves_bookings_queued_where_that_is_wanted(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(bookings={"on_provider_down": "queue"})
    ticket = hall.put(event())
    assert hall.end(ticket).result is Result.TENTATIVE
    assert hall.busy() == [(*NINE[:2], MAYBE)]
    again = hall.put(event())
    assert again.proposal_id == ticket.proposal_id
    hall.settle()
    assert hall.end(again).result is Result.SETTLED
    assert hall.busy() == [NINE]


def test_a_provider_that_was_surely_not_asked_leaves_nothing_done(hall: Hall) -> None:
    ticket = hall.put(event())
    claim = hall.claim()
    error = ("unavailable", "no route")
    assert hall.outbox.retry(claim, error, hall.now + 60, touched=False)
    assert hall.end(ticket).result is Result.WITHDRAWN


def test_a_connection_that_rests_or_was_stopped_is_left_alone(hall: Hall) -> None:
    hall.put(event())
    work = ConnectionId("room-a.work")
    with hall.database.write() as conn:
        connections.set_status(conn, work, ConnectionStatus.PAUSED)
    assert hall.claims() == []
    with hall.database.write() as conn:
        connections.set_status(conn, work, ConnectionStatus.ACTIVE)
        failure = connections.Failure("rate_limited", "429", limited_until=hall.now + 100)
        connections.record_failure(conn, work, hall.now, failure)
    assert hall.claims() == []
    hall.house.now += 100
    assert len(hall.claims()) == 1


def test_what_failed_is_shown_and_can_be_tried_again(hall: Hall) -> None:
    ticket = hall.put(event())
    claim = hall.claim()
    assert hall.outbox.fail(claim, ("broken", "a fault"), hall.now)
    assert hall.end(ticket).result is Result.TENTATIVE
    assert hall.busy() == [(*NINE[:2], MAYBE)]
    assert hall.claims() == []
    assert hall.told() == ["booking.failed"]
    assert hall.desk.retry(claim.booking.id)
    hall.settle()
    assert hall.busy() == [NINE]


def test_what_failed_is_not_tried_again_after_a_newer_change(hall: Hall) -> None:
    hall.put(event())
    claim = hall.claim()
    hall.outbox.fail(claim, ("broken", "a fault"), hall.now)
    hall.put(AT_TWO)
    hall.settle()
    assert hall.busy() == [TWO]
    assert not hall.desk.retry(claim.booking.id)


def test_a_waiter_is_woken_when_its_booking_is_settled(any_hall: Hall) -> None:
    results: list[Result] = []

    def wait() -> None:
        write = any_hall.write(event())
        results.append(any_hall.desk.perform(write).result)

    thread = Thread(target=wait)
    thread.start()
    seen = any_hall.wake.seen("outbox")
    while not (claims := any_hall.claims()):
        any_hall.wake.wait("outbox", 5, seen)
    any_hall.settle(claims[0])
    thread.join(60)
    assert results == [Result.SETTLED]


def test_no_more_wait_than_there_are_threads_for_it(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(bookings=PATIENT)
    crowded = hall.another_desk(most_waiting=1)
    waiting = Thread(target=lambda: crowded.perform(hall.write(event())))
    seen = hall.wake.seen("outbox")
    waiting.start()
    while not (claims := hall.claims()):
        hall.wake.wait("outbox", 5, seen)
    with pytest.raises(NotNow):
        crowded.perform(hall.write(event(uid="two"), "two.ics", viewer=BOB))
    hall.settle(claims[0])
    waiting.join(60)
    assert hall.names() == ["one.ics"]


def test_nothing_can_be_booked_before_the_calendars_were_read(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(unread=True)
    with pytest.raises(NotNow):
        hall.put(event())


def test_leases_end_by_themselves(hall: Hall) -> None:
    hall.put(event())
    hall.claim()
    assert hall.outbox.next_due(hall.now) == hall.now + LEASE


@pytest.mark.parametrize("refused", [False, True])
def test_what_is_made_private_is_private_before_it_is_settled(
    open_hall: Callable[..., Hall], *, refused: bool
) -> None:
    hall = open_hall(bookings={"on_provider_down": "queue"})
    hall.book(event())
    secret = event("20261123T140000Z", "20261123T150000Z", "CLASS:PRIVATE", title="Secret")
    assert hall.end(hall.put(secret)).result is Result.TENTATIVE
    mine, theirs = hall.seen(), hall.seen(viewer=BOB)
    assert mine is not None
    assert theirs is not None
    assert "Secret" in mine.text
    assert "Secret" not in theirs.text
    assert not theirs.whole
    if refused:  # what comes back is as public as it was
        hall.outbox.refuse(hall.claim(), "no", hall.now)
    else:
        hall.settle()
    theirs = hall.seen(viewer=BOB)
    assert theirs is not None
    assert theirs.whole is refused
    assert "Secret" not in theirs.text


@pytest.mark.parametrize("refused", [False, True])
def test_a_meeting_that_comes_while_a_change_is_shown_is_one_of_what_stands(
    open_hall: Callable[..., Hall], *, refused: bool
) -> None:
    hall = open_hall(bookings={"on_provider_down": "queue"})
    hall.put(event())
    hall.settle(conference=Conference(ConferenceKind.ZOOM, ConferenceState.PENDING))
    hall.house.now += 60
    meeting = hall.claim()
    assert hall.end(hall.put(AT_TWO)).result is Result.TENTATIVE
    intent = hall.outbox.desired(meeting, ())
    assert intent.desired is not None
    assert intent.desired.series.master is not None
    assert intent.desired.series.master.start == at("2026-11-23 09:00")
    link = "https://us02web.zoom.us/j/1"
    ready = Conference(ConferenceKind.ZOOM, ConferenceState.READY, "1", link)
    assert hall.outbox.settle(meeting, None, ready, hall.now)
    change = hall.claim()
    if refused:
        hall.outbox.refuse(change, "no", hall.now)
    else:
        hall.settle(change, ready)
    seen = hall.seen()
    assert seen is not None
    assert seen.booking.state is State.CONFIRMED
    assert f"DTSTART:20261123T{'09' if refused else '14'}0000Z" in seen.text
    assert "STATUS:TENTATIVE" not in seen.text
    assert link in seen.text.replace("\r\n ", "")
    assert hall.busy() == [NINE if refused else TWO]


def test_nothing_is_done_about_a_meeting_while_nobody_knows_what_stands(hall: Hall) -> None:
    hall.put(event())
    hall.settle(conference=Conference(ConferenceKind.ZOOM, ConferenceState.PENDING))
    hall.put(AT_TWO)
    failed = hall.claim()
    hall.outbox.fail(failed, ("broken", "a fault"), hall.now)
    hall.house.now += 60
    assert hall.claims() == []
    assert hall.outbox.next_due(hall.now) is None, "nobody looks for it at every moment"
    hall.desk.retry(failed.booking.id)
    hall.settle()
    assert hall.busy() == [TWO]


@pytest.mark.parametrize(
    ("how", "remedy"),
    [(ConnectionStatus.PAUSED, "resumed"), (ConnectionStatus.DISCONNECTED, "connected")],
)
def test_what_waits_for_a_stopped_connection_is_shown_after_three_days_and_goes_on_with_it(
    open_hall: Callable[..., Hall], how: ConnectionStatus, remedy: str
) -> None:
    hall = open_hall(bookings={"on_provider_down": "queue"})
    ticket = hall.put(event())
    work = ConnectionId("room-a.work")
    with hall.database.write() as conn:
        connections.set_status(conn, work, how)
    assert hall.end(ticket).result is Result.TENTATIVE
    hall.house.now += 71 * 3600
    hall.outbox.keep_house(hall.now)
    assert hall.proposal(ticket).state is outbox.State.QUEUED
    hall.house.now += 2 * 3600
    hall.outbox.keep_house(hall.now)
    assert hall.proposal(ticket).state is outbox.State.FAILED
    assert remedy in hall.proposal(ticket).error_message
    assert "booking.failed" in hall.told()
    assert hall.busy() == [(*NINE[:2], MAYBE)]
    with hall.database.write() as conn:
        connections.set_status(conn, work, ConnectionStatus.ACTIVE)
    hall.outbox.keep_house(hall.now)
    assert hall.settle()
    assert hall.busy() == [NINE]
