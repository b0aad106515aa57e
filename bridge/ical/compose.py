"""A series of events to its canonical text, for providers whose events are not iCalendar.

`parse_calendar` reads the text back into the same series. Times are in UTC or carry the IANA key of
their zone, which needs no VTIMEZONE to be understood here; the text is for the store alone. A zone
that only its calendar defined goes with its definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from bridge.errors import InvalidCalendarObject
from bridge.ical.contentline import fold
from bridge.ical.serialize import PRODID, duration_text, escape_text, parameter, uri
from bridge.ical.vtimezone import CustomZone
from bridge.model.event import (
    Alarm,
    Attendee,
    Event,
    EventSeries,
    EventTime,
    Floating,
    Period,
    ShowAs,
)

_SHOWN = {
    ShowAs.FREE: "FREE",
    ShowAs.TENTATIVE: "TENTATIVE",
    ShowAs.BUSY: "BUSY",
    ShowAs.OUT_OF_OFFICE: "OOF",
    ShowAs.WORKING_ELSEWHERE: "WORKINGELSEWHERE",
}


def series_text(series: EventSeries) -> str:
    """Write a series as one VCALENDAR; the same series gives the same text.

    Raises:
        InvalidCalendarObject: a time has a zone that has no name.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODID}"]
    lines += sorted({zone.definition for zone in _zones(series) if isinstance(zone, CustomZone)})
    for event in series.events():
        lines += ["BEGIN:VEVENT", f"UID:{escape_text(series.uid)}"]
        lines += [*_when(event), *_what(event), *_shown(event), *_who(event)]
        lines += [*_beside(event), "END:VEVENT"]
    return fold("\n".join([*lines, "END:VCALENDAR", ""]))


def _zones(series: EventSeries) -> Iterator[tzinfo | None]:
    for event in series.events():
        for moment in (event.start, event.end, event.recurrence_id, *event.rdates, *event.exdates):
            of = moment.start if isinstance(moment, Period) else moment
            if isinstance(of, datetime):
                yield of.tzinfo


def _when(event: Event) -> Iterator[str]:
    yield _start(event)
    if event.exact is not None:
        yield f"DURATION:PT{event.exact.total_seconds():.0f}S"
    elif event.duration is None:
        yield _moment("DTEND", event.end)
    else:
        yield f"DURATION:{duration_text(event.duration)}"
    if event.recurrence_id is not None and not _stands_apart(event):
        reach = ";RANGE=THISANDFUTURE" if event.this_and_future else ""
        yield _moment(f"RECURRENCE-ID{reach}", event.recurrence_id)
    for rule in event.rrules:
        yield f"RRULE:{rule}"
    for rule in event.exrules:
        yield f"EXRULE:{rule}"
    for extra in event.rdates:
        yield _period(extra) if isinstance(extra, Period) else _moment("RDATE", extra)
    for excluded in event.exdates:
        yield _moment("EXDATE", excluded)


def _start(event: Event) -> str:
    start = event.start
    if event.is_recurring and isinstance(start, datetime):
        start = start.replace(fold=0)  # in UTC its further occurrences would lose their clock
    return _moment("DTSTART", start)


def _stands_apart(event: Event) -> bool:
    """Tell an event of its own that shares the UID of another, see `parse`."""
    return event.is_recurring and not event.this_and_future


def _what(event: Event) -> Iterator[str]:
    texts = {
        "SUMMARY": event.summary,
        "DESCRIPTION": event.description,
        "LOCATION": event.location,
        "X-BUSYBRIDGE-ORIGIN": event.origin,
    }
    for name, value in texts.items():
        if value:
            yield f"{name}:{escape_text(value)}"
    if event.categories:
        yield f"CATEGORIES:{','.join(map(escape_text, event.categories))}"
    if event.url:
        yield f"URL:{uri(event.url)}"
    if event.conference_url:
        yield f"CONFERENCE;VALUE=URI;FEATURE=VIDEO:{uri(event.conference_url)}"


def _shown(event: Event) -> Iterator[str]:
    yield f"TRANSP:{event.transp.value}"
    yield f"CLASS:{event.classification.value}"
    if event.status:
        yield f"STATUS:{event.status.value}"
    if event.show_as:
        yield f"X-MICROSOFT-CDO-BUSYSTATUS:{_SHOWN[event.show_as]}"
    if event.event_type != "default":
        yield f"X-BUSYBRIDGE-EVENT-TYPE:{escape_text(event.event_type)}"
    yield f"SEQUENCE:{event.sequence}"
    if event.created:
        yield _moment("CREATED", event.created.astimezone(UTC))
    if event.last_modified:
        yield _moment("LAST-MODIFIED", event.last_modified.astimezone(UTC))


def _who(event: Event) -> Iterator[str]:
    if event.organizer:
        yield _person("ORGANIZER", event.organizer)
    for attendee in event.attendees:
        yield _person("ATTENDEE", attendee)
    if event.self_partstat:
        yield f"X-BUSYBRIDGE-PARTSTAT:{event.self_partstat.value}"


def _person(name: str, person: Attendee) -> str:
    more = f";CN={parameter(person.common_name)}" if person.common_name else ""
    for key, value in (
        ("ROLE", person.role),
        ("CUTYPE", person.cutype),
        ("SCHEDULE-AGENT", person.schedule_agent),
    ):
        more += f";{key}={parameter(value)}" if value else ""
    more += ";RSVP=TRUE" if person.rsvp else ""
    return f"{name};PARTSTAT={person.partstat.value}{more}:{uri(person.address)}"


def _beside(event: Event) -> Iterator[str]:
    """Write what only bookings have, see `whole`."""
    for it in event.attachments:
        more = f";FMTTYPE={parameter(it.media_type)}" if it.media_type else ""
        more += f";FILENAME={parameter(it.name)}" if it.name else ""
        yield f"ATTACH{more}:{uri(it.url)}"
    for alarm in (Alarm(timedelta(), "NONE"),) if event.alarms == () else event.alarms or ():
        sign = "-" if alarm.before > timedelta() else ""
        yield "BEGIN:VALARM"
        yield f"ACTION:{escape_text(alarm.action)}"
        yield f"TRIGGER:{sign}{duration_text(abs(alarm.before))}"
        yield "END:VALARM"


def _moment(name: str, moment: EventTime) -> str:
    if isinstance(moment, Floating):
        return f"{name}:{_wall(moment.wall)}"
    if not isinstance(moment, datetime):
        return f"{name};VALUE=DATE:{moment.year:04}{moment:%m%d}"
    key = _key(moment.tzinfo)
    if key and moment.fold and moment.utcoffset() != moment.replace(fold=0).utcoffset():
        # a wall clock without more is the first of two (RFC 5545 section 3.3.5)
        key, moment = "", moment.astimezone(UTC)
    if not key:
        return f"{name}:{_wall(moment)}Z"
    quoted = parameter(key) if isinstance(moment.tzinfo, CustomZone) else key
    return f"{name};TZID={quoted}:{_wall(moment)}"


def _period(extra: Period) -> str:
    return f"{_moment('RDATE;VALUE=PERIOD', extra.start)}/{duration_text(extra.duration)}"


def _wall(moment: datetime) -> str:
    return f"{moment.year:04}{moment:%m%dT%H%M%S}"


def _key(zone: tzinfo | None) -> str:
    """Name a zone; empty for UTC."""
    if zone is UTC:
        return ""
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if isinstance(zone, CustomZone):
        return zone.name
    raise InvalidCalendarObject(f"a time in {zone!r}, which has no name")
