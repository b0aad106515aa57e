"""A series of events to its canonical text, for providers whose events are not iCalendar.

`parse_calendar` reads the text back into the same series. Times are in UTC or carry the IANA key of
their zone, which needs no VTIMEZONE to be understood here; the text is for the store alone. A zone
that only its calendar defined goes with its definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

from bridge.ical.contentline import fold
from bridge.ical.invited import alarm_lines, attachment_line, how_invited
from bridge.ical.serialize import PRODID, escape_text, uri
from bridge.ical.vtimezone import CustomZone
from bridge.ical.wording import GROUPS, moment_line, moments
from bridge.model.event import Alarm, Attendee, Event, EventSeries

_SAID = tuple(group.lines for group in GROUPS)


def series_text(series: EventSeries) -> str:
    """Write a series as one VCALENDAR; the same series gives the same text.

    Raises:
        InvalidCalendarObject: a time has a zone that has no name.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODID}"]
    zones = (moment.tzinfo for event in series.events() for moment in moments(event))
    lines += sorted({zone.definition for zone in zones if isinstance(zone, CustomZone)})
    for event in series.events():
        lines += ["BEGIN:VEVENT", f"UID:{escape_text(series.uid)}"]
        for said in _SAID:
            lines += said(event)
        lines += [*_stamps(event), *_who(event), *_beside(event), "END:VEVENT"]
    return fold("\n".join([*lines, "END:VCALENDAR", ""]))


def _stamps(event: Event) -> Iterator[str]:
    yield f"SEQUENCE:{event.sequence}"
    if event.created:
        yield moment_line("CREATED", event.created.astimezone(UTC))
    if event.last_modified:
        yield moment_line("LAST-MODIFIED", event.last_modified.astimezone(UTC))


def _who(event: Event) -> Iterator[str]:
    if event.organizer:
        yield _person("ORGANIZER", event.organizer)
    for attendee in event.attendees:
        yield _person("ATTENDEE", attendee)
    if event.self_partstat:
        yield f"X-BUSYBRIDGE-PARTSTAT:{event.self_partstat.value}"


def _person(name: str, person: Attendee) -> str:
    return f"{name};PARTSTAT={person.partstat.value}{how_invited(person)}:{uri(person.address)}"


def _beside(event: Event) -> Iterator[str]:
    """Write what only bookings have, see `booked`."""
    yield from map(attachment_line, event.attachments)
    if event.alarms is not None:  # one that does nothing says that there is to be none
        for alarm in event.alarms or (Alarm(timedelta(), "NONE"),):
            yield from ("BEGIN:VALARM", *alarm_lines(alarm), "END:VALARM")
