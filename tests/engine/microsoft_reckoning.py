"""What a Microsoft calendar holds and when it is busy, worked out a second time: by dateutil.

Neither our model nor the stand-in's own expansion is asked, only the events as they are stored.

https://learn.microsoft.com/graph/api/resources/recurrencepattern, .../recurrencerange,
https://learn.microsoft.com/graph/api/resources/event
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import (
    DAILY,
    FR,
    MO,
    MONTHLY,
    SA,
    SU,
    TH,
    TU,
    WE,
    WEEKLY,
    YEARLY,
    rrule,
    rrulestr,
)
from icalendar import Calendar as Text
from icalendar import Component

from bridge.sandbox.microsoft.mailbox import Calendar, Item, event_id
from tests.engine.reckoning import Mirror, Moment, Spans, Told, second, text, told_of

Json = dict[str, Any]
ZONES: Mapping[str, str] = {
    "W. Europe Standard Time": "Europe/Berlin",
    "Eastern Standard Time": "America/New_York",
    "Tokyo Standard Time": "Asia/Tokyo",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "UTC": "UTC",
}
"""Of all that are used here."""
_BUSY = ("busy", "tentative", "oof", "unknown")
_DAYS = {
    "monday": MO,
    "tuesday": TU,
    "wednesday": WE,
    "thursday": TH,
    "friday": FR,
    "saturday": SA,
    "sunday": SU,
}
_INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_FREQUENCIES = {
    "daily": DAILY,
    "weekly": WEEKLY,
    "absoluteMonthly": MONTHLY,
    "relativeMonthly": MONTHLY,
    "absoluteYearly": YEARLY,
    "relativeYearly": YEARLY,
}
_DAY = timedelta(days=1)


class _Taking(NamedTuple):
    """What takes place: a single event, or an occurrence of a series."""

    event: Json
    start: Moment
    end: Moment
    original: str = ""
    """When an occurrence was meant to be."""
    is_changed: bool = False

    def span(self, zone: ZoneInfo) -> tuple[int, int]:
        return second(self.start, zone), second(self.end, zone)

    def is_in(self, zone: ZoneInfo, since: int, until: int) -> bool:
        start, end = self.span(zone)
        return start < until and end > since


def busy(calendar: Calendar, until: int, zone: ZoneInfo | None = None) -> Spans:
    """When a calendar is busy.

    Args:
        calendar: of the stand-in.
        until: instant; what begins later may be left out.
        zone: where whole days are; None: each where it was made, which is what others are told.
    """
    return [
        each.span(zone or _zone(item.event["start"]["timeZone"]))
        for item in calendar.items.values()
        for each in _taking(item, until)
        if _is_busy(each.event)
    ]


def held(calendar: Calendar, zone: ZoneInfo, since: int, until: int) -> tuple[Mirror, Mirror]:
    """What a mirror of a calendar has to hold, and what it may.

    Args:
        calendar: of the stand-in.
        zone: where whole days are.
        since: instant; what is over by then may be missing.
        until: instant; what begins later may be missing.

    Returns:
        Events, series and changed occurrences; occurrences that nobody changed.
    """
    wanted, allowed = Mirror(), Mirror()
    for item in calendar.items.values():
        name = event_id(calendar, item, None, immutable=True)
        here = [each for each in _taking(item, until) if each.is_in(zone, since, until)]
        if here and not item.event["isCancelled"]:
            wanted[name, ""] = _told(item.event, *_span(item.event))
        for each in here:
            if each.original and not each.event["isCancelled"]:
                mirror = wanted if each.is_changed else allowed
                mirror[name, each.original] = _told(each.event, each.start, each.end)
    return wanted, allowed


def check(
    calendar: Calendar, texts: Iterable[tuple[str, str]], zone: ZoneInfo, since: int, until: int
) -> None:
    """Hold a mirror against a calendar, as far as it takes place in a window.

    Args:
        calendar: of the stand-in.
        texts: iCalendar of each id.
        zone: where whole days are.
        since: instant.
        until: instant.
    """
    wanted, allowed = held(calendar, zone, since, until)
    there = {event_id(calendar, each, None, immutable=True) for each in calendar.items.values()}
    found = Mirror()
    for name, written in texts:
        for event in Text.from_ical(written).walk("VEVENT") if written else ():
            original = event.get("RECURRENCE-ID")
            key, told = (name, text(original.dt) if original else ""), told_of(event)
            if key not in wanted:
                if told == allowed.get(key) or event.get("STATUS") == "CANCELLED":
                    continue
                # What does not take place meanwhile, or not any more, may be there as it was.
                if (name in there and not original) or _is_idle(event, zone, since, until):
                    continue
            found[key] = told
    assert found == wanted


def _is_idle(event: Component, zone: ZoneInfo, since: int, until: int) -> bool:
    start, end = (event[name].dt for name in ("DTSTART", "DTEND"))
    if "RRULE" not in event:
        return second(start, zone) >= until or second(end, zone) <= since
    plain = datetime.combine(start, time())
    if isinstance(start, datetime):
        plain = start.replace(tzinfo=None)
    rule = event["RRULE"].to_ical().decode()
    rest = rrulestr(re.sub(r"(UNTIL=\d{8}T\d{6})Z", r"\1", rule), dtstart=plain)
    last = datetime.fromtimestamp(since, UTC).replace(tzinfo=None) - _DAY
    return rest.after(last) is None


def _taking(item: Item, until: int) -> Iterator[_Taking]:
    """Give what takes place of an item; changed occurrences wherever they were moved to."""
    event = item.event
    if not event.get("recurrence"):
        yield _Taking(event, *_span(event))
        return
    for day in _days(event, until):
        if day not in item.cancelled and day not in item.overrides:
            start, end = _times(event, day)
            yield _Taking(event, start, end, text(start))
    for day, override in item.overrides.items():
        changed = {**event, **override.properties}
        start, end = _times(event, day)
        original = text(start)
        if "start" in override.properties:
            start, end = _span(changed)
        yield _Taking(changed, start, end, original, is_changed=True)


def _days(event: Json, until: int) -> Iterator[date]:
    """Say on which days of its zone a series happens."""
    pattern, span = event["recurrence"]["pattern"], event["recurrence"]["range"]
    first = date.fromisoformat(span["startDate"])
    last = datetime.fromtimestamp(until, UTC).date() + 2 * _DAY
    if span["type"] == "endDate":  # that day is part of it
        last = min(last, date.fromisoformat(span["endDate"]))
    every: Iterable[datetime] = _rule(pattern, first)
    if span["type"] == "numbered":
        every = islice(every, span["numberOfOccurrences"])
    for start in every:
        if start.date() > last:
            return
        yield start.date()


def _rule(pattern: Json, first: date) -> rrule:
    kind = pattern["type"]
    chosen: dict[str, Any] = {}
    if kind.endswith("Yearly"):
        chosen["bymonth"] = pattern["month"]
    if kind == "weekly":
        chosen["byweekday"] = [_DAYS[each] for each in pattern["daysOfWeek"]]
        chosen["wkst"] = _DAYS[pattern["firstDayOfWeek"]]
    elif kind.startswith("relative"):
        chosen["byweekday"] = [_DAYS[each] for each in pattern["daysOfWeek"]]
        chosen["bysetpos"] = _INDEXES[pattern["index"]]
    elif kind.startswith("absolute"):
        # A month that is too short has it on its last day.
        day = pattern["dayOfMonth"]
        chosen["bymonthday"] = range(min(day, 28), day + 1)
        chosen["bysetpos"] = -1
    begin = datetime.combine(first, time())
    return rrule(_FREQUENCIES[kind], dtstart=begin, interval=pattern["interval"], **chosen)


def _times(event: Json, day: date) -> tuple[Moment, Moment]:
    """Say when the occurrence of a day is: at the same time of its zone's clock as the first.

    It takes as much time as the first one. Microsoft does not say so of one during which clocks
    change; but it lists every occurrence with its end, and what it lists is believed.
    """
    start, end = _span(event)
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return day, day + (end - start)
    place = _zone(event["recurrence"]["range"]["recurrenceTimeZone"])
    begun = datetime.combine(day, start.astimezone(place).time(), place)
    return begun, begun.astimezone(UTC) + (end.astimezone(UTC) - start.astimezone(UTC))


def _is_busy(event: Json) -> bool:
    answer = event.get("responseStatus") or {}
    return (
        event["showAs"] in _BUSY
        and not event["isCancelled"]
        and answer.get("response") != "declined"
        and event["start"] != event["end"]
    )


def _told(event: Json, start: Moment, end: Moment) -> Told:
    return Told(event.get("subject") or "", event["showAs"] == "free", text(start), text(end))


def _span(event: Json) -> tuple[Moment, Moment]:
    return _moment(event["start"], event), _moment(event["end"], event)


def _moment(value: Json, event: Json) -> Moment:
    """Read a dateTimeTimeZone; whole days are days, wherever one looks from."""
    read = datetime.fromisoformat(value["dateTime"])
    return read.date() if event["isAllDay"] else read.replace(tzinfo=_zone(value["timeZone"]))


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(ZONES[name])
