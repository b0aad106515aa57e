"""patternedRecurrence: what Outlook can say, and the days that it means.

https://learn.microsoft.com/graph/api/resources/recurrencepattern, .../recurrencerange
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count, islice, takewhile

from bridge.sandbox.microsoft import times
from bridge.sandbox.microsoft.errors import bad_property
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.microsoft.zones import CUSTOM, zone

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INDEXES = ("first", "second", "third", "fourth", "last")
_NEEDED = {
    "daily": (),
    "weekly": ("daysOfWeek",),
    "absoluteMonthly": ("dayOfMonth",),
    "relativeMonthly": ("daysOfWeek",),
    "absoluteYearly": ("dayOfMonth", "month"),
    "relativeYearly": ("daysOfWeek", "month"),
}
_MOST = 20_000
_LONGEST = 999


def kept(recurrence: Json, event: Json) -> Json:
    """Check a recurrence and keep what its pattern needs.

    Raises:
        GraphError: 400.
    """
    pattern, span = recurrence.get("pattern"), recurrence.get("range")
    if not pattern or not span:
        raise bad_property("A recurrence needs a pattern and a range.")
    return {"pattern": _pattern(pattern), "range": _range(span, event)}


def days(recurrence: Json, until: date) -> Iterator[date]:
    """Work out on which days a series happens, in its own zone, up to and with a day."""
    pattern, span = recurrence["pattern"], recurrence["range"]
    first = date.fromisoformat(span["startDate"])
    if span["type"] == "endDate":
        until = min(until, date.fromisoformat(span["endDate"]))
    begun = (each for each in _every(pattern, first) if each >= first)
    every = islice(begun, span["numberOfOccurrences"] if span["type"] == "numbered" else _MOST)
    return takewhile(lambda each: each <= until, every)


def shown(recurrence: Json, *, custom: bool) -> Json:
    """Write a recurrence as Graph answers it: with a value for whatever means nothing."""
    pattern: Json = {
        "type": "daily",
        "interval": 1,
        "month": 0,
        "dayOfMonth": 0,
        "firstDayOfWeek": "sunday",
        "index": "first",
        **recurrence["pattern"],
    }
    filler: Json = {"endDate": "0001-01-01", "numberOfOccurrences": 0}
    span = {**filler, **recurrence["range"]}
    if custom:
        span["recurrenceTimeZone"] = CUSTOM
    return {"pattern": pattern, "range": span}


def _pattern(given: Json) -> Json:
    kind = given.get("type")
    if kind not in _NEEDED:
        raise bad_property("The recurrence pattern has no known type.")
    interval = given.get("interval")
    if not isinstance(interval, int) or not 1 <= interval <= 999:
        raise bad_property("The interval of the recurrence pattern is out of range.")
    made: Json = {"type": kind, "interval": interval}
    for name in _NEEDED[kind]:
        if not given.get(name):
            raise bad_property(f"The recurrence pattern {kind} needs {name}.")
        made[name] = given[name]
    _check_numbers(made)
    if "daysOfWeek" in made:
        if not set(made["daysOfWeek"]) <= set(DAYS):
            raise bad_property("The days of the recurrence pattern are not valid.")
        made["daysOfWeek"] = [each for each in DAYS if each in made["daysOfWeek"]]
    if kind == "weekly":
        made["firstDayOfWeek"] = given.get("firstDayOfWeek") or "sunday"
    if kind.startswith("relative"):
        made["index"] = given.get("index") or "first"
    return made


def _check_numbers(made: Json) -> None:
    if not 1 <= made.get("dayOfMonth", 1) <= 31 or not 1 <= made.get("month", 1) <= 12:
        raise bad_property("A number in the recurrence pattern is out of range.")


def _range(given: Json, event: Json) -> Json:
    kind = given.get("type")
    name = given.get("recurrenceTimeZone") or event["start"]["timeZone"]
    first = times.day(given.get("startDate") or "")
    if first != start_day(event, name):
        raise bad_property("The start date of the range has to be that of the event.")
    made: Json = {"type": kind, "startDate": first.isoformat(), "recurrenceTimeZone": name}
    if kind == "endDate":
        last = times.day(given.get("endDate") or "")
        if last < first:
            raise bad_property("The recurrence ends before it begins.")
        return {**made, "endDate": last.isoformat()}
    if kind == "numbered":
        number = given.get("numberOfOccurrences") or 0
        if not 1 <= number <= _LONGEST:
            raise bad_property("The number of occurrences is out of range.")
        return {**made, "numberOfOccurrences": number}
    if kind != "noEnd":
        raise bad_property("The recurrence range has no known type.")
    return made


def start_day(event: Json, zone_name: str) -> date:
    """Tell on which day of a zone an event begins."""
    plain = times.wall(event["start"])
    if event.get("isAllDay"):
        return plain.date()
    return times.span(event).start.astimezone(zone(zone_name)).date()


def _every(pattern: Json, first: date) -> Iterator[date]:
    kind, interval = pattern["type"], pattern["interval"]
    if kind == "daily":
        return (first + timedelta(days=interval * each) for each in range(_MOST))
    if kind == "weekly":
        return _weekly(pattern, first)
    months = interval * (12 if kind.endswith("Yearly") else 1)
    begin = first.year * 12 + (pattern["month"] if kind.endswith("Yearly") else first.month) - 1
    numbers = takewhile(lambda each: each < 9990 * 12, count(begin, months))
    return (_in_month(pattern, each // 12, each % 12 + 1) for each in numbers)


def _weekly(pattern: Json, first: date) -> Iterator[date]:
    begin = DAYS.index(pattern["firstDayOfWeek"])
    week = first - timedelta(days=(first.weekday() - begin) % 7)
    offsets = sorted((DAYS.index(each) - begin) % 7 for each in pattern["daysOfWeek"])
    for number in range(_MOST):
        for offset in offsets:
            yield week + timedelta(days=7 * pattern["interval"] * number + offset)


def _in_month(pattern: Json, year: int, month: int) -> date:
    last = calendar.monthrange(year, month)[1]
    if "dayOfMonth" in pattern:
        # Unlike RFC 5545, which skips months that are too short.
        return date(year, month, min(pattern["dayOfMonth"], last))
    wanted = {DAYS.index(each) for each in pattern["daysOfWeek"]}
    days = [date(year, month, each) for each in range(1, last + 1)]
    fitting = [each for each in days if each.weekday() in wanted]
    index = _INDEXES.index(pattern["index"])
    return fitting[-1] if index == 4 else fitting[index]
