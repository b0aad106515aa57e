"""What has to be written so that an event is another one, as Graph names it. Pure.

Both are compared as they would be written, so that what Outlook says in other words is no
difference, and what is not written at all stays as it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from bridge.ical.zones import windows_name
from bridge.model.event import Attendee, Event, EventTime
from bridge.providers.microsoft import body, recurrence
from bridge.providers.microsoft import translate as t
from bridge.providers.microsoft.moments import Place, write_span

PLACE = Place()
"""Nothing that is written depends on it: times without a zone are refused."""


class Differences(NamedTuple):
    """What has to be said of an event."""

    properties: dict[str, Any]
    """By the names that Graph has for them; the body is not among them."""
    text: str | None
    """Another text; None: it stays."""


def between(there: Event, wanted: Event) -> Differences:
    """Compare what stands in Outlook with what should.

    Args:
        there: as it was read, its alarms too.
        wanted: which Outlook can say (`sayable`).
    """
    made: dict[str, Any] = {}
    for name, write in (
        ("subject", lambda event: _line(event.summary)),
        ("showAs", t.write_show_as),
        ("sensitivity", t.write_class),
        ("location", lambda event: {"displayName": _line(event.location)}),
    ):
        if write(there) != write(wanted):
            made[name] = write(wanted)
    if sorted(there.categories) != sorted(wanted.categories):
        made["categories"] = t.write_categories(wanted)
    if {*map(_guest, there.attendees)} != {*map(_guest, wanted.attendees)}:
        made["attendees"] = msgspec.to_builtins(t.write_attendees(wanted))
    made |= _alarms(there, wanted)
    made |= _times(there, wanted)
    text = described(wanted)
    return Differences(made, None if body.is_same(there.description, text) else text)


def described(event: Event) -> str:
    """Give the text of a body: the description, and a URL that stands nowhere else.

    Outlook has no field for URL, and guests may look for it.
    """
    shown = (event.description, event.location, event.conference_url)
    if not event.url or any(event.url in each for each in shown):
        return event.description
    return f"{event.description.rstrip()}\n\n{event.url}".lstrip()


def _line(text: str) -> str:
    """Give a text as a line, without the blanks that nobody sees."""
    return " ".join(text.split())


def _guest(attendee: Attendee) -> tuple[str, str]:
    return attendee.address, t.write_type(attendee)


def _alarms(there: Event, wanted: Event) -> dict[str, Any]:
    if wanted.alarms is None:
        return {}
    is_on, minutes = t.write_reminder(wanted), t.write_minutes(wanted)
    if (t.write_reminder(there), t.write_minutes(there)) == (is_on, minutes):
        return {}
    return {"isReminderOn": is_on} | ({"reminderMinutesBeforeStart": minutes} if is_on else {})


def _times(there: Event, wanted: Event) -> dict[str, Any]:
    made: dict[str, Any] = {}
    span = write_span(wanted, PLACE)
    if write_span(there, PLACE) != span:
        made |= dict(zip(("start", "end"), map(msgspec.to_builtins, span), strict=True))
    if t.write_all_day(there) != t.write_all_day(wanted):
        made |= dict(zip(("start", "end"), map(msgspec.to_builtins, span), strict=True))
        made["isAllDay"] = t.write_all_day(wanted)
    if wanted.recurrence_id is None and _rule(there) != _rule(wanted):
        rule = recurrence.write(wanted, UTC)
        made["recurrence"] = None if rule is None else msgspec.to_builtins(rule)
    return made


def _rule(event: Event) -> tuple[str, str, str]:
    """Say how an event recurs as it is read, and where it begins, which its range has to repeat."""
    if not event.rrules:
        return "", "", ""
    day, zone = _begin(event.start)
    try:
        rule = recurrence.write(event, UTC)
    except recurrence.CannotBeSaid:  # somebody made it in Outlook, by words that we have not
        return event.rrules[0], day, zone
    return recurrence.read(rule, event.start) if rule else "", day, zone


def _begin(start: EventTime) -> tuple[str, str]:
    if isinstance(start, datetime):
        return start.date().isoformat(), windows_name(start.tzinfo)
    return str(start), ""
