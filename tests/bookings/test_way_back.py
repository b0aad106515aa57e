"""What somebody does to a booking's event in its calendar becomes of the booking."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.ical.parse import parse_calendar
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import Attendee, Event, EventSeries, PartStat, Status
from bridge.model.interval import rfc3339
from bridge.store import bookings, deliveries
from bridge.store.outbox import Kind
from tests.bookings.hall import INSTANCE, ROOM, Hall, event
from tests.engine.house import DAY

NINE = ("20261123T090000Z", "20261123T100000Z")
BUSY_AT_NINE = ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")
ANN = "ATTENDEE;X-OWN=1:mailto:ann@example.com"
ZOOM = Conference(ConferenceKind.ZOOM, ConferenceState.READY, "123", "https://us02web.zoom.us/j/1")


def stands(hall: Hall, name: str = "one.ics") -> EventSeries:
    """Give the event as the calendar has it."""
    seen = hall.seen(name)
    assert seen is not None
    [parsed] = parse_calendar(seen.booking.written).series
    return parsed.series


def arrives(hall: Hall, name: str = "one.ics", **changes: object) -> None:
    """Have the calendar's event pulled, changed as somebody changed it there."""
    seen, series = hall.seen(name), stands(hall, name)
    assert seen is not None
    assert series.master is not None
    master = replace(series.master, origin=INSTANCE, **changes)  # type: ignore[arg-type]
    calendar = hall.house.calendar()
    calendar.put(seen.booking.remote_id, replace(series, master=master))
    hall.house.pull()


def text(hall: Hall) -> str:
    seen = hall.seen()
    assert seen is not None
    return seen.text.replace("\r\n ", "")


def later(hall: Hall, by: timedelta) -> dict[str, Any]:
    master = stands(hall).master
    assert master is not None
    return later_than(master, by)


def later_than(event: Event, by: timedelta) -> dict[str, Any]:
    return {"start": event.start + by, "end": event.end + by}  # type: ignore[operator]


def book(hall: Hall, *more: str, conference: Conference | None = None) -> str:
    ticket = hall.put(event(*NINE, *more))
    hall.settle(conference=conference)
    return hall.end(ticket).etag


@pytest.mark.covers("F44", "F54", "F55")
def test_an_echo_changes_nothing(hall: Hall) -> None:
    etag = book(hall, "X-OWN-LINE:kept", ANN)
    seq = hall.seq()
    arrives(hall)
    arrives(hall)
    seen = hall.seen()
    assert seen is not None
    assert seen.etag == etag
    assert hall.changed(seq) == []
    assert hall.busy() == [BUSY_AT_NINE]
    assert hall.told() == ["booking.created"]
    assert hall.claims() == []


@pytest.mark.covers("A-24")
def test_what_is_told_says_where_it_was_and_from_which_change_on_to_look(hall: Hall) -> None:
    book(hall)
    seq = hall.seq()
    arrives(hall, **later(hall, timedelta(hours=5)))
    with hall.database.read() as conn:
        told = [json.loads(it.payload) for it in deliveries.after(conn, 0)]
    seen = hall.seen()
    assert seen is not None
    assert {it["booking_id"] for it in told} == {seen.booking.id}
    assert {it["uid"] for it in told} == {"one"}
    assert [it["calendar_ids"] for it in told] == [["main"]] * 2
    assert [it["cursor"] for it in told] == [str(seq), str(hall.seq())]
    assert told[-1]["last_updated_at"] == rfc3339(seen.booking.changed_at)
    assert hall.changed(int(told[0]["cursor"])) == [("one.ics", False)]


@pytest.mark.covers("A-24")
def test_a_booking_moves_with_its_event(hall: Hall) -> None:
    etag = book(hall, "X-OWN-LINE:kept", conference=ZOOM)
    seq = hall.seq()
    arrives(hall, **later(hall, timedelta(hours=5)))
    seen = hall.seen()
    assert seen is not None
    assert seen.etag != etag
    assert "DTSTART:20261123T140000Z" in text(hall)
    assert "X-OWN-LINE:kept" in text(hall)
    assert ZOOM.join_url in text(hall)
    assert seen.booking.sequence == 1
    assert hall.changed(seq) == [("one.ics", False)]
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]
    assert hall.told()[-1] == "booking.updated"
    claim = hall.claim()
    assert claim.kind is Kind.MEETING
    assert claim.progress == {"update": "zoom 123"}


def test_a_title_and_a_place_come_back_and_alarms_stay(hall: Hall) -> None:
    alarm = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT7M", "END:VALARM")
    book(hall, *alarm)
    arrives(hall, summary="Talks", location="Room 2")
    assert "SUMMARY:Talks" in text(hall)
    assert "LOCATION:Room 2" in text(hall)
    assert "TRIGGER:-PT7M" in text(hall)
    hall.put(event(*NINE, *alarm, title="Mine"))
    intent = hall.outbox.desired(hall.claim(), ())
    assert intent.base is not None
    assert intent.base.series.master is not None
    assert intent.base.series.master.summary == "Talks"


def test_replies_of_guests_are_another_revision_under_the_same_schedule_tag(hall: Hall) -> None:
    etag = book(hall, ANN)
    before = hall.seen()
    assert before is not None
    guests = (Attendee("mailto:ann@example.com", PartStat.ACCEPTED),)
    arrives(hall, attendees=guests)
    after = hall.seen()
    assert after is not None
    assert after.etag != etag
    assert after.booking.schedule_tag == before.booking.schedule_tag
    assert after.booking.sequence == before.booking.sequence
    assert "PARTSTAT=ACCEPTED" in text(hall)
    assert "X-OWN=1" in text(hall)


def test_a_guest_who_declines_one_occurrence_accepts_the_others(hall: Hall) -> None:
    book(hall, "RRULE:FREQ=DAILY;COUNT=3", ANN)
    master = stands(hall).master
    seen = hall.seen()
    assert seen is not None
    assert master is not None
    start = master.start + timedelta(days=1)  # type: ignore[operator]
    ann = "mailto:ann@example.com"
    override = replace(
        master,
        rrules=(),
        recurrence_id=start,
        start=start,
        end=start + timedelta(hours=1),
        attendees=(Attendee(ann, PartStat.DECLINED),),
        origin=INSTANCE,
    )
    series = EventSeries(
        uid="one",
        master=replace(master, origin=INSTANCE, attendees=(Attendee(ann, PartStat.ACCEPTED),)),
        overrides=(override,),
    )
    hall.house.calendar().put(seen.booking.remote_id, series)
    hall.house.pull()
    whole, _, one = text(hall).partition("RECURRENCE-ID")
    assert "PARTSTAT=ACCEPTED" in whole
    assert "PARTSTAT=DECLINED" in one
    assert "ACCEPTED" not in one


@pytest.mark.covers("A-23")
@pytest.mark.parametrize("how", ["deleted", "declined", "cancelled"])
def test_an_event_that_ends_in_its_calendar_ends_its_booking(hall: Hall, how: str) -> None:
    book(hall, conference=ZOOM)
    arrives(hall)
    end(hall, how)
    assert "STATUS:CANCELLED" in text(hall)
    assert f"its event was {how} in the calendar" in text(hall)
    assert ZOOM.join_url not in text(hall), "nobody waits in a meeting that is no more"
    assert hall.busy() == []
    assert hall.told()[-1] == "booking.cancelled"
    claim = hall.claim()
    assert claim.progress == {"cancel": "zoom 123"}
    hall.outbox.settle(claim, None, None, hall.now)
    assert f"its event was {how} in the calendar" in text(hall)


@pytest.mark.covers("A-23")
@pytest.mark.parametrize("how", ["deleted", "declined"])
def test_an_event_that_ends_is_only_told_of_where_that_is_wanted(
    open_hall: Callable[..., Hall], how: str
) -> None:
    connection = {
        "id": "work",
        "account_email": "room@example.com",
        "write_calendar": "main",
        "primary": True,
        "cancel_if_declined_or_deleted": False,
    }
    hall = open_hall(connections=[connection])
    etag = book(hall)
    arrives(hall)
    end(hall, how)
    hall.house.pull(full=True)
    seen = hall.seen()
    assert seen is not None
    assert seen.etag == etag
    assert hall.busy() == [BUSY_AT_NINE]
    assert hall.told() == ["booking.created", "booking.failed"]


def end(hall: Hall, how: str) -> None:
    seen = hall.seen()
    assert seen is not None
    if how == "deleted":
        hall.house.calendar().delete(seen.booking.remote_id)
        hall.house.pull()
    elif how == "cancelled":
        arrives(hall, status=Status.CANCELLED)
    else:
        arrives(
            hall,
            attendees=(Attendee("mailto:room@example.com", PartStat.DECLINED),),
            self_partstat=PartStat.DECLINED,
        )


def test_a_booking_whose_event_was_deleted_can_be_made_anew(hall: Hall) -> None:
    book(hall)
    arrives(hall)
    before = hall.seen()
    assert before is not None
    hall.house.calendar().delete(before.booking.remote_id)
    hall.house.pull()
    hall.book(event(*NINE))
    after = hall.seen()
    assert after is not None
    assert after.booking.token != before.booking.token
    assert hall.busy() == [BUSY_AT_NINE]
    assert hall.names() == ["one.ics"]


def test_an_event_that_no_pull_has_seen_yet_is_not_taken_for_deleted(hall: Hall) -> None:
    book(hall)
    hall.occupy("2026-11-25 09:00")
    assert hall.busy()[0] == BUSY_AT_NINE
    hall.house.pull(full=True)
    assert "CANCELLED" in text(hall)


@pytest.mark.parametrize("said", [False, True], ids=["left out", "said to be gone"])
def test_a_booking_of_the_past_is_cancelled_only_where_the_calendar_says_so(
    hall: Hall, *, said: bool
) -> None:
    book(hall, conference=ZOOM)
    arrives(hall)
    seen = hall.seen()
    assert seen is not None
    hall.house.now += 100 * DAY
    assert hall.house.ingest.advance_horizons(hall.house.now)
    hall.occupy("2027-03-08 09:00")
    # A full listing leaves out what was over before its window.
    hall.house.calendar().delete(seen.booking.remote_id)
    hall.house.pull(full=not said)
    hall.occupy("2027-03-09 09:00")
    hall.house.pull(full=True)
    assert ("STATUS:CANCELLED" in text(hall)) is said
    assert ("booking.cancelled" in hall.told()) is said
    assert len(hall.claims()) == int(said)


def test_a_write_that_is_under_way_is_not_reverted(hall: Hall) -> None:
    book(hall)
    arrives(hall)
    ticket = hall.put(event("20261123T140000Z", "20261123T150000Z"))
    claim = hall.claim()
    arrives(hall, **later(hall, timedelta(hours=1)))
    assert "DTSTART:20261123T090000Z" in text(hall)
    hall.settle(claim)
    hall.end(ticket)
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_a_pull_that_began_before_a_write_was_settled_is_older(hall: Hall) -> None:
    book(hall)
    arrives(hall)
    old = stands(hall)
    hall.house.now += 120
    hall.book(event("20261123T140000Z", "20261123T150000Z"))
    seen = hall.seen()
    assert seen is not None
    assert old.master is not None
    hall.house.calendar().put(
        seen.booking.remote_id, replace(old, master=replace(old.master, origin=INSTANCE))
    )
    hall.house.pull(later=0)
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_an_occurrence_that_is_moved_in_the_calendar_moves(hall: Hall) -> None:
    book(hall, "RRULE:FREQ=DAILY;COUNT=3", "X-OWN-LINE:kept")
    series = stands(hall)
    seen = hall.seen()
    assert seen is not None
    assert series.master is not None
    start = series.master.start + timedelta(days=1)  # type: ignore[operator]
    override = replace(
        series.master,
        rrules=(),
        recurrence_id=start,
        start=start + timedelta(hours=5),
        end=start + timedelta(hours=6),
        origin=INSTANCE,
    )
    master = replace(series.master, origin=INSTANCE)
    hall.house.calendar().put(
        seen.booking.remote_id, replace(series, master=master, overrides=(override,))
    )
    hall.house.pull()
    assert "RECURRENCE-ID:20261124T090000Z" in text(hall)
    assert "X-OWN-LINE:kept" in text(hall)
    assert hall.busy() == [
        BUSY_AT_NINE,
        ("2026-11-24 14:00", "2026-11-24 15:00", "BUSY"),
        ("2026-11-25 09:00", "2026-11-25 10:00", "BUSY"),
    ]


@pytest.mark.covers("A-24")
def test_an_event_that_moves_blocks_its_time_although_the_text_cannot_follow(hall: Hall) -> None:
    book(hall)
    seen = hall.seen()
    assert seen is not None
    first = stands(hall).master
    assert first is not None
    with hall.database.write() as conn:  # as of an event in a zone without a name
        bookings.save(conn, [seen.booking._replace(written="")])
    two = {**later_than(first, timedelta(hours=5)), "origin": INSTANCE}
    calendar = hall.house.calendar()
    remote_id = seen.booking.remote_id
    calendar.put(remote_id, EventSeries(uid="one", master=replace(first, **two)))
    hall.house.pull()
    moved = ("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")
    assert hall.busy() == [moved]
    after = hall.seen()
    assert after is not None
    assert after.text == seen.text
    assert "the times there count" in after.booking.reason
    assert hall.told() == ["booking.created", "booking.failed"]
    hall.house.ingest.rebuild(ROOM, hall.now)
    assert hall.busy() == [moved]
    calendar.put(remote_id, EventSeries(uid="one", master=replace(first, **two, summary="Other")))
    hall.house.pull()
    assert hall.busy() == [moved]
    calendar.put(remote_id, EventSeries(uid="one", master=replace(first, origin=INSTANCE)))
    hall.house.pull()
    assert hall.busy() == [BUSY_AT_NINE]
    assert hall.told() == ["booking.created", "booking.failed"]


def test_a_move_that_the_text_refuses_blocks_what_is_known_of_it_and_is_told(hall: Hall) -> None:
    book(hall)
    arrives(hall)
    arrives(hall, **later(hall, timedelta(hours=5)), rrules=("FREQ=SECONDLY",))
    assert hall.busy() == [BUSY_AT_NINE, ("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]
    assert hall.told()[-1] == "booking.failed"


@pytest.mark.parametrize("refused", [False, True])
def test_a_move_that_the_text_cannot_follow_blocks_beneath_a_change_and_after_its_refusal(
    hall: Hall, *, refused: bool
) -> None:
    book(hall)
    first, seen = stands(hall).master, hall.seen()
    assert first is not None
    assert seen is not None
    with hall.database.write() as conn:  # as of an event in a zone without a name
        bookings.save(conn, [seen.booking._replace(written="")])
    there = replace(first, **later_than(first, timedelta(hours=5)), origin=INSTANCE)
    hall.house.calendar().put(seen.booking.remote_id, EventSeries(uid="one", master=there))
    hall.house.pull()
    ticket = hall.put(event("20261125T090000Z", "20261125T100000Z"))
    claim = hall.claim()
    hall.end(ticket)
    if refused:
        assert hall.outbox.refuse(claim, "not on a Wednesday", hall.now)
        assert "not on a Wednesday" in text(hall)
    hall.house.ingest.rebuild(ROOM, hall.now)
    assert ("2026-11-23 14:00", "2026-11-23 15:00", "BUSY") in hall.busy()
    hall.house.calendar().put(
        seen.booking.remote_id, EventSeries(uid="one", master=replace(there, summary="Other"))
    )
    hall.house.pull()
    assert ("2026-11-23 14:00", "2026-11-23 15:00", "BUSY") in hall.busy()
