"""The calendars that live in this process, and how their owners edit them."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.model.conference import Conference
from bridge.model.event import EventSeries
from bridge.provider import CalendarInfo, ETag, RemoteId


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that nobody can read, and why."""

    reason: str


@dataclass(slots=True)
class Mark:
    """What the provider keeps of an event that came of a booking."""

    token: str
    conference: Conference | None = None
    reads_until_ready: int = 0
    """For as many reads the meeting stays pending."""


@dataclass(slots=True)
class MemoryCalendar:
    """One calendar: what is in it, and the log of what changed."""

    info: CalendarInfo
    objects: dict[RemoteId, EventSeries | Broken] = field(default_factory=dict)
    etags: dict[RemoteId, ETag] = field(default_factory=dict)
    log: list[RemoteId] = field(default_factory=list)
    """The object that each change touched; the sequence number of a token is a place in it."""
    expired: int = 0
    """Tokens older than this place are refused."""
    written: dict[RemoteId, Mark] = field(default_factory=dict)
    """What came of bookings, deleted events too: a token names its booking for ever."""
    colours: dict[RemoteId, str] = field(default_factory=dict)
    """What only this provider knows of an event: no sink reads it, and none may lose it."""

    def put(self, remote_id: str, series: EventSeries) -> None:
        """Create or replace an object."""
        self._set(RemoteId(remote_id), series)

    def spoil(self, remote_id: str, reason: str = "not iCalendar") -> None:
        """Make an object unreadable, or add one that is."""
        self._set(RemoteId(remote_id), Broken(reason))

    def delete(self, remote_id: str) -> None:
        """Remove an object."""
        del self.objects[RemoteId(remote_id)]
        self.log.append(RemoteId(remote_id))

    def expire(self) -> None:
        """Forget every token given so far."""
        self.log.append(RemoteId(""))
        self.expired = len(self.log)

    def _set(self, remote_id: RemoteId, content: EventSeries | Broken) -> None:
        self.objects[remote_id] = content
        self.log.append(remote_id)
        self.etags[remote_id] = ETag(str(len(self.log)))
