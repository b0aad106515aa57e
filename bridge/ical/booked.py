"""What is read of the text of a booking beside what every pull reads: VALARM, ATTACH, guests.

Pulls leave it out, since nobody asks for it there; `parse_calendar(..., whole=True)` reads it.
What the model has no word for is noted, so that whoever writes the event elsewhere can refuse it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.ical import details
from bridge.ical.contentline import Properties, Property, parameters
from bridge.ical.values import Unreadable, duration, elapsed, event_time
from bridge.model.event import Alarm, Attachment, Attendee, Event, EventTime

WANTED = frozenset({"ATTACH"})
"""Properties of a VEVENT that only a booking is read for."""
_ACTIONS = frozenset({"DISPLAY", "AUDIO", "EMAIL"})
_ALARM = frozenset({"ACTION", "TRIGGER", "REPEAT", "DURATION"})
_MOST_ALARMS = 100
_MOST_REPETITIONS = 10


def event_of_booking(
    event: Event, found: Properties, alarms: Sequence[str], notes: list[str]
) -> Event:
    """Add to an event what its booking says.

    Args:
        event: as a pull has it.
        found: its properties, those of `WANTED` too.
        alarms: the unfolded lines of each VALARM.
        notes: told what cannot be said.
    """
    organizer = found.first.get("ORGANIZER")
    return replace(
        event,
        organizer=None if organizer is None else guest(organizer),
        attendees=tuple(map(guest, found.every("ATTENDEE"))),
        alarms=_alarms(alarms, event, notes) if alarms else None,
        attachments=_attachments(found.every("ATTACH"), notes),
    )


def guest(prop: Property) -> Attendee:
    """Read an attendee with all parameters."""
    said = parameters(prop[0])
    return replace(
        details.attendee(prop),
        role=said.get("ROLE", "").upper(),
        cutype=said.get("CUTYPE", "").upper(),
        rsvp=said.get("RSVP", "").upper() == "TRUE",
        schedule_agent=said.get("SCHEDULE-AGENT", "").upper(),
    )


def _attachments(props: Sequence[Property], notes: list[str]) -> tuple[Attachment, ...]:
    found = [attachment(prop) for prop in props]
    if not all(found):
        notes.append("an attachment that is no link was left out")
    return tuple(it for it in found if it)


def attachment(prop: Property) -> Attachment | None:
    """Read an ATTACH; None of one that is no link."""
    said = parameters(prop[0])
    url = details.web(prop[1])
    name = said.get("FILENAME") or said.get("X-FILENAME") or said.get("X-LABEL", "")
    return Attachment(url, name, said.get("FMTTYPE", "")) if url else None


def _alarms(texts: Sequence[str], event: Event, notes: list[str]) -> tuple[Alarm, ...]:
    found: dict[Alarm, None] = {}
    for text in texts[:_MOST_ALARMS]:
        try:
            found |= dict.fromkeys(read_alarm(text, event))
        except Unreadable as err:
            notes.append(f"an alarm was left out: {err}")
    if len(texts) > _MOST_ALARMS:
        notes.append(f"alarms beyond the first {_MOST_ALARMS} were left out")
    return tuple(found)


def read_alarm(text: str, event: Event) -> list[Alarm]:
    """Read the unfolded lines of a VALARM: once for each time it goes off.

    Nothing comes of ACTION:NONE, by which Apple says that there shall be no alarm at all.

    Raises:
        Unreadable: it does something else than remind, or its time cannot be said from the start.
    """
    found = Properties(text, _ALARM)
    action = found.value("ACTION").strip().upper() or "DISPLAY"
    if action == "NONE":
        return []
    if action not in _ACTIONS:
        raise Unreadable(f"its ACTION is {action[:40]!r}")
    first = _before(found, event)
    try:
        pause, _ = duration(found.value("DURATION"))
        again = min(int(found.value("REPEAT")), _MOST_REPETITIONS)
    except ValueError:  # Unreadable is one: without both it does not repeat (section 3.6.6)
        return [Alarm(first, action)]
    return [Alarm(first - number * pause, action) for number in range(again + 1)]


def _before(found: Properties, event: Event) -> timedelta:
    raw, value = found.first.get("TRIGGER", ("", ""))
    said = parameters(raw)
    if "P" in value.upper():
        length, _ = duration(value)
        if said.get("RELATED", "").upper() == "END":
            length += elapsed(event.start, event.end)
        return -length
    moment = event_time(value, lambda _tzid: None)
    if event.is_recurring or not (_is_placed(event.start) and _is_placed(moment)):
        raise Unreadable("it goes off at a time of its own, not before the event")
    return elapsed(moment, event.start)


def _is_placed(moment: EventTime) -> bool:
    return isinstance(moment, datetime)
