"""Outlook's times to ours and back, both directions side by side. Pure.

Graph says a time as a wall clock beside the name of a zone, the one that was asked for (UTC) or
another one. https://learn.microsoft.com/graph/api/resources/datetimetimezone
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bridge.ical.foreign import Unclear, assumed_end, at
from bridge.ical.repair import ONE_DAY, shift
from bridge.ical.zones import named_zone, windows_name
from bridge.model.event import Event, EventTime, Floating
from bridge.model.interval import instant
from bridge.providers.microsoft import wire

_FILLER = "0001-"
"""What Graph writes for no date begins with the first year of all."""
_A_SECOND = timedelta(seconds=1)
_OCCURRENCE = re.compile(r"OID\.(?P<series>.+)\.(?P<day>\d{4}-\d\d-\d\d)")


@dataclass(slots=True)
class Place:
    """Where an event is written to, and what reading one brought to light."""

    zone: tzinfo = UTC
    """Where floating times are; Graph does not say it of a calendar."""
    notes: list[str] = field(default_factory=list)


# One moment


def read_moment(when: wire.When | None, place: Place) -> datetime:
    """Read a dateTimeTimeZone of an event that does not last all day.

    Raises:
        Unclear: it is missing or says nothing.
    """
    wall = _wall(when)
    name = when.time_zone if when else ""
    zone: tzinfo = UTC
    if name:
        zone = named_zone(name) or _note_unknown(name, UTC, place)
    try:
        moment = wall.replace(tzinfo=zone) if wall.tzinfo is None else wall.astimezone(zone)
        instant(moment)  # what no clock can say is refused here
    except (ValueError, OverflowError) as err:
        raise Unclear(f"a time cannot be understood: {err}") from err
    return moment


def write_moment(moment: EventTime, place: Place) -> wire.When:
    """Write a dateTimeTimeZone; a day as its midnight, a floating time in the calendar's zone."""
    if isinstance(moment, Floating):
        moment = moment.wall.replace(tzinfo=place.zone)
    if not isinstance(moment, datetime):
        return wire.When(date_time=f"{moment.isoformat()}T00:00:00", time_zone="UTC")
    name = windows_name(moment.tzinfo)
    if not name or instant(moment.replace(fold=0)) != instant(moment):
        # In UTC there is no hour that a clock shows twice.
        moment, name = moment.astimezone(UTC), "UTC"
    wall = moment.replace(tzinfo=None)
    return wire.When(date_time=wall.isoformat(timespec="seconds"), time_zone=name)


def _note_unknown(name: str, used: tzinfo, place: Place) -> tzinfo:
    place.notes.append(f"time zone {name[:60]!r} is unknown: {used} is used")
    return used


def _wall(when: wire.When | None) -> datetime:
    """Read the text of a time, which has seven digits of a second and, if it pleases, an offset."""
    if when is None or not when.date_time:
        raise Unclear("it has no time")
    try:
        return datetime.fromisoformat(when.date_time).replace(microsecond=0)
    except ValueError as err:
        raise Unclear(f"a time cannot be understood: {err}") from err


# Start and end


def read_span(event: wire.Event, place: Place) -> tuple[EventTime, EventTime]:
    """Read start and end: days, or moments on the clock that the event was made by.

    The end of days is later than the start; a meeting may last no time.

    Raises:
        Unclear: there is no start that can be understood.
    """
    if event.is_all_day:
        return _days(event, place)
    start = read_moment(event.start, place)
    try:
        end: EventTime = read_moment(event.end, place)
    except Unclear:
        end = assumed_end(start, "its end cannot be understood", place.notes)
    if at(end) < at(start):
        end = assumed_end(start, "it ends before it begins", place.notes)
    zone = _clock(event, start, place)
    return _by(start, zone), _by(end, zone)


def write_span(event: Event, place: Place) -> tuple[wire.When, wire.When]:
    """Write start and end."""
    return write_moment(event.start, place), write_moment(event.end, place)


def _days(event: wire.Event, place: Place) -> tuple[EventTime, EventTime]:
    """Read days as they are written, whatever zone stands beside them.

    Outlook keeps them as midnights of a zone and gives them as the same days in every other one.
    Should it ever give what it keeps, both of the days that are touched count.
    """
    first = _wall(event.start)
    start = first.date()
    try:
        last = _wall(event.end)
    except Unclear:
        return start, assumed_end(start, "its end cannot be understood", place.notes)
    whole = last.time() == time()
    if not whole or first.time() != time():
        place.notes.append("its days do not begin at midnight: every day they touch counts")
    end = last.date() if whole else shift(last.date(), ONE_DAY)
    if at(end) <= at(start):
        end = assumed_end(start, "it ends before it begins", place.notes)
    return start, end


def _by(moment: EventTime, zone: tzinfo) -> EventTime:
    """Show a moment by another clock, where that clock can."""
    try:
        return moment.astimezone(zone) if isinstance(moment, datetime) else moment
    except OverflowError:
        return moment


# The clock of an event: a series goes on by its own


def _clock(event: wire.Event, start: datetime, place: Place) -> tzinfo:
    """Find the zone that an event was made in.

    Of an event that does not recur it is a matter of looks, since its instants are known.
    """
    made_in = event.original_start_time_zone
    if event.recurrence is not None:
        span = event.recurrence.range
        names = [name for name in (span.recurrence_time_zone, made_in) if name]
        return _clock_of_series(names, _first_day(span), start, place)
    return (named_zone(made_in) if made_in else None) or start.tzinfo or UTC


def _clock_of_series(
    names: Sequence[str], day: date | None, start: datetime, place: Place
) -> tzinfo:
    """Find the zone whose clock a series keeps: where it begins on the day that it says.

    The name that the recurrence has for it counts first, then that of the event, then UTC, then any
    offset by which the first day is right: on another day every rule that names days of a week or
    month would miss.
    """
    known = [zone for zone in map(named_zone, names) if zone is not None]
    if start.tzinfo is not UTC or not names:
        known.append(start.tzinfo or UTC)
    for zone in known:
        if day is None or _by_date(start, zone) == day:
            return zone
    if known:
        place.notes.append(f"its series names {day} as the first day, which its start is not")
        return known[0]
    if day is None or _by_date(start, UTC) == day:
        return _note_unknown(names[0], UTC, place)
    fitting = (zone for zone in _offsets() if _by_date(start, zone) == day)
    return _note_unknown(names[0], next(fitting, UTC), place)


def _first_day(span: wire.Range) -> date | None:
    if span.start_date.startswith(_FILLER):
        return None
    try:
        return date.fromisoformat(span.start_date[:10])
    except ValueError:
        return None


def _by_date(start: datetime, zone: tzinfo) -> date | None:
    moment = _by(start, zone)
    return moment.date() if isinstance(moment, datetime) else None


def _offsets() -> Iterator[tzinfo]:
    """Yield every whole offset that some place has, the smallest first."""
    for hours in sorted(range(-12, 15), key=abs):
        zone = named_zone(f"UTC{hours:+03}:00")
        if zone is not None:
            yield zone


# Which occurrence


def read_original(event: wire.Event, place: Place) -> EventTime:
    """Read when a changed occurrence would have been; at worst its id says the day.

    Raises:
        Unclear: nothing does.
    """
    if not event.original_start or event.original_start.startswith(_FILLER):
        named = occurrence(event.id)
        if named is None:
            raise Unclear("it does not say which occurrence it is")
        return named[1]
    moment = read_moment(wire.When(date_time=event.original_start), place)
    local = _by(moment, _clock(event, moment, place))
    # A day is where it begins in its own zone; where that is unknown, its moment says the same.
    if event.is_all_day and isinstance(local, datetime) and _begins_a_day(local):
        return local.date()
    return local


def _begins_a_day(moment: datetime) -> bool:
    """Tell whether a moment is the first of a day; some clocks skip midnight when they change."""
    before = (moment.astimezone(UTC) - _A_SECOND).astimezone(moment.tzinfo)
    return before.date() < moment.date()


def occurrence(event_id: str) -> tuple[str, date] | None:
    """Read an id of `cancelledOccurrences`, `OID.masterid.2026-03-01`: series and original day."""
    match = _OCCURRENCE.fullmatch(event_id)
    if match is None:
        return None
    try:
        return match["series"], date.fromisoformat(match["day"])
    except ValueError:
        return None


def on_day(start: EventTime, day: date) -> EventTime:
    """Give the original start of the occurrence that a series has on a day, in its own zone."""
    if isinstance(start, Floating):
        return Floating(datetime.combine(day, start.wall.time()))
    if isinstance(start, datetime):
        return datetime.combine(day, start.time(), start.tzinfo)
    return day
