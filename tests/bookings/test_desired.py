"""From what a client wrote, and the defaults of its resource, to what the event is to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.bookings.desired import Intent
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import Alarm, Attachment, Class, Event, PartStat, ShowAs
from tests.bookings.hall import ALICE, BOB, INSTANCE, Hall, event

NINE = ("20261123T090000Z", "20261123T100000Z")
MEET, TEAMS, ZOOM = ConferenceKind.GOOGLE_MEET, ConferenceKind.TEAMS, ConferenceKind.ZOOM
LINK = "https://teams.live.com/meet/1"
VALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "DESCRIPTION:x", "END:VALARM")


def intent(hall: Hall, *more: str, natively: Any = (), viewer: Any = ALICE, **what: Any) -> Intent:
    hall.put(event(*NINE, *more, **what), viewer=viewer)
    return hall.outbox.desired(hall.claim(), natively)


def master(found: Intent) -> Event:
    assert found.desired is not None
    assert found.desired.series.master is not None
    return found.desired.series.master


def test_the_token_is_the_same_in_every_try_and_another_for_each_booking(hall: Hall) -> None:
    first = intent(hall)
    hall.put(event("20261123T140000Z", "20261123T150000Z", uid="two"), "two.ics")
    [other] = [it for it in hall.claims() if it.booking.uid == "two"]
    second = hall.outbox.desired(other, ())
    assert first.desired is not None
    assert second.desired is not None
    assert first.desired.token != second.desired.token
    assert set(first.desired.token) <= set("0123456789abcdef")
    assert first.desired.origin == INSTANCE
    assert first.base is None


def test_what_stood_there_is_the_base_of_a_change(hall: Hall) -> None:
    hall.book(event(*NINE, "ATTENDEE;CN=Ann;ROLE=OPT-PARTICIPANT:mailto:ann@example.com"))
    seen = hall.seen()
    assert seen is not None
    hall.put(event(title="Talks"))
    found = hall.outbox.desired(hall.claim(), ())
    assert found.base is not None
    assert found.base.remote_id == seen.booking.remote_id
    assert found.base.series.master is not None
    assert [it.role for it in found.base.series.master.attendees] == ["OPT-PARTICIPANT", ""]


@pytest.mark.parametrize(
    ("line", "meeting"),
    [
        ("X-BUSYBRIDGE-CONFERENCE:google_meet", MEET),
        ("X-BUSYBRIDGE-CONFERENCE:none", None),
        ("LOCATION:zoom", ZOOM),
        ("LOCATION:Zoom street 1", TEAMS),
        ("CATEGORIES:Work,Meet", MEET),
        ("CATEGORIES:Work", TEAMS),
        ("X-BUSYBRIDGE-CONFERENCE:auto", MEET),
    ],
)
def test_the_meeting_is_the_one_that_the_client_names_else_the_default(
    open_hall: Callable[..., Hall], line: str, meeting: ConferenceKind | None
) -> None:
    hall = open_hall(event_defaults={"conference": "teams"})
    found = intent(hall, line, natively=(MEET,))
    assert found.meeting is meeting
    assert found.is_native is (meeting is MEET)


def test_auto_is_zoom_where_the_calendar_has_no_meetings(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(event_defaults={"conference": "auto"})
    assert intent(hall).meeting is ZOOM


def test_a_meeting_stays_unless_another_is_named(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(event_defaults={"conference": "auto"})
    hall.put(event())
    made = Conference(TEAMS, ConferenceState.READY, "", LINK)
    hall.settle(conference=made)
    found = intent(hall, natively=(MEET, TEAMS), title="Talks")
    assert found.meeting is TEAMS
    assert found.conference == made
    assert (master(found).location, master(found).conference_url) == ("", "")


@pytest.mark.covers("F55", "F57")
def test_a_link_of_the_calendar_itself_is_not_written_back_as_a_place(hall: Hall) -> None:
    hall.put(event(*NINE, "X-BUSYBRIDGE-CONFERENCE:teams"))
    made = Conference(TEAMS, ConferenceState.READY, "", LINK)
    hall.settle(conference=made)
    seen = hall.seen()
    assert seen is not None
    hall.put(seen.text.replace("Talk", "Talks").encode())
    found = hall.outbox.desired(hall.claim(), (TEAMS,))
    assert found.is_native
    assert (master(found).location, master(found).url) == ("", "")


def test_the_account_is_no_guest_and_who_booked_is_one(hall: Hall) -> None:
    found = intent(
        hall,
        "ORGANIZER:mailto:alice@example.com",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ROOM@example.com",
        "ATTENDEE;CN=Ann;RSVP=TRUE;CUTYPE=INDIVIDUAL:mailto:ann@example.com",
    )
    event_ = master(found)
    assert event_.organizer is None
    assert [(it.address, it.partstat) for it in event_.attendees] == [
        ("mailto:ann@example.com", PartStat.NEEDS_ACTION),
        ("mailto:alice@example.com", PartStat.ACCEPTED),
    ]


@pytest.mark.covers("T70")
def test_who_books_is_told_by_nobody_where_the_client_tells_all_the_others(hall: Hall) -> None:
    silent = "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:ann@example.com"
    mine = "ATTENDEE:mailto:alice@example.com"
    found = intent(hall, silent, mine)
    assert [it.schedule_agent for it in master(found).attendees] == ["CLIENT", "CLIENT"]
    assert not found.notify


@pytest.mark.covers("T70")
def test_who_books_is_told_as_soon_as_one_of_the_others_is(hall: Hall) -> None:
    silent = "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:ann@example.com"
    found = intent(hall, silent, "ATTENDEE:mailto:bo@example.com")
    assert [it.schedule_agent for it in master(found).attendees] == ["CLIENT", "", ""]
    assert found.notify


@pytest.mark.covers("T70")
@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("ATTENDEE:mailto:ann@example.com",), True),
        (("ATTENDEE:mailto:ann@example.com", "X-BUSYBRIDGE-EVENT-TYPE:quiet"), False),
        (("ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:ann@example.com",), False),
        (("ATTENDEE;SCHEDULE-AGENT=NONE:mailto:ann@example.com",), False),
    ],
)
def test_a_deletion_tells_those_who_were_told_of_the_booking(
    open_hall: Callable[..., Hall], more: tuple[str, ...], told: bool
) -> None:
    quiet = {"id": "quiet", "event_defaults": {"notify_attendees": False}}
    hall = open_hall(sections={"event_types": [quiet]})
    hall.book(event(*NINE, *more))
    hall.delete()
    found = hall.outbox.desired(hall.claim(), ())
    assert found.desired is None
    assert found.notify is told


@pytest.mark.covers("S1-28")
@pytest.mark.parametrize(
    ("connection", "word", "told"),
    [(None, "", True), (False, "", False), (False, "TRUE", True), (True, "FALSE", False)],
)
def test_guests_are_told_as_their_booking_says_else_its_connection_else_its_resource(
    open_hall: Callable[..., Hall], connection: bool | None, word: str, told: bool
) -> None:
    own = {} if connection is None else {"notify_attendees": connection}
    account = {"id": "work", "account_email": "room@example.com", "write_calendar": "main"}
    hall = open_hall(connections=[{**account, "primary": True, **own}])
    said = [f"X-BUSYBRIDGE-NOTIFY:{word}"] if word else []
    hall.put(event(*NINE, "ATTENDEE:mailto:ann@example.com", *said))
    claim = hall.claim()
    assert hall.outbox.desired(claim, ()).notify is told
    assert hall.settle(claim)
    seen = hall.seen()
    assert seen is not None
    assert ("SCHEDULE-STATUS" in seen.booking.text) is told


def test_a_login_without_an_address_invites_nobody(hall: Hall) -> None:
    assert master(intent(hall, viewer=BOB)).attendees == ()


def test_defaults_hold_where_the_client_says_nothing(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(
        event_defaults={
            "visibility": "private",
            "show_as": "out_of_office",
            "reminders": [{"method": "email", "minutes": 60}],
        }
    )
    found = master(intent(hall))
    assert found.classification is Class.PRIVATE
    assert found.show_as is ShowAs.OUT_OF_OFFICE
    assert found.alarms == (Alarm(timedelta(hours=1), "EMAIL"),)
    at_two = ("20261123T140000Z", "20261123T150000Z")
    hall.put(event(*at_two, "CLASS:PUBLIC", "TRANSP:OPAQUE", *VALARM, uid="two"), "two.ics")
    [claim] = hall.claims()
    said = master(hall.outbox.desired(claim, ()))
    assert said.classification is Class.PUBLIC
    assert said.show_as is None
    assert said.alarms == (Alarm(timedelta(minutes=5), "DISPLAY"),)


def test_floating_times_are_the_resources(hall: Hall) -> None:
    hall.put(event("20261123T090000", "20261123T100000"))
    found = master(hall.outbox.desired(hall.claim(), ()))
    assert found.start == datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    assert hall.busy() == []


def test_links_that_are_attached_go_along(hall: Hall) -> None:
    line = "ATTACH;FMTTYPE=application/pdf;FILENAME=a.pdf:https://example.com/a.pdf"
    found = master(intent(hall, line, "ATTACH:javascript:alert(1)"))
    assert found.attachments == (
        Attachment("https://example.com/a.pdf", "a.pdf", "application/pdf"),
    )


def test_a_deletion_wants_nothing_and_knows_what_stands(hall: Hall) -> None:
    hall.put(event())
    made = Conference(ZOOM, ConferenceState.READY, "123", "https://us02web.zoom.us/j/123")
    hall.settle(conference=made)
    hall.delete()
    found = hall.outbox.desired(hall.claim(), ())
    assert found.desired is None
    assert found.base is not None
    assert found.conference == replace(made)
