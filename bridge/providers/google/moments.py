"""Google's times and recurrences to ours and back, both directions side by side. Pure.

https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bridge.ical.foreign import Unclear, assumed_end, at, is_on
from bridge.ical.parse import parse_calendar
from bridge.ical.repair import end_of_other_type
from bridge.ical.serialize import duration_text
from bridge.ical.zones import named_zone
from bridge.model.event import Event, EventTime, Floating, Period
from bridge.model.interval import Instant, instant
from bridge.providers.google import wire

_ROOM = "@resource.calendar.google.com"
_INSTANCE = re.compile(r"(?P<series>.+)_(?P<day>\d{8})(?:T(?P<clock>\d{6})Z)?")
_LINE = re.compile(r"(?P<name>RRULE|EXRULE|RDATE|EXDATE)(?P<parameters>;[^:]*)?:(?P<value>.*)")
_DATES = re.compile(r"\d{8}(?:T\d{6}Z?)?(?:/[\dA-Z]+)?")
_ZONE_OF_LINE = re.compile(r"TZID=\"?([^;:\"]+)")
_COUNT = re.compile(r"\bCOUNT=(\d{1,9})\b", re.IGNORECASE)
_YEARLY_DAY = re.compile(r"(?=.*\bFREQ=YEARLY\b)(?=.*\bBYMONTHDAY=)", re.IGNORECASE)
_PLACED = re.compile(r"\bBY(?:MONTH|DAY|WEEKNO|YEARDAY)=", re.IGNORECASE)


@dataclass(slots=True)
class Place:
    """The calendar that an event was read from, and what reading it brought to light."""

    zone: tzinfo = UTC
    is_room: bool = False
    """Rooms show whole days as midnights of UTC."""
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, calendar: str, time_zone: str) -> Place:
        """Describe a calendar by its id and the name of its zone."""
        return cls(named_zone(time_zone) or UTC, calendar.lower().endswith(_ROOM))


class Recurrence(NamedTuple):
    """When an event takes place beside its first time, as `Event` has it."""

    rrules: tuple[str, ...] = ()
    exrules: tuple[str, ...] = ()
    rdates: tuple[EventTime | Period, ...] = ()
    exdates: tuple[EventTime, ...] = ()


# One moment


def read_moment(when: wire.When | None, place: Place) -> EventTime:
    """Read an EventDateTime.

    Raises:
        Unclear: it is missing or says nothing.
    """
    if when is None or not (when.date or when.date_time):
        raise Unclear("it has no time")
    try:
        return _day(when, place) if when.date else _time(when, place)
    except (ValueError, OverflowError) as err:
        raise Unclear(f"a time cannot be understood: {err}") from err


def write_moment(moment: EventTime, place: Place) -> wire.When:
    """Write an EventDateTime; a floating time counts in the calendar's zone."""
    if isinstance(moment, Floating):
        moment = moment.wall.replace(tzinfo=place.zone)
    if isinstance(moment, datetime):
        zone = moment.tzinfo
        if not isinstance(zone, ZoneInfo):  # a zone that only its calendar knows, or an offset
            return wire.When(date_time=_at_utc(moment), time_zone="UTC")
        return wire.When(date_time=moment.isoformat(timespec="seconds"), time_zone=zone.key)
    return wire.When(date=moment.isoformat())


def placed(moment: EventTime, place: Place) -> Instant:
    """Give the instant of a moment: of a day midnight in UTC, of a floating time the calendar's."""
    if isinstance(moment, Floating):
        moment = moment.wall.replace(tzinfo=place.zone)
    return at(moment)


def _at_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _day(when: wire.When, _place: Place) -> date:
    return date.fromisoformat(when.date)


def _time(when: wire.When, place: Place) -> EventTime:
    zone = place.zone
    if when.time_zone:
        named = named_zone(when.time_zone)
        if named is None:
            place.notes.append(
                f"time zone {when.time_zone[:60]!r} is unknown: the calendar's is used"
            )
        zone = named or zone
    moment = datetime.fromisoformat(when.date_time).replace(microsecond=0)
    moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    instant(moment)  # what no clock can say is refused here
    return moment


# Start and end


def read_span(event: wire.Event, place: Place) -> tuple[EventTime, EventTime]:
    """Read start and end; whatever they say, the end is later (`endTimeUnspecified` gives one too).

    Raises:
        Unclear: there is no start that can be understood.
    """
    start = read_moment(event.start, place)
    end = _end(event, start, place)
    if place.is_room:
        start, end = _whole_days(start, end)
    if type(end) is not type(start):
        end = end_of_other_type(start, end, place.notes)
    if _is_after(start, end):
        return start, end
    # Seen at Google although its API refuses to store them: https://github.com/allenporter/gcal_sync
    return start, assumed_end(start, "it ends before it begins", place.notes)


def write_span(event: Event, place: Place) -> tuple[wire.When, wire.When]:
    """Write start and end."""
    return write_moment(event.start, place), write_moment(event.end, place)


def _end(event: wire.Event, start: EventTime, place: Place) -> EventTime:
    try:
        return read_moment(event.end, place)
    except Unclear:
        return assumed_end(start, "its end cannot be understood", place.notes)


def _whole_days(start: EventTime, end: EventTime) -> tuple[EventTime, EventTime]:
    first, last = _midnight(start), _midnight(end)
    return (start, end) if first is None or last is None or last <= first else (first, last)


def _midnight(moment: EventTime) -> date | None:
    """Give the day that begins at a moment which is given in UTC."""
    if not isinstance(moment, datetime) or moment.tzinfo is not UTC or moment.time() != time():
        return None
    return moment.date()


def _is_after(start: EventTime, end: EventTime) -> bool:
    if isinstance(start, datetime) and isinstance(end, datetime):
        return instant(end) > instant(start)
    return not isinstance(start, Floating) and not isinstance(end, Floating) and end > start


# Which occurrence


def read_original(event: wire.Event, place: Place) -> EventTime:
    """Read when a changed or cancelled occurrence would have been; at worst its id says it.

    Raises:
        Unclear: nothing does.
    """
    if event.original_start_time is None:
        named = instance(event.id)
        if named is None:
            raise Unclear("it does not say which occurrence it is")
        return named[1]
    moment = read_moment(event.original_start_time, place)
    day = _midnight(moment) if place.is_room and _is_whole_day(event, place) else None
    return moment if day is None else day


def write_original(moment: EventTime, place: Place) -> wire.When:
    """Write when an occurrence would have been."""
    return write_moment(moment, place)


def instance(event_id: str) -> tuple[str, EventTime] | None:
    """Read the id of an occurrence, `masterid_20260301T090000Z`: series and original start."""
    match = _INSTANCE.fullmatch(event_id)
    if match is None:
        return None
    try:
        day = datetime.strptime(match["day"], "%Y%m%d").replace(tzinfo=UTC)
        if not match["clock"]:
            return match["series"], day.date()
        clock = time.fromisoformat(match["clock"])
    except ValueError:
        return None
    return match["series"], datetime.combine(day, clock, UTC)


def instance_id(series: str, original: EventTime, place: Place) -> str:
    """Write the id of an occurrence; a floating start counts in the calendar's zone."""
    if isinstance(original, datetime | Floating):
        return f"{series}_{_utc(original, place)}"
    return f"{series}_{original:%Y%m%d}"


def _is_whole_day(event: wire.Event, place: Place) -> bool:
    """Tell whether an occurrence of a room is one; a cancelled one has no other time to show it."""
    named = instance(event.id)
    if named is not None:
        return not isinstance(named[1], datetime)
    return event.start is None or not isinstance(read_span(event, place)[0], datetime)


# Recurrence


def read_recurrence(lines: list[str], start: EventTime, end: EventTime, place: Place) -> Recurrence:
    """Read RRULE, EXRULE, RDATE and EXDATE lines, mending what Google is known to break.

    Raises:
        Unclear: not even the parser of foreign calendars makes sense of them.
    """
    mended = [_mended(line.strip(), start, place) for text in lines for line in text.splitlines()]
    kept = [line for line in mended if line]
    if not kept:
        return Recurrence()
    text = "\n".join(
        [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:series"),
            *(_content_line("DTSTART", start), _content_line("DTEND", end), *kept),
            *("END:VEVENT", "END:VCALENDAR", ""),
        ]
    )
    parsed = parse_calendar(text)
    if parsed.broken or not parsed.series:
        reason = parsed.broken[0].reason if parsed.broken else "there is no event"
        raise Unclear(f"its recurrence cannot be understood: {reason}")
    series = parsed.series[0].series
    place.notes.extend(series.notes)
    master = series.master or series.overrides[0]
    rrules = _counted(master.rrules, start, +1)
    return Recurrence(rrules, master.exrules, master.rdates, master.exdates)


def write_recurrence(event: Event, place: Place) -> list[str]:
    """Write the lines of a series; a time in a list is in UTC, which needs no zone."""
    return [
        *(f"RRULE:{rule}" for rule in _counted(event.rrules, event.start, -1)),
        *(f"EXRULE:{rule}" for rule in event.exrules),
        *(_dates_line("RDATE", each, place) for each in event.rdates),
        *(_dates_line("EXDATE", each, place) for each in event.exdates),
    ]


def _counted(rules: tuple[str, ...], start: EventTime, more: int) -> tuple[str, ...]:
    """Say COUNT as RFC 5545 means it (+1), or as Google does (-1).

    Google shows a start that does not match the rule beside as many occurrences as COUNT says:
    https://github.com/googleapis/google-api-nodejs-client/issues/2214. For RFC 5545 it is one of
    them (section 3.3.10), beside a second rule for neither.
    """
    count = _COUNT.search(rules[0]) if len(rules) == 1 else None
    if count is None:
        return rules
    if is_on(rules[0], start) is not False:
        return rules
    number = int(count[1]) + more
    return (f"{rules[0][: count.start(1)]}{number}{rules[0][count.end(1) :]}",) if number else ()


def _mended(line: str, start: EventTime, place: Place) -> str:
    """Bring one line into the form that RFC 5545 has; empty for one that is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        if line:
            place.notes.append("a line of its recurrence was left out: it is none")
        return ""
    name, value = match["name"], match["value"]
    if "FREQ=" not in line.upper():
        return _mended_dates(match, place)
    if name == "RRULE" and _YEARLY_DAY.match(value) and not _PLACED.search(value):
        # Google means the month of the first occurrence; RFC 5545 would mean every month, and does
        # where the first occurrence is off the rule, so that nobody knows which month is meant.
        month = f"BYMONTH={_month(start)}"
        if is_on(f"{value.rstrip(';')};{month}", start) is False:
            place.notes.append("a yearly rule names a day without its month: every month blocks")
            return line
        place.notes.append("a yearly rule names a day without its month: the first one's is used")
        return f"{line.rstrip(';')};{month}"
    return line


def _mended_dates(match: re.Match[str], place: Place) -> str:
    """Read `RRULE:DATE;TZID=Europe/Berlin:20260301T090000` as the RDATE that is meant."""
    name, line = match["name"], match[0]
    values = line.rpartition(":")[2]
    dates = [each.strip() for each in values.split(",")]
    if not all(_DATES.fullmatch(each) for each in dates):
        return line
    if name in ("RRULE", "EXRULE"):
        place.notes.append(f"{name} holds dates: they were read as such")
        name = {"RRULE": "RDATE", "EXRULE": "EXDATE"}[name]
    zone = _ZONE_OF_LINE.search(line)
    kind = ";VALUE=PERIOD" if "/" in values else ";VALUE=DATE" if len(dates[0]) == 8 else ""
    tzid = f";TZID={zone[1]}" if zone and not kind.endswith("DATE") else ""
    return f"{name}{kind}{tzid}:{','.join(dates)}"


def _month(start: EventTime) -> int:
    return start.wall.month if isinstance(start, Floating) else start.month


def _content_line(name: str, moment: EventTime) -> str:
    if isinstance(moment, Floating):
        return f"{name}:{moment.wall:%Y%m%dT%H%M%S}"
    if not isinstance(moment, datetime):
        return f"{name};VALUE=DATE:{moment:%Y%m%d}"
    zone = "UTC" if moment.tzinfo is UTC else str(moment.tzinfo)
    return f"{name};TZID={zone}:{moment:%Y%m%dT%H%M%S}"


def _dates_line(name: str, each: EventTime | Period, place: Place) -> str:
    if isinstance(each, Period):
        return f"{name};VALUE=PERIOD:{_utc(each.start, place)}/{duration_text(each.duration)}"
    if isinstance(each, datetime | Floating):
        return f"{name}:{_utc(each, place)}"
    return f"{name};VALUE=DATE:{each:%Y%m%d}"


def _utc(moment: EventTime, place: Place) -> str:
    if isinstance(moment, Floating):
        moment = moment.wall.replace(tzinfo=place.zone)
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), place.zone)
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
