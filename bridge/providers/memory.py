"""The reference provider: calendars that live in this process, edited by calling functions.

It keeps the contract in the plainest way, pages what it lists, and misbehaves on command. Tests of
the engine run on it, and the contract suite passes it before any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from threading import RLock

from bridge.config.section import Section
from bridge.errors import ProviderError, RemoteNotFound, SyncTokenExpired
from bridge.model.event import EventSeries, EventTime, Floating
from bridge.model.interval import Window, instant
from bridge.provider import (
    Account,
    CalendarId,
    CalendarInfo,
    ETag,
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

_VERSION = 1
_SLACK = timedelta(days=1)
"""All-day and floating times mean another instant in each zone."""


@dataclass(frozen=True, slots=True)
class _Broken:
    reason: str


@dataclass(slots=True)
class MemoryCalendar:
    """One calendar: what is in it, and the log of what changed."""

    info: CalendarInfo
    objects: dict[RemoteId, EventSeries | _Broken] = field(default_factory=dict)
    etags: dict[RemoteId, ETag] = field(default_factory=dict)
    log: list[RemoteId] = field(default_factory=list)
    """The object that each change touched; the sequence number of a token is a place in it."""
    expired: int = 0
    """Tokens older than this place are refused."""

    def put(self, remote_id: str, series: EventSeries) -> None:
        """Create or replace an object."""
        self._set(RemoteId(remote_id), series)

    def spoil(self, remote_id: str, reason: str = "not iCalendar") -> None:
        """Make an object unreadable, or add one that is."""
        self._set(RemoteId(remote_id), _Broken(reason))

    def delete(self, remote_id: str) -> None:
        """Remove an object."""
        del self.objects[RemoteId(remote_id)]
        self.log.append(RemoteId(remote_id))

    def expire(self) -> None:
        """Forget every token given so far."""
        self.log.append(RemoteId(""))
        self.expired = len(self.log)

    def _set(self, remote_id: RemoteId, content: EventSeries | _Broken) -> None:
        self.objects[remote_id] = content
        self.log.append(remote_id)
        self.etags[remote_id] = ETag(str(len(self.log)))


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

    def add(self, info: CalendarInfo) -> MemoryCalendar:
        """Add a calendar, or replace it by an empty one."""
        calendar = self.calendars[info.id] = MemoryCalendar(info)
        return calendar

    def fail(self, failure: ProviderError | None, *, after_pages: int = 0) -> None:
        """Make listings raise until this is called with None."""
        self.failure, self.pages_before_failure = failure, after_pages

    def provider(self) -> Provider:
        """Open the account; nothing is kept in what is returned."""
        return Provider(source=MemorySource(self))


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
        if isinstance(content, _Broken) or not _is_over(content, window)
    ]


def _item(store: MemoryCalendar, remote_id: RemoteId) -> Item:
    match store.objects.get(remote_id):
        case None:
            return SeriesRemoved(remote_id)
        case _Broken(reason):
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
