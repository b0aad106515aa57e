"""Outlook's events to ours and back: a function for each property and direction. Pure.

What Outlook alone decides has one direction only: links to join, when an event was written, whether
it was cancelled, and what its guests answered.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from bridge.ical.foreign import Found, color, once, stamp, word_for
from bridge.model.event import (
    Alarm,
    Attendee,
    Class,
    Event,
    Floating,
    PartStat,
    ShowAs,
    Status,
    Transp,
)
from bridge.provider import AccessRole, CalendarId, CalendarInfo
from bridge.providers.microsoft import recurrence, teams, wire
from bridge.providers.microsoft.body import plain_text
from bridge.providers.microsoft.moments import Place, read_original, read_span, write_span
from bridge.providers.microsoft.uid import original_uid

_SET = "String {9c1f6d0e-53b2-4d0b-8a55-2f4a6a3a7c10} Name BusyBridge"
ORIGIN, MIRROR = f"{_SET}Origin", f"{_SET}Mirror"
"""Ids of the extended properties of what a BusyBridge wrote: which of them did, and for which
mirror; of these a delta round says nothing."""
TOKEN, UID = f"{_SET}Token", f"{_SET}Uid"
"""Of bookings: what they are found by, and the UID that their client gave them."""
_TRANSACTION = re.compile(
    r"(?P<token>[0-9a-f]{8,})@(?P<origin>[^\s#]{1,200})(?:#(?P<mirror>\S{1,200}))?"
)

_SHOW_AS = {
    "free": ShowAs.FREE,
    "tentative": ShowAs.TENTATIVE,
    "busy": ShowAs.BUSY,
    "oof": ShowAs.OUT_OF_OFFICE,
    "workingElsewhere": ShowAs.WORKING_ELSEWHERE,
}
_CLASS = {
    "": Class.PUBLIC,
    "normal": Class.PUBLIC,
    "personal": Class.PRIVATE,
    "private": Class.PRIVATE,
    "confidential": Class.CONFIDENTIAL,
}
_PARTSTAT = {
    "notResponded": PartStat.NEEDS_ACTION,
    "declined": PartStat.DECLINED,
    "tentativelyAccepted": PartStat.TENTATIVE,
    "accepted": PartStat.ACCEPTED,
    "organizer": PartStat.ACCEPTED,
}
_NOT_ASKED = ("", "none", "organizer")


# A calendar


def calendar(entry: wire.Calendar, mailbox: str = "") -> CalendarInfo | None:
    """Read an entry of the list of calendars; None for one that has no id.

    Args:
        entry: as it is listed.
        mailbox: mail address of whose list it is; empty where nobody knows it.
    """
    if not entry.id:
        return None
    return CalendarInfo(
        CalendarId(entry.id),
        _named(entry, mailbox),
        AccessRole.WRITE if entry.can_edit else AccessRole.READ,
        is_primary=entry.is_default_calendar,
        color=color(entry.hex_color),
    )


def _named(entry: wire.Calendar, mailbox: str) -> str:
    """Name a calendar, somebody else's with its owner: most are called `Calendar`."""
    name, owner = entry.name or entry.id, entry.owner
    if owner is None or not mailbox or owner.address.lower() in ("", mailbox.lower()):
        return name
    whose = owner.name or owner.address
    return name if whose in name else f"{name} ({whose})"


# An event


def read_event(event: wire.Event) -> Found:
    """Read a single event, the master of a series, or a changed occurrence.

    Deleted occurrences are no part of it: Graph names them by their ids.

    Raises:
        Unclear: its time cannot be understood.
    """
    here = Place()
    start, end = read_span(event, here)
    is_occurrence = bool(event.series_master_id) or event.type in ("occurrence", "exception")
    original = read_original(event, here) if is_occurrence else None
    rules: tuple[str, ...] = ()
    if original is None and event.recurrence is not None:
        rules = (recurrence.read(event.recurrence, start),)
    made = Event(
        uid=read_uid(event),
        start=start,
        end=end,
        recurrence_id=original,
        rrules=rules,
        status=read_status(event),
        transp=read_transp(event),
        show_as=read_show_as(event),
        self_partstat=read_own_reply(event),
        classification=read_class(event),
        summary=event.subject,
        description=read_description(event),
        location=read_location(event),
        categories=read_categories(event),
        conference_url=read_conference(event),
        organizer=read_organizer(event),
        attendees=read_attendees(event),
        created=read_stamp(event.created_date_time),
        last_modified=read_stamp(event.last_modified_date_time),
        origin=read_origin(event),
        mirror=read_mirror(event),
    )
    return Found(made, once(here.notes))


def write_event(event: Event, place: Place) -> wire.Event:
    """Write an event as Graph takes it; what Outlook alone decides is left out.

    Raises:
        CannotBeSaid: it recurs in a way that Outlook does not know.
    """
    start, end = write_span(event, place)
    return wire.Event(
        start=start,
        end=end,
        is_all_day=write_all_day(event),
        recurrence=recurrence.write(event, place.zone),
        show_as=write_show_as(event),
        sensitivity=write_class(event),
        subject=event.summary,
        body=write_description(event),
        location=write_location(event),
        categories=write_categories(event),
        is_reminder_on=write_reminder(event),
        reminder_minutes_before_start=write_minutes(event),
        attendees=write_attendees(event),
        extended_properties=write_origin(event),
    )


def write_all_day(event: Event) -> bool:
    """Write whether an event lasts whole days."""
    return not isinstance(event.start, datetime | Floating)


# UID (RFC 5545 section 3.8.4.7)


def read_uid(event: wire.Event) -> str:
    """Read the UID as other calendars have it; every occurrence has that of its series."""
    return original_uid(event.ical_uid) or event.series_master_id or event.id


# STATUS: a cancelled meeting stays in the calendars of its guests until they remove it. Tentative
# are one's own events whose time is shown so; it is as well of invitations that nobody answered.


def read_status(event: wire.Event) -> Status:
    """Read whether an event takes place."""
    if event.is_cancelled:
        return Status.CANCELLED
    is_tentative = event.is_organizer and event.show_as == "tentative"
    return Status.TENTATIVE if is_tentative else Status.CONFIRMED


# X-MICROSOFT-CDO-BUSYSTATUS and TRANSP


def read_show_as(event: wire.Event) -> ShowAs | None:
    """Read how the time is shown; an unknown word says nothing, so that the event blocks."""
    return _SHOW_AS.get(event.show_as)


def read_transp(event: wire.Event) -> Transp:
    """Read whether an event takes time."""
    return Transp.TRANSPARENT if event.show_as == "free" else Transp.OPAQUE


def write_show_as(event: Event) -> str:
    """Write how the time is shown; what says no more than TRANSP and STATUS is shown as these."""
    if event.show_as is not None:
        return word_for(_SHOW_AS, event.show_as)
    if event.transp is Transp.TRANSPARENT:
        return "free"
    return "tentative" if event.status is Status.TENTATIVE else "busy"


# CLASS


def read_class(event: wire.Event) -> Class:
    """Read who may see an event; an unknown word is private (RFC 5545 section 3.8.1.3)."""
    return _CLASS.get(event.sensitivity, Class.PRIVATE)


def write_class(event: Event) -> str:
    """Write who may see an event."""
    return {Class.PRIVATE: "private", Class.CONFIDENTIAL: "confidential"}.get(
        event.classification, "normal"
    )


# DESCRIPTION


def read_description(event: wire.Event) -> str:
    """Read the body as text; of one's own meetings without what Outlook added of Teams."""
    if event.body is None:
        return ""
    if event.body.content_type.lower() == "html":
        text = plain_text(event.body.content)
    else:
        text = event.body.content.replace("\r\n", "\n").strip()
    is_added = event.is_organizer and (event.is_online_meeting or event.online_meeting is not None)
    return teams.without(text) if is_added else text


def write_description(event: Event) -> wire.Body | None:
    """Write the body, as text."""
    return wire.Body(content_type="text", content=event.description) if event.description else None


# LOCATION


def read_location(event: wire.Event) -> str:
    """Read the name of the place."""
    return event.location.display_name if event.location else ""


def write_location(event: Event) -> wire.Location | None:
    """Write the name of the place."""
    return wire.Location(display_name=event.location) if event.location else None


# CATEGORIES


def read_categories(event: wire.Event) -> tuple[str, ...]:
    """Read the names of an event's colours."""
    return tuple(each for each in event.categories if each)


def write_categories(event: Event) -> list[str]:
    """Write them; a name that the mailbox does not know has no colour there."""
    return list(event.categories)


# VALARM: one, before the start; None leaves it to the mailbox


def read_alarms(event: wire.Event) -> tuple[Alarm, ...] | None:
    """Read the reminder; of a booking alone (`Event.alarms`)."""
    if not event.is_reminder_on:
        return None if event.is_reminder_on is None else ()
    return (Alarm(timedelta(minutes=event.reminder_minutes_before_start or 0)),)


def write_reminder(event: Event) -> bool | None:
    """Write whether there is a reminder."""
    return None if event.alarms is None else bool(event.alarms)


def write_minutes(event: Event) -> int | None:
    """Write when it goes off."""
    return event.alarms[0].before // timedelta(minutes=1) if event.alarms else None


# CONFERENCE (RFC 7986 section 5.11): written by asking Outlook for a new one, never by its link


def read_conference(event: wire.Event) -> str:
    """Read the link to join; that of Teams stands in one field, that of others in another."""
    links = (
        event.online_meeting.join_url if event.online_meeting else "",
        event.online_meeting_url,
    )
    return next((link for link in links if link.startswith("https://")), "")


# ORGANIZER and ATTENDEE


def read_organizer(event: wire.Event) -> Attendee | None:
    """Read the organizer; of what nobody is invited to there is none (RFC 5545 3.8.4.3)."""
    if event.organizer is None or not event.attendees:
        return None
    return _attendee(event.organizer)


def read_attendees(event: wire.Event) -> tuple[Attendee, ...]:
    """Read the guests that have a mail address; whoever invites them is none of one's own."""
    own = _attendee(event.organizer) if event.is_organizer and event.organizer else None
    found = (_attendee(each) for each in event.attendees)
    return tuple(each for each in found if each and (own is None or each.address != own.address))


def read_own_reply(event: wire.Event) -> PartStat | None:
    """Read the reply of the mailbox that the event was read from; None where it was not asked.

    An unknown reply counts as none, which blocks as the table says of unanswered invitations.
    """
    word = event.response_status.response if event.response_status else ""
    return None if word in _NOT_ASKED else _PARTSTAT.get(word, PartStat.NEEDS_ACTION)


def write_attendees(event: Event) -> list[wire.Person]:
    """Write the guests that have a mail address; what they answer is not for us to say."""
    return [_person(each) for each in event.attendees if each.address.startswith("mailto:")]


def _attendee(person: wire.Person) -> Attendee | None:
    address = person.email_address.address.strip().lower() if person.email_address else ""
    if not address:
        return None
    word = person.status.response if person.status else ""
    name = person.email_address.name if person.email_address else ""
    return Attendee(
        f"mailto:{address}",
        _PARTSTAT.get(word, PartStat.NEEDS_ACTION),
        name,
        role="OPT-PARTICIPANT" if person.type == "optional" else "",
        cutype="RESOURCE" if person.type == "resource" else "",
    )


def _person(attendee: Attendee) -> wire.Person:
    address = wire.Address(
        name=attendee.common_name, address=attendee.address.removeprefix("mailto:")
    )
    return wire.Person(email_address=address, type=write_type(attendee))


def write_type(attendee: Attendee) -> str:
    """Write ROLE and CUTYPE of a guest ([MS-OXCICAL] section 2.1.3.1.1.20.2)."""
    if attendee.cutype in ("ROOM", "RESOURCE"):
        return "resource"
    return "optional" if attendee.role == "OPT-PARTICIPANT" else "required"


# CREATED, LAST-MODIFIED: Outlook's own


def read_stamp(text: str) -> datetime | None:
    """Read when something was done; the first year of all is filler."""
    moment = stamp(text)
    return moment if moment and moment.year > 1 else None


# X-BUSYBRIDGE-ORIGIN and X-BUSYBRIDGE-MIRROR: in extended properties, and in the transaction, which
# every listing has


def read_origin(event: wire.Event) -> str:
    """Read which BusyBridge wrote an event; Graph answers with the id in any case."""
    return _property(event, ORIGIN) or _transaction(event, "origin")


def read_mirror(event: wire.Event) -> str:
    """Read which mirror's block it is."""
    return _property(event, MIRROR) or _transaction(event, "mirror")


def write_origin(event: Event) -> list[wire.Property]:
    """Write which BusyBridge wrote an event, and for which mirror."""
    marks = {ORIGIN: event.origin, MIRROR: event.mirror}
    return [wire.Property(id=name, value=value) for name, value in marks.items() if value]


def read_token(event: wire.Event) -> str:
    """Read which booking an event was made for; empty where it was made otherwise."""
    return _transaction(event, "token")


def write_transaction(token: str, origin: str, mirror: str = "") -> str:
    """Write what names a booking and whose it is; Graph makes one event of it at most."""
    return f"{token}@{origin}#{mirror}" if mirror else f"{token}@{origin}"


def _property(event: wire.Event, name: str) -> str:
    own = name.lower()
    return next((each.value for each in event.extended_properties if each.id.lower() == own), "")


def _transaction(event: wire.Event, part: str) -> str:
    found = _TRANSACTION.fullmatch(event.transaction_id)
    return (found[part] or "") if found else ""
