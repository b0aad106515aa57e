"""What a client sends is understood as it stands or not at all; what is written is read again."""

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
    found = parse_calendar(f"{HEAD}{when}{line}\r\n{END}", whole=True, strict=True)
    assert found.series == []
    assert len(found.broken) == 1
    assert parse_calendar(f"{HEAD}{when}{line}\r\n{END}").broken == []


def test_names_of_zones_that_are_understood_are_no_guess() -> None:
    when = "DTSTART;TZID=W. Europe Standard Time:20260301T100000\r\nDURATION:PT1H\r\n"
    [parsed] = parse_calendar(f"{HEAD}{when}{END}", strict=True).series
    assert parsed.series.master is not None
    assert isinstance(parsed.series.master.start, datetime)


def test_two_events_of_one_uid_are_no_series() -> None:
    one = f"{WHEN}END:VEVENT\r\nBEGIN:VEVENT\r\nUID:one\r\nDTSTART:20260302T100000Z\r\n"
    assert parse_calendar(f"{HEAD}{one}{END}", strict=True).series == []
    assert len(parse_calendar(f"{HEAD}{one}{END}").series) == 1


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
    unique=True,
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
