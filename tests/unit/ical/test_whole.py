"""What only bookings need of an event: alarms, attachments, who invites whom; and no guesses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ical.compose import series_text
from bridge.ical.parse import parse_calendar
from bridge.model.event import Alarm, Attachment, Attendee, Event, EventSeries, PartStat

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:one\r\n"
WHEN = "DTSTART:20260301T100000Z\r\nDTEND:20260301T110000Z\r\n"
END = "END:VEVENT\r\nEND:VCALENDAR\r\n"
START = datetime(2026, 3, 1, 10, tzinfo=UTC)


def read(*lines: str, when: str = WHEN) -> Event:
    text = HEAD + when + "".join(f"{line}\r\n" for line in lines) + END
    [parsed] = parse_calendar(text, whole=True).series
    assert parsed.series.master is not None
    return parsed.series.master


def alarm(trigger: str, action: str = "DISPLAY") -> tuple[str, ...]:
    return ("BEGIN:VALARM", f"ACTION:{action}", f"TRIGGER{trigger}", "END:VALARM")


@pytest.mark.parametrize(
    ("trigger", "before"),
    [
        (":-PT15M", timedelta(minutes=15)),
        (":PT5M", timedelta(minutes=-5)),
        (":-P1D", timedelta(days=1)),
        (";RELATED=START:-PT0S", timedelta()),
        (";RELATED=END:-PT10M", timedelta(minutes=-50)),
        (";VALUE=DATE-TIME:20260301T093000Z", timedelta(minutes=30)),
    ],
)
def test_an_alarm_goes_off_so_long_before_the_start(trigger: str, before: timedelta) -> None:
    assert read(*alarm(trigger)).alarms == (Alarm(before),)


def test_no_alarm_says_nothing_and_one_that_does_nothing_says_none() -> None:
    assert read().alarms is None
    assert read(*alarm(":-PT1M", "NONE")).alarms == ()
    assert read(*alarm(":someday")).alarms == ()
    assert read(*alarm(":-PT1M", "email"), *alarm(":-PT2M")).alarms == (
        Alarm(timedelta(minutes=1), "EMAIL"),
        Alarm(timedelta(minutes=2)),
    )


def test_guests_are_read_with_all_that_is_said_of_them() -> None:
    said = 'CN="Ann, A";ROLE=chair;CUTYPE=ROOM;RSVP=true;SCHEDULE-AGENT=client'
    assert read(f"ATTENDEE;{said}:MAILTO:a@b.c").attendees == (
        Attendee(
            "mailto:a@b.c",
            PartStat.NEEDS_ACTION,
            "Ann, A",
            "CHAIR",
            "ROOM",
            rsvp=True,
            schedule_agent="CLIENT",
        ),
    )


@pytest.mark.covers("T30")
def test_only_links_of_the_web_are_attachments() -> None:
    lines = [
        "ATTACH;FMTTYPE=text/plain:https://example.com/a",
        "ATTACH:javascript:alert(1)",
        "ATTACH:file:///etc/passwd",
        "ATTACH;ENCODING=BASE64;VALUE=BINARY:AAAA",
    ]
    assert read(*lines).attachments == (Attachment("https://example.com/a", "", "text/plain"),)


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:never",
        "no property at all",
        "DURATION:a while",
        "X" * 10,
    ],
)
def test_nothing_is_guessed(line: str) -> None:
    when = "DTSTART:20260301T100000Z\r\n"
    found = parse_calendar(f"{HEAD}{when}{line}\r\n{END}", whole=True)
    assert found.series == []
    assert len(found.broken) == 1
    assert parse_calendar(f"{HEAD}{when}{line}\r\n{END}").broken == []


def test_names_of_zones_that_are_understood_are_no_guess() -> None:
    when = "DTSTART;TZID=W. Europe Standard Time:20260301T100000\r\nDURATION:PT1H\r\n"
    assert isinstance(read(when=when).start, datetime)


_WORDS = st.text("abc ,;\"'^\n", max_size=8)
_GUESTS = st.builds(
    Attendee,
    st.sampled_from(["mailto:a@example.com", "mailto:b@example.com"]),
    st.sampled_from(PartStat),
    _WORDS.map(str.strip),
    st.sampled_from(["", "CHAIR", "OPT-PARTICIPANT"]),
    st.sampled_from(["", "ROOM"]),
    st.booleans(),
    st.sampled_from(["", "CLIENT"]),
)
_ALARMS = st.none() | st.lists(
    st.builds(
        Alarm,
        st.integers(-10000, 10000).map(lambda it: timedelta(minutes=it)),
        st.sampled_from(["DISPLAY", "EMAIL"]),
    ),
    max_size=3,
).map(tuple)
_LINKS = st.lists(
    st.builds(
        Attachment,
        st.just("https://example.com/a"),
        st.sampled_from(["", "a b.pdf"]),
        st.sampled_from(["", "text/plain"]),
    ),
    max_size=2,
).map(tuple)


@given(guests=st.lists(_GUESTS, max_size=3).map(tuple), alarms=_ALARMS, links=_LINKS)
def test_what_is_written_is_read_again(
    guests: tuple[Attendee, ...],
    alarms: tuple[Alarm, ...] | None,
    links: tuple[Attachment, ...],
) -> None:
    event = Event(
        uid="one",
        start=START,
        end=START + timedelta(hours=1),
        attendees=guests,
        alarms=alarms,
        attachments=links,
    )
    series = EventSeries(uid="one", master=event)
    [parsed] = parse_calendar(series_text(series), whole=True).series
    assert parsed.series == series
