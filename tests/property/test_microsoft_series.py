"""A series of Outlook has the same occurrences here as there, whatever it says and where."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, reject
from hypothesis import strategies as st

from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window, instant
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.moments import Place
from bridge.providers.microsoft.translate import read_event
from bridge.sandbox.microsoft import checks, recurrence, series, times
from bridge.sandbox.microsoft.errors import GraphError
from bridge.sandbox.microsoft.mailbox import Calendar, Item, Mailbox
from bridge.sandbox.microsoft.shown import View, Wishes

Json = dict[str, Any]

ZONES = (
    *("UTC", "Europe/Berlin", "W. Europe Standard Time", "Eastern Standard Time"),
    *("Pacific/Auckland", "Samoa Standard Time", "India Standard Time", "Egypt Standard Time"),
)
BOX = Mailbox("u1", "ann@example.com", "Ann", "t1")
CALENDAR = Calendar("c1", "Calendar", is_default=True)
NOWHERE = ZoneInfo("Pacific/Kiritimati")
"""A zone that no answer may depend on."""
LONG = 2500
"""Days that are compared."""

_days_of_week = st.lists(st.sampled_from(recurrence.DAYS), min_size=1, max_size=7, unique=True)
_index = st.sampled_from(["first", "second", "third", "fourth", "last"])
_interval = st.integers(1, 5)
_patterns = st.one_of(
    st.fixed_dictionaries({"type": st.just("daily"), "interval": _interval}),
    st.fixed_dictionaries(
        {"type": st.just("weekly"), "interval": _interval, "daysOfWeek": _days_of_week},
        optional={"firstDayOfWeek": st.sampled_from(recurrence.DAYS)},
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["absoluteMonthly", "absoluteYearly"]),
            "interval": _interval,
            "dayOfMonth": st.integers(1, 31),
            "month": st.integers(1, 12),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["relativeMonthly", "relativeYearly"]),
            "interval": _interval,
            "daysOfWeek": _days_of_week,
            "index": _index,
            "month": st.integers(1, 12),
        }
    ),
)


@st.composite
def _ranges(draw: st.DrawFn, first: date, zone: str) -> Json:
    made: Json = {"startDate": first.isoformat()}
    if draw(st.booleans()):
        made["recurrenceTimeZone"] = zone
    match draw(st.sampled_from(["noEnd", "numbered", "endDate"])):
        case "numbered":
            return {**made, "type": "numbered", "numberOfOccurrences": draw(st.integers(1, 40))}
        case "endDate":
            last = first + timedelta(days=draw(st.integers(0, LONG)))
            return {**made, "type": "endDate", "endDate": last.isoformat()}
        case kind:
            return {**made, "type": kind}


@st.composite
def bodies(draw: st.DrawFn) -> Json:
    """Make what a client creates: a series on some day, in some zone."""
    zone = draw(st.sampled_from(ZONES))
    first = draw(st.dates(date(2024, 1, 1), date(2030, 12, 31)))
    if draw(st.booleans()):
        last = first + timedelta(days=draw(st.integers(1, 3)))
        when: Json = {"isAllDay": True}
        start, end = f"{first}T00:00:00", f"{last}T00:00:00"
    else:
        clock = draw(st.times()).replace(microsecond=0)
        begin = datetime.combine(first, clock)
        when = {"isAllDay": False}
        start = begin.isoformat()
        end = (begin + timedelta(minutes=draw(st.integers(0, 3000)))).isoformat()
    return {
        **when,
        "start": {"dateTime": start, "timeZone": zone},
        "end": {"dateTime": end, "timeZone": zone},
        "recurrence": {"pattern": draw(_patterns), "range": draw(_ranges(first, zone))},
    }


def kept(body: Json) -> Item:
    """Give a series as Outlook keeps it, begun with its first occurrence."""
    try:
        event = checks.settled(checks.draft(body), None)
    except GraphError:
        reject()  # it ends before its first occurrence
    event["organizer"] = {"emailAddress": {"name": "Ann", "address": BOX.email}}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Item("key", "0" * 40, event, 1, now, now)


def read(item: Item) -> Event:
    """Read what Graph shows of a series."""
    shown = View(BOX, Wishes()).event(CALENDAR, series.whole(item))
    event = wire.read(msgspec.json.encode(shown), wire.Event)
    found = read_event(event, Place(NOWHERE))
    assert found.notes == ()
    return found.event


def theirs(item: Item) -> list[tuple[int, int]]:
    """Say when Outlook has the series."""
    until = times.span(item.event).start.date() + timedelta(days=LONG)
    shown = (series.occurrence(item, day).event for day in recurrence.days(
        item.event["recurrence"], until))  # fmt: skip
    return [(instant(span.start), instant(span.end)) for span in map(times.span, shown)]


def ours(event: Event, zone: ZoneInfo, most: int) -> list[tuple[int, int]]:
    """Say when BusyBridge has it; whole days are those of the resource."""
    whole = EventSeries(uid=event.uid, master=event)
    window = Window(0, 2_400_000_000)
    found = expand(whole, window, NOWHERE, day_zone=zone).occurrences
    return [(each.start, each.end) for each in found[:most]]


@given(bodies())
def test_a_series_has_the_same_occurrences_as_in_outlook(body: Json) -> None:
    item = kept(body)
    zone = series.zone(item.event["start"]["timeZone"])
    expected = theirs(item)
    found = ours(read(item), zone, len(expected))
    assert [start for start, _ in found] == [start for start, _ in expected]
    # Where clocks change within an occurrence, the longer of two lengths counts here.
    assert all(end >= their_end for (_, end), (_, their_end) in zip(found, expected, strict=True))
