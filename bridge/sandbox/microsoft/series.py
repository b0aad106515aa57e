"""Occurrences of a series: where they are, which were changed, which are gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.microsoft import recurrence, times
from bridge.sandbox.microsoft.mailbox import Calendar, Found, Item
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.microsoft.zones import zone

_DAY = timedelta(days=1)
_OF_THE_SERIES = ("recurrence", "transactionId")


class Entry(NamedTuple):
    """What a listing shows: an event, a series, or one occurrence."""

    item: Item
    original: date | None
    """The day on which an occurrence was meant to be."""
    event: Json
    change: int
    kind: str
    """singleInstance, seriesMaster, occurrence or exception."""


def whole(item: Item) -> Entry:
    """Show an item itself."""
    kind = "seriesMaster" if item.is_series else "singleInstance"
    return Entry(item, None, item.event, item.change, kind)


def entry(found: Found) -> Entry | None:
    """Show what an id names; None where the occurrence is no more."""
    item, original = found.item, found.original
    if original is None:
        return whole(item)
    if not item.is_series or original in item.cancelled:
        return None
    on = original in recurrence.days(item.event["recurrence"], original)
    return occurrence(item, original) if on else None


def occurrence(item: Item, original: date) -> Entry:
    """Show one occurrence."""
    event = {name: value for name, value in item.event.items() if name not in _OF_THE_SERIES}
    event |= meant(item, original)
    override = item.overrides.get(original)
    if override is None:
        return Entry(item, original, event, item.change, "occurrence")
    change = max(item.change, override.change)
    return Entry(item, original, {**event, **override.properties}, change, "exception")


def occurrences(item: Item, start: datetime, end: datetime) -> Iterator[Entry]:
    """Work out what happens of a series in a window."""
    length = times.span(item.event).end - times.span(item.event).start
    for original in recurrence.days(item.event["recurrence"], (end + _DAY).date()):
        if original in item.cancelled or original in item.overrides:
            continue
        if original >= (start - length - 2 * _DAY).date():
            made = occurrence(item, original)
            if times.span(made.event).overlaps(start, end):
                yield made
    for original in sorted(item.overrides):
        made = occurrence(item, original)
        if times.span(made.event).overlaps(start, end):
            yield made


def overlaps(item: Item, start: datetime, end: datetime) -> bool:
    """Tell whether an event that does not recur is in a window."""
    return times.span(item.event).overlaps(start, end)


def within(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Entry]:
    """List a window of a calendar: events and occurrences, no series."""
    for item in calendar.items.values():
        if item.is_series:
            yield from occurrences(item, start, end)
        elif overlaps(item, start, end):
            yield whole(item)


def neighbours(item: Item, original: date) -> tuple[date | None, date | None]:
    """Find the occurrences before and after one, where they are now."""
    alive: list[date] = []
    for each in recurrence.days(item.event["recurrence"], date.max - _DAY):
        if each not in item.cancelled:
            alive.append(each)
        if each > original and each not in item.cancelled:
            break
    place = alive.index(original)
    before = alive[place - 1] if place else None
    after = alive[place + 1] if place + 1 < len(alive) else None
    return (_day(item, before), _day(item, after))


def original_start(item: Item, original: date) -> datetime:
    """Tell when an occurrence was meant to begin."""
    return times.span({**item.event, **meant(item, original)}).start


def meant(item: Item, original: date) -> Json:
    """Give start and end of an occurrence as its series has them, whatever was changed of it."""
    return _times(item.event, original)


def starts_on(item: Item, event: Json) -> date:
    """Tell on which day of the series' zone an occurrence begins."""
    return recurrence.start_day(event, item.event["recurrence"]["range"]["recurrenceTimeZone"])


def _day(item: Item, original: date | None) -> date | None:
    return original and starts_on(item, occurrence(item, original).event)


def _times(master: Json, original: date) -> Json:
    name = master["recurrence"]["range"]["recurrenceTimeZone"]
    if master.get("isAllDay"):
        length = times.wall(master["end"]) - times.wall(master["start"])
        made = times.whole_days(original, original + length, master["start"]["timeZone"])
        return {key: made[key] for key in ("start", "end")}
    # Worked out on wall time, so that it keeps its hour over a change of clocks.
    place = zone(name)
    span = times.span(master)
    clock = span.start.astimezone(place).time()
    start = datetime.combine(original, clock, place)
    moments = {"start": start, "end": start.astimezone(UTC) + (span.end - span.start)}
    return {key: _kept(when.astimezone(place), name) for key, when in moments.items()}


def _kept(when: datetime, name: str) -> Json:
    """Say a moment by the clock of its zone; the second of two hours of one name in UTC."""
    if when.replace(fold=0).utcoffset() != when.utcoffset():
        when, name = when.astimezone(UTC), "UTC"
    return {"dateTime": when.replace(tzinfo=None).isoformat(timespec="seconds"), "timeZone": name}
