"""A series that is written for other programs reads back as the same, new or over another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.ical.amend import Writer
from bridge.ical.compose import series_text
from bridge.ical.parse import parse_calendar
from bridge.model.event import Alarm, Attachment, Attendee, Event, EventSeries, PartStat
from tests.property.series import series_of_events

WRITER = Writer(own=("mailto:account@example.com",), marks={"X-TOKEN": "a;b"})
_alarm = st.builds(
    Alarm,
    st.integers(-600, 40_000).map(lambda it: timedelta(minutes=it)),
    st.sampled_from(["DISPLAY", "AUDIO", "EMAIL"]),
)
_attachment = st.builds(
    Attachment,
    st.from_regex(r"https://[a-z]{1,9}\.example/[a-z0-9]{0,9}", fullmatch=True),
    st.sampled_from(["", 'Agenda; "1", 2']),
    st.sampled_from(["", "text/html"]),
)
_guest = st.builds(
    Attendee,
    st.sampled_from([f"mailto:guest{number}@example.com" for number in range(5)]),
    st.sampled_from(PartStat),
    st.sampled_from(["", 'Ann "Q"; Doe']),
    role=st.sampled_from(["", "CHAIR", "OPT-PARTICIPANT"]),
    cutype=st.sampled_from(["", "ROOM"]),
    rsvp=st.booleans(),
    schedule_agent=st.sampled_from(["", "CLIENT", "NONE"]),
)


@st.composite
def booked(draw: st.DrawFn) -> EventSeries:
    """What a booking can be."""

    def more(event: Event) -> Event:
        guests = draw(st.lists(_guest, max_size=3, unique_by=lambda it: it.address))
        organizer = draw(st.none() | st.just(Attendee("mailto:boss@example.com", common_name="B")))
        links = draw(st.lists(_attachment, max_size=2, unique_by=lambda it: it.url))
        return replace(
            event,
            self_partstat=None,
            attendees=tuple(guests),
            organizer=organizer,
            alarms=tuple(dict.fromkeys(draw(st.lists(_alarm, min_size=1, max_size=3)))),
            attachments=tuple(links),
            exact=event.exact if event.is_recurring else None,
        )

    plain = draw(series_of_events())
    assert plain.master is not None
    return replace(plain, master=more(plain.master), overrides=tuple(map(more, plain.overrides)))


def read(text: str) -> EventSeries:
    (found,) = parse_calendar(text, whole=True).series
    assert found.series.notes == ()
    return found.series


@given(booked())
def test_what_is_written_reads_back_as_the_same_series(series: EventSeries) -> None:
    text = WRITER.object_text(series)
    assert read(text) == series
    assert WRITER.object_text(series) == text
    assert WRITER.amended_text(text, series) == text


@given(booked())
def test_what_is_stored_of_a_booking_reads_back_as_the_same_series(series: EventSeries) -> None:
    assert read(series_text(series)) == series


@given(booked(), booked())
def test_whatever_stood_there_says_in_the_end_what_was_wanted(
    standing: EventSeries, wanted: EventSeries
) -> None:
    text = WRITER.amended_text(WRITER.object_text(standing), wanted)
    found = {event.recurrence_id: event for event in read(text).events()}
    before = {event.recurrence_id: event for event in standing.events()}
    assert found.keys() == {event.recurrence_id for event in wanted.events()}
    for event in wanted.events():
        assert told(found[event.recurrence_id]) == told(event)
        assert_kept(found[event.recurrence_id], before.get(event.recurrence_id))
    assert WRITER.amended_text(text, wanted) == text


def told(event: Event) -> Event:
    """Leave out what is the guests' own, and what only grows."""
    guests = [
        replace(it, partstat=PartStat.ACCEPTED, common_name="", rsvp=False)
        for it in event.attendees
    ]
    return replace(
        event,
        attendees=tuple(sorted(guests, key=repr)),
        rdates=tuple(sorted({*event.rdates}, key=repr)),
        exdates=tuple(sorted({*event.exdates}, key=repr)),
        organizer=None,
        alarms=tuple(sorted(event.alarms or (), key=repr)),
        attachments=tuple(sorted((Attachment(it.url) for it in event.attachments), key=repr)),
        sequence=0,
        created=None,
        last_modified=None,
        exact=event.exact if event.is_recurring else None,
        duration=event.duration if event.is_recurring else None,
    )


def assert_kept(found: Event, before: Event | None) -> None:
    if before is not None:
        replies = {it.address: it.partstat for it in before.attendees}
        for it in found.attendees:
            assert replies.get(it.address, it.partstat) is it.partstat
        assert found.sequence >= before.sequence


def test_a_rule_is_one_line_whatever_it_holds() -> None:
    rule = "FREQ=DAILY;X=1\nATTENDEE:mailto:eve@example.com"
    start = datetime(2026, 11, 23, 9, tzinfo=UTC)
    event = Event(uid="a", start=start, end=start + timedelta(hours=1), rrules=(rule,))
    series = EventSeries(uid="a", master=event)
    for text in (WRITER.object_text(series), series_text(series)):
        found = read(text).master
        assert found is not None
        assert found.attendees == ()
