"""RFC 4791 section 5.3.2.1, and the rules of a resource: what is refused, and by which name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.bookings.words import NotAllowed, NotBookable, NotSeen, Result
from bridge.errors import InvalidCalendarObject
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import connections
from tests.bookings.hall import Hall, event
from tests.builders import make_settings

MEETING = event()


def without(octets: bytes, line: str) -> bytes:
    return octets.replace(f"{line}\r\n".encode(), b"")


@pytest.mark.parametrize(
    ("octets", "precondition"),
    [
        (b"Dear Sirs", "valid-calendar-data"),
        (MEETING.replace(b"DTSTART:20261123T090000Z", b"DTSTART:soon"), "valid-calendar-data"),
        (MEETING.replace(b"Talk", b"Talk\x00"), "valid-calendar-data"),
        (MEETING.replace(b"Talk", b"\xff\xfe"), "valid-calendar-data"),
        (MEETING[:-20], "valid-calendar-data"),
        (
            event("20261123T090000Z", "20261123T100000Z", "RRULE:FREQ=SECONDLY"),
            "valid-calendar-data",
        ),
        (without(MEETING, "UID:one"), "valid-calendar-data"),
        (MEETING.replace(b"DTEND:20261123T1", b"DTEND:20261123T0"), "valid-calendar-data"),
        (MEETING.replace(b"SUMMARY:Talk", b"EXDATE:never"), "valid-calendar-data"),
        (event("20261123T090000Z", "20261123T100000Z", "no property"), "valid-calendar-data"),
        (MEETING + event(uid="two"), "valid-calendar-object-resource"),
        (
            MEETING.replace(b"VERSION:2.0", b"VERSION:2.0\r\nMETHOD:REQUEST"),
            "valid-calendar-object-resource",
        ),
        (MEETING.replace(b"VEVENT", b"VTODO"), "supported-calendar-component"),
        (MEETING.replace(b"VEVENT", b"VJOURNAL"), "supported-calendar-component"),
        (MEETING.replace(b"VEVENT", b"VFREEBUSY"), "supported-calendar-component"),
        (event(title="x" * (1 << 20)), "max-resource-size"),
        (event("20261119T090000Z", "20261119T100000Z"), "min-date-time"),
        (event("19991123T090000Z", "19991123T100000Z"), "min-date-time"),
        (event("20331123T090000Z", "20331123T100000Z"), "max-date-time"),
        (
            event(
                "20261123T090000Z",
                "20261123T090100Z",
                "RRULE:FREQ=HOURLY;COUNT=99999;BYMINUTE=1,3,5",
            ),
            "max-instances",
        ),
        (
            event(
                "20261123T090000Z",
                "20261123T100000Z",
                *(f"ATTENDEE:mailto:{number}@example.com" for number in range(101)),
            ),
            "max-attendees-per-instance",
        ),
        (
            event("20261123T090000Z", "20261123T100000Z", "X-BUSYBRIDGE-CONFERENCE:skype"),
            "valid-calendar-data",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_by_its_name(
    hall: Hall, octets: bytes, precondition: str
) -> None:
    with pytest.raises(InvalidCalendarObject) as refused:
        hall.put(octets)
    assert refused.value.precondition == precondition, str(refused.value)
    assert hall.claims() == []


def test_two_events_of_two_uids_are_no_object(hall: Hall) -> None:
    body = MEETING.partition(b"BEGIN:VEVENT")[2].partition(b"END:VCALENDAR")[0]
    two = MEETING.replace(
        b"END:VCALENDAR", b"BEGIN:VEVENT" + body.replace(b"UID:one", b"UID:two") + b"END:VCALENDAR"
    )
    with pytest.raises(InvalidCalendarObject) as refused:
        hall.put(two)
    assert refused.value.precondition == "valid-calendar-object-resource"


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (event("20261123T080000Z", "20261123T170000Z"), "at most 8 h"),
        (event("20261123T090000Z", "20261123T100000Z", "RRULE:FREQ=DAILY"), "without an end"),
    ],
)
def test_rules_of_the_resource_are_told(hall: Hall, octets: bytes, reason: str) -> None:
    with pytest.raises(NotAllowed, match=reason):
        hall.put(octets)


def test_rules_of_the_resource_can_be_loosened(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(bookings={"allow_from": "any", "max_duration": "12h", "endless_series": True})
    long = event("20261119T080000Z", "20261119T170000Z", "RRULE:FREQ=WEEKLY")
    assert hall.book(long).result is Result.SETTLED
    assert hall.busy()[0] == ("2026-11-19 08:00", "2026-11-19 17:00", "BUSY")


def test_what_has_just_begun_may_still_be_booked(hall: Hall) -> None:
    """The house's clock stands at noon and a minute."""
    assert hall.book(event("20261120T120000Z", "20261120T130000Z")).result is Result.SETTLED


def test_what_takes_place_already_may_still_be_changed(hall: Hall) -> None:
    first = hall.book(event("20261120T123000Z", "20261120T140000Z"))
    hall.house.now += 3600
    longer = event("20261120T123000Z", "20261120T143000Z")
    assert hall.book(longer, if_match=(first.etag,)).result is Result.SETTLED


def test_a_series_that_goes_on_after_the_horizon_is_taken(hall: Hall) -> None:
    series = event("20261123T090000Z", "20261123T100000Z", "RRULE:FREQ=YEARLY;COUNT=20")
    assert hall.book(series).result is Result.SETTLED
    assert len(hall.busy()) == 2


def test_without_a_calendar_to_write_to_nothing_can_be_booked(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(connections=[{"id": "work"}])
    with pytest.raises(NotBookable):
        hall.put(MEETING)


@pytest.mark.parametrize("unread", [True, False])
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            ConnectionStatus.PENDING,
            "the account that bookings are written to is not connected yet; "
            "`busybridge auth url room-a` prints a link for its owner",
        ),
        (
            ConnectionStatus.DISCONNECTED,
            "the account that bookings are written to is disconnected",
        ),
    ],
)
def test_an_account_that_is_not_connected_is_named_as_what_is_wrong(
    open_hall: Callable[..., Hall], status: ConnectionStatus, said: str, *, unread: bool
) -> None:
    hall = open_hall(unread=unread)
    with hall.database.write() as conn:
        connections.set_status(conn, ConnectionId("room-a.work"), status)
    with pytest.raises(NotBookable) as told:
        hall.put(MEETING)
    assert str(told.value) == said


@pytest.mark.parametrize("name", ["other", "nowhere"])
def test_a_calendar_that_was_chosen_a_moment_ago_is_waited_for_and_a_wrong_one_is_not(
    open_hall: Callable[..., Hall], name: str
) -> None:
    connection = {"id": "work", "account_email": "room@example.com", "read_calendars": ["main"]}
    hall = open_hall(connections=[connection])
    hall.house.calendar("other")
    hall.house.configure(connections=[{**connection, "write_calendar": name, "primary": True}])
    with pytest.raises(NotSeen) as told:
        hall.put(MEETING)
    assert told.value.retry_after
    hall.house.pull()
    if name == "other":
        assert hall.book(MEETING).result is Result.SETTLED
    else:
        with pytest.raises(NotBookable):
            hall.put(MEETING)


def test_of_several_connections_the_primary_one_receives_bookings(
    open_hall: Callable[..., Hall],
) -> None:
    hall = open_hall(
        unread=True,
        connections=[
            {"id": "work", "write_calendar": "main"},
            {"id": "team", "write_calendar": "main", "primary": True},
        ],
    )
    for name in ("work", "team"):
        hall.house.calendar(connection=name)
        hall.house.pull(name)
    hall.put(MEETING)
    assert hall.claim().booking.connection_id == "room-a.team"


def test_a_type_of_event_gives_what_the_client_left_out(open_hall: Callable[..., Hall]) -> None:
    types = [{"id": "video-call", "title": "Video call", "duration": "30m", "conference": "zoom"}]
    hall = open_hall(sections={"event_types": types})
    bare = without(event(title=""), "DTEND:20261123T100000Z").replace(
        b"SUMMARY:\r\n", b"CATEGORIES:Video-Call\r\n"
    )
    hall.put(bare)
    intent = hall.outbox.desired(hall.claim(), ())
    assert intent.desired is not None
    master = intent.desired.series.master
    assert master is not None
    assert master.summary == "Video call"
    assert intent.meeting is not None
    assert intent.meeting.value == "zoom"


HOURS = {"mon-fri": "08:00-12:00, 13:00-18:00", "sat": "09:00-24:00"}


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        ("20261123T070000Z", "20261123T080000Z", True),  # Monday from eight by the room's clock
        ("20261123T065900Z", "20261123T073000Z", False),
        ("20261123T103000Z", "20261123T123000Z", False),
        ("20261123T120000Z", "20261123T170000Z", True),
        ("20261123T163000Z", "20261123T171500Z", False),
        ("20261128T220000Z", "20261128T230000Z", True),
        ("20261128T220000Z", "20261128T233000Z", False),
        ("20261129T100000Z", "20261129T110000Z", False),
    ],
)
def test_outside_of_working_hours_nothing_is_booked_where_that_is_wanted(
    open_hall: Callable[..., Hall], start: str, end: str, allowed: bool
) -> None:
    hall = open_hall(working_hours=HOURS, bookings={"outside_hours": "reject"})
    if allowed:
        assert hall.book(event(start, end)).result is Result.SETTLED
    else:
        with pytest.raises(NotAllowed, match="outside of the hours"):
            hall.put(event(start, end))


def test_working_hours_refuse_nothing_by_themselves(open_hall: Callable[..., Hall]) -> None:
    hall = open_hall(working_hours=HOURS)
    assert hall.book(event("20261129T100000Z", "20261129T110000Z")).result is Result.SETTLED


@pytest.mark.parametrize(
    "hours",
    [
        {"monday": "08:00-18:00"},
        {"fri-mon": "08:00-18:00"},
        {"mon": "8-18"},
        {"mon": "18:00-08:00"},
        {"mon": "08:00-24:01"},
    ],
)
def test_working_hours_that_say_nothing_are_a_mistake(hours: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"write|begins|by 24:00"):
        make_settings(resources=[{"id": "room-a", "working_hours": hours}])
