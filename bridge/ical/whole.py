"""What bookings need of an event beside what pulls read: alarms, attachments, who invites whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.ical import details
from bridge.ical.contentline import Properties, Property, parameters, text_value
from bridge.ical.values import Unreadable, duration, elapsed, event_time
from bridge.model.event import Alarm, Attachment, Attendee, Event

_ALARM = frozenset({"ACTION", "TRIGGER"})
_LONGEST = timedelta(days=400)


def completed(event: Event, found: Properties, alarms: Iterable[str]) -> Event:
    """Add to an event what a pull leaves out.

    Args:
        event: as it was read.
        found: its properties.
        alarms: each of its VALARMs whole, unfolded.
    """
    read = [_alarm(text, event) for text in alarms]
    organizer = found.first.get("ORGANIZER")
    return replace(
        event,
        attendees=tuple(map(_participant, found.every("ATTENDEE"))),
        organizer=None if organizer is None else _participant(organizer),
        # One that does nothing says that there is to be none (draft-daboo-valarm-extensions).
        alarms=tuple(it for it in read if it is not None) if read else None,
        attachments=tuple(
            it for prop in found.every("ATTACH") if (it := _attachment(prop)) is not None
        ),
    )


def _participant(prop: Property) -> Attendee:
    found = parameters(prop[0])
    return replace(
        details.attendee(prop),
        role=found.get("ROLE", "").upper(),
        cutype=found.get("CUTYPE", "").upper(),
        rsvp=found.get("RSVP", "").upper() == "TRUE",
        schedule_agent=found.get("SCHEDULE-AGENT", "").upper(),
    )


def _attachment(prop: Property) -> Attachment | None:
    """Read an ATTACH that is a link of the web; what it holds itself is not for providers."""
    raw, value = prop
    url = details.web(value)
    if not url:
        return None
    found = parameters(raw)
    name = found.get("FILENAME", "") or found.get("X-FILENAME", "") or found.get("X-LABEL", "")
    return Attachment(url, name, found.get("FMTTYPE", ""))


def _alarm(text: str, event: Event) -> Alarm | None:
    """Read a VALARM; None for one that does nothing, or never goes off."""
    found = Properties(text, _ALARM)
    action = found.value("ACTION").strip().upper() or "DISPLAY"
    if action == "NONE" or "TRIGGER" not in found:
        return None
    raw, value = found.first["TRIGGER"]
    try:
        before = _before(parameters(raw).get("RELATED", "").upper(), text_value(value), event)
    except Unreadable:
        return None
    return Alarm(before, action) if before is not None and abs(before) < _LONGEST else None


def _before(related: str, value: str, event: Event) -> timedelta | None:
    if "P" in value.upper():
        length, _ = duration(value)
        return -(length + elapsed(event.start, event.end)) if related == "END" else -length
    moment = event_time(value, lambda _tzid: None)
    if not isinstance(moment, datetime) or not isinstance(event.start, datetime):
        return None
    return timedelta(seconds=event.start.timestamp() - moment.timestamp())
