"""What an instance wrote into the calendars of an account, by the marks of the events alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC

from bridge.errors import InvalidCalendarObject, ProviderError, RemoteNotFound, RemoteRejected
from bridge.ical.details import meeting_in
from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Instant, Window
from bridge.provider import AccessRole, CalendarInfo, Provider
from bridge.sink import Marked

_AHEAD = 3650 * 86400
"""Seconds in which a series may go on."""


@dataclass(frozen=True, slots=True)
class Item:
    """An event of ours."""

    calendar: CalendarInfo
    marked: Marked
    always_tells: bool = False
    """Its provider tells the guests that it is gone, whatever is asked of it."""

    @property
    def event(self) -> Event:
        """The event, or what a series begins with."""
        return self.marked.written.series.events()[0]

    @property
    def guests(self) -> tuple[str, ...]:
        """Mail addresses of everybody who is invited to any of it."""
        events = self.marked.written.series.events()
        every = (it.address.removeprefix("mailto:") for event in events for it in event.attendees)
        return tuple(dict.fromkeys(every))

    @property
    def link(self) -> str:
        """Where its meeting is joined that its calendar did not make; empty without one."""
        if self.marked.written.conference is not None:
            return ""
        event = self.event
        return event.conference_url or meeting_in(event.location, event.url, event.description)

    def tells(self, now: Instant, *, silent: bool) -> bool:
        """Tell whether guests hear that it is gone: of what is still to come, unless `silent`."""
        if not self.guests:
            return False
        return self.always_tells or (not silent and _goes_on(self.marked.written.series, now))


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in one calendar."""

    calendar: CalendarInfo
    items: Sequence[Item] = ()
    problem: ProviderError | None = field(default=None)
    """Why nobody knows what stands there."""


def look(provider: Provider, origin: str) -> list[Found]:
    """Look into every calendar of an account that it may write to.

    Args:
        provider: the account.
        origin: the instance's.

    Raises:
        RemoteRejected: nothing is ever written there.
        ProviderError: the calendars cannot be listed.
    """
    sink = provider.sink
    if sink is None:
        raise RemoteRejected("calendars of this kind are never written to", code="read_only")
    found: list[Found] = []
    for info in provider.calendars():
        if info.role is not AccessRole.WRITE:
            continue
        try:
            marked = sink.marked(info.id, origin)
        except RemoteNotFound:  # it was deleted at this moment
            continue
        except ProviderError as err:
            found.append(Found(info, problem=err))
            continue
        found.append(Found(info, [Item(info, each, not sink.may_be_silent) for each in marked]))
    return found


def _goes_on(series: EventSeries, now: Instant) -> bool:
    try:
        return bool(expand(series, Window(now, now + _AHEAD), UTC, day_zone=UTC).occurrences)
    except InvalidCalendarObject:
        return True
