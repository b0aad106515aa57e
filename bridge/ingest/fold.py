"""Fold what the pages of one listing say, in whatever order and however often they say it. Pure.

A provider may repeat items, send the exception of a series before its master, or change things
while we page. Items are keyed by (remote id of the series, original start) and the last word about
each key counts, so that pages read twice or in another order end in the same objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, tzinfo
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from bridge.errors import UnreadableAnswer
from bridge.ical.placed import instant_in
from bridge.model.event import Event, EventSeries, EventTime, Floating
from bridge.model.interval import Instant
from bridge.provider import (
    Instance,
    Item,
    OccurrenceRemoved,
    Override,
    Page,
    RemoteId,
    Series,
    SeriesRemoved,
    SyncToken,
    Unchanged,
    Unreadable,
)
from bridge.store.text import storable

MAX_PAGES = 10_000
"""Of one listing; a provider whose pages never end is not believed."""

_LONGEST_KEY = 1000
"""Octets; PostgreSQL refuses index rows of more than some 2,700."""
_WHOLE = (Series, SeriesRemoved, Unreadable, Unchanged)

Part: TypeAlias = Override | Instance | OccurrenceRemoved


class Zones(NamedTuple):
    """Where times without a zone of their own are placed."""

    floating: tzinfo
    day: tzinfo


@dataclass(slots=True)
class Listing:
    """What one complete listing says about a calendar."""

    full: bool = False
    """What it does not name is gone."""
    token: SyncToken | None = None
    time_zone: str = ""
    notes: list[str] = field(default_factory=list)
    series: dict[RemoteId, Series] = field(default_factory=dict)
    parts: dict[RemoteId, list[Part]] = field(default_factory=dict)
    unreadable: dict[RemoteId, Unreadable] = field(default_factory=dict)
    unchanged: set[RemoteId] = field(default_factory=set)
    removed: set[RemoteId] = field(default_factory=set)
    """Gone; one that has parts as well came back as single occurrences."""

    def named(self) -> set[str]:
        """Name every object that the listing says exists."""
        return set[str]().union(self.series, self.parts, self.unreadable, self.unchanged)


def collect(pages: Iterable[Page]) -> Listing:
    """Read every page before anything is believed.

    Raises:
        UnreadableAnswer: the pages do not end.
        ProviderError: from the adapter; what was read so far is forgotten.
    """
    listing = Listing()
    full = True
    count = 0
    for count, page in enumerate(pages, start=1):
        if count > MAX_PAGES:
            raise UnreadableAnswer(f"the listing does not end after {MAX_PAGES} pages")
        full = full and page.full
        listing.token = page.token
        listing.time_zone = page.time_zone or listing.time_zone
        listing.notes.extend(page.notes)
        for item in page.items:
            _note(listing, item)
    listing.full = full and count > 0
    return listing


def key_of(remote_id: str) -> RemoteId:
    """Give the name under which an object is stored: bounded, for an index, and storable."""
    name = storable(remote_id)
    octets = name.encode()
    if len(octets) <= _LONGEST_KEY:
        return RemoteId(name)
    tail = blake2b(octets, digest_size=16).hexdigest()
    return RemoteId(f"{octets[: _LONGEST_KEY - 33].decode(errors='ignore')}#{tail}")


def _note(listing: Listing, item: Item) -> None:
    key = key_of(item.remote_id if isinstance(item, _WHOLE) else item.series_id)
    match item:
        case Series():
            listing.series[key] = item
            listing.unreadable.pop(key, None)
            listing.removed.discard(key)
        case SeriesRemoved():
            listing.series.pop(key, None)
            listing.parts.pop(key, None)
            listing.unreadable.pop(key, None)
            listing.unchanged.discard(key)
            listing.removed.add(key)
        case Unreadable():
            # An earlier page of this listing could be read: that is what we know of it now.
            if key not in listing.series:
                listing.unreadable[key] = item
            listing.removed.discard(key)
        case Unchanged():
            listing.unchanged.add(key)
            listing.removed.discard(key)
        case _:
            listing.parts.setdefault(key, []).append(item)


def assemble(
    remote_id: RemoteId, base: EventSeries | None, parts: Iterable[Part], zones: Zones
) -> EventSeries | None:
    """Put changed occurrences into a series; None when nothing of it is left.

    Without a master they stand for themselves: somebody may be invited to one occurrence only.
    """
    draft = _Draft(base, zones)
    for part in parts:
        match part:
            case Override(event=event):
                draft.override(event)
            case Instance():
                draft.override(draft.instance(remote_id, part))
            case OccurrenceRemoved(original_start=start):
                draft.drop(start)
    return draft.series(remote_id)


def lay_over(base: EventSeries | None, remains: EventSeries, zones: Zones) -> EventSeries:
    """Put the events of a broken object that can be read over what was known of it.

    One without RECURRENCE-ID stands beside the rest, as `bridge.ical.parse` has several of one UID:
    nobody can tell whether it is the one that is broken or another.
    """
    if base is None:
        return remains
    draft = _Draft(base, zones)
    for event in remains.events():
        draft.put(event)
    notes = tuple(dict.fromkeys([*base.notes, *remains.notes]))
    return replace(draft.series(base.uid) or remains, notes=notes)


class _Draft:
    """A series while its occurrences are being replaced."""

    def __init__(self, base: EventSeries | None, zones: Zones) -> None:
        self._zones = zones
        self._base = base
        self._master = base.master if base else None
        self._overrides = {self._key(it): it for it in (base.overrides if base else ())}
        exdates = self._master.exdates if self._master else ()
        self._excluded = {self._instant(it): it for it in exdates}

    def override(self, event: Event) -> None:
        self.put(replace(event, rrules=(), exrules=(), rdates=(), exdates=()))

    def put(self, event: Event) -> None:
        if event.recurrence_id is None:
            event = replace(event, recurrence_id=event.start)
        start = self._key(event)
        self._overrides[start] = event
        self._excluded.pop(start, None)

    def instance(self, remote_id: str, part: Instance) -> Event:
        """Make an event of times alone; it inherits the rest from its master."""
        original = self._moment(part.original_start)
        start, end = self._moment(part.start), self._moment(part.end)
        if self._master is None:
            return Event(uid=remote_id, start=start, end=end, recurrence_id=original)
        master = replace(self._master, duration=None, exact=None)
        return replace(master, start=start, end=end, recurrence_id=original)

    def drop(self, original_start: Instant) -> None:
        moment = self._moment(original_start)
        start = self._instant(moment)
        self._overrides.pop(start, None)
        if self._alone(start):
            return  # left over from when it was a series; an event is removed by its own name
        self._excluded.setdefault(start, moment)

    def series(self, remote_id: str) -> EventSeries | None:
        master, overrides = self._master, tuple(self._overrides.values())
        if master is not None:
            master = replace(master, exdates=tuple(self._excluded.values()))
        if master is None and not overrides:
            return None
        uid = self._base.uid if self._base else overrides[0].uid or remote_id
        notes = self._base.notes if self._base else ()
        return EventSeries(uid=uid, master=master, overrides=overrides, notes=notes)

    def _alone(self, start: Instant) -> bool:
        """Tell whether an event that does not recur takes place then."""
        master = self._master
        if master is None or master.is_recurring:
            return False
        return self._instant(master.start) == start

    def _moment(self, when: Instant) -> EventTime:
        """Say an instant the way the master says its start."""
        start = self._master.start if self._master else None
        if isinstance(start, Floating):
            local = datetime.fromtimestamp(when, self._zones.floating)
            return Floating(local.replace(tzinfo=None))
        if start is None or isinstance(start, datetime):
            return datetime.fromtimestamp(when, start.tzinfo if start else UTC)
        # Providers say the days of all-day events as midnights of the day's zone, or of UTC.
        local = datetime.fromtimestamp(when, self._zones.day)
        return local.date() if local.time() == time() else datetime.fromtimestamp(when, UTC).date()

    def _key(self, event: Event) -> Instant:
        moment = event.recurrence_id
        return self._instant(event.start if moment is None else moment)

    def _instant(self, moment: EventTime) -> Instant:
        """Place a moment on the clock of the series."""
        start = self._master.start if self._master else None
        if isinstance(start, datetime):
            if isinstance(moment, Floating):
                moment = moment.wall.replace(tzinfo=start.tzinfo)
            elif not isinstance(moment, datetime):
                moment = datetime.combine(moment, start.timetz())
        elif isinstance(start, date) and isinstance(moment, datetime):
            moment = (
                moment if moment.time() == time() else moment.astimezone(self._zones.day)
            ).date()
        zone = self._zones.floating if isinstance(moment, Floating) else self._zones.day
        return instant_in(moment, zone)
