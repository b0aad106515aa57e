"""Guests, attachments and alarms of an event that stands somewhere, brought in line with others."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from bridge.errors import InvalidCalendarObject
from bridge.ical.booked import attachment, guest, read_alarm
from bridge.ical.serialize import duration_text, escape_text, parameter, uri
from bridge.ical.tree import Component, parts_of, with_parameter
from bridge.ical.values import Unreadable
from bridge.model.event import Alarm, Attachment, Attendee, Event

_ROLE = "REQ-PARTICIPANT"
_CUTYPE = "INDIVIDUAL"
_AGENT = "SERVER"
"""What is meant where the parameter is missing (RFC 5545 section 3.2, RFC 6638 section 7.1)."""
_NOT_A_TOKEN = frozenset(' ":;,\t')


def amend_people(component: Component, wanted: Event, own: Collection[str]) -> None:
    """Bring guests in line: PARTSTAT, RSVP and CN of those who stay are left to them.

    Args:
        component: the VEVENT.
        wanted: who is to be invited, and by whom; without an organizer the one there stays.
        own: addresses of the account; attendees that have one of them stay.
    """
    guests = {it.address: it for it in wanted.attendees}
    lines = []
    for line in component.named({"ATTENDEE"}):
        person = guest(parts_of(line))
        if person.address in own:
            guests.pop(person.address, None)
            lines.append(line)
        elif person.address in guests:
            lines.append(_asked_again(line, person, guests.pop(person.address)))
    lines += [_person("ATTENDEE", it) for it in guests.values()]
    if lines != component.named({"ATTENDEE"}):
        component.replace({"ATTENDEE"}, lines)
    organizer = wanted.organizer
    if organizer is not None:
        standing = [guest(parts_of(line)).address for line in component.named({"ORGANIZER"})]
        if len(standing) != 1 or standing[0] not in {organizer.address, *own}:
            component.replace({"ORGANIZER"}, [_person("ORGANIZER", organizer)])


def _asked_again(line: str, standing: Attendee, wanted: Attendee) -> str:
    pairs = (
        ("ROLE", standing.role, wanted.role, _ROLE),
        ("CUTYPE", standing.cutype, wanted.cutype, _CUTYPE),
        ("SCHEDULE-AGENT", standing.schedule_agent, wanted.schedule_agent, _AGENT),
    )
    for name, now, then, meant in pairs:
        if (now or meant) != (then or meant):
            line = with_parameter(line, name, _value(then))
    return line


def _person(name: str, person: Attendee) -> str:
    reply = f";PARTSTAT={person.partstat.value}" if name == "ATTENDEE" else ""
    return f"{name}{how_invited(person)}{reply}:{uri(person.address)}"


def how_invited(person: Attendee) -> str:
    """Write the parameters of a guest but for PARTSTAT."""
    named = f";CN={parameter(person.common_name)}" if person.common_name else ""
    if not (person.cutype or person.role or person.rsvp or person.schedule_agent):
        return named  # as everybody who was pulled
    said = {
        "CUTYPE": _value(person.cutype),
        "ROLE": _value(person.role),
        "RSVP": "TRUE" if person.rsvp else "",
        "SCHEDULE-AGENT": _value(person.schedule_agent),
    }
    return named + "".join(f";{key}={value}" for key, value in said.items() if value)


def _value(text: str) -> str:
    return text if text.isascii() and _NOT_A_TOKEN.isdisjoint(text) else parameter(text)


def amend_attachments(component: Component, wanted: Event) -> None:
    """Bring links in line; what is attached in another way stays."""
    links = {it.url: it for it in wanted.attachments}
    standing = component.named({"ATTACH"})
    lines = []
    for line in standing:
        link = attachment(parts_of(line))
        if link is None or links.pop(link.url, None) is not None:
            lines.append(line)
    lines += map(attachment_line, links.values())
    if lines != standing:
        component.replace({"ATTACH"}, lines)


def attachment_line(link: Attachment) -> str:
    """Write an ATTACH."""
    media = f";FMTTYPE={_value(link.media_type)}" if link.media_type else ""
    name = f";FILENAME={parameter(link.name)}" if link.name else ""  # RFC 8607 section 4.2
    return f"ATTACH{media}{name}:{uri(link.url)}"


def amend_alarms(component: Component, current: Event | None, wanted: Event, address: str) -> None:
    """Bring reminders in line, unless nothing is said of them; the others stay.

    Args:
        component: the VEVENT.
        current: what it says of its time before it is changed; None: it is new.
        wanted: what it is to say.
        address: who is reminded by mail.

    Raises:
        InvalidCalendarObject: it is empty, and somebody is to be reminded by mail.
    """
    if wanted.alarms is None:
        return
    missing = dict.fromkeys(wanted.alarms)
    parts = []
    for part in component.parts:
        goes_off = [] if part.name != "VALARM" else _goes_off(part, current or wanted)
        if all(it in missing for it in goes_off):
            parts.append(part)
            for it in goes_off:
                missing.pop(it, None)
    component.parts = [*parts, *(_alarm(it, wanted.summary, address) for it in missing)]


def _goes_off(alarm: Component, event: Event) -> list[Alarm]:
    try:
        return read_alarm("\n".join(alarm.lines), event)
    except Unreadable:
        return []


def _alarm(alarm: Alarm, title: str, address: str) -> Component:
    """Write a VALARM with what RFC 5545 section 3.6.6 requires of its action."""
    lines = alarm_lines(alarm)
    if alarm.action != "AUDIO":
        lines.append(f"DESCRIPTION:{escape_text(title or 'Reminder')}")
    if alarm.action == "EMAIL":
        if not address:
            raise InvalidCalendarObject("a reminder by mail needs the address of the account")
        lines += [f"SUMMARY:{escape_text(title or 'Reminder')}", f"ATTENDEE:{uri(address)}"]
    return Component("VALARM", lines)


def alarm_lines(alarm: Alarm) -> list[str]:
    """Write what a VALARM does, and when."""
    sign = "-" if alarm.before > timedelta() else ""
    trigger = f"TRIGGER:{sign}{duration_text(abs(alarm.before))}"
    return [f"ACTION:{escape_text(alarm.action)}", trigger]
