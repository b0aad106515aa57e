"""A write is a proposal: unseen until it is settled, then the visible revision."""

from __future__ import annotations

import pytest

from bridge.bookings.words import Outdated, Result
from bridge.store import booking_tables
from bridge.store.outbox import Kind
from tests.bookings.hall import BOB, Hall, event


def test_a_booking_is_seen_once_its_provider_has_it(hall: Hall) -> None:
    ticket = hall.put(event())
    assert hall.seen() is None
    assert hall.busy() == []
    hall.settle()
    outcome = hall.end(ticket)
    assert (outcome.result, outcome.created, outcome.verbatim) == (Result.SETTLED, True, True)
    seen = hall.seen()
    assert seen is not None
    assert seen.text.encode() == event()
    assert seen.etag == outcome.etag
    assert hall.changed() == [("one.ics", False)]
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    assert hall.told() == ["booking.created"]


def test_a_change_replaces_the_revision_and_its_time(hall: Hall) -> None:
    first = hall.book(event())
    moved = event("20261123T140000Z", "20261123T150000Z")
    second = hall.book(moved, if_match=(first.etag,))
    assert not second.created
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]
    assert hall.told() == ["booking.created", "booking.updated"]


def test_a_deletion_takes_the_booking_and_its_time_away(hall: Hall) -> None:
    hall.book(event())
    ticket = hall.delete()
    assert hall.names() == ["one.ics"]
    hall.settle()
    assert hall.end(ticket).result is Result.SETTLED
    assert hall.names() == []
    assert hall.busy() == []
    assert hall.changed() == [("one.ics", True)]


def test_what_was_removed_while_its_client_waited_was_not_booked(hall: Hall) -> None:
    ticket = hall.put(event())
    with hall.database.write() as conn:
        conn.execute(booking_tables.bookings.delete())
    assert hall.end(ticket).result is Result.REFUSED


@pytest.mark.covers("A-21")
def test_a_stale_entity_tag_is_refused(hall: Hall) -> None:
    first = hall.book(event())
    hall.book(event(title="Later"), if_match=(first.etag,))
    with pytest.raises(Outdated):
        hall.put(event(title="Mine"), if_match=(first.etag,))
    assert hall.claims() == []


def test_another_login_sees_of_a_private_booking_when_it_is(hall: Hall) -> None:
    hall.book(event("20261123T090000Z", "20261123T100000Z", "CLASS:PRIVATE", title="Secret"))
    mine, theirs = hall.seen(), hall.seen(viewer=BOB)
    assert mine is not None
    assert theirs is not None
    assert "Secret" in mine.text
    assert "Secret" not in theirs.text
    assert "DTSTART:20261123T090000Z" in theirs.text
    assert mine.etag != theirs.etag


def test_a_deletion_of_what_may_stand_at_its_provider_goes_there(hall: Hall) -> None:
    """Its creation failed after who knows what: nobody noted an event, and there may be one."""
    hall.put(event())
    assert hall.outbox.fail(hall.claim(), ("timeout", "no answer"), hall.now)
    ticket = hall.delete()
    assert ticket.proposal_id
    assert hall.claim().kind is Kind.DELETE
