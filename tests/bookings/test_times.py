"""Bookings are busy time, exactly once and in every output, and stay it as time passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.bookings.words import Clash
from bridge.model.interval import Window
from bridge.model.resource import Projection
from bridge.provider import RemoteId
from bridge.store import bookings, busy
from tests.bookings.hall import INSTANCE, ROOM, Hall, event
from tests.engine.house import make_series

DAY = 86400
WEEKLY = event("20261123T090000Z", "20261123T100000Z", "RRULE:FREQ=WEEKLY;COUNT=200")


@pytest.mark.covers("F54")
def test_a_booking_and_its_event_count_once(hall: Hall) -> None:
    hall.book(event())
    hall.occupy("2026-11-23 09:00", uid="one", origin=INSTANCE, summary="Talk")
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    assert len(hall.house.blocks(Projection.DETAILS)) == 1
    hall.delete()
    hall.settle()
    assert hall.busy() == []


def test_a_booking_has_the_buffers_that_its_event_would_have(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(availability={"buffers": {"before": "15m", "after": "5m"}})
    hall.book(event())
    assert hall.busy() == [("2026-11-23 08:45", "2026-11-23 10:05", "BUSY")]


def test_no_title_of_a_booking_is_in_the_times(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(privacy={"mode": "full"})
    hall.book(event(title="Secret"))
    assert all("Secret" not in row.details for row in hall.house.blocks())
    assert "Secret" in hall.house.blocks(Projection.DETAILS)[0].details


def test_a_series_goes_on_when_the_horizon_advances(hall: Hall) -> None:
    hall.book(WEEKLY)
    before = hall.busy()
    hall.house.now += 32 * DAY
    hall.house.ingest.rebuild(ROOM, hall.now)
    after = hall.busy()
    assert after[-1] > before[-1]
    kept = [it for it in after if it <= before[-1]]
    assert kept == before[-len(kept) :]


def test_a_rebuild_that_changes_nothing_is_seen_by_nobody(hall: Hall) -> None:
    hall.book(WEEKLY)
    state = hall.house.state()
    hall.house.ingest.rebuild(ROOM, hall.now)
    assert hall.house.state() == state


def test_a_rebuild_follows_another_policy(hall: Hall) -> None:
    hall.book(event())
    hall.house.configure(
        connections=[
            {
                "id": "work",
                "write_calendar": "main",
                "primary": True,
                "availability": {"buffers": {"before": "30m"}},
            }
        ]
    )
    assert hall.busy() == [("2026-11-23 08:30", "2026-11-23 10:00", "BUSY")]


def test_a_rebuild_keeps_what_is_proposed_and_what_is_tentative(hall: Hall) -> None:
    hall.book(event())
    ticket = hall.put(event("20261123T140000Z", "20261123T150000Z"))
    claim = hall.claim()
    hall.end(ticket)
    before = hall.busy()
    hall.house.ingest.rebuild(ROOM, hall.now)
    assert hall.busy() == before
    hall.settle(claim)
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_the_longest_booking_bounds_what_is_looked_up(hall: Hall) -> None:
    hall.book(event("20261123T090000Z", "20261123T160000Z"))
    with hall.database.read() as conn:
        assert busy.extents(conn, ROOM).occurrence == 7 * 3600
    hall.house.ingest.rebuild(ROOM, hall.now)
    with hall.database.read() as conn:
        assert busy.extents(conn, ROOM).occurrence == 7 * 3600
    hall.delete()
    hall.settle()
    assert hall.house.periods(Window(0, 10**11)) == []


def test_explain_tells_of_bookings(hall: Hall) -> None:
    hall.book(event())
    start = hall.house.periods()[0].start
    for asked in ({"at": start}, {"uid": "one"}):
        [told] = [it for it in hall.house.explain(**asked) if it.calendar == "bookings"]
        assert (told.uid, told.connection_id) == ("one", "room-a.work")
        assert told.reason == "booked: busy"
        assert told.blocks is not None


def test_an_event_without_its_booking_blocks_as_after_an_older_backup_was_restored(
    hall: Hall,
) -> None:
    hall.occupy("2026-11-23 09:00", uid="one", origin=INSTANCE, summary="Talk")
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    with pytest.raises(Clash):
        hall.put(event(uid="two"), "two.ics")


def test_what_is_published_is_no_source_of_what_is_published(hall: Hall) -> None:
    hall.book(event())
    for row in hall.house.blocks():
        hall.occupy("2026-11-23 09:00", uid=row.uid, origin=INSTANCE)
    hall.delete()
    hall.settle()
    assert hall.busy() == []


def test_an_event_that_is_brought_back_after_its_booking_went_blocks(hall: Hall) -> None:
    hall.book(event())
    hall.occupy("2026-11-23 09:00", uid="one", origin=INSTANCE)
    hall.house.calendar().delete("one")
    hall.delete()
    hall.settle()
    hall.house.pull()
    assert hall.busy() == []
    hall.occupy("2026-11-23 09:00", uid="one", origin=INSTANCE)
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


@pytest.mark.parametrize("first", ["seen there", "gone here"])
def test_an_event_that_somebody_moves_into_another_calendar_blocks_there(
    hall: Hall, first: str
) -> None:
    hall.house.calendar("private")
    hall.book(event())
    hall.occupy("2026-11-23 09:00", uid="one", origin=INSTANCE)
    moved = make_series("2026-11-23 09:00", uid="one", origin=INSTANCE)
    hall.house.calendar("private").put("one", moved)
    if first == "seen there":
        hall.house.pull()
    hall.house.calendar().delete("one")
    hall.delete()
    hall.settle()
    hall.house.pull()
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


def test_a_booking_of_another_resource_blocks_in_a_calendar_that_both_read(hall: Hall) -> None:
    shared = hall.house.calendar("shared")
    shared.put("other", make_series("2026-11-23 09:00", uid="theirs", origin=INSTANCE))
    hall.house.pull()
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    with pytest.raises(Clash):
        hall.put(event())


def test_a_booking_in_a_calendar_that_receives_none_any_more_counts_once_and_follows(
    hall: Hall,
) -> None:
    hall.book(event())
    hall.occupy("2026-11-23 09:00", uid="one", origin=INSTANCE, summary="Talk")
    hall.house.calendar("other")
    work = {"id": "work", "account_email": "room@example.com", "primary": True}
    hall.house.configure(connections=[work | {"write_calendar": "other"}])
    hall.house.pull(full=True)
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    assert len(hall.house.blocks(Projection.DETAILS)) == 1
    moved = make_series("2026-11-23 14:00", uid="one", origin=INSTANCE, summary="Talk")
    hall.house.calendar().put("one", moved)
    hall.house.pull()
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_an_event_that_somebody_gives_another_name_in_its_calendar_stays_the_bookings(
    hall: Hall,
) -> None:
    """As a MOVE on a CalDAV server does."""
    hall.book(event())
    [remote_id] = [row.remote_id for row in rows(hall)]
    stands = make_series("2026-11-23 09:00", uid="one", origin=INSTANCE, summary="Talk")
    hall.house.calendar().put(remote_id, stands)
    hall.house.pull()
    hall.house.calendar().delete(RemoteId(remote_id))
    hall.house.calendar().put("renamed", stands)
    hall.house.pull()
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    assert [row.remote_id for row in rows(hall)] == ["renamed"]


def rows(hall: Hall) -> list[bookings.BookingRow]:
    with hall.database.read() as conn:
        return bookings.visible(conn, ROOM)
