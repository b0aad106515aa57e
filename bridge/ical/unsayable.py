"""What of a booking no calendar behind a JSON API can say, in words for its booker. Pure.

Each is the rest of a sentence that begins with the calendar's name and "cannot". What one of them
alone has no words for is refused in its own room.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bridge.model.event import Alarm, Attendee, EventSeries, Status

_MINUTE = timedelta(minutes=1)


def of_series(series: EventSeries) -> Iterator[str]:
    """Tell what cannot be said of an event and its changed occurrences."""
    master = series.master
    if master is None:
        yield "hold occurrences without the series that they are of"
        return
    if master.status is Status.CANCELLED:
        yield "hold an event that is cancelled: it would be deleted"
    for override in series.overrides:
        if override.this_and_future:
            yield (
                "change an occurrence and all that follow in one event (RANGE=THISANDFUTURE): end "
                "the series there, and save the rest as another one"
            )
        if override.is_recurring:
            yield "repeat a single occurrence of a series (RRULE beside RECURRENCE-ID)"


def of_guest(guest: Attendee) -> Iterator[str]:
    """Tell why somebody cannot be invited."""
    name = guest.address.removeprefix("mailto:")
    if not guest.address.startswith("mailto:") or "@" not in name:
        yield f"invite {name}, which is no mail address"


def of_alarm(alarm: Alarm) -> Iterator[str]:
    """Tell why there cannot be such a reminder."""
    if alarm.before < timedelta():
        yield "remind of an event after it has begun (VALARM)"
    if alarm.before % _MINUTE:
        yield "remind of an event to the second, only to the minute (VALARM)"
