"""What a calendar holds and when it is busy, worked out a second time.

Here is what is the same for all providers: how spans are joined, and what is compared of a mirror.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component

Moment = date | datetime
Spans = list[tuple[int, int]]


class Told(NamedTuple):
    """What a mirror has to know of an event, and of each of its changed occurrences."""

    summary: str
    transparent: bool
    start: str
    end: str


Mirror = dict[tuple[str, str], Told]
"""By the id of the event, and the original start of a changed occurrence or an empty text."""


def united(spans: Iterable[tuple[int, int]], since: int, until: int) -> Spans:
    """Join what overlaps or touches, within a window."""
    joined: Spans = []
    clipped = ((max(a, since), min(b, until)) for a, b in spans if a < until and b > since)
    for start, end in sorted(clipped):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def stored(texts: Iterable[tuple[str, str]], since: int, zone: ZoneInfo) -> Mirror:
    """What a mirror holds, from the iCalendar text of each id."""
    found: Mirror = {}
    for remote_id, written in texts:
        for event in Calendar.from_ical(written).walk("VEVENT") if written else ():
            original = event.get("RECURRENCE-ID")
            lasts = original is not None or "RRULE" in event or "RDATE" in event
            if not lasts and second(event["DTEND"].dt, zone) <= since:
                continue
            found[remote_id, text(original.dt) if original else ""] = told_of(event)
    return found


def told_of(event: Component) -> Told:
    """What a VEVENT says."""
    return Told(
        str(event.get("SUMMARY", "")),
        event.get("TRANSP") == "TRANSPARENT",
        text(event["DTSTART"].dt),
        text(event["DTEND"].dt),
    )


def second(moment: Moment, zone: ZoneInfo) -> int:
    """Say when a moment is; a day begins with its midnight in the zone."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), zone)
    return int(moment.timestamp())


def text(moment: Moment) -> str:
    """Write a day as it is, a time in UTC: both sides say the same then."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return moment.isoformat()
