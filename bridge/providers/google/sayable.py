"""What Google Calendar cannot say of a booking: refused by name before anything is written. Pure.

Nothing is approximated: whoever books has to know what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.errors import InvalidCalendarObject, RemoteRejected
from bridge.ical import unsayable
from bridge.ical.bounds import TooCostly
from bridge.ical.recurrence import expand
from bridge.ical.rules import Freq, read_rule
from bridge.ical.values import Unreadable
from bridge.model.conference import ConferenceKind
from bridge.model.event import (
    Alarm,
    Attendee,
    Event,
    EventSeries,
    PartStat,
    Period,
    ShowAs,
)
from bridge.model.interval import Instant, Window
from bridge.providers.google.booked import LONGEST
from bridge.providers.google.moments import Place, placed
from bridge.providers.google.translate import write_categories
from bridge.sink import Desired

_MOST_REMINDERS = 5
_LONGEST_BEFORE = timedelta(minutes=40_320)
_MOST_ATTACHMENTS = 25
_SHOWN = {
    ShowAs.OUT_OF_OFFICE: "out of office: at Google that is an event of its own kind, without "
    "guests, places and meetings",
    ShowAs.WORKING_ELSEWHERE: "working elsewhere",
}


def refuse(desired: Desired, place: Place) -> None:
    """Refuse what cannot be said.

    Raises:
        RemoteRejected: with what and why.
    """
    for why in _reasons(desired, place):
        raise RemoteRejected(f"Google Calendar cannot {why}")


def _reasons(desired: Desired, place: Place) -> Iterator[str]:
    series, wanted = desired.series, desired.conference
    if wanted not in (None, ConferenceKind.GOOGLE_MEET):
        yield f"make meetings of the kind {wanted.value}"
    yield from unsayable.of_series(series)
    if series.master is None:
        return
    agents = {guest.is_told_elsewhere for it in series.events() for guest in it.attendees}
    if desired.notify and len(agents) > 1:
        yield (
            "mail some guests and leave others to you (SCHEDULE-AGENT=CLIENT): it mails all of "
            "them or none"
        )
    for event in series.events():
        if placed(event.end, place) <= placed(event.start, place):
            yield "hold an event that takes no time"
        yield from _of_event(event)
    yield from _of_series(series.master)
    for override in series.overrides:
        yield from _of_override(override, series.master, place)


def _of_event(event: Event) -> Iterator[str]:
    if event.show_as in _SHOWN:
        yield f"show a booking as {_SHOWN[event.show_as]}"
    if len(write_categories(event)) > LONGEST:
        yield f"keep categories of more than {LONGEST} characters"
    if len(event.attachments) > _MOST_ATTACHMENTS:
        yield f"hold more than {_MOST_ATTACHMENTS} attachments"
    yield from _of_alarms(event.alarms or ())
    for guest in event.attendees:
        yield from _of_guest(guest)


def _of_alarms(alarms: tuple[Alarm, ...]) -> Iterator[str]:
    if len(set(alarms)) > _MOST_REMINDERS:
        yield f"remind of an event more than {_MOST_REMINDERS} times"
    for alarm in alarms:
        yield from unsayable.of_alarm(alarm)
        if alarm.before > _LONGEST_BEFORE:
            yield "remind of an event more than four weeks before it begins"
        if alarm.action not in ("DISPLAY", "AUDIO", "EMAIL"):
            yield f"remind of an event by {alarm.action[:40]}"


def _of_guest(guest: Attendee) -> Iterator[str]:
    yield from unsayable.of_guest(guest)
    if guest.role == "NON-PARTICIPANT":
        yield "tell somebody of an event without inviting (ROLE=NON-PARTICIPANT)"
    if guest.partstat is PartStat.DELEGATED:
        yield "hand an invitation on to somebody else (PARTSTAT=DELEGATED)"


def _of_series(master: Event) -> Iterator[str]:
    if any(isinstance(each, Period) for each in master.rdates):
        yield "give extra occurrences a length of their own (RDATE;VALUE=PERIOD)"
    if not master.is_recurring:
        return
    zone = master.start.tzinfo if isinstance(master.start, datetime) else UTC
    if zone is not UTC and not isinstance(zone, ZoneInfo):
        yield "repeat an event in a time zone that only your calendar program knows"
    for text in (*master.rrules, *master.exrules):
        yield from _of_rule(text)


def _of_rule(text: str) -> Iterator[str]:
    try:
        rule = read_rule(text)
    except (Unreadable, InvalidCalendarObject):
        yield "repeat an event by a rule that says nothing"
        return
    if rule.freq < Freq.DAILY:
        yield "repeat an event more than once a day"


def _of_override(override: Event, master: Event, place: Place) -> Iterator[str]:
    original = override.recurrence_id
    if override.classification is not master.classification:
        yield "show a single occurrence to others than the series (CLASS)"
    if original is None or not has_occurrence(master, placed(original, place), place):
        yield f"change an occurrence that the series does not have ({original})"


def has_occurrence(master: Event, original: Instant, place: Place) -> bool:
    """Tell whether a series, its EXDATEs left out of account, has an occurrence there.

    What cannot be worked out is left for Google to say.
    """
    alone = EventSeries(uid=master.uid, master=replace(master, exdates=()))
    window = Window(original, original + 1)
    try:
        found = expand(alone, window, place.zone, day_zone=UTC).occurrences
    except (TooCostly, InvalidCalendarObject):
        return True
    return any(each.original_start == original for each in found)
