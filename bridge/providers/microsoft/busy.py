"""The busy time of calendars that others share without their events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bridge.errors import RemoteNotFound, UnreadableAnswer
from bridge.ical.foreign import Unclear
from bridge.model.event import ShowAs
from bridge.model.interval import Instant, Window, instant, rfc3339
from bridge.provider import CalendarId, Shown
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.client import Client, Span
from bridge.providers.microsoft.moments import Place, read_moment

_LONGEST_QUESTION = 62 * 86400
"""Seconds that one question may span."""
_SLOT = 15
"""Minutes."""
# https://learn.microsoft.com/graph/api/resources/scheduleitem
_STATUSES: Mapping[str, ShowAs] = {
    "free": ShowAs.FREE,
    "tentative": ShowAs.TENTATIVE,
    "busy": ShowAs.BUSY,
    "oof": ShowAs.OUT_OF_OFFICE,
    "workingElsewhere": ShowAs.WORKING_ELSEWHERE,
}
"""An unknown word is busy."""
_DIGITS: Mapping[str, ShowAs] = dict(zip("01234", _STATUSES.values(), strict=True))


class MicrosoftBusy:
    """Asks when the owner of a calendar is busy.

    Graph tells of people and not of calendars: it is the time of the owner's first calendar.
    """

    def __init__(self, client: Client) -> None:
        """Open without touching the network."""
        self._client = client

    def busy(self, calendar: CalendarId, window: Window) -> Sequence[Shown]:
        """Return the spans that overlap the window; see `BusySource`."""
        address = self._owner(calendar)
        found: list[Shown] = []
        for start in range(window.start, window.end, _LONGEST_QUESTION):
            end = min(start + _LONGEST_QUESTION, window.end)
            asked = Span(rfc3339(start), rfc3339(end))
            told = self._client.schedule(address, asked, _SLOT)
            found += _items(told, address) if told.schedule_items else _slots(told, start, end)
        return _joined(found)

    def _owner(self, calendar: CalendarId) -> str:
        for entry in self._client.calendars():
            if entry.id == calendar and entry.owner and entry.owner.address:
                return entry.owner.address
        raise RemoteNotFound(
            f"the busy time of calendar {calendar!r}: the account does not say whose it is",
            hint="it is not shared any more, or shared by nobody with a mail address",
        )


def _items(told: wire.Schedule, address: str) -> Iterator[Shown]:
    for item in told.schedule_items:
        show_as = _STATUSES.get(item.status, ShowAs.BUSY)
        if show_as is ShowAs.FREE:
            continue
        try:
            start, end = (instant(read_moment(it, Place())) for it in (item.start, item.end))
        except Unclear as err:
            raise UnreadableAnswer(f"the busy time of {address}: a time that is none") from err
        if start < end:
            yield Shown(start, end, show_as)


def _slots(told: wire.Schedule, start: Instant, end: Instant) -> Iterator[Shown]:
    """Read an answer that names no items, as it does where less was permitted."""
    step = _SLOT * 60
    if len(told.availability_view) * step < end - start:
        raise UnreadableAnswer("a busy time that is asked for is not told to its end")
    for number, digit in enumerate(told.availability_view):
        show_as = _DIGITS.get(digit, ShowAs.BUSY)
        first = start + number * step
        if show_as is not ShowAs.FREE and first < end:
            yield Shown(first, min(first + step, end), show_as)


def _joined(found: Sequence[Shown]) -> list[Shown]:
    """Join pieces of one span, which the end of a question or of a slot cuts."""
    made: list[Shown] = []
    for each in sorted(set(found), key=lambda it: (it.show_as.value, it.start)):
        last = made[-1] if made else None
        if last and last.show_as is each.show_as and each.start <= last.end:
            made[-1] = last._replace(end=max(last.end, each.end))
        else:
            made.append(each)
    return sorted(made, key=lambda it: it[:2])
