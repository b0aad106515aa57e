"""What a booking says beside its time: reminders, attachments, and how its guests are invited."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.ical.parse import parse_calendar
from bridge.model.event import Alarm, Attachment, Attendee, Event, EventSeries, PartStat

TIMES = ("DTSTART:20260310T090000Z", "DTEND:20260310T100000Z")
QUARTER = timedelta(minutes=15)


HEAD = ("BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:one")
END = ("END:VEVENT", "END:VCALENDAR", "")


def booked(*lines: str, times: tuple[str, ...] = TIMES, whole: bool = True) -> EventSeries:
    text = "\r\n".join([*HEAD, *times, *lines, *END])
    (found,) = parse_calendar(text, whole=whole).series
    return found.series


def event(*lines: str, times: tuple[str, ...] = TIMES) -> Event:
    found = booked(*lines, times=times).master
    assert found is not None
    return found


def alarm(*lines: str) -> tuple[str, ...]:
    return ("BEGIN:VALARM", *lines, "END:VALARM")


def test_reminders_are_read_in_the_order_they_are_written() -> None:
    found = event(
        *alarm("ACTION:DISPLAY", "TRIGGER:-PT15M", "DESCRIPTION:Soon"),
        *alarm("TRIGGER:-P1D", "ACTION:email"),
        *alarm("ACTION:AUDIO", "TRIGGER;RELATED=START:PT0S"),
    )
    assert found.alarms == (
        Alarm(QUARTER),
        Alarm(timedelta(days=1), "EMAIL"),
        Alarm(timedelta(), "AUDIO"),
    )


def test_a_booking_without_alarms_says_nothing_of_reminders() -> None:
    assert event().alarms is None


def test_apples_way_to_say_no_alarm_is_understood_as_none() -> None:
    none = alarm("ACTION:NONE", "TRIGGER;VALUE=DATE-TIME:19760401T005545Z")
    assert event(*none).alarms == ()


@pytest.mark.parametrize(
    ("trigger", "before"),
    [
        ("TRIGGER;RELATED=END:-PT15M", timedelta(minutes=-45)),
        ("TRIGGER:PT5M", timedelta(minutes=-5)),
        ("TRIGGER;VALUE=DATE-TIME:20260310T084500Z", QUARTER),
    ],
)
def test_a_reminder_is_told_by_how_long_before_the_start_it_comes(
    trigger: str, before: timedelta
) -> None:
    assert event(*alarm("ACTION:DISPLAY", trigger)).alarms == (Alarm(before),)


def test_a_reminder_that_repeats_is_several() -> None:
    found = event(*alarm("ACTION:DISPLAY", "TRIGGER:-PT15M", "REPEAT:2", "DURATION:PT5M"))
    assert found.alarms == tuple(Alarm(timedelta(minutes=it)) for it in (15, 10, 5))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("ACTION:PROCEDURE", "TRIGGER:-PT15M"), "its ACTION is 'PROCEDURE'"),
        (("ACTION:DISPLAY",), "'' is not a date or time"),
        (("ACTION:DISPLAY", "TRIGGER:-P1"), "'-P1' is not a duration"),
    ],
)
def test_a_reminder_that_cannot_be_said_is_noted(lines: tuple[str, ...], why: str) -> None:
    found = booked(*alarm(*lines))
    assert found.notes == (f"an alarm was left out: {why}",)
    assert found.master is not None
    assert found.master.alarms == ()


def test_a_series_has_no_reminder_at_one_moment() -> None:
    moment = alarm("ACTION:DISPLAY", "TRIGGER;VALUE=DATE-TIME:20260310T084500Z")
    (note,) = booked("RRULE:FREQ=DAILY;COUNT=3", *moment).notes
    assert note == "an alarm was left out: it goes off at a time of its own, not before the event"


def test_links_are_attached_and_other_attachments_are_noted() -> None:
    found = booked(
        'ATTACH;FMTTYPE=text/html;FILENAME="Agenda; draft":https://docs.example/1',
        "ATTACH;VALUE=BINARY;ENCODING=BASE64:AAAA",
    )
    assert found.master is not None
    assert found.master.attachments == (
        Attachment("https://docs.example/1", "Agenda; draft", "text/html"),
    )
    assert found.notes == ("an attachment that is no link was left out",)


def test_guests_come_with_how_they_are_invited() -> None:
    found = event(
        "ATTENDEE;ROLE=opt-participant;CUTYPE=ROOM;RSVP=true;SCHEDULE-AGENT=CLIENT;"
        "PARTSTAT=ACCEPTED;CN=Blue:mailto:blue@example.com",
        "ATTENDEE:mailto:ben@example.com",
        "ORGANIZER;SCHEDULE-AGENT=NONE:mailto:ann@example.com",
    )
    assert found.attendees == (
        Attendee(
            "mailto:blue@example.com",
            PartStat.ACCEPTED,
            "Blue",
            role="OPT-PARTICIPANT",
            cutype="ROOM",
            rsvp=True,
            schedule_agent="CLIENT",
        ),
        Attendee("mailto:ben@example.com"),
    )
    assert found.organizer == Attendee("mailto:ann@example.com", schedule_agent="NONE")


def test_pulls_read_nothing_of_all_that() -> None:
    lines = (
        *("ATTACH:https://docs.example/1", "ATTENDEE;ROLE=CHAIR:mailto:ben@example.com"),
        *alarm("ACTION:DISPLAY", "TRIGGER:-PT15M"),
    )
    found = booked(*lines, whole=False).master
    assert found is not None
    assert (found.alarms, found.attachments) == (None, ())
    assert found.attendees == (Attendee("mailto:ben@example.com"),)


def test_the_canonical_text_of_a_booking_is_that_of_a_pull() -> None:
    reminder = alarm("ACTION:DISPLAY", "TRIGGER:-PT15M")
    text = "\r\n".join([*HEAD, *TIMES, *reminder, "SUMMARY:Later", *END])
    (pulled,) = parse_calendar(text).series
    (asked,) = parse_calendar(text, whole=True).series
    assert asked.text == pulled.text
    assert "VALARM" not in asked.text
