"""What somebody wishes a booking to be like, made into the object that a client would PUT. Pure.

Programs and commands speak of fields, calendars of VEVENTs: from here on both are proposed in the
same way, and stand under the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypedDict
from zoneinfo import ZoneInfo

from bridge.bookings import revising
from bridge.bookings.desired import CLASSES, NOTIFY, alarms_of
from bridge.bookings.draft import CONFERENCE, EVENT_TYPE
from bridge.bookings.showing import REASON
from bridge.bookings.words import NotAllowed
from bridge.config.booking import EventType, Meeting, Reminder, Visibility
from bridge.errors import InvalidCalendarObject
from bridge.ical.amend import Writer
from bridge.ical.contentline import fold
from bridge.ical.parse import parse_calendar
from bridge.ical.tree import Component, read_tree, write_tree
from bridge.ical.vevent import is_day, later
from bridge.ical.wording import moment_line
from bridge.model.event import (
    Attendee,
    Class,
    Event,
    EventSeries,
    EventTime,
    Floating,
    ShowAs,
    Status,
    Transp,
)
from bridge.model.interval import Instant, utc

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RECURS = re.compile(r"(RRULE|RDATE|EXDATE)[;:][^\r\n\x00]*", re.ASCII)
_NONE = "ACTION:NONE"


class Wish(TypedDict, total=False):
    """Fields of an event; what is left out stays as it is, or is left to the defaults."""

    title: str
    start: EventTime
    end: EventTime
    recurrence: Sequence[str]
    """Whole lines, `RRULE:FREQ=WEEKLY;COUNT=4`; they take the place of all those before."""
    guests: Sequence[Attendee]
    location: str
    description: str
    meeting: Meeting | None
    event_type: str
    """Its id; empty for none."""
    visibility: Visibility
    show_as: ShowAs | None
    reminders: Sequence[Reminder] | None
    """Empty: none at all; None: those of the resource, or the calendar's own."""
    notify: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishing:
    """Makes objects of wishes."""

    event_types: Sequence[EventType]
    account: str
    """Mail address of whoever is reminded by mail; empty where it is not known."""
    now: Instant

    def new(self, uid: str, wish: Wish) -> bytes:
        """Write a new booking; a kind of event settles title and length where none is given.

        Raises:
            InvalidCalendarObject: a field is missing, or says nothing that can be booked.
        """
        kind = self._kind(wish.get("event_type", ""))
        start = wish.get("start")
        if start is None:
            raise InvalidCalendarObject("a booking needs a start")
        end = wish.get("end")
        if end is None and kind is not None and kind.duration and not is_day(start):
            end = later(start, kind.duration)
        if end is None:
            raise InvalidCalendarObject("a booking needs an end, or a kind of event that has one")
        event = Event(uid=uid, start=start, end=end, created=utc(self.now))
        event = self._applied(event, wish, start, end)
        text = self._writer().object_text(EventSeries(uid=uid, master=event))
        # What nobody said is for the defaults of the resource to say.
        unsaid: dict[str, str | None] = {}
        if wish.get("visibility", Visibility.DEFAULT) is Visibility.DEFAULT:
            unsaid["CLASS"] = None
        if wish.get("show_as") is None:
            unsaid["TRANSP"] = None
        return self._finished(text, wish, unsaid)

    def changed(self, standing: str, wish: Wish) -> bytes:
        """Write a booking with some fields changed; what else its text holds stays as it is.

        Raises:
            InvalidCalendarObject: as `new` does, or the text cannot be understood any more.
            NotAllowed: it would leave changes of single occurrences without their place.
        """
        self._kind(wish.get("event_type", ""))
        found = parse_calendar(standing, whole=True).series
        series = found[0].series if found else None
        if series is None or series.master is None:
            raise NotAllowed("single occurrences of a series are changed by a calendar program")
        before = series.master
        start = wish.get("start", before.start)
        end = wish.get("end")
        if end is None:
            end = before.end if start == before.start else _kept_length(before, start)
        overrides = series.overrides
        if "recurrence" in wish:
            overrides = ()
        elif start != before.start and (overrides or before.rdates or before.exdates):
            raise NotAllowed(
                "single occurrences of this series were changed; give its recurrence with the start"
            )
        event = self._applied(before, wish, start, end)
        if event.status is Status.CANCELLED:
            event = replace(event, status=None)
        series = replace(series, master=event, overrides=overrides)
        text = self._writer().amended_text(standing, series)
        unsaid: dict[str, str | None] = {REASON: None}
        if wish.get("visibility") is Visibility.DEFAULT:
            unsaid["CLASS"] = None
        if "show_as" in wish and wish["show_as"] is None:
            unsaid["TRANSP"] = None
        return self._finished(text, wish, unsaid)

    def _applied(self, event: Event, wish: Wish, start: EventTime, end: EventTime) -> Event:
        if is_day(start) != is_day(end):
            raise InvalidCalendarObject("start and end are both days, or both times")
        if (start, end) != (event.start, event.end):
            event = replace(event, start=start, end=end, duration=None, exact=None)
        if "recurrence" in wish:
            event = _recurring(event, wish["recurrence"])
        if "guests" in wish:
            known = {it.address: it for it in event.attendees}
            event = replace(event, attendees=tuple(_invited(it, known) for it in wish["guests"]))
        if "visibility" in wish:
            shown = CLASSES.get(wish["visibility"], Class.PUBLIC)
            event = replace(event, classification=shown)
        if "show_as" in wish:
            show_as = wish["show_as"]
            transp = Transp.TRANSPARENT if show_as is ShowAs.FREE else Transp.OPAQUE
            event = replace(event, show_as=show_as, transp=transp)
        if "reminders" in wish:
            event = replace(event, alarms=alarms_of(wish["reminders"] or ()))
        return replace(
            event,
            summary=wish.get("title", event.summary),
            location=wish.get("location", event.location),
            description=wish.get("description", event.description),
            event_type=wish.get("event_type", event.event_type) or "default",
            last_modified=utc(self.now),
        )

    def _finished(self, text: str, wish: Wish, unsaid: Mapping[str, str | None]) -> bytes:
        said = dict(unsaid)
        if "meeting" in wish:
            meeting = wish["meeting"]
            said[CONFERENCE] = None if meeting is None else f"{CONFERENCE}:{meeting.value}"
        if "notify" in wish:
            notify = wish["notify"]
            said[NOTIFY] = None if notify is None else f"{NOTIFY}:{str(notify).upper()}"
        if "reminders" in wish:
            text = _silenced(text, silent=wish["reminders"] is not None and not wish["reminders"])
        return revising.revise(text, said).encode()

    def _kind(self, name: str) -> EventType | None:
        if not name:
            return None
        for kind in self.event_types:
            if kind.id == name:
                return kind
        known = ", ".join(it.id for it in self.event_types) or "there are none"
        raise InvalidCalendarObject(f"{EVENT_TYPE} {name!r} is not known: {known}")

    def _writer(self) -> Writer:
        return Writer(own=[f"mailto:{self.account}"] if self.account else ())


def read_time(text: str, zone: ZoneInfo) -> EventTime:
    """Read a day, `2026-11-20`, or a time: RFC 3339, or a wall clock of the zone.

    Raises:
        ValueError: it is neither.
    """
    if _DAY.fullmatch(text):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    if moment.microsecond:
        raise ValueError("it has fractions of a second")
    placed = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    # RFC 5545 section 3.3.5: times of this zone are written in form 2.
    return placed.astimezone(UTC) if zone.key in ("UTC", "Etc/UTC", "GMT") else placed


def _kept_length(before: Event, start: EventTime) -> EventTime:
    """Give the end of an event that is moved."""
    if is_day(before.start) != is_day(start):
        raise InvalidCalendarObject(
            "an event that becomes one of whole days, or of hours, needs its end, too"
        )
    if isinstance(before.start, datetime) and isinstance(before.end, datetime):
        length = before.end.astimezone(UTC) - before.start.astimezone(UTC)
    elif isinstance(before.start, Floating) and isinstance(before.end, Floating):
        length = before.end.wall - before.start.wall
    elif not isinstance(before.start, datetime | Floating) and not isinstance(
        before.end, datetime | Floating
    ):
        length = before.end - before.start
    else:
        raise InvalidCalendarObject("an event whose times are of two kinds needs its end, too")
    return later(start, length)


def _invited(guest: Attendee, known: Mapping[str, Attendee]) -> Attendee:
    """Leave what a guest replied."""
    before = known.get(guest.address)
    if before is None:
        return guest
    return replace(before, role=guest.role, common_name=guest.common_name or before.common_name)


def _silenced(text: str, *, silent: bool) -> str:
    """Say that there is to be no reminder at all, as Apple does; or do not say it any more."""
    calendar = read_tree(text)
    for event in calendar.every("VEVENT"):
        event.parts = [
            it for it in event.parts if it.name != "VALARM" or it.named({"ACTION"}) != [_NONE]
        ]
        if silent:
            event.parts.append(Component("VALARM", [_NONE, "TRIGGER;VALUE=DURATION:PT0S"]))
    return write_tree(calendar)


def _recurring(event: Event, lines: Sequence[str]) -> Event:
    """Read lines of recurrence as they would stand in the event."""
    for line in lines:
        if not _RECURS.fullmatch(line):
            raise InvalidCalendarObject(
                "recurrence is lines of RRULE, RDATE and EXDATE, as RFC 5545 has them"
            )
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//BusyBridge//EN", "BEGIN:VEVENT", "UID:x"]
    when = [moment_line("DTSTART", event.start), moment_line("DTEND", event.end)]
    text = fold("\n".join([*head, *when, *lines, "END:VEVENT", "END:VCALENDAR", ""]))
    calendar = parse_calendar(text, strict=True)
    if calendar.broken or not calendar.series:
        reason = calendar.broken[0].reason if calendar.broken else "it says nothing"
        raise InvalidCalendarObject(f"recurrence: {reason}")
    read = next(iter(calendar.series[0].series.events()))
    return replace(event, rrules=read.rrules, exrules=(), rdates=read.rdates, exdates=read.exdates)
