"""The reference provider: calendars that live in this process, edited by calling functions.

It keeps the contracts in the plainest way, pages what it lists, and misbehaves on command. Tests of
the engine run on it, and the contract suites pass it before any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from threading import RLock

from bridge.config.section import Section
from bridge.errors import ProviderError, RemoteNotFound, SyncTokenExpired
from bridge.model.conference import ConferenceKind
from bridge.model.event import EventSeries, EventTime, Floating
from bridge.model.interval import Window, instant
from bridge.provider import (
    Account,
    CalendarId,
    CalendarInfo,
    Item,
    Page,
    Provider,
    ProviderKind,
    RemoteId,
    Series,
    SeriesRemoved,
    SyncToken,
    Unreadable,
)
from bridge.providers.memory.calendars import Broken, MemoryCalendar
from bridge.providers.memory.orders import Orders
from bridge.providers.memory.writing import Mail, Meeting, MemoryMeetings, MemorySink

__all__ = ["Memory", "MemoryCalendar", "MemoryMeetings", "MemorySink", "MemorySource", "kind"]

_VERSION = 1
_SLACK = timedelta(days=1)
"""All-day and floating times mean another instant in each zone."""


@dataclass(slots=True)
class Memory:
    """One account with its calendars; share it between providers to simulate restarts."""

    calendars: dict[CalendarId, MemoryCalendar] = field(default_factory=dict)
    page_size: int = 100
    failure: ProviderError | None = None
    """Raised by every listing, after `pages_before_failure` pages."""
    pages_before_failure: int = 0
    listings: int = 0
    """How often `changes` was asked."""
    lock: RLock = field(default_factory=RLock)
    orders: Orders = field(default_factory=Orders)
    """How writing misbehaves."""
    natively: tuple[ConferenceKind, ...] = (ConferenceKind.GOOGLE_MEET,)
    """Meetings that its calendars make with their events."""
    making: ConferenceKind | None = None
    """Meetings that it makes by themselves."""
    own_uids: bool = False
    """It gives the events that are written UIDs of its own."""
    schedules: bool = False
    """It tells guests of an end by the UID that the event has, as a CalDAV server does."""
    unlicensed: str = ""
    """Why no meeting can be made with an event; empty where it can."""
    reads_until_ready: int = 0
    """For as many reads a meeting that is made with an event stays pending."""
    mails: list[Mail] = field(default_factory=list)
    """What guests were sent."""
    meetings: dict[str, Meeting] = field(default_factory=dict)
    """Those that were made by themselves, cancelled ones too, by reference."""
    asked: list[str] = field(default_factory=list)
    """What was asked of its sinks and makers: `put`, `find`, `create` ..."""

    def add(self, info: CalendarInfo) -> MemoryCalendar:
        """Add a calendar, or replace it by an empty one."""
        calendar = self.calendars[info.id] = MemoryCalendar(info)
        return calendar

    def fail(self, failure: ProviderError | None, *, after_pages: int = 0) -> None:
        """Make listings raise until this is called with None."""
        self.failure, self.pages_before_failure = failure, after_pages

    def provider(self) -> Provider:
        """Open the account; nothing is kept in what is returned."""
        return Provider(
            source=MemorySource(self),
            sink=MemorySink(self),
            conferences=None if self.making is None else MemoryMeetings(self, self.making),
        )


@dataclass(frozen=True, slots=True)
class MemorySource:
    """Reads a `Memory`."""

    memory: Memory

    def list_calendars(self) -> Sequence[CalendarInfo]:
        """Name the calendars in the order in which they were added."""
        with self.memory.lock:
            return [calendar.info for calendar in self.memory.calendars.values()]

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        """Yield pages of what changed; see `bridge.provider.EventSource`.

        A full listing leaves out single events that ended before the window. The token remembers
        where it began, so that an earlier beginning is noticed; a later one needs nothing.
        """
        memory = self.memory
        with memory.lock:
            memory.listings += 1
            store = memory.calendars.get(calendar)
            if store is None:
                raise RemoteNotFound(f"there is no calendar {calendar!r}")
            items = _everything(store, window) if since is None else _since(store, since, window)
            floor = window.start if since is None else _Envelope.read(since).floor
            token = _Envelope(calendar, floor, len(store.log)).write()
        size = memory.page_size
        starts = range(0, max(len(items), 1), size)
        for number, start in enumerate(starts):
            if memory.failure is not None and number >= memory.pages_before_failure:
                raise memory.failure
            yield Page(
                items=items[start : start + size],
                token=token if start == starts[-1] else None,
                full=since is None,
            )


def kind(accounts: Mapping[str, Memory]) -> ProviderKind:
    """Describe a kind whose connections open the memory of their global id, `room-a.work`."""

    def open_memory(account: Account) -> Provider:
        return accounts[account.connection].provider()

    return ProviderKind(
        name="memory",
        title="In this process",
        connection_settings=Section,
        provider_settings=Section,
        open=open_memory,
    )


@dataclass(frozen=True, slots=True)
class _Envelope:
    calendar: CalendarId
    floor: int
    place: int

    @classmethod
    def read(cls, token: SyncToken) -> _Envelope:
        try:
            version, name, calendar, floor, place = json.loads(token)
            known = (version, name) == (_VERSION, "memory")
            envelope = cls(CalendarId(calendar), int(floor), int(place))
        except (ValueError, TypeError) as err:
            raise SyncTokenExpired("the sync token is not one of this provider") from err
        if not known:
            raise SyncTokenExpired("the sync token was made by another provider or version")
        return envelope

    def write(self) -> SyncToken:
        return SyncToken(json.dumps([_VERSION, "memory", self.calendar, self.floor, self.place]))


def _since(store: MemoryCalendar, since: SyncToken, window: Window) -> list[Item]:
    envelope = _Envelope.read(since)
    if envelope.calendar != store.info.id or not store.expired <= envelope.place <= len(store.log):
        raise SyncTokenExpired("the sync token is of another calendar or too old")
    if window.start < envelope.floor:
        raise SyncTokenExpired("the window begins before what the sync token covers")
    return [_item(store, remote_id) for remote_id in dict.fromkeys(store.log[envelope.place :])]


def _everything(store: MemoryCalendar, window: Window) -> list[Item]:
    return [
        _item(store, remote_id)
        for remote_id, content in store.objects.items()
        if isinstance(content, Broken) or not _is_over(content, window)
    ]


def _item(store: MemoryCalendar, remote_id: RemoteId) -> Item:
    match store.objects.get(remote_id):
        case None:
            return SeriesRemoved(remote_id)
        case Broken(reason):
            return Unreadable(remote_id, reason, store.etags[remote_id])
        case series:
            return Series(remote_id, series, store.etags[remote_id])


def _is_over(series: EventSeries, window: Window) -> bool:
    events = series.events()
    return not any(event.is_recurring for event in events) and all(
        _upper_bound(event.end) <= window.start for event in events
    )


def _upper_bound(when: EventTime) -> int:
    match when:
        case Floating(wall):
            return instant(wall.replace(tzinfo=UTC) + _SLACK)
        case datetime():
            return instant(when)
        case date():
            return instant(datetime.combine(when, time(), UTC) + _SLACK)
