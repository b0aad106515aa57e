"""The worlds that the contract suite runs in, one for each provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from bridge.errors import UnreadableAnswer
from bridge.provider import CalendarId, CalendarInfo, EventSource, Provider
from bridge.providers.memory import Memory
from tests.contract.provider_contract import Planned


@dataclass
class MemoryWorld:
    """Calendars in this process; `adapter` may put another source in front of them."""

    adapter: Callable[[Memory], EventSource] | None = None
    memory: Memory = field(default_factory=lambda: Memory(page_size=7))
    refusing: bool = False
    numbers: count[int] = field(default_factory=count)

    def open(self, calendar: CalendarId) -> Provider:
        if self.refusing:
            self.expire(calendar)
        if self.adapter is not None:
            return Provider(source=self.adapter(self.memory))
        return self.memory.provider()

    def new_calendar(self) -> CalendarId:
        info = CalendarInfo(CalendarId(f"calendar-{next(self.numbers)}"), "A calendar")
        self.memory.add(info)
        return info.id

    def put(self, calendar: CalendarId, uid: str, plan: Planned) -> None:
        self.memory.calendars[calendar].put(uid, plan.series(uid))

    def delete(self, calendar: CalendarId, uid: str) -> None:
        self.memory.calendars[calendar].delete(uid)

    def spoil(self, calendar: CalendarId, uid: str) -> None:
        self.memory.calendars[calendar].spoil(uid)

    def expire(self, calendar: CalendarId) -> None:
        self.memory.calendars[calendar].expire()

    @contextmanager
    def refusing_tokens(self) -> Iterator[None]:
        self.refusing = True
        try:
            yield
        finally:
            self.refusing = False

    @contextmanager
    def cutting(self) -> Iterator[None]:
        self.memory.fail(UnreadableAnswer("the answer was cut short"))
        try:
            yield
        finally:
            self.memory.fail(None)

    @property
    def listings(self) -> int:
        return self.memory.listings
