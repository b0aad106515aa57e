"""What Outlook cannot say of a booking, each with the reason that its booker reads. Pure.

Nothing is said nearly: an event that stands otherwise than it was saved is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from bridge.errors import RemoteRejected
from bridge.ical import unsayable
from bridge.model.conference import ConferenceKind
from bridge.model.event import Alarm, Attendee, Event, Floating, Status
from bridge.providers.microsoft import recurrence
from bridge.providers.microsoft.recurrence import CannotBeSaid
from bridge.sink import Desired

_EARLIEST = timedelta(minutes=2_629_800)
"""Five years, as Outlook bounds it."""


def check(desired: Desired) -> None:
    """Refuse what Outlook has no words for, whatever stands in the calendar.

    Raises:
        RemoteRejected: what, and why.
    """
    problem = next(_problems(desired), "")
    if problem:
        raise RemoteRejected(problem)


def is_dropped(override: Event) -> bool:
    """Tell whether an override says that its occurrence does not take place."""
    return override.status is Status.CANCELLED


def _problems(desired: Desired) -> Iterator[str]:
    if desired.conference not in (None, ConferenceKind.TEAMS):
        yield "Outlook makes Teams meetings alone with its events, none of another kind"
    yield from _cannot(unsayable.of_series(desired.series))
    master = desired.series.master
    if master is None:
        return
    yield from _of_the_series(desired, master)
    for event in desired.series.events():
        if event.recurrence_id is None or not is_dropped(event):
            yield from _of_an_event(event, notify=desired.notify)


def _of_the_series(desired: Desired, master: Event) -> Iterator[str]:
    try:
        recurrence.write(master, UTC)
    except CannotBeSaid as err:
        yield str(err)
    overrides = desired.series.overrides
    if not master.is_recurring and (overrides or master.exdates):
        yield "Outlook knows no occurrences of an event that does not recur (EXDATE, RECURRENCE-ID)"
    times = [*master.exdates, *(each.recurrence_id for each in overrides)]
    if any(isinstance(each, Floating) for each in times):
        yield "Outlook needs the time zone of an occurrence"


def _of_an_event(event: Event, *, notify: bool) -> Iterator[str]:
    if isinstance(event.start, Floating) or isinstance(event.end, Floating):
        yield "Outlook needs the time zone of an event"
    if isinstance(event.start, datetime) != isinstance(event.end, datetime):
        yield "Outlook cannot begin an event with a day and end it with a time, or the reverse"
    if event.attachments:
        yield (
            "Outlook cannot attach a link to an event (ATTACH): put it into the description, "
            "where guests find it"
        )
    if event.attendees and not notify:
        yield (
            "Outlook mails every guest of an event, and cannot be told not to "
            "(notify_attendees: false): leave the guests out"
        )
    for attendee in event.attendees:
        yield from _of_a_guest(attendee)
    yield from _of_alarms(event.alarms or ())


def _of_a_guest(attendee: Attendee) -> Iterator[str]:
    name = attendee.address.removeprefix("mailto:")
    if attendee.schedule_agent not in ("", "SERVER"):
        yield (
            f"Outlook mails every guest itself, {name} too, and cannot leave that to somebody else "
            f"(SCHEDULE-AGENT={attendee.schedule_agent})"
        )
    yield from _cannot(unsayable.of_guest(attendee))
    if attendee.role == "NON-PARTICIPANT" and attendee.cutype not in ("ROOM", "RESOURCE"):
        yield f"Outlook cannot tell {name} without asking whether they come (ROLE=NON-PARTICIPANT)"


def _of_alarms(alarms: tuple[Alarm, ...]) -> Iterator[str]:
    if any(each.action == "EMAIL" for each in alarms):
        yield "Outlook reminds on the screen, and not by mail (VALARM, ACTION:EMAIL)"
    if len({each.before for each in alarms}) > 1:
        yield "Outlook reminds once of an event (there is more than one VALARM)"
    for each in alarms:
        yield from _cannot(unsayable.of_alarm(each))
        if each.before > _EARLIEST:
            yield "Outlook reminds of an event by five years before it at most (VALARM)"


def _cannot(reasons: Iterable[str]) -> Iterator[str]:
    return (f"Outlook cannot {why}" for why in reasons)
