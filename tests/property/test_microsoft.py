"""What is written for Outlook is read back from it; and whatever it says, nothing else breaks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.ical.compose import series_text
from bridge.ical.foreign import Found, Unclear, at
from bridge.model.event import (
    Attendee,
    Class,
    Event,
    EventSeries,
    EventTime,
    ShowAs,
    Status,
    Transp,
)
from bridge.model.interval import rfc3339
from bridge.providers.microsoft import recurrence, wire
from bridge.providers.microsoft import translate as t
from bridge.providers.microsoft.body import plain_text
from bridge.providers.microsoft.moments import (
    Place,
    read_moment,
    read_original,
    read_span,
    write_moment,
    write_span,
)
from bridge.providers.microsoft.uid import original_uid
from bridge.sandbox.microsoft.series import whole
from tests.property.outlook import NOW, kept, shown
from tests.property.times import KINDS, some_time, spans

HERE = Place(ZoneInfo("Europe/Berlin"))
_text = st.text(st.characters(exclude_categories=["C"], include_characters="\n\t"))
_body = _text.map(str.strip)
_line = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30)
_address = st.from_regex(r"mailto:[a-z]{1,9}@example\.com", fullmatch=True)
_rules = st.sampled_from(
    [
        "FREQ=DAILY;COUNT=5",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY={day};WKST=SU",
        "FREQ=MONTHLY;BYMONTHDAY={date}",
        "FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={date};COUNT=3",
    ]
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(KINDS)
    start, end = draw(spans(kind))
    show_as = draw(st.sampled_from(ShowAs))
    event = Event(
        uid=draw(_line.filter(bool)),
        start=start,
        end=end,
        status=Status.CONFIRMED,
        show_as=show_as,
        transp=Transp.TRANSPARENT if show_as is ShowAs.FREE else Transp.OPAQUE,
        classification=draw(st.sampled_from(Class)),
        summary=draw(_text),
        description=draw(_body),
        location=draw(_text),
        attendees=tuple(
            draw(st.lists(st.builds(Attendee, _address, common_name=_line), max_size=3))
        ),
        origin=draw(st.sampled_from(["", "0123456789abcdef"])),
        mirror=draw(st.sampled_from(["", "fedcba98"])),
    )
    if draw(st.booleans()):
        return replace(event, recurrence_id=draw(some_time(kind)))
    if draw(st.booleans()) and start.day <= 28 and not getattr(start, "fold", 0):
        day = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][start.weekday()]
        rule = draw(_rules).format(day=day, date=start.day, month=start.month)
        event = replace(event, rrules=(rule,))
    return event


def original_start(moment: EventTime) -> str:
    """Give what Graph says of when an occurrence would have been, here in UTC for days."""
    return rfc3339(at(moment))


def in_graph(event: Event) -> wire.Event:
    """Give what Graph keeps of what was written: with its own id and UID, and the zone told."""
    written = wire.read(wire.write(t.write_event(event, HERE)), wire.Event)
    written.id, written.ical_uid = "event1", event.uid
    zone = event.start.tzinfo if isinstance(event.start, datetime) else None
    written.original_start_time_zone = str(zone or "UTC")
    if event.recurrence_id is not None:
        written.type, written.series_master_id = "exception", "series1"
        written.original_start = original_start(event.recurrence_id)
    return written


def in_utc(event: wire.Event) -> wire.Event:
    """Give what Graph answers who wishes for UTC, which days do not notice."""
    shown = msgspec.structs.replace(event)
    for name in ("start", "end"):
        if not event.is_all_day:
            moment = read_moment(getattr(event, name), HERE).astimezone(UTC)
            setattr(shown, name, write_moment(moment, HERE))
    return shown


@given(events())
def test_what_is_written_is_read_back(event: Event) -> None:
    written = in_graph(event)
    assert t.read_event(written) == Found(event, ())
    assert t.read_event(in_utc(written)) == Found(event, ())


@given(events())
def test_what_is_written_comes_back_from_outlook(event: Event) -> None:
    event = replace(event, recurrence_id=None)
    body = msgspec.json.decode(wire.write(t.write_event(event, HERE)))
    found, notes = t.read_event(shown(whole(kept(body))))
    named = {each.address: each for each in found.attendees}
    assert notes == ()
    assert named.keys() == {each.address for each in event.attendees}
    is_tentative = event.show_as is ShowAs.TENTATIVE  # of one's own it is the event that is
    expected = replace(
        event,
        uid=found.uid,
        status=Status.TENTATIVE if is_tentative else Status.CONFIRMED,
        attendees=found.attendees,
        organizer=Attendee("mailto:ann@example.com", common_name="Ann") if named else None,
        created=NOW,
        last_modified=NOW,
    )
    assert found == expected


@given(events())
def test_each_property_is_read_back_by_itself(event: Event) -> None:
    written = in_graph(event)
    assert t.read_uid(written) == event.uid
    assert t.read_show_as(written) == event.show_as
    assert t.read_transp(written) == event.transp
    assert t.read_class(written) == event.classification
    assert t.read_description(written) == event.description
    assert t.read_location(written) == event.location
    assert t.read_attendees(written) == event.attendees
    assert t.read_origin(written) == event.origin
    assert t.read_mirror(written) == event.mirror


@given(events())
def test_each_time_is_read_back_by_itself(event: Event) -> None:
    start, end = write_span(event, HERE)
    zone = str(event.start.tzinfo) if isinstance(event.start, datetime) else "UTC"
    whole = t.write_all_day(event)
    shown = wire.Event(start=start, end=end, is_all_day=whole, original_start_time_zone=zone)
    assert read_span(shown, HERE) == (event.start, event.end)
    shown.original_start = original_start(event.start)
    assert read_original(shown, HERE) == event.start
    told = recurrence.write(event, HERE.zone)
    assert ((recurrence.read(told, event.start),) if told else ()) == event.rrules


_word = st.sampled_from(
    ["", "x", "free", "exception", "seriesMaster", "weekly", "absoluteYearly", "relativeMonthly",
     "monday", "last", "numbered", "endDate", "noEnd", "2026-03-03", "2026-03-03T10:00:00.0000000",
     "9999-12-31T23:59:59", "9999-12-31T00:00:00", "0001-01-01T00:00:00", "0001-01-01",
     "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "Europe/Berlin", "UTC",
     "Samoa Standard Time", "tzone://Microsoft/Custom", "html", "<p>a<!--b", "a@b", "\x00",
     "OID.a.2026-03-03", "040000008200E00074C5B7101A82E008"]
) | st.text(max_size=8)  # fmt: skip
_when = st.fixed_dictionaries({}, optional={"dateTime": _word, "timeZone": _word})
_person = st.fixed_dictionaries(
    {},
    optional={
        "emailAddress": st.fixed_dictionaries({}, optional={"address": _word, "name": _word}),
        "status": st.fixed_dictionaries({}, optional={"response": _word}),
    },
)
_number = st.integers(-1, 40) | st.integers()
_recurrence = st.fixed_dictionaries(
    {
        "pattern": st.fixed_dictionaries(
            {"type": _word, "interval": _number},
            optional={
                "month": _number,
                "dayOfMonth": _number,
                "daysOfWeek": st.lists(_word, max_size=3),
                "firstDayOfWeek": _word,
                "index": _word,
            },
        ),
        "range": st.fixed_dictionaries(
            {"type": _word},
            optional={
                "startDate": _word,
                "endDate": _word,
                "recurrenceTimeZone": _word,
                "numberOfOccurrences": _number,
            },
        ),
    }
)
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | _word, lambda it: st.lists(it, max_size=2)
)
PLAIN: dict[str, object] = {"id": "x", "start": {"dateTime": "2026-03-03"}}
_foreign = st.fixed_dictionaries(
    {"id": _word.filter(bool), "start": _when, "end": _when},
    optional={
        "type": _word,
        "iCalUId": _word,
        "seriesMasterId": _word,
        "subject": _word | _anything,
        "body": st.fixed_dictionaries({"contentType": _word, "content": _word}) | _anything,
        "isAllDay": st.booleans() | _anything,
        "originalStart": _word,
        "originalStartTimeZone": _word,
        "recurrence": _recurrence | _anything,
        "attendees": st.lists(_person, max_size=2) | _anything,
        "organizer": _person,
        "showAs": _word,
        "sensitivity": _word,
        "responseStatus": st.fixed_dictionaries({"response": _word}) | _anything,
        "createdDateTime": _word,
        "lastModifiedDateTime": _word,
    },
)


@given(_foreign)
@example({**PLAIN, "createdDateTime": "9999-12-31T23:59:59-12:00"})
def test_whatever_was_understood_can_be_stored(event: dict[str, object]) -> None:
    with suppress(Unclear, wire.NotThatShape):
        found = t.read_event(wire.read(msgspec.json.encode(event), wire.Event)).event
        if found.recurrence_id is None:
            series = EventSeries(uid=found.uid, master=found)
        else:
            series = EventSeries(uid=found.uid, master=None, overrides=(found,))
        series_text(series)


@given(st.lists(_line.filter(bool), min_size=1))
def test_the_text_of_paragraphs_is_found_again(lines: list[str]) -> None:
    html = "".join(f"<p class='a'>{escape(line)}</p><!-- <b> -->\r\n" for line in lines)
    style = "<style><!-- p {color: red} --></style>"
    assert plain_text(f"<html><head>{style}</head>{html}</html>").split() == lines


@given(st.text(st.sampled_from('<>/!-&;"=abp style script br \n'), max_size=60))
def test_whatever_a_body_is_there_is_text_of_it(html: str) -> None:
    assert len(plain_text(html)) <= len(html)


@given(st.text(min_size=1))
def test_a_uid_that_is_no_object_id_stays_as_it_is(uid: str) -> None:
    assert original_uid(uid) == uid


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_uid_is_found_again_inside_of_an_object_id(uid: str) -> None:
    data = b"vCal-Uid\x01\x00\x00\x00" + uid.encode() + b"\x00"
    head = bytes.fromhex("040000008200E00074C5B7101A82E008") + bytes(20)
    whole = head + len(data).to_bytes(4, "little") + data
    assert original_uid(whole.hex()) in (uid, whole.hex().upper())
    if uid.strip():
        assert original_uid(whole.hex().upper()) == uid
