"""What a booking has beside what is read of every event: both directions side by side. Pure.

https://developers.google.com/workspace/calendar/api/v3/reference/events. Google alone decides the
UID, the organizer and the sequence of what is written to it; guests are brought up to date where
replies are known (`changes`), and Meet is asked for once (`meet`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bridge.ical.foreign import Found
from bridge.model.event import Alarm, Attachment, Event, ShowAs, Status
from bridge.providers.google import wire
from bridge.providers.google.moments import Place
from bridge.providers.google.translate import (
    CATEGORIES,
    CONFERENCE,
    MIRROR,
    ORIGIN,
    read_event,
    write_event,
)

TOKEN, UID = "busybridge-token", "busybridge-uid"
"""Keys among the private extended properties: which booking it is, and what its client calls it."""
OURS = frozenset({ORIGIN, MIRROR, TOKEN, UID, CATEGORIES, CONFERENCE})
"""All of them."""
LONGEST = 1024
"""Characters of a private property."""
_MINUTE = timedelta(minutes=1)
_ACTIONS: Mapping[str, str] = {"popup": "DISPLAY", "email": "EMAIL"}


def read_booking(event: wire.Event, place: Place) -> Found:
    """Read an event with what a pull has no use for.

    Raises:
        Unclear: its time cannot be understood.
    """
    found, notes = read_event(event, place)
    made = replace(found, alarms=read_alarms(event), attachments=read_attachments(event))
    return Found(made, notes)


def write_booking(event: Event, place: Place) -> wire.Event:
    """Write an event without its guests; of an occurrence what its series does not decide."""
    made = write_event(event, place)
    made.ical_uid, made.organizer, made.sequence = "", None, 0
    made.original_start_time, made.event_type = None, ""
    made.attendees = []
    made.status = write_state(event)
    if event.show_as is ShowAs.FREE:
        made.transparency = "transparent"
    made.reminders = write_alarms(event)
    made.attachments = write_attachments(event)
    if not event.is_recurring:
        made.recurrence = []
    if event.recurrence_id is not None:
        # Set for one occurrence Google sets it for all of them, or for none.
        made.visibility = ""
    return made


def with_marks(event: wire.Event, *, token: str, uid: str, link: str) -> wire.Event:
    """Add the private properties that say which booking an event is.

    Args:
        event: as it was written; it is changed.
        token: of the booking.
        uid: the client's.
        link: of a meeting that is not Google's.
    """
    said = {TOKEN: token, UID: uid, CONFERENCE: link}
    kept = {key: value for key, value in said.items() if value and len(value) <= LONGEST}
    before = event.extended_properties.private if event.extended_properties else {}
    event.extended_properties = wire.Properties(private=before | kept)
    return event


def own_marks(event: wire.Event) -> dict[str, str]:
    """Give the private properties that a BusyBridge wrote; others stay as they are."""
    private = event.extended_properties.private if event.extended_properties else {}
    return {key: value for key, value in private.items() if key in OURS}


def read_token(event: wire.Event) -> str:
    """Read which booking an event was made for; empty where nothing says it."""
    return own_marks(event).get(TOKEN, "")


# STATUS: what is cancelled at Google is deleted


def write_state(event: Event) -> str:
    """Write whether it is certain."""
    uncertain = event.status is Status.TENTATIVE or event.show_as is ShowAs.TENTATIVE
    return "tentative" if uncertain else "confirmed"


# VALARM


def read_alarms(event: wire.Event) -> tuple[Alarm, ...] | None:
    """Read the reminders; None where the calendar's own apply."""
    if event.reminders is None or event.reminders.use_default:
        return None
    return tuple(
        Alarm(each.minutes * _MINUTE, _ACTIONS.get(each.method, "DISPLAY"))
        for each in event.reminders.overrides or ()
    )


def write_alarms(event: Event) -> wire.Reminders:
    """Write the reminders; how a popup makes itself heard is the device's matter."""
    if event.alarms is None:
        return wire.Reminders(use_default=True)
    said = {
        (each.before // _MINUTE, "email" if each.action == "EMAIL" else "popup")
        for each in event.alarms
    }
    return wire.Reminders(
        overrides=[
            wire.Reminder(method=method, minutes=minutes) for minutes, method in sorted(said)
        ]
    )


# ATTACH


def read_attachments(event: wire.Event) -> tuple[Attachment, ...]:
    """Read the links that are attached."""
    return tuple(
        Attachment(each.file_url, each.title, each.mime_type) for each in event.attachments
    )


def write_attachments(event: Event) -> list[wire.Attachment]:
    """Write the links that are attached; without a title Google would show none."""
    return [
        wire.Attachment(file_url=each.url, title=each.name or each.url, mime_type=each.media_type)
        for each in event.attachments
    ]
