"""What readers get: the client's own octets, and the lines that we have to add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.bookings import revising
from bridge.bookings.words import Outcome, Result
from bridge.ical.parse import parse_calendar
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import PartStat
from bridge.model.remote import RemoteId
from bridge.sink import Written
from bridge.store.outbox import Kind
from tests.bookings.hall import Hall, event

LINK = "https://us02web.zoom.us/j/123?pwd=a"
ZOOM = Conference(ConferenceKind.ZOOM, ConferenceState.READY, "123", LINK)
NINE = ("20261123T090000Z", "20261123T100000Z")
ODD = (
    b"\xef\xbb\xbfbegin:vcalendar\r\nVERSION:2.0\r\nPRODID:-//A\r\n  client//EN\r\n"
    b'X-WR-CALNAME;X-A="b;c:d":Mine\r\n'
    b"BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
    b"TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    b"BEGIN:VEVENT\r\nuid:one\r\nDTSTAMP:20261101T000000Z\r\n"
    b"DTSTART;TZID=Here:20261123T100000\r\nDURATION:PT1H\r\n"
    b"SUMMARY;LANGUAGE=de:Gespr\xc3\xa4\r\n ch\\, lang\r\nX-APPLE-THING;A=1:x\r\n"
    b"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nDESCRIPTION:x\r\nEND:VALARM\r\n"
    b"END:VEVENT\r\nend:vcalendar\r\n"
)


def book(hall: Hall, octets: bytes, conference: Conference | None = None) -> Outcome:
    ticket = hall.put(octets)
    assert hall.settle(conference=conference)
    return hall.end(ticket)


def text(hall: Hall) -> str:
    seen = hall.seen()
    assert seen is not None
    return seen.text


def plain(hall: Hall) -> str:
    """The same, unfolded."""
    return text(hall).replace("\r\n ", "")


def test_what_needs_no_word_of_ours_is_kept_octet_by_octet(hall: Hall) -> None:
    assert book(hall, ODD).verbatim
    assert text(hall).encode() == ODD


def test_cutting_a_text_into_lines_loses_nothing() -> None:
    for octets in (ODD, event(), ODD.replace(b"\r\n", b"\n"), b"", b"no calendar"):
        assert "".join(line.raw for line in revising.lines(octets.decode())) == octets.decode()


@pytest.mark.covers("A-13", "A-15")
def test_a_link_is_added_where_clients_and_people_look_for_it(hall: Hall) -> None:
    outcome = book(hall, ODD, ZOOM)
    assert (outcome.result, outcome.verbatim) == (Result.SETTLED, False)
    unfolded = plain(hall)
    assert f"CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Join:{LINK}\r\n" in unfolded
    assert f"LOCATION:{LINK}\r\n" in unfolded
    assert unfolded.index("CONFERENCE") < unfolded.index("BEGIN:VALARM")
    kept = [line.raw for line in revising.lines(ODD.decode())]
    assert [line for line in kept if line not in text(hall)] == []
    assert parse_calendar(text(hall)).series[0].series.master is not None
    assert hall.told() == ["booking.created", "booking.conference_assigned"]


def test_a_place_of_the_clients_stays_and_the_link_goes_beside_it(hall: Hall) -> None:
    book(hall, event(*NINE, "LOCATION:Room 1"), ZOOM)
    assert "LOCATION:Room 1" in text(hall)
    assert f"URL:{LINK}" in text(hall)


def test_a_client_that_leaves_the_link_out_gets_it_again(hall: Hall) -> None:
    first = book(hall, event(), ZOOM)
    ticket = hall.put(event(title="Talks"), if_match=(first.etag,))
    claim = hall.claim()
    intent = hall.outbox.desired(claim, ())
    assert intent.conference == ZOOM
    assert hall.settle(claim, conference=ZOOM)
    assert not hall.end(ticket).verbatim
    assert plain(hall).count(LINK) == 2
    assert hall.told().count("booking.conference_assigned") == 1


def test_what_we_added_is_not_taken_for_the_clients_own(hall: Hall) -> None:
    """A client sends back what it got: at the provider nothing is doubled by that."""
    book(hall, event(*NINE, "DESCRIPTION:Bring a pen"), replace(ZOOM, details="Passcode: 7"))
    hall.put(text(hall).replace("Talk", "Talks").encode())
    intent = hall.outbox.desired(hall.claim(), ())
    assert intent.desired is not None
    master = intent.desired.series.master
    assert master is not None
    assert master.location == LINK
    assert master.description == "Bring a pen\n\n-- \nPasscode: 7"


def test_another_meeting_takes_the_place_of_the_link_before(hall: Hall) -> None:
    book(hall, event(), ZOOM)
    other = replace(ZOOM, reference="9", join_url="https://us02web.zoom.us/j/9")
    book(hall, text(hall).replace("Talk", "Talks").encode(), other)
    assert LINK not in plain(hall)
    assert plain(hall).count("https://us02web.zoom.us/j/9") == 2


def test_a_meeting_that_is_not_wanted_any_more_leaves_no_link(hall: Hall) -> None:
    book(hall, event(), ZOOM)
    without = text(hall).replace("SUMMARY", "X-BUSYBRIDGE-CONFERENCE:none\r\nSUMMARY").encode()
    hall.put(without)
    claim = hall.claim()
    intent = hall.outbox.desired(claim, ())
    assert intent.meeting is None
    assert intent.conference == ZOOM
    hall.settle(claim)
    assert LINK not in plain(hall)


def test_guests_whom_the_provider_mails_are_marked_so(hall: Hall) -> None:
    guests = (
        "ATTENDEE;CN=Ann;RSVP=TRUE:mailto:ann@example.com",
        'ATTENDEE;CN="Bo; b";SCHEDULE-AGENT=CLIENT:mailto:bo@example.com',
    )
    assert not book(hall, event(*NINE, *guests)).verbatim
    unfolded = plain(hall)
    assert "ATTENDEE;CN=Ann;RSVP=TRUE;SCHEDULE-STATUS=1.1:mailto:ann@example.com" in unfolded
    assert guests[1] in unfolded


@pytest.mark.covers("T70")
def test_guests_whom_nobody_mails_are_not_marked(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(event_defaults={"notify_attendees": False})
    octets = event(*NINE, "ATTENDEE:mailto:ann@example.com")
    hall.put(octets)
    claim = hall.claim()
    assert not hall.outbox.desired(claim, ()).notify
    hall.settle(claim)
    assert text(hall).encode() == octets


@pytest.mark.covers("F56")
def test_a_meeting_that_comes_later_is_a_revision_of_its_own(hall: Hall) -> None:
    pending = replace(ZOOM, state=ConferenceState.PENDING, join_url="")
    first = book(hall, event(), pending)
    assert first.verbatim
    assert hall.claims() == []
    hall.house.now += 30
    claim = hall.claim()
    assert claim.kind is Kind.MEETING
    assert hall.outbox.settle(claim, None, ZOOM, hall.now)
    seen = hall.seen()
    assert seen is not None
    assert seen.etag != first.etag
    assert seen.booking.meeting_url == LINK
    assert LINK in seen.text
    assert hall.claims() == []
    assert hall.told() == ["booking.created", "booking.conference_assigned"]


@pytest.mark.covers("A-16")
def test_a_meeting_that_cannot_be_made_is_shown_and_told(hall: Hall) -> None:
    failing = Conference(ConferenceKind.ZOOM, ConferenceState.FAILING, reason="no licence")
    book(hall, event(), failing)
    assert "X-BUSYBRIDGE-REASON:the meeting could not be made yet: no licence" in text(hall)
    assert hall.told() == ["booking.created", "booking.conference_failing"]
    hall.house.now += 30
    hall.outbox.settle(hall.claim(), None, ZOOM, hall.now)
    assert "REASON" not in text(hall)


def test_a_change_goes_before_what_is_left_to_do_about_a_meeting(hall: Hall) -> None:
    pending = replace(ZOOM, state=ConferenceState.PENDING, join_url="")
    book(hall, event(), pending)
    hall.house.now += 30
    hall.put(event(title="Talks"))
    claim = hall.claim()
    assert claim.kind is Kind.CHANGE
    hall.settle(claim, conference=ZOOM)
    assert hall.claim().kind is Kind.MEETING


CHANGED = (
    "BEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20261101T000000Z\r\nRECURRENCE-ID:20261124T090000Z\r\n"
    "DTSTART:20261124T140000Z\r\nDTEND:20261124T150000Z\r\nSUMMARY:Later\r\n"
    "LOCATION:Elsewhere\r\nATTENDEE:mailto:ann@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR"
)


def test_changed_occurrences_have_the_link_and_the_marks_too(hall: Hall) -> None:
    daily = event(*NINE, "RRULE:FREQ=DAILY;COUNT=3", "ATTENDEE:mailto:ann@example.com")
    book(hall, daily.replace(b"END:VCALENDAR", CHANGED.encode()), ZOOM)
    master, changed = plain(hall).split("RECURRENCE-ID")
    for part in (master, changed):
        assert part.count(LINK) == 2
        assert "ATTENDEE;SCHEDULE-STATUS=1.1:mailto:ann@example.com" in part
    assert "LOCATION:Elsewhere" in changed
    assert hall.busy()[1] == ("2026-11-24 14:00", "2026-11-24 15:00", "BUSY")


def test_replies_of_guests_are_not_for_clients_to_decide(hall: Hall) -> None:
    hall.put(event(*NINE, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com"))
    claim = hall.claim()
    intent = hall.outbox.desired(claim, ())
    assert intent.desired is not None
    series = intent.desired.series
    assert series.master is not None
    declined = tuple(
        replace(it, partstat=PartStat.DECLINED) if "ann" in it.address else it
        for it in series.master.attendees
    )
    series = replace(series, master=replace(series.master, attendees=declined))
    hall.outbox.settle(
        claim, Written(remote_id=RemoteId("r"), etag=None, series=series), None, hall.now
    )
    assert "ATTENDEE;PARTSTAT=DECLINED;SCHEDULE-STATUS=1.1:mailto:ann@example.com" in plain(hall)
