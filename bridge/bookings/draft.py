"""What a client sent, understood: octets to a series, and what it asks for beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bridge.bookings import revising
from bridge.config.booking import EventType, Meeting
from bridge.config.plan import ResourcePlan
from bridge.errors import InvalidCalendarObject
from bridge.ical.contentline import text_value
from bridge.ical.limits import check_calendar_body
from bridge.ical.parse import parse_calendar
from bridge.ical.vevent import is_day, later
from bridge.model.event import Event, EventSeries

CONFERENCE = "X-BUSYBRIDGE-CONFERENCE"
EVENT_TYPE = "X-BUSYBRIDGE-EVENT-TYPE"
_WORDS = {
    "meet": Meeting.GOOGLE_MEET,
    "google meet": Meeting.GOOGLE_MEET,
    "teams": Meeting.TEAMS,
    "microsoft teams": Meeting.TEAMS,
    "zoom": Meeting.ZOOM,
}
_OTHERS = ("VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL")


@dataclass(frozen=True, slots=True)
class Draft:
    """A booking as its client wants it."""

    text: str
    """The octets, as text."""
    series: EventSeries
    """With what its type settles: title and length where none is given."""
    said: dict[str, str]
    """Properties of the master, the first of each name, as they are written."""
    asked: Meeting | None
    """Which meeting it names itself; None: it does not say."""
    event_type: EventType | None

    @property
    def uid(self) -> str:
        """Of all its events."""
        return self.series.uid


def read(octets: bytes, plan: ResourcePlan) -> Draft:
    """Understand what a client sent.

    Raises:
        InvalidCalendarObject: it cannot be taken; `precondition` is the name that RFC 4791 section
            5.3.2.1 has for why.
    """
    check_calendar_body(octets)
    return parse(octets.decode(), plan)


def parse(text: str, plan: ResourcePlan) -> Draft:
    """Understand a text that was taken before.

    Raises:
        InvalidCalendarObject: it cannot be understood (any more).
    """
    found = list(revising.lines(text))
    _only_events(found)
    calendar = parse_calendar(text, whole=True, strict=True)
    if calendar.broken:
        raise InvalidCalendarObject(calendar.broken[0].reason)
    if len(calendar.series) != 1:
        raise InvalidCalendarObject(
            "a calendar object holds one event, with one UID",
            precondition="valid-calendar-object-resource",
        )
    said = revising.said(text)
    if not said.get("UID", "").strip():
        raise InvalidCalendarObject(
            "the event has no UID", precondition="valid-calendar-object-resource"
        )
    series = calendar.series[0].series
    event_type = _event_type(said, series, plan.event_types)
    if event_type is not None:
        series = _typed(series, said, event_type)
    return Draft(text, series, said, _asked(said, series), event_type)


def _only_events(found: Sequence[revising.Line]) -> None:
    """Refuse what is no event, or a message about one (RFC 4791 section 4.1)."""
    calendars = 0
    for line in found:
        if line.name == "BEGIN" and not line.depth:
            calendars += 1
        if line.name == "BEGIN" and line.depth == ("VCALENDAR",):
            kind = line.value.strip().upper()
            if kind in _OTHERS:
                raise InvalidCalendarObject(
                    f"{kind} cannot be booked, only events",
                    precondition="supported-calendar-component",
                )
        if line.name == "METHOD" and line.depth == ("VCALENDAR",):
            raise InvalidCalendarObject(
                "METHOD is for messages, not for events that are stored",
                precondition="valid-calendar-object-resource",
            )
    if calendars != 1:
        raise InvalidCalendarObject(
            "a calendar object is one VCALENDAR", precondition="valid-calendar-object-resource"
        )


def _event_type(
    said: dict[str, str], series: EventSeries, known: Sequence[EventType]
) -> EventType | None:
    by_id = {it.id: it for it in known}
    name = text_value(said.get(EVENT_TYPE, "")).strip().lower()
    if name in by_id:
        return by_id[name]
    categories = next(iter(series.events())).categories
    return next((by_id[it.lower()] for it in categories if it.lower() in by_id), None)


def _typed(series: EventSeries, said: dict[str, str], kind: EventType) -> EventSeries:
    """Settle title and length where the client gives none."""
    master = series.master
    if master is None:
        return series
    if not master.summary.strip() and kind.title:
        master = replace(master, summary=kind.title)
    if kind.duration and not {"DTEND", "DURATION"} & said.keys() and not is_day(master.start):
        master = _lasting(master, kind.duration)
    return replace(series, master=master)


def _lasting(event: Event, length: timedelta) -> Event:
    end = later(event.start, length)
    return replace(event, end=end, exact=length, duration=None)


def _asked(said: dict[str, str], series: EventSeries) -> Meeting | None:
    """Tell which meeting a client names: by a property of ours, or in place of a place."""
    word = text_value(said.get(CONFERENCE, "")).strip().lower()
    if word:
        try:
            return Meeting(word)
        except ValueError:
            raise InvalidCalendarObject(
                f"{CONFERENCE} is one of {', '.join(it.value for it in Meeting)}"
            ) from None
    event = next(iter(series.events()))
    for name in (event.location, *event.categories):
        found = _WORDS.get(name.strip().lower())
        if found is not None:
            return found
    return None
