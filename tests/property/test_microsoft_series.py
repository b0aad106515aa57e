"""A series of Outlook has the same occurrences here as there, whatever it says and where."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrulestr
from hypothesis import given, reject
from hypothesis import strategies as st

from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries, EventTime, Occurrence
from bridge.model.interval import Window, instant, utc
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.moments import Place
from bridge.providers.microsoft.recurrence import CannotBeSaid
from bridge.providers.microsoft.translate import read_event, write_event
from bridge.sandbox.microsoft import recurrence, series, times
from bridge.sandbox.microsoft.mailbox import Item, Override
from tests.property.outlook import Json, kept, shown

ZONES = (
    *("UTC", "Europe/Berlin", "W. Europe Standard Time", "Eastern Standard Time"),
    *("Pacific/Auckland", "Samoa Standard Time", "India Standard Time", "Egypt Standard Time"),
)
NOWHERE = ZoneInfo("Pacific/Kiritimati")
"""A zone that no answer may depend on."""
NEW_YORK = ZoneInfo("America/New_York")
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


def read(item: Item) -> Event:
    """Read what Graph shows of a series."""
    found = read_event(shown(series.whole(item)))
    assert found.notes == ()
    return found.event


def theirs(item: Item) -> list[tuple[int, int]]:
    """Say when Outlook has the series."""
    until = times.span(item.event).start.date() + timedelta(days=LONG)
    days = recurrence.days(item.event["recurrence"], until)
    spans = (times.span(series.occurrence(item, day).event) for day in days)
    return [(instant(span.start), instant(span.end)) for span in spans]


def ours(series: EventSeries, zone: tzinfo, most: int, last: date) -> list[Occurrence]:
    """Say when BusyBridge has it until a day; whole days are those of the resource."""
    window = Window(0, instant(datetime.combine(last + timedelta(days=3), time(), UTC)))
    return expand(series, window, NOWHERE, day_zone=zone).occurrences[:most]


def alone(event: Event, *changed: Event) -> EventSeries:
    return EventSeries(uid=event.uid, master=event, overrides=changed)


@given(bodies())
def test_a_series_has_the_same_occurrences_as_in_outlook(body: Json) -> None:
    item = kept(body)
    zone = series.zone(item.event["start"]["timeZone"])
    expected = theirs(item)
    found = ours(alone(read(item)), zone, len(expected), utc(expected[-1][0]).date())
    assert [each.start for each in found] == [start for start, _ in expected]
    # Where clocks change within an occurrence, the longer of two lengths counts here.
    assert all(each.end >= end for each, (_, end) in zip(found, expected, strict=True))


@given(bodies(), st.integers(0, 20))
def test_a_changed_occurrence_takes_the_place_of_its_own(body: Json, number: int) -> None:
    """Wherever the one who looks is, and however late midnight is on that day."""
    item = kept(body)
    days = [*islice(recurrence.days(item.event["recurrence"], date(2060, 1, 1)), number + 1)]
    master = read(item)
    item.overrides[days[-1]] = Override({"subject": "changed"}, 2)
    changed = read_event(shown(series.occurrence(item, days[-1]))).event
    assert changed.uid == master.uid
    expected = ours(alone(master), NEW_YORK, len(days), days[-1])
    found = ours(alone(master, changed), NEW_YORK, len(days), days[-1])
    assert [each.start for each in found] == [each.start for each in expected]
    assert [each.event.summary for each in found] == [""] * (len(days) - 1) + ["changed"]


_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_some_days = st.lists(st.sampled_from(_WEEKDAYS), min_size=1, max_size=7, unique=True).map(",".join)
_numbered_day = st.builds(
    "{}{}".format, st.sampled_from([1, 2, 3, 4, -1, 5, -2]), st.sampled_from(_WEEKDAYS)
)
_day_of_month = st.sampled_from(
    ["1", "15", "28", "29", "30", "31", "-1", "-2", "1,15", "28,29", "28,29,30", "28,29,30,31"]
)
_position = st.sampled_from(["1", "2", "3", "4", "-1", "5", "-2", "1,2"])
_parts = {
    "BYDAY": _some_days | _numbered_day | st.just("MO,TU,WE,TH,FR,SA,SU"),
    "BYMONTHDAY": _day_of_month,
    "BYMONTH": st.sampled_from(["1", "2", "6", "11", "12", "3,9"]),
    "BYSETPOS": _position,
}
_MEANINGFUL = {
    "DAILY": [(), ("BYDAY",), ("BYMONTH",)],
    "WEEKLY": [(), ("BYDAY",), ("BYDAY", "BYSETPOS")],
    "MONTHLY": [
        *[(), ("BYMONTHDAY",), ("BYDAY",), ("BYDAY", "BYSETPOS")],
        *[("BYMONTHDAY", "BYSETPOS"), ("BYDAY", "BYMONTHDAY"), ("BYMONTH", "BYMONTHDAY")],
    ],
    "YEARLY": [
        *[(), ("BYMONTH",), ("BYMONTH", "BYMONTHDAY"), ("BYMONTH", "BYDAY"), ("BYDAY",)],
        *[("BYMONTH", "BYDAY", "BYSETPOS"), ("BYMONTH", "BYMONTHDAY", "BYSETPOS"), ("BYMONTHDAY",)],
    ],
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Write a rule without an end, of the kinds that people and programs write."""
    freq = draw(st.sampled_from(sorted(_MEANINGFUL)))
    said = [f"FREQ={freq}"]
    if draw(st.booleans()):
        said.append(f"INTERVAL={draw(st.integers(1, 4))}")
    said += [f"{name}={draw(_parts[name])}" for name in draw(st.sampled_from(_MEANINGFUL[freq]))]
    if draw(st.booleans()):
        said.append(f"WKST={draw(st.sampled_from(_WEEKDAYS))}")
    return ";".join(said)


def by_dateutil(rule: str, start: EventTime, most: int) -> list[EventTime]:
    """Expand a rule as another library does."""
    timed = isinstance(start, datetime)
    first = start if isinstance(start, datetime) else datetime.combine(start, time())
    found = islice(rrulestr(rule, dtstart=first), most)
    return [each if timed else each.date() for each in found]


@st.composite
def series_of_ours(draw: st.DrawFn) -> Event:
    """Make a series of ours that usually begins where its rule does."""
    rule = draw(rules())
    day = draw(st.dates(date(2024, 1, 1), date(2030, 12, 31)))
    zone = ZoneInfo(draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Tokyo"])))
    start: EventTime = day
    if draw(st.booleans()):
        start = datetime.combine(day, time(draw(st.integers(5, 23)), 30), zone)
    if draw(st.integers(0, 4)):
        found = by_dateutil(rule, start, 30)
        if not found:
            reject()
        start = found[0]
    rule += draw(_ends(rule, start))
    length = timedelta(days=1) if not isinstance(start, datetime) else timedelta(hours=1)
    return Event(uid="u", start=start, end=start + length, rrules=(rule,))


@st.composite
def _ends(draw: st.DrawFn, rule: str, start: EventTime) -> str:
    match draw(st.sampled_from(["", "COUNT", "UNTIL"])):
        case "COUNT":
            return f";COUNT={draw(st.integers(1, 30))}"
        case "UNTIL" if isinstance(start, datetime):
            last = start.astimezone(UTC) + timedelta(minutes=draw(st.integers(0, 500_000)))
            return f";UNTIL={last:%Y%m%dT%H%M%SZ}"
        case "UNTIL" if isinstance(start, date):
            return f";UNTIL={start + timedelta(days=draw(st.integers(0, 900))):%Y%m%d}"
        case _:
            return ""


@given(series_of_ours())
def test_outlook_has_the_occurrences_that_were_asked_for_or_is_not_asked(event: Event) -> None:
    place = Place(NOWHERE)
    try:
        written = write_event(event, place)
    except CannotBeSaid:
        return
    body = msgspec.json.decode(wire.write(written))
    item = kept(body)
    assert item.event["start"] == body["start"], "Outlook did not move the first occurrence"
    asked = by_dateutil(event.rrules[0], event.start, 40)
    told = recurrence.days(item.event["recurrence"], date(2200, 1, 1))
    days = [each.date() if isinstance(each, datetime) else each for each in asked]
    assert list(islice(told, 40)) == days
    again = read(item)
    assert again.start == event.start
    assert by_dateutil(again.rrules[0], again.start, 40) == asked
    both = (ours(alone(each), UTC, 40, days[-1]) for each in (event, again))
    assert len({tuple((each.start, each.end) for each in found) for found in both}) == 1
