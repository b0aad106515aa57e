"""Writing to calendars that live in this process, and meetings that are made there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Protocol

from bridge.errors import RemoteChanged, RemoteNotFound, RemoteRejected
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import Attendee, Event, EventSeries
from bridge.provider import CalendarId, RemoteId
from bridge.providers.memory.calendars import Mark, MemoryCalendar
from bridge.providers.memory.orders import Orders
from bridge.sink import Desired, Marked, Written


@dataclass(frozen=True, slots=True)
class Mail:
    """What a guest was sent."""

    address: str
    about: str
    """`invited`, `updated` or `cancelled`."""
    remote_id: str


@dataclass(slots=True)
class Meeting:
    """A meeting that was made by itself."""

    token: str
    series: EventSeries
    conference: Conference
    cancelled: bool = False


class Place(Protocol):
    """What writing needs of an account."""

    calendars: dict[CalendarId, MemoryCalendar]
    lock: RLock
    orders: Orders
    natively: tuple[ConferenceKind, ...]
    own_uids: bool
    schedules: bool
    unlicensed: str
    reads_until_ready: int
    mails: list[Mail]
    meetings: dict[str, Meeting]
    asked: list[str]


class MemorySink:
    """Writes to a `Memory`."""

    may_be_silent = True

    def __init__(self, place: Place) -> None:
        self._place = place
        self.natively: Collection[ConferenceKind] = place.natively
        self.keeps_uids = not place.own_uids

    def ends_by_uid(self, calendar: CalendarId) -> bool:
        """Tell whether guests hear of an end by a UID of ours; see `EventSink`."""
        del calendar
        return self._place.schedules

    def find(self, calendar: CalendarId, token: str) -> Written | None:
        """Find what was written under a token; see `bridge.sink.EventSink`."""
        self._place.asked.append("find")
        with self._place.orders.around("find"), self._place.lock:
            store = self._calendar(calendar)
            remote_id = _named(store, token)
            return _written(store, remote_id) if remote_id in store.objects else None

    def read(self, calendar: CalendarId, remote_id: RemoteId) -> Written:
        """Read an event; a meeting that is pending comes nearer."""
        self._place.asked.append("read")
        with self._place.orders.around("read"), self._place.lock:
            store = self._calendar(calendar)
            if remote_id not in store.objects:
                raise RemoteNotFound("the event is not there any more")
            self._advance(store, remote_id)
            return _written(store, remote_id)

    def marked(self, calendar: CalendarId, origin: str) -> Sequence[Marked]:
        """Find what an instance wrote; see `bridge.sink.EventSink`."""
        self._place.asked.append("marked")
        with self._place.orders.around("marked"), self._place.lock:
            store = self._calendar(calendar)
            return [
                _marked(store, remote_id, first)
                for remote_id, content in store.objects.items()
                if isinstance(content, EventSeries)
                and (first := content.events()[0]).origin == origin
            ]

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        """Make an event what is desired; see `bridge.sink.EventSink`."""
        self._place.asked.append("put")
        with self._place.orders.around("put"), self._place.lock:
            store = self._calendar(calendar)
            wanted = desired.conference
            if wanted is not None and wanted not in self.natively:
                raise RemoteRejected(f"this calendar makes no meetings of the kind {wanted.value}")
            remote_id = RemoteId(_named(store, desired.token) if base is None else base.remote_id)
            if base is not None and remote_id not in store.objects:
                raise RemoteNotFound("the event is not there any more")
            if base is not None and store.etags[remote_id] != base.etag:
                raise RemoteChanged("somebody changed the event")
            self._write(store, remote_id, desired)
            return _written(store, remote_id)

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        """Delete an event."""
        self._place.asked.append("delete")
        with self._place.orders.around("delete"), self._place.lock:
            store = self._calendar(calendar)
            if base.remote_id in store.objects:
                if notify:
                    self._tell(_guests(_series(store, base.remote_id)), "cancelled", base.remote_id)
                store.delete(base.remote_id)

    def _calendar(self, calendar: CalendarId) -> MemoryCalendar:
        try:
            return self._place.calendars[calendar]
        except KeyError:
            raise RemoteNotFound(f"there is no calendar {calendar!r}") from None

    def _write(self, store: MemoryCalendar, remote_id: RemoteId, desired: Desired) -> None:
        there = remote_id in store.objects
        before = _series(store, remote_id) if there else None
        mark = store.written.get(remote_id) if there else None
        mark = mark or Mark(desired.token)
        meeting = self._meeting(mark, desired)
        link = meeting.join_url if meeting else ""
        uid = f"own-{desired.token}" if self._place.own_uids else desired.series.uid
        after = _laid_over(before, desired, uid, link)
        if (before, mark.conference) == (after, meeting):
            return
        if mark.conference != meeting:
            waits = self._place.reads_until_ready
            store.written[remote_id] = Mark(desired.token, meeting, waits)
        else:
            store.written[remote_id] = mark
        store.put(remote_id, after)
        if desired.notify:
            known = _guests(before) if before else {}
            now = _guests(after)
            self._tell(now.keys() - known.keys(), "invited", remote_id)
            self._tell(now.keys() & known.keys(), "updated", remote_id)
            self._tell(known.keys() - now.keys(), "cancelled", remote_id)

    def _meeting(self, mark: Mark, desired: Desired) -> Conference | None:
        kind, have = desired.conference, mark.conference
        if kind is None:
            return None
        if have is not None and have.kind is kind and have.state is not ConferenceState.FAILING:
            return have
        if self._place.unlicensed:
            return Conference(kind, ConferenceState.FAILING, reason=self._place.unlicensed)
        if self._place.reads_until_ready:
            return Conference(kind, ConferenceState.PENDING)
        return _ready(kind, desired.token)

    def _advance(self, store: MemoryCalendar, remote_id: RemoteId) -> None:
        mark = store.written.get(remote_id)
        if mark is None or not mark.reads_until_ready or mark.conference is None:
            return
        mark.reads_until_ready -= 1
        if not mark.reads_until_ready and mark.conference.state is ConferenceState.PENDING:
            mark.conference = _ready(mark.conference.kind, mark.token)
            store.put(remote_id, _linked(_series(store, remote_id), mark.conference.join_url))

    def _tell(self, addresses: Collection[str], about: str, remote_id: str) -> None:
        self._place.mails += [Mail(address, about, remote_id) for address in sorted(addresses)]


class MemoryMeetings:
    """Makes meetings of one kind in a `Memory`."""

    def __init__(self, place: Place, kind: ConferenceKind) -> None:
        self._place = place
        self.kind = kind

    def find(self, token: str) -> Conference | None:
        """Find the meeting that an earlier try made."""
        self._place.asked.append("meeting.find")
        with self._place.orders.around("meeting.find"), self._place.lock:
            for meeting in self._place.meetings.values():
                if meeting.token == token and not meeting.cancelled:
                    return meeting.conference
            return None

    def create(self, token: str, series: EventSeries) -> Conference:
        """Make a meeting; another one each time, as makers do that know no tokens."""
        self._place.asked.append("meeting.create")
        with self._place.orders.around("meeting.create"), self._place.lock:
            reference = str(9_000_000_000 + len(self._place.meetings))
            made = replace(_ready(self.kind, reference), reference=reference)
            self._place.meetings[reference] = Meeting(token, series, made)
            return made

    def update(self, reference: str, series: EventSeries) -> Conference:
        """Bring a meeting in line with its event."""
        self._place.asked.append("meeting.update")
        with self._place.orders.around("meeting.update"), self._place.lock:
            meeting = self._standing(reference)
            meeting.series = series
            return meeting.conference

    def is_in_line(self, reference: str, series: EventSeries) -> bool:
        """Tell whether a meeting is as its event wants it."""
        self._place.asked.append("meeting.is_in_line")
        with self._place.orders.around("meeting.is_in_line"), self._place.lock:
            meeting = self._standing(reference)
            return _outline(meeting.series) == _outline(series)

    def cancel(self, reference: str) -> bool:
        """Delete a meeting."""
        self._place.asked.append("meeting.cancel")
        with self._place.orders.around("meeting.cancel"), self._place.lock:
            meeting = self._place.meetings.get(reference)
            was_there = meeting is not None and not meeting.cancelled
            if meeting is not None:
                meeting.cancelled = True
            return was_there

    def _standing(self, reference: str) -> Meeting:
        meeting = self._place.meetings.get(reference)
        if meeting is None or meeting.cancelled:
            raise RemoteNotFound("the meeting is not there any more")
        return meeting


def _named(store: MemoryCalendar, token: str) -> str:
    return next((name for name, mark in store.written.items() if mark.token == token), token)


def _series(store: MemoryCalendar, remote_id: RemoteId) -> EventSeries:
    content = store.objects[remote_id]
    if not isinstance(content, EventSeries):
        raise RemoteRejected("the event cannot be read")
    return content


def _written(store: MemoryCalendar, remote_id: str) -> Written:
    name = RemoteId(remote_id)
    series = _series(store, name)
    mark = store.written.get(name)
    return Written(
        remote_id=name,
        etag=store.etags[name],
        series=series,
        conference=mark.conference if mark else None,
        uid=series.uid,
    )


def _outline(series: EventSeries) -> object:
    event = next(iter(series.events()))
    return event.summary, event.start, event.end, event.rrules


def _marked(store: MemoryCalendar, remote_id: RemoteId, event: Event) -> Marked:
    mark = store.written.get(remote_id)
    return Marked(
        written=_written(store, remote_id),
        origin=event.origin,
        token=mark.token if mark else "",
        mirror=event.mirror,
    )


def _ready(kind: ConferenceKind, name: str) -> Conference:
    url = f"https://{kind.value.replace('_', '-')}.example/{name}"
    return Conference(kind, ConferenceState.READY, join_url=url)


def _laid_over(before: EventSeries | None, desired: Desired, uid: str, link: str) -> EventSeries:
    """Give what stands afterwards: replies of guests, and what was not spoken of, stay."""
    old = {event.recurrence_id: event for event in (before.events() if before else ())}
    events = [
        _kept(
            replace(event, uid=uid, origin=desired.origin, mirror=desired.mirror),
            old.get(event.recurrence_id),
        )
        for event in desired.series.events()
    ]
    master = next((event for event in events if event.recurrence_id is None), None)
    overrides = tuple(event for event in events if event.recurrence_id is not None)
    series = EventSeries(uid=uid, master=master, overrides=overrides)
    return _linked(series, link) if link else series


def _linked(series: EventSeries, link: str) -> EventSeries:
    master = replace(series.master, conference_url=link) if series.master else None
    overrides = tuple(replace(event, conference_url=link) for event in series.overrides)
    return replace(series, master=master, overrides=overrides)


def _kept(event: Event, before: Event | None) -> Event:
    if before is None:
        return event
    replies = {guest.address: guest for guest in before.attendees}
    return replace(
        event,
        attendees=tuple(_answered(guest, replies.get(guest.address)) for guest in event.attendees),
        alarms=before.alarms if event.alarms is None else event.alarms,
    )


def _answered(guest: Attendee, before: Attendee | None) -> Attendee:
    return guest if before is None else replace(guest, partstat=before.partstat)


def _guests(series: EventSeries) -> dict[str, Attendee]:
    """Give those whom the provider mails (RFC 6638 section 7.1: SCHEDULE-AGENT)."""
    return {
        guest.address: guest
        for event in series.events()
        for guest in event.attendees
        if guest.schedule_agent in {"", "SERVER"}
    }
