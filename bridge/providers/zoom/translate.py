"""From an event to the meeting that it gets. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from bridge.config.booking import ZoomMeeting
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import Class, Event, EventSeries, EventTime
from bridge.model.interval import Instant, rfc3339
from bridge.providers.zoom import wire
from bridge.providers.zoom.recurrence import recurring

SCHEDULED, TIMELESS, SERIES = 2, 3, 8
_LONGEST_TOPIC = 200
_UNNAMED = "Meeting"
_LONGEST = 24 * 60
"""Minutes; a meeting goes on for as long as somebody is in it."""


class Plan(NamedTuple):
    """What a meeting is to be, and when it then takes place."""

    meeting: wire.Meeting
    starts: frozenset[Instant] = frozenset()
    """Of a series with fixed times; empty of any other."""

    def timeless(self) -> Plan:
        """Give the same without fixed times, which there always is."""
        return Plan(wire.Meeting(topic=self.meeting.topic, type=TIMELESS))


def plan(series: EventSeries) -> Plan:
    """Say what the meeting of an event is to be.

    One that lasts all day has no fixed time: guests come when they like.
    """
    event = next(iter(series.events()))
    topic = _topic(event)
    if len(series.events()) == 1 and not event.is_recurring:
        return Plan(_once(event, topic))
    found = recurring(series)
    if found is None or not isinstance(event.start, datetime):
        return Plan(wire.Meeting(topic=topic, type=TIMELESS))
    meeting = wire.Meeting(
        topic=topic,
        type=SERIES,
        start_time=event.start.strftime("%Y-%m-%dT%H:%M:%S"),
        timezone=found.timezone,
        duration=_minutes(event.start, event.end),
        recurrence=found.recurrence,
    )
    return Plan(meeting, found.starts)


def mark(token: str) -> str:
    """Write what `is_marked` looks for, into the only text that listings show and guests do not."""
    return f"Booked by BusyBridge, {token}"


def is_marked(listed: wire.Listed, token: str) -> bool:
    """Tell whether a meeting in a listing was made under a token."""
    return token in (listed.agenda or "") or token in (listed.topic or "")


def settings(wanted: ZoomMeeting) -> wire.Settings:
    """Write how a meeting is to be held."""
    return wire.Settings(
        join_before_host=wanted.join_before_host,
        mute_upon_entry=wanted.mute_upon_entry,
        waiting_room=wanted.waiting_room,
        auto_recording=wanted.auto_recording,
    )


def conference(made: wire.Made) -> Conference:
    """Give a meeting that is there."""
    details = [f"Meeting ID: {made.id}"]
    if made.password:
        details.append(f"Passcode: {made.password}")
    return Conference(
        ConferenceKind.ZOOM,
        ConferenceState.READY,
        reference=str(made.id),
        join_url=made.join_url,
        details="\n".join(details),
    )


def takes_place_at(made: wire.Made, starts: frozenset[Instant]) -> bool:
    """Tell whether the occurrences of a meeting are when they were wanted; those to come count."""
    shown = {rfc3339(each) for each in starts}
    found = [it.start_time for it in made.occurrences if it.status != "deleted"]
    return bool(found) and shown.issuperset(found)


def is_as_planned(made: wire.Made, wanted: Plan) -> bool:
    """Tell whether title and times of a meeting are those that it is to have.

    One without fixed times has no wrong ones: Zoom did not take those of the event.
    """
    meeting = wanted.meeting
    if made.topic != meeting.topic:
        return False
    if made.type == TIMELESS:
        return True
    if made.type != meeting.type or made.duration != meeting.duration:
        return False
    if made.type == SCHEDULED:
        return _moment(made.start_time) == _moment(meeting.start_time)
    found = {it.start_time for it in made.occurrences if it.status != "deleted"}
    # Those that are over are not shown.
    return found == {it for it in map(rfc3339, wanted.starts) if it >= min(found, default="")}


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _once(event: Event, topic: str) -> wire.Meeting:
    if not isinstance(event.start, datetime):
        return wire.Meeting(topic=topic, type=TIMELESS)
    return wire.Meeting(
        topic=topic,
        type=SCHEDULED,
        start_time=event.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration=_minutes(event.start, event.end),
    )


def _topic(event: Event) -> str:
    """Give the title; that of a private event is not for those who administer the account."""
    if event.classification is not Class.PUBLIC:
        return _UNNAMED
    plain = "".join(each if each.isprintable() else " " for each in event.summary)
    # A character beyond the first plane may count as two.
    short = plain.encode("utf-16-le", "ignore")[: 2 * _LONGEST_TOPIC]
    return " ".join(short.decode("utf-16-le", "ignore").split()) or _UNNAMED


def _minutes(start: datetime, end: EventTime) -> int:
    if not isinstance(end, datetime):
        return 1
    # In UTC: two times of one zone are subtracted on its clock, which may change in between.
    minutes = -((start.astimezone(UTC) - end.astimezone(UTC)) // timedelta(minutes=1))
    return min(max(minutes, 1), _LONGEST)


def with_more(meeting: wire.Meeting, **more: object) -> wire.Meeting:
    """Say more of a meeting."""
    return msgspec.structs.replace(meeting, **more)
