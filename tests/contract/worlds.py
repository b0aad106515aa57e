"""The worlds that the contract suite runs in, one for each provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from bridge.errors import UnreadableAnswer
from bridge.model.http import Http
from bridge.provider import Account, CalendarId, CalendarInfo, EventSource, Provider
from bridge.providers.caldav import KIND, CaldavConnection, CaldavDefaults
from bridge.providers.memory import Memory
from tests.contract.provider_contract import Planned
from tests.servers.dav import Dav
from tests.servers.faultproxy import (
    Answer,
    Call,
    FaultProxy,
    Forward,
    halving,
    invalid_token,
    rewriting,
)


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


@dataclass
class CaldavWorld:
    """Calendars on a real server, reached through the fault proxy."""

    account: Dav
    proxy: FaultProxy
    http: Http
    calendars: list[CalendarId] = field(default_factory=list)
    forgetful: bool = False

    def open(self, _calendar: CalendarId) -> Provider:
        settings = CaldavConnection.model_validate(
            {"server_url": self.proxy.url(), "username": "ann", "password": "secret"}
        )
        return KIND.open(Account("r.c", settings, CaldavDefaults(), self.http))

    def new_calendar(self) -> CalendarId:
        path = self.account.make_calendar(f"c{uuid4().hex}", displayname="A calendar")
        self.calendars.append(CalendarId(path))
        return self.calendars[-1]

    def put(self, calendar: CalendarId, uid: str, plan: Planned) -> None:
        self.account.put(calendar, _file(uid), plan.ics(uid))

    def delete(self, calendar: CalendarId, uid: str) -> None:
        self.account.delete(calendar, _file(uid))

    def spoil(self, calendar: CalendarId, uid: str) -> None:
        """Neither server would store nonsense: what it says of the event is spoilt on the way."""
        self.put(calendar, uid, Planned(summary="SPOILT"))

    def expire(self, _calendar: CalendarId) -> None:
        self.forgetful = True

    @contextmanager
    def refusing_tokens(self) -> Iterator[None]:
        with self.proxy.fault(invalid_token(410)):
            yield

    @contextmanager
    def cutting(self) -> Iterator[None]:
        with self.proxy.fault(halving(when=self._in_calendar)):
            yield

    @property
    def listings(self) -> int:
        return self.proxy.count(
            lambda call: (
                self._in_calendar(call) and (call.is_listing() or call.is_report("sync-collection"))
            )
        )

    @contextmanager
    def running(self) -> Iterator[CaldavWorld]:
        """Bring the faults that the suite needs, and clean up."""
        with self.proxy.fault(self._forget), self.proxy.fault(rewriting(_spoil)):
            yield self
        for calendar in self.calendars:
            self.account.delete(calendar)

    def _in_calendar(self, call: Call) -> bool:
        return call.path in self.calendars

    def _forget(self, call: Call, forward: Forward) -> Answer:
        if self.forgetful and call.is_report("sync-collection"):
            self.forgetful = False
            return invalid_token(403)(call, forward)
        return forward(call)


def _file(uid: str) -> str:
    # Radicale 3.9 refuses these characters in a name.
    return re.sub(r"[?\"',:*]", "_", uid) + ".ics"


def _spoil(body: bytes) -> bytes:
    def spoilt(event: re.Match[bytes]) -> bytes:
        there = b"SUMMARY:SPOILT" in event[0]
        return event[0].replace(b"DTSTART:", b"DTSTART:when-") if there else event[0]

    return re.sub(rb"BEGIN:VEVENT.*?END:VEVENT", spoilt, body, flags=re.DOTALL)
