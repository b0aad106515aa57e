"""The worlds that the contract suite of sinks runs in, where they stand in this process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count

from bridge.errors import TemporarilyUnavailable
from bridge.model.event import EventSeries, PartStat
from bridge.provider import CalendarId, CalendarInfo, Provider, RemoteId
from bridge.providers.memory import Memory, MemoryCalendar, MemorySink
from bridge.sink import EventSink
from tests.contract.sink_calendar import Cannot, booking


@dataclass
class MemorySinkWorld:
    """Calendars in this process."""

    memory: Memory = field(default_factory=Memory)
    numbers: count[int] = field(default_factory=count)
    cannot: Collection[Cannot] = ()
    adapter: Callable[[Memory], EventSink] = MemorySink
    """May put another sink in place of its own."""

    def open(self, _calendar: CalendarId) -> Provider:
        return replace(self.memory.provider(), sink=self.adapter(self.memory))

    def new_calendar(self) -> CalendarId:
        info = CalendarInfo(CalendarId(f"calendar-{next(self.numbers)}"), "A calendar")
        self.memory.add(info)
        return info.id

    def write(self, calendar: CalendarId, summary: str) -> None:
        self.memory.calendars[calendar].put(summary, booking(summary, summary=summary))

    def in_short_pages(self) -> AbstractContextManager[None]:
        return nullcontext()

    def rename(self, calendar: CalendarId, remote_id: RemoteId, summary: str) -> None:
        store, series = self._series(calendar, remote_id)
        assert series.master is not None
        store.put(remote_id, replace(series, master=replace(series.master, summary=summary)))

    def remove(self, calendar: CalendarId, remote_id: RemoteId) -> None:
        self.memory.calendars[calendar].delete(remote_id)

    def colour(self, calendar: CalendarId, remote_id: RemoteId, value: str) -> None:
        store, series = self._series(calendar, remote_id)
        store.colours[remote_id] = value
        store.put(remote_id, series)

    def coloured(self, calendar: CalendarId, remote_id: RemoteId) -> str:
        return self.memory.calendars[calendar].colours.get(remote_id, "")

    def answer(
        self, calendar: CalendarId, remote_id: RemoteId, guest: str, partstat: PartStat
    ) -> None:
        store, series = self._series(calendar, remote_id)
        assert series.master is not None
        attendees = tuple(
            replace(each, partstat=partstat) if each.address == guest else each
            for each in series.master.attendees
        )
        store.put(remote_id, replace(series, master=replace(series.master, attendees=attendees)))

    def mailed(self, _calendar: CalendarId) -> Sequence[tuple[str, str]]:
        return [(mail.address, mail.about) for mail in self.memory.mails]

    @contextmanager
    def interrupted(self, number: int, *, done: bool) -> Iterator[None]:
        """One `put` is one request here."""
        if number == 1:
            lost = TemporarilyUnavailable("the answer did not come")
            self.memory.orders.give("put", lost, after=done)
        yield
        self.memory.orders.forget()

    def _series(
        self, calendar: CalendarId, remote_id: RemoteId
    ) -> tuple[MemoryCalendar, EventSeries]:
        store = self.memory.calendars[calendar]
        series = store.objects[remote_id]
        assert isinstance(series, EventSeries)
        return store, series
