"""What is written for Google is what is read from it; and whatever it says, nothing else breaks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bridge.ical.compose import series_text
from bridge.ical.foreign import Unclear, at
from bridge.model.event import (
    Alarm,
    Attachment,
    Attendee,
    Class,
    Event,
    EventSeries,
    PartStat,
    Period,
    Status,
    Transp,
)
from bridge.providers.google import translate as t
from bridge.providers.google import wire
from bridge.providers.google.booked import read_booking, with_marks, write_booking
from bridge.providers.google.listing import Listing
from bridge.providers.google.moments import (
    Place,
    read_moment,
    read_original,
    read_recurrence,
    read_span,
    write_moment,
    write_original,
    write_recurrence,
    write_span,
)
from tests.property.times import KINDS, some_time, spans

HERE = Place.of("ann@example.com", "Europe/Berlin")
_text = st.text(st.characters(exclude_categories=["C"], include_characters="\n\t"))
_line = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30)
_url = st.from_regex(r"https://[a-z]{1,9}\.example/[a-z0-9?=&]{0,20}", fullmatch=True)
_address = st.from_regex(r"mailto:[a-z]{1,9}@example\.com", fullmatch=True)
_reply = st.sampled_from([each for each in PartStat if each is not PartStat.DELEGATED])


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(KINDS)
    start, end = draw(spans(kind))
    event = Event(
        uid=draw(_line.filter(bool)),
        start=start,
        end=end,
        status=draw(st.sampled_from(Status)),
        transp=draw(st.sampled_from(Transp)),
        event_type=draw(st.sampled_from(["default", "focusTime", "outOfOffice", "birthday"])),
        classification=draw(st.sampled_from(Class)),
        summary=draw(_text),
        description=draw(_text),
        location=draw(_text),
        url=draw(st.just("") | _url),
        attendees=tuple(draw(st.lists(st.builds(Attendee, _address, _reply, _line), max_size=3))),
        sequence=draw(st.integers(0, 9)),
        origin=draw(st.sampled_from(["", "0123456789abcdef"])),
        mirror=draw(st.sampled_from(["", "fedcba98"])),
    )
    if event.attendees:
        boss = st.none() | st.builds(Attendee, _address, common_name=_line)
        event = replace(event, organizer=draw(boss))
    if draw(st.booleans()):
        return replace(event, recurrence_id=draw(some_time(kind)))
    if draw(st.booleans()):
        dates = st.lists(some_time(kind), max_size=3)
        extra = draw(dates)
        periods = [
            Period(each, timedelta(minutes=90)) for each in extra[:1] if isinstance(start, datetime)
        ]
        event = replace(
            event,
            rrules=("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=5",),
            rdates=(*extra, *periods),
            exdates=tuple(draw(dates)),
        )
    return event


def moments(event: Event) -> tuple[object, ...]:
    """Lists of dates come back in UTC: what counts is the instant, and whether it is a day."""
    every = [each.start if isinstance(each, Period) else each for each in event.rdates]
    every += event.exdates
    return tuple((at(each), isinstance(each, datetime)) for each in every)


def through_json(event: Event) -> wire.Event:
    return wire.read(wire.write(t.write_event(event, HERE)), wire.Event)


@given(events())
def test_what_is_written_is_read_back(event: Event) -> None:
    written = through_json(event)
    if event.recurrence_id is not None:
        written.recurring_event_id = "series"
    found = t.read_event(written, HERE)
    assert found.notes == ()
    assert moments(found.event) == moments(event)
    assert replace(found.event, rdates=(), exdates=()) == replace(event, rdates=(), exdates=())


_alarms = st.builds(
    Alarm,
    st.integers(0, 40_320).map(lambda it: timedelta(minutes=it)),
    st.sampled_from(["DISPLAY", "EMAIL"]),
)
_links = st.builds(Attachment, _url, _line.filter(bool), st.sampled_from(["", "text/html"]))


@given(
    events(),
    st.none() | st.frozensets(_alarms, max_size=5),
    st.lists(_links, max_size=3),
    st.lists(_text, max_size=3),
    st.just("") | _url,
)
def test_what_a_booking_says_is_read_back(
    event: Event,
    alarms: frozenset[Alarm] | None,
    links: list[Attachment],
    categories: list[str],
    link: str,
) -> None:
    """Replies of guests are Google's to tell; an occurrence has the class of its series."""
    event = replace(
        event,
        alarms=None if alarms is None else tuple(alarms),
        attachments=tuple(links),
        categories=tuple(categories),
        status=Status.CONFIRMED,
        conference_url=link,
    )
    made = with_marks(write_booking(event, HERE), token="0" * 40, uid=event.uid, link=link)
    again = read_booking(wire.read(wire.write(made), wire.Event), HERE).event
    assert (None if again.alarms is None else set(again.alarms)) == alarms
    for name in ("start", "end", "rrules", "summary", "description", "location", "url", "transp",
                 "attachments", "categories", "conference_url", "origin",
                 "mirror"):  # fmt: skip
        assert getattr(again, name) == getattr(event, name), name
    if event.recurrence_id is None:
        assert again.classification == event.classification
    twice = with_marks(write_booking(again, HERE), token="0" * 40, uid=event.uid, link=link)
    if event.recurrence_id is None:
        assert wire.properties(twice) == wire.properties(made)


@given(events())
def test_each_property_is_read_back_by_itself(event: Event) -> None:
    written = through_json(event)
    assert t.read_uid(written) == event.uid
    assert t.read_status(written) == event.status
    assert t.read_transp(written) == event.transp
    assert t.read_class(written) == event.classification
    assert t.read_type(written) == event.event_type
    assert t.read_description(written) == event.description
    assert t.read_url(written) == event.url
    assert t.read_organizer(written) == event.organizer
    assert t.read_attendees(written) == event.attendees
    assert t.read_origin(written) == event.origin
    assert t.read_mirror(written) == event.mirror


@given(events())
def test_each_time_is_read_back_by_itself(event: Event) -> None:
    start, end = write_span(event, HERE)
    assert read_span(wire.Event(start=start, end=end), HERE) == (event.start, event.end)
    assert read_moment(write_moment(event.start, HERE), HERE) == event.start
    original = wire.Event(original_start_time=write_original(event.start, HERE))
    assert read_original(original, HERE) == event.start
    lines = write_recurrence(event, HERE)
    again = read_recurrence(lines, event.start, event.end, HERE)
    assert again.rrules == event.rrules
    assert moments(replace(event, rdates=again.rdates, exdates=again.exdates)) == moments(event)


_word = st.sampled_from(
    ["", "x", "cancelled", "2026-03-03", "2026-03-03T10:00:00Z", "9999-12-31T23:59:59-12:00",
     "0001-01-01T00:00:00+14:00", "Europe/Berlin", "default", "event1_20260303T090000Z",
     "RRULE:FREQ=DAILY;COUNT=2", "RDATE:20260303", "EXDATE;TZID=Nowhere:20260303T100000",
     "RRULE:DATE:99999999", "END:VEVENT\nBEGIN:VEVENT", "-::~:~::~:~::~:~::-", "a@b", "\x00"]
) | st.text(max_size=8)  # fmt: skip
_when = st.fixed_dictionaries({}, optional={"date": _word, "dateTime": _word, "timeZone": _word})
_person = st.fixed_dictionaries({}, optional={"email": _word, "self": st.booleans()})
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | _word, lambda it: st.lists(it, max_size=2)
)
_foreign = st.fixed_dictionaries(
    {"id": _word.filter(bool)},
    optional={
        "status": _word,
        "iCalUID": _word,
        "summary": _word | _anything,
        "description": _word,
        "start": _when,
        "end": _when | _anything,
        "recurrence": st.lists(_word, max_size=3),
        "recurringEventId": _word,
        "originalStartTime": _when,
        "attendees": st.lists(_person, max_size=2) | _anything,
        "visibility": _word,
        "sequence": st.integers() | _word,
        "created": _word,
        "updated": _word,
    },
)


@given(st.lists(_foreign, max_size=5))
def test_whatever_google_says_a_listing_is_read(events: list[dict[str, object]]) -> None:
    """No event makes the others unreadable, and what was read of it can be stored."""
    page = wire.read(msgspec.json.encode({"items": events}), wire.EventPage)
    listing = Listing("ann@example.com", "Europe/Berlin")
    listing.page(page)
    listing.rest()


@given(_foreign)
def test_whatever_was_understood_can_be_stored(event: dict[str, object]) -> None:
    with suppress(Unclear, wire.NotThatShape):
        found = t.read_event(wire.read(msgspec.json.encode(event), wire.Event), HERE).event
        if found.recurrence_id is None:
            series = EventSeries(uid=found.uid, master=found)
        else:
            series = EventSeries(uid=found.uid, master=None, overrides=(found,))
        series_text(series)
