"""Google's events to ours and back: a function for each property and direction, side by side. Pure.

What Google alone decides has one direction only: conference links, when an event was written, and
which guest is oneself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from bridge.ical.foreign import Found, color, once, stamp, word_for
from bridge.model.event import Attendee, Class, Event, PartStat, Status, Transp
from bridge.provider import AccessRole, CalendarId, CalendarInfo
from bridge.providers.google import wire
from bridge.providers.google.markup import read_markup, write_markup
from bridge.providers.google.moments import (
    Place,
    Recurrence,
    read_original,
    read_recurrence,
    read_span,
    write_original,
    write_recurrence,
    write_span,
)

ORIGIN, MIRROR = "busybridge-origin", "busybridge-mirror"
"""Keys among the private extended properties of what a BusyBridge wrote: which of them did, and for
which mirror."""
CATEGORIES = "busybridge-categories"
CONFERENCE = "busybridge-conference"
"""Keys of what Google has no place for: a list in JSON, and the link of a meeting of others."""

# Google brackets the join information that it writes into a description with two such lines.
_MARK = re.compile(r"-::~:~::~[:~]*::~:~::-")

_STATUS = {
    "confirmed": Status.CONFIRMED,
    "tentative": Status.TENTATIVE,
    "cancelled": Status.CANCELLED,
}
_CLASS = {
    "": Class.PUBLIC,
    "default": Class.PUBLIC,
    "public": Class.PUBLIC,
    "private": Class.PRIVATE,
    "confidential": Class.CONFIDENTIAL,
}
_PARTSTAT = {
    "needsAction": PartStat.NEEDS_ACTION,
    "declined": PartStat.DECLINED,
    "tentative": PartStat.TENTATIVE,
    "accepted": PartStat.ACCEPTED,
}
_ROLES: Mapping[str, AccessRole | None] = {
    "none": None,
    "freeBusyReader": AccessRole.FREE_BUSY,
    "reader": AccessRole.READ,
    "writerWithoutPrivateAccess": AccessRole.WRITE,
    "writer": AccessRole.WRITE,
    "owner": AccessRole.WRITE,
}


OPTIONAL = "OPT-PARTICIPANT"
"""ROLE of a guest who need not come."""
_THINGS = frozenset({"ROOM", "RESOURCE"})


# A calendar


def calendar(entry: wire.Calendar) -> CalendarInfo | None:
    """Read an entry of the list of calendars; None for one that is not there any more."""
    role = _ROLES.get(entry.access_role, AccessRole.READ)
    if entry.deleted or role is None or not entry.id:
        return None
    return CalendarInfo(
        CalendarId(entry.id),
        entry.summary_override or entry.summary or entry.id,
        role,
        is_primary=entry.primary,
        time_zone=entry.time_zone,
        color=color(entry.background_color),
    )


# An event


def read_event(event: wire.Event, place: Place) -> Found:
    """Read a single event, the master of a series, or a changed occurrence.

    Raises:
        Unclear: its time cannot be understood.
    """
    here = Place(place.zone, place.is_room)
    start, end = read_span(event, here)
    original = read_original(event, here) if event.recurring_event_id else None
    recurrence = Recurrence()
    if original is None and event.recurrence:
        recurrence = read_recurrence(event.recurrence, start, end, here)
    made = Event(
        uid=read_uid(event),
        start=start,
        end=end,
        recurrence_id=original,
        rrules=recurrence.rrules,
        exrules=recurrence.exrules,
        rdates=recurrence.rdates,
        exdates=recurrence.exdates,
        status=read_status(event),
        transp=read_transp(event),
        event_type=read_type(event),
        self_partstat=read_own_reply(event),
        classification=read_class(event),
        summary=event.summary,
        description=read_description(event),
        location=event.location,
        url=read_url(event),
        conference_url=read_conference(event),
        categories=read_categories(event),
        organizer=read_organizer(event),
        attendees=read_attendees(event),
        sequence=event.sequence,
        created=stamp(event.created),
        last_modified=stamp(event.updated),
        origin=read_origin(event),
        mirror=read_mirror(event),
    )
    return Found(made, once(here.notes))


def write_event(event: Event, place: Place) -> wire.Event:
    """Write an event as Google takes it; what Google alone decides is left out."""
    start, end = write_span(event, place)
    original = event.recurrence_id
    return wire.Event(
        ical_uid=event.uid,
        start=start,
        end=end,
        original_start_time=None if original is None else write_original(original, place),
        recurrence=write_recurrence(event, place),
        status=write_status(event),
        transparency=write_transp(event),
        event_type=write_type(event),
        visibility=write_class(event),
        summary=event.summary,
        description=write_description(event),
        location=event.location,
        source=write_url(event),
        organizer=write_organizer(event),
        attendees=write_attendees(event),
        sequence=event.sequence,
        extended_properties=write_origin(event),
    )


# UID (RFC 5545 section 3.8.4.7)


def read_uid(event: wire.Event) -> str:
    """Read the UID; of an old event without one its id, which is as lasting."""
    return event.ical_uid or event.recurring_event_id or event.id


# STATUS


def read_status(event: wire.Event) -> Status | None:
    """Read the status; an unknown one says nothing, so that the event counts."""
    return _STATUS.get(event.status or "confirmed")


def write_status(event: Event) -> str:
    """Write the status."""
    return word_for(_STATUS, event.status) if event.status else ""


# TRANSP


def read_transp(event: wire.Event) -> Transp:
    """Read whether an event takes time; Google leaves the usual `opaque` out."""
    return Transp.TRANSPARENT if event.transparency == "transparent" else Transp.OPAQUE


def write_transp(event: Event) -> str:
    """Write whether an event takes time."""
    return event.transp.value.lower()


# CLASS


def read_class(event: wire.Event) -> Class:
    """Read who may see an event; an unknown word is private (RFC 5545 section 3.8.1.3)."""
    return _CLASS.get(event.visibility, Class.PRIVATE)


def write_class(event: Event) -> str:
    """Write who may see an event; a public one as its calendar has it."""
    return {Class.PRIVATE: "private", Class.CONFIDENTIAL: "confidential"}.get(
        event.classification, "default"
    )


# The kind of event: Google's words are the keys of `availability.event_types`


def read_type(event: wire.Event) -> str:
    """Read the kind; one that the table does not know counts as an ordinary event there."""
    return event.event_type or "default"


def write_type(event: Event) -> str:
    """Write the kind."""
    return event.event_type


# DESCRIPTION


def read_description(event: wire.Event) -> str:
    """Read the description without the join information that Google puts into it.

    With it the text would differ from what was written, and be written again and again.
    """
    parts = _MARK.split(event.description)
    if len(parts) < 3:
        return read_markup(event.description)
    # Between the first and second mark is Google's, and so on; a last one without its pair stays.
    kept = [part.strip() for part in parts[: len(parts) - 1 + len(parts) % 2 : 2]]
    if len(parts) % 2 == 0:
        kept.append(parts[-1].strip())
    return read_markup("\n\n".join(part for part in kept if part))


def write_description(event: Event) -> str:
    """Write the description; Google shows it as HTML."""
    return write_markup(event.description)


# URL


def read_url(event: wire.Event) -> str:
    """Read where an event comes from."""
    url = event.source.url if event.source else ""
    return url if url.startswith(("https://", "http://")) else ""


def write_url(event: Event) -> wire.Source | None:
    """Write where an event comes from; Google wants a title with it."""
    if not event.url.startswith(("https://", "http://")):
        return None
    return wire.Source(title=event.summary or event.url, url=event.url)


# CONFERENCE (RFC 7986 section 5.11): Google's own is asked for, never written by its link


def read_conference(event: wire.Event) -> str:
    """Read the link to join by video, of whatever system; at last the one that we wrote down."""
    points = event.conference_data.entry_points if event.conference_data else []
    videos = [each.uri for each in points if each.entry_point_type == "video"]
    known = event.hangout_link or _mark(event, CONFERENCE)
    return next((uri for uri in videos if uri.startswith("https://")), known)


# CATEGORIES: Google has none, so that they stand among what people do not see


def read_categories(event: wire.Event) -> tuple[str, ...]:
    """Read the categories, as they were written."""
    try:
        found = msgspec.json.decode(_mark(event, CATEGORIES) or "[]", type=list[str])
    except msgspec.MsgspecError:
        return ()
    return tuple(found)


def write_categories(event: Event) -> str:
    """Write the categories, as the value of a property; empty without any."""
    return msgspec.json.encode(event.categories).decode() if event.categories else ""


# ORGANIZER and ATTENDEE


def read_organizer(event: wire.Event) -> Attendee | None:
    """Read the organizer; of what nobody is invited to there is none (RFC 5545 3.8.4.3)."""
    if event.organizer is None or not (event.attendees or event.attendees_omitted):
        return None
    return _attendee(event.organizer) if event.organizer.email else None


def write_organizer(event: Event) -> wire.Person | None:
    """Write the organizer; only an import takes another than the calendar itself."""
    if event.organizer is None or not event.organizer.address.startswith("mailto:"):
        return None
    return wire.Person(
        email=event.organizer.address.removeprefix("mailto:"),
        display_name=event.organizer.common_name,
    )


def read_attendees(event: wire.Event) -> tuple[Attendee, ...]:
    """Read the guests, as far as Google tells them (`attendeesOmitted`)."""
    return tuple(_attendee(each) for each in event.attendees if each.email)


def write_attendees(event: Event) -> list[wire.Person]:
    """Write the guests that have a mail address."""
    return [write_attendee(each) for each in event.attendees if each.address.startswith("mailto:")]


def read_own_reply(event: wire.Event) -> PartStat | None:
    """Read the reply of the calendar that the event was read from; it is always among the guests.

    An unknown reply counts as none, which blocks as the table says of unanswered invitations.
    """
    mine = next((each for each in event.attendees if each.is_self), None)
    return None if mine is None else _partstat(mine.response_status)


def _attendee(person: wire.Person) -> Attendee:
    address = f"mailto:{person.email.strip().lower()}"
    return Attendee(
        address,
        _partstat(person.response_status),
        person.display_name,
        role=OPTIONAL if person.optional else "",
        cutype="RESOURCE" if person.resource else "",
    )


def write_attendee(attendee: Attendee) -> wire.Person:
    """Write one guest."""
    return wire.Person(
        email=attendee.address.removeprefix("mailto:"),
        display_name=attendee.common_name,
        response_status=word_for(_PARTSTAT, attendee.partstat) or "needsAction",
        optional=attendee.role == OPTIONAL,
        resource=attendee.cutype in _THINGS,
    )


def _partstat(response: str) -> PartStat:
    return _PARTSTAT.get(response, PartStat.NEEDS_ACTION)


# X-BUSYBRIDGE-ORIGIN and X-BUSYBRIDGE-MIRROR


def read_origin(event: wire.Event) -> str:
    """Read which BusyBridge wrote an event."""
    return _mark(event, ORIGIN)


def read_mirror(event: wire.Event) -> str:
    """Read which mirror's block it is."""
    return _mark(event, MIRROR)


def write_origin(event: Event) -> wire.Properties | None:
    """Write which BusyBridge wrote an event, and what it has that Google has not."""
    marks = {ORIGIN: event.origin, MIRROR: event.mirror, CATEGORIES: write_categories(event)}
    said = {key: value for key, value in marks.items() if value}
    return wire.Properties(private=said) if said else None


def _mark(event: wire.Event, key: str) -> str:
    return event.extended_properties.private.get(key, "") if event.extended_properties else ""
