"""One VEVENT's lines to an `Event`: times, recurrence, how it is shown, who takes part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple, TypeVar

from bridge.ical import booked, details, repair
from bridge.ical.bounds import Limits
from bridge.ical.contentline import (
    Properties,
    Property,
    RawEvent,
    text_value,
    time_parameters,
)
from bridge.ical.values import Unreadable, duration, event_time, period
from bridge.ical.zones import Zones
from bridge.model.event import (
    Attendee,
    Event,
    EventTime,
    Floating,
    PartStat,
    Period,
    Transp,
)

_WANTED = frozenset(
    {
        "UID",
        "DTSTART",
        "DTEND",
        "DURATION",
        "RECURRENCE-ID",
        "RRULE",
        "EXRULE",
        "RDATE",
        "EXDATE",
        "STATUS",
        "TRANSP",
        "CLASS",
        "SUMMARY",
        "DESCRIPTION",
        "LOCATION",
        "URL",
        "CATEGORIES",
        "ORGANIZER",
        "ATTENDEE",
        "SEQUENCE",
        "CREATED",
        "LAST-MODIFIED",
        "DTSTAMP",
        "CONFERENCE",
        "X-GOOGLE-CONFERENCE",
        "X-MICROSOFT-SKYPETEAMSMEETINGURL",
        "X-BUSYBRIDGE-ORIGIN",
        "X-BUSYBRIDGE-MIRROR",
        "X-BUSYBRIDGE-EVENT-TYPE",
        "X-BUSYBRIDGE-PARTSTAT",
        "X-MICROSOFT-CDO-BUSYSTATUS",
        "X-MICROSOFT-CDO-INTENDEDSTATUS",
        "X-MICROSOFT-CDO-ALLDAYEVENT",
        "X-MICROSOFT-MSNCALENDAR-BUSYSTATUS",
        "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT",
    }
)
_WANTED_OF_BOOKING = _WANTED | booked.WANTED
_ALL_DAY = frozenset({"X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT"})
_RECURRING = frozenset({"RRULE", "RDATE", "EXDATE", "EXRULE"})
CUT = frozenset({"SUMMARY", "DESCRIPTION", "LOCATION"})
"""Texts that are shortened when they are too long."""
WHOLE = _RECURRING | {"UID", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "ATTENDEE"}
"""What decides when the time is busy: never cut. Other properties are left out when too long."""

_Moment = TypeVar("_Moment")


@dataclass(slots=True)
class ReadEvent:
    """An event, and what reading it brought to light."""

    event: Event
    notes: list[str]
    tzids: set[str]
    """TZIDs that it refers to."""
    irregular: bool
    """It has lines that are no properties, or no UID, or texts that were cut."""


class EventReader:
    """Reads the VEVENTs of one VCALENDAR."""

    def __init__(
        self,
        zones: Zones,
        owner: str,
        limits: Limits,
        *,
        whole: bool = False,
        strict: bool = False,
    ) -> None:
        """Take the mail address whose PARTSTAT is the calendar owner's, empty if unknown.

        Of a booking more is read, see `booked`; who is strict has nothing repaired but names of
        zones.
        """
        self._strict = strict
        self._about_zones: set[str] = set()
        self.zones = zones
        self._wanted = _WANTED_OF_BOOKING if whole else _WANTED
        self._whole = whole
        self._owner = f"mailto:{owner.strip().lower().removeprefix('mailto:')}" if owner else ""
        self.limits = limits
        self._notes: list[str] = []
        self._tzids: set[str] = set()

    def read(self, raw: RawEvent) -> ReadEvent:
        """Read the unfolded lines of a VEVENT.

        Raises:
            Unreadable: its structure is broken, there is no DTSTART, or one of its times says
                nothing. What its rules say is not looked at.
        """
        if raw.problem:
            raise Unreadable(raw.problem)
        text = raw.text
        notes = self._notes = []
        tzids = self._tzids = set()
        found = Properties(text, self._wanted)
        if len(found) > self.limits.properties:
            raise Unreadable(f"more than {self.limits.properties} properties")
        irregular = found.irregular
        if irregular:
            notes.append("lines that are no properties were left out")
        if len(text) > self.limits.property_size:
            irregular = self._cut(found, text) or irregular
        uid, note = repair.uid(found.value("UID"), text)
        if note:
            irregular = True
            notes.append(note)
        event = self._event(uid, found)
        guessed = [note for note in notes if note not in self._about_zones]
        if self._strict and guessed:
            raise Unreadable(guessed[0])
        if self._whole:
            event = booked.event_of_booking(event, found, raw.alarms, notes)
        return ReadEvent(event, notes, tzids, irregular)

    def _event(self, uid: str, found: Properties) -> Event:
        start, end, lasting = self._times(found)
        first = found.first
        recurrence_id = first.get("RECURRENCE-ID")
        this_and_future = recurrence_id is not None and "THISANDFUTURE" in recurrence_id[0].upper()
        rules: tuple[str, ...] = ()
        exrules: tuple[str, ...] = ()
        rdates: tuple[EventTime | Period, ...] = ()
        exdates: tuple[EventTime, ...] = ()
        if not _RECURRING.isdisjoint(first):
            if recurrence_id is not None and not this_and_future:
                repair.in_override("recurrence", self._notes)
            else:
                rules, exrules = self._rules(found, "RRULE"), self._rules(found, "EXRULE")
                rdates, exdates = self._rdates(found), self._exdates(found)
        attendees = tuple(map(details.attendee, found.every("ATTENDEE")))
        organizer = first.get("ORGANIZER")
        location = text_value(found.value("LOCATION"))
        description = text_value(found.value("DESCRIPTION"))
        modified = first.get("LAST-MODIFIED") or first.get("DTSTAMP")
        return Event(
            uid=uid,
            start=start,
            end=end,
            duration=lasting.duration,
            exact=lasting.exact,
            recurrence_id=None if recurrence_id is None else self._time(recurrence_id),
            this_and_future=this_and_future,
            rrules=rules,
            exrules=exrules,
            rdates=rdates,
            exdates=exdates,
            status=details.status(found),
            transp=Transp.TRANSPARENT
            if found.value("TRANSP").strip().upper().startswith("TRANSPARENT")
            else Transp.OPAQUE,
            show_as=details.show_as(found),
            # `compose` writes the two for providers that know them without iCalendar
            event_type=text_value(found.value("X-BUSYBRIDGE-EVENT-TYPE")).strip() or "default",
            self_partstat=self._own_reply(attendees)
            or details.partstat(found.value("X-BUSYBRIDGE-PARTSTAT")),
            classification=details.classification(found),
            summary=text_value(found.value("SUMMARY")),
            description=description,
            location=location,
            url=details.web(found.value("URL")),
            conference_url=details.conference(found, location, description),
            categories=details.categories(found),
            organizer=None if organizer is None else details.attendee(organizer),
            attendees=attendees,
            sequence=details.sequence(found.value("SEQUENCE")),
            created=details.stamp(first.get("CREATED")),
            last_modified=details.stamp(modified),
            origin=text_value(found.value("X-BUSYBRIDGE-ORIGIN")).strip(),
            mirror=text_value(found.value("X-BUSYBRIDGE-MIRROR")).strip(),
        )

    # Times

    def _times(self, found: Properties) -> tuple[EventTime, EventTime, _Lasting]:
        if "DTSTART" not in found:
            raise Unreadable("there is no DTSTART")
        start = self._time(found.first["DTSTART"])
        end, lasting = self._end(found, start)
        if type(end) is not type(start):
            end = repair.end_of_other_type(start, end, self._notes)
        if not ends_after(start, end):
            end = repair.end_before_start(start, end, self._notes)
        if not _ALL_DAY.isdisjoint(found.first) and not is_day(start) and _says_all_day(found):
            start, end = repair.all_day_by_times(start, end)
            lasting = _AS_IT_ENDS if is_day(start) else lasting
        return start, end, lasting

    def _end(self, found: Properties, start: EventTime) -> tuple[EventTime, _Lasting]:
        if "DTEND" in found:
            try:
                return self._time(found.first["DTEND"]), _AS_IT_ENDS
            except Unreadable as err:
                self._notes.append(f"DTEND was left out: {err}")
        if "DURATION" in found:
            try:
                return self._lasting(start, found.value("DURATION"))
            except Unreadable as err:
                self._notes.append(f"DURATION was left out: {err}")
        # RFC 5545 section 3.6.1: a DATE lasts one day, a DATE-TIME ends when it starts
        return (repair.shift(start, repair.ONE_DAY) if is_day(start) else start), _AS_IT_ENDS

    def _lasting(self, start: EventTime, text: str) -> tuple[EventTime, _Lasting]:
        length, nominal = duration(text)
        if length < timedelta():
            length = repair.negative_duration(length, self._notes)
        if is_day(start):
            days = repair.duration_of_day(length, self._notes)
            return repair.shift(start, days * repair.ONE_DAY), _AS_IT_ENDS
        # RFC 5545 section 3.3.6: days by the calendar first, then hours, which are exact
        days = length.days if nominal else 0
        end = later(repair.shift(start, days * repair.ONE_DAY), length - days * repair.ONE_DAY)
        if repair.wall_clock(end).year >= repair.LAST_YEAR:
            return end, _AS_IT_ENDS
        return end, _Lasting(duration=length) if nominal else _Lasting(exact=length)

    def _time(self, prop: Property) -> EventTime:
        raw, value = prop
        if not raw:
            return event_time(value, self._zone)
        found = time_parameters(raw)
        moment = event_time(value, self._zone, found.get("TZID", ""))
        return repair.midnight_of_date(moment) if found.get("VALUE") == "DATE" else moment

    def _zone(self, tzid: str) -> tzinfo | None:
        zone, note = self.zones.resolve(tzid)
        self._tzids.add(tzid)
        if note:
            self._notes.append(note)
            self._about_zones.add(note)
        return zone

    # Recurrence

    def _rules(self, found: Properties, name: str) -> tuple[str, ...]:
        """Return the rules as they are written: the expansion judges them, one by one."""
        values = [(raw, value) for raw, value in found.every(name) if raw or value.strip()]
        return tuple(repair.rule_value(raw, value) for raw, value in values)

    def _rdates(self, found: Properties) -> tuple[EventTime | Period, ...]:
        def one(value: str, tzid: str) -> EventTime | Period:
            if "/" in value:
                return period(value, self._zone, tzid)
            return event_time(value, self._zone, tzid)

        return tuple(self._listed(found, "RDATE", one))

    def _exdates(self, found: Properties) -> tuple[EventTime, ...]:
        def one(value: str, tzid: str) -> EventTime:
            return event_time(value, self._zone, tzid)

        return tuple(self._listed(found, "EXDATE", one))

    def _listed(
        self, found: Properties, name: str, read: Callable[[str, str], _Moment]
    ) -> list[_Moment]:
        moments = []
        for raw, values in found.every(name):
            tzid = time_parameters(raw).get("TZID", "")
            for value in filter(None, map(str.strip, values.split(","))):
                try:
                    moments.append(read(value, tzid))
                except Unreadable as err:
                    self._notes.append(f"a value of {name} was left out: {err}")
                if len(moments) > self.limits.dates:
                    raise Unreadable(f"more than {self.limits.dates} values of {name}")
        return moments

    # The rest

    def _own_reply(self, attendees: tuple[Attendee, ...]) -> PartStat | None:
        if not self._owner:
            return None
        for it in attendees:
            if it.address == self._owner:
                return it.partstat
        return None

    def _cut(self, found: Properties, text: str) -> bool:
        """Shorten texts that are too long; their time blocks all the same (PROMISES F62)."""
        most = self.limits.property_size
        for name in sorted(found.first.keys() - WHOLE):
            if all(len(value) <= most for _, value in found.every(name)):
                continue
            if name in CUT:
                self._notes.append(f"{name} was cut at {most} characters")
                found.map(name, lambda value: cut_text(value, self.limits))
            else:
                self._notes.append(f"{name} was left out: it is longer than {most} characters")
                found.drop(name, lambda value: len(value) > most)
        return any(len(line) > most for line in text.split("\n"))


def cut_text(value: str, limits: Limits) -> str:
    """Return as much of an escaped TEXT value as is kept, never half an escape."""
    kept = value[: limits.property_size]
    return kept[:-1] if (len(kept) - len(kept.rstrip("\\"))) % 2 else kept


def is_day(moment: EventTime) -> bool:
    """Tell a date from a time."""
    return not isinstance(moment, datetime | Floating)


class _Lasting(NamedTuple):
    """How long each occurrence lasts, as `Event` has it."""

    duration: timedelta | None = None
    exact: timedelta | None = None


_AS_IT_ENDS = _Lasting()


def later(moment: EventTime, by: timedelta) -> EventTime:
    """Move by exact time: by the clock of UTC where the moment has a zone."""
    if isinstance(moment, datetime):
        try:
            return (moment.astimezone(UTC) + by).astimezone(moment.tzinfo)
        except OverflowError:
            pass  # a first or last hour of time: the wall clock will do
    return repair.shift(moment, by)


def ends_after(start: EventTime, end: EventTime) -> bool:
    """Tell whether an end of the same type is one; a time may end when it starts."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        # one clock shows an end before its start where it was put back, or skips the start
        return end >= start or end.timestamp() >= start.timestamp()
    wall, end_wall = repair.wall_clock(start), repair.wall_clock(end)
    return end_wall > wall if is_day(start) else end_wall >= wall


def _says_all_day(found: Properties) -> bool:
    return any(found.value(name).strip().upper() == "TRUE" for name in _ALL_DAY)
