"""Over busy time nothing is booked, and a booking never clashes with itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from bridge.bookings.words import Clash, Result
from bridge.model.event import ShowAs, Transp
from tests.bookings.hall import Hall, event


@pytest.mark.covers("A-25")
def test_busy_time_refuses_a_booking_and_names_the_time_and_no_title(hall: Hall) -> None:
    hall.occupy("2026-11-23 09:30", summary="Divorce lawyer")
    with pytest.raises(Clash) as refused:
        hall.put(event())
    assert "2026-11-23 10:30 to 11:30 (CET)" in str(refused.value)
    assert "Divorce" not in str(refused.value)
    assert hall.claims() == []
    assert hall.names() == []


def test_touching_is_no_clash(hall: Hall) -> None:
    hall.occupy("2026-11-23 08:00")
    hall.occupy("2026-11-23 10:00")
    assert hall.book(event()).result is Result.SETTLED


def test_transparent_and_tentative_time_is_no_clash_unless_it_is_said(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(bookings={"conflict_with": ["busy", "busy_unavailable"]})
    hall.occupy("2026-11-23 09:00", transp=Transp.TRANSPARENT)
    hall.occupy("2026-11-23 09:30", show_as=ShowAs.TENTATIVE, uid="maybe")
    assert hall.book(event()).result is Result.SETTLED


def test_tentative_time_is_a_clash_where_it_is_said(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(bookings={"conflict_with": ["busy", "busy_tentative"]})
    hall.occupy("2026-11-23 09:30", show_as=ShowAs.TENTATIVE)
    with pytest.raises(Clash):
        hall.put(event())


def test_a_transparent_booking_may_lie_over_anything(hall: Hall) -> None:
    hall.occupy("2026-11-23 09:00")
    assert hall.book(event("20261123T090000Z", "20261123T100000Z", "TRANSP:TRANSPARENT"))
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


def test_buffers_of_others_count(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(availability={"buffers": {"before": "30m", "after": "0m"}})
    hall.occupy("2026-11-23 10:15")
    with pytest.raises(Clash, match="10:45 to 12:15"):
        hall.put(event())


def test_an_unsettled_booking_holds_its_time(hall: Hall) -> None:
    hall.put(event())
    with pytest.raises(Clash):
        hall.put(event(uid="two"), "two.ics")


def test_dragging_a_booking_over_its_own_time_is_no_clash(hall: Hall) -> None:
    first = hall.book(event())
    moved = event("20261123T093000Z", "20261123T103000Z")
    assert hall.book(moved, if_match=(first.etag,)).result is Result.SETTLED


def test_the_event_of_a_booking_is_no_clash_in_whatever_calendar_it_is_seen(hall: Hall) -> None:
    """A room that is invited to its own booking has the event twice."""
    first = hall.book(event())
    hall.occupy("2026-11-23 09:00", uid="one")
    moved = event("20261123T093000Z", "20261123T103000Z")
    assert hall.book(moved, if_match=(first.etag,)).result is Result.SETTLED


def test_a_booking_that_something_came_over_may_still_get_another_title(hall: Hall) -> None:
    first = hall.book(event())
    hall.occupy("2026-11-23 09:30")
    assert hall.book(event(title="Talks"), if_match=(first.etag,)).result is Result.SETTLED
    now = hall.seen()
    assert now is not None
    with pytest.raises(Clash):
        hall.put(event("20261123T091500Z", "20261123T101500Z"), if_match=(now.etag,))


def test_a_series_clashes_by_each_occurrence_and_the_first_three_are_named(hall: Hall) -> None:
    for day in (25, 26, 27, 28):
        hall.occupy(f"2026-11-{day} 09:00")
    daily = event("20261123T090000Z", "20261123T100000Z", "RRULE:FREQ=DAILY;COUNT=10")
    with pytest.raises(Clash) as refused:
        hall.put(daily)
    assert len(refused.value.periods) == 3
    for day in (25, 26, 27):
        assert f"2026-11-{day} 10:00" in str(refused.value)
    assert "2026-11-28" not in str(refused.value)


def test_all_day_events_clash_by_the_midnights_of_the_resource(hall: Hall) -> None:
    hall.occupy(date(2026, 11, 24), summary="Closed")  # type: ignore[arg-type]
    with pytest.raises(Clash):
        hall.put(event("20261124T223000Z", "20261124T225900Z"))
    assert hall.book(event("20261124T230000Z", "20261124T233000Z"))


def test_decline_takes_a_booking_and_shows_it_as_cancelled(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(bookings={"on_conflict": "decline"})
    hall.occupy("2026-11-23 09:30")
    outcome = hall.end(hall.put(event()))
    assert (outcome.result, outcome.created, outcome.verbatim) == (Result.SETTLED, True, False)
    assert "10:30" in outcome.reason
    seen = hall.seen()
    assert seen is not None
    assert "STATUS:CANCELLED" in seen.text
    assert "X-BUSYBRIDGE-REASON:busy 2026-11-23 10:30" in seen.text
    assert hall.busy() == [("2026-11-23 09:30", "2026-11-23 10:30", "BUSY")]
    assert hall.claims() == []
    assert hall.told() == ["booking.failed"]


def test_decline_leaves_a_booking_that_was_moved_where_it_was(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(bookings={"on_conflict": "decline"})
    first = hall.book(event())
    hall.occupy("2026-11-23 14:00")
    moved = event("20261123T140000Z", "20261123T150000Z")
    assert not hall.end(hall.put(moved, if_match=(first.etag,))).verbatim
    seen = hall.seen()
    assert seen is not None
    assert "DTSTART:20261123T090000Z" in seen.text
    assert seen.etag != first.etag
    assert ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY") in hall.busy()


def test_warn_books_and_says_so(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(bookings={"on_conflict": "warn"})
    hall.occupy("2026-11-23 09:30")
    hall.book(event())
    seen = hall.seen()
    assert seen is not None
    assert "X-BUSYBRIDGE-REASON:busy 2026-11-23 10:30 to 11:30 (CET)" in seen.text
    assert "STATUS" not in seen.text


def test_allow_books_and_says_nothing(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(bookings={"on_conflict": "allow"})
    hall.occupy("2026-11-23 09:30")
    assert hall.book(event()).verbatim


@pytest.mark.parametrize(
    ("on_stale", "refused"), [("keep_last", False), ("busy", True), ("free", False)]
)
def test_a_calendar_that_was_not_read_for_too_long_counts_as_on_stale_says(
    open_hall: Callable[..., Hall], on_stale: str, refused: bool
) -> None:
    hall = open_hall(
        bookings={"max_source_age": "1h"},
        availability={"on_stale": on_stale, "max_stale": "10h"},
    )
    hall.house.now += 7200
    if refused:
        with pytest.raises(Clash):
            hall.put(event())
    else:
        assert hall.book(event()).result is Result.SETTLED


def test_what_a_stale_calendar_shows_is_no_clash_where_it_counts_as_free(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(
        bookings={"max_source_age": "1h"}, availability={"on_stale": "free", "max_stale": "10h"}
    )
    hall.occupy("2026-11-23 09:00")
    with pytest.raises(Clash):
        hall.put(event())
    hall.house.now += 7200
    assert hall.book(event()).result is Result.SETTLED


def test_what_was_pulled_since_is_found_when_the_claim_is_decided_once_more(hall: Hall) -> None:
    ticket = hall.put(event())
    claim = hall.claim()
    assert hall.outbox.recheck(claim, hall.now) is None
    hall.occupy("2026-11-23 09:30")
    found = hall.outbox.recheck(claim, hall.now)
    assert found is not None
    assert hall.outbox.refuse(claim, str(found), hall.now, code="conflict")
    outcome = hall.end(ticket)
    assert outcome.result is Result.REFUSED
    assert "10:30 to 11:30" in outcome.reason
    assert hall.names() == []
    assert hall.busy() == [("2026-11-23 09:30", "2026-11-23 10:30", "BUSY")]
    assert hall.told() == []


def test_what_is_found_late_is_declined_where_that_is_wanted(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(bookings={"on_conflict": "decline"})
    ticket = hall.put(event())
    claim = hall.claim()
    hall.occupy("2026-11-23 09:30")
    found = hall.outbox.recheck(claim, hall.now)
    assert found is not None
    hall.outbox.refuse(claim, str(found), hall.now, code="conflict")
    outcome = hall.end(ticket)
    assert (outcome.result, outcome.created, outcome.verbatim) == (Result.SETTLED, True, False)
    seen = hall.seen()
    assert seen is not None
    assert "STATUS:CANCELLED" in seen.text
    assert hall.busy() == [("2026-11-23 09:30", "2026-11-23 10:30", "BUSY")]


def test_what_was_booked_as_tentative_is_not_made_busy_over_another_booking(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(bookings={"conflict_with": ["busy"]})
    maybe = "STATUS:TENTATIVE"
    hall.book(event("20261123T090000Z", "20261123T100000Z", maybe))
    ticket = hall.put(event())
    claim = hall.claim()
    assert hall.outbox.recheck(claim, hall.now) is None
    hall.end(ticket)
    hall.outbox.refuse(claim, "no", hall.now)
    assert hall.book(event(uid="two"), "two.ics").result is Result.SETTLED
    assert hall.outbox.recheck(claim, hall.now) is not None
    with pytest.raises(Clash):
        hall.put(event())
    # As tentative as it is, it may stay where it is, and be called otherwise.
    other = event("20261123T090000Z", "20261123T100000Z", maybe, title="Maybe")
    assert hall.book(other).result is Result.SETTLED
    assert ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY") in hall.busy()
