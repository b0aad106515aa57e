"""What the lines of one listing come to, whatever their order and however often they come.

Single events are told as they come. A series waits until every page was read: its master, its
changed occurrences and those that nobody changed are lines of their own, in any order. Lines may be
repeated, and what is repeated may be older: the one that was modified last counts.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from bridge.errors import UnreadableAnswer
from bridge.ical.foreign import Unclear
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window
from bridge.provider import (
    Item,
    RemoteId,
    Series,
    SeriesRemoved,
    Unchanged,
    Unreadable,
    entity_tag,
)
from bridge.providers.microsoft import series, wire
from bridge.providers.microsoft.moments import Place
from bridge.providers.microsoft.series import Group
from bridge.providers.microsoft.translate import read_event

_MASTER, _EXCEPTION, _OCCURRENCE = "seriesMaster", "exception", "occurrence"


@dataclass(slots=True)
class Listing:
    """One listing on its way through."""

    calendar: str
    window: Window
    """That was listed."""
    groups: dict[str, Group] = field(default_factory=dict)
    """Series by id, those as well of which a part alone came."""
    named: set[str] = field(default_factory=set)
    """Ids of the events and series that are there."""
    gone: dict[str, None] = field(default_factory=dict)
    """Ids of what is no more, events, series and occurrences alike."""
    notes: list[str] = field(default_factory=list)
    _broken: dict[str, str] = field(default_factory=dict)
    """Ids of events and series that have no shape, each with what is wrong."""
    _modified: dict[str, tuple[str, str]] = field(default_factory=dict)
    """When each event and series was modified, and its etag."""
    _series: dict[str, str] = field(default_factory=dict)
    """Ids of occurrences, with the id of the series of each."""

    def page(self, page: wire.EventPage) -> list[Item]:
        """Take a page, and give what can be said already."""
        return [item for data in page.value for item in self._items(data)]

    def take(self, data: Any) -> list[Item]:
        """Take one line, as `page` does."""
        return list(self._items(data))

    def forget(self, name: str) -> SeriesRemoved:
        """Take a series that is not there any more."""
        self.groups.pop(name, None)
        self._broken.pop(name, None)
        self.named.discard(name)
        self.gone[name] = None
        return SeriesRemoved(RemoteId(name))

    def not_found(self, name: str, listed: Group | None = None) -> list[Item]:
        """Take a series that Graph does not find, although it may have listed what it has.

        That takes time until a tombstone, or the next whole listing, says that it is gone.

        Args:
            name: id of the series.
            listed: what was listed of it, where that was forgotten since.
        """
        group = listed or self._group(name)
        if name in self.gone or not (group.exceptions or group.occurrences or group.unread):
            return [self.forget(name)]
        self.groups[name] = replace(group, master=None)
        self._broken[name] = "its series is not found, and what is listed of it stands"
        self.named.add(name)
        return []

    def begin(self, name: str) -> Group:
        """Forget what was listed of a series, which is listed again; it is given back."""
        before, self.groups[name] = self._group(name), Group(name)
        self._modified.pop(name, None)
        return before

    def strangers(self, known: Container[str]) -> list[str]:
        """Name the tombstones of what nobody knows: occurrences, or what came and went."""
        return [name for name in self.gone if name not in known and name not in self._series]

    def is_told(self, name: str) -> bool:
        """Tell whether anything was said of a series itself, or of a part that is to be read."""
        return name in self.named or name in self.gone or name in self.groups

    def parts(self) -> dict[str, list[str]]:
        """Name the occurrences that were listed, by series."""
        return {
            it: [*group.exceptions, *group.occurrences, *group.unread]
            for it, group in self.groups.items()
        }

    def keep(self, name: str) -> Unchanged:
        """Take a series for what it was before."""
        self.groups.pop(name, None)
        return Unchanged(RemoteId(name))

    def partial(self) -> list[str]:
        """Name the series of which a part came alone, or for all that can be said may have."""
        mine = self.groups.items()
        return [it for it, group in mine if it not in self._broken and self._is_partial(group)]

    def lacking(self) -> list[str]:
        """Name the series whose master did not come."""
        mine = self.groups.items()
        return [it for it, group in mine if it not in self._broken and group.master is None]

    def rest(self) -> list[Item]:
        """Give the series, when every page was taken, and what has no shape."""
        items = [self._series_item(group) for group in self.groups.values() if group.master]
        for name, reason in self._broken.items():
            group = self.groups.get(name, Group(name))
            items.append(Unreadable(RemoteId(name), reason, remains=series.remains(group)))
        return items

    def _items(self, data: Any) -> Iterator[Item]:
        try:
            event = wire.shaped(data, wire.Event)
        except wire.NotThatShape as err:
            self._not_understood(data, str(err))
            return
        if not event.id:
            raise UnreadableAnswer(f"calendar {self.calendar!r}: an event without an id")
        if event.removed is not None:
            yield from self._removed(event.id)
        elif event.series_master_id:
            self._part(event)
        elif event.type == _OCCURRENCE:
            self._stray(event)
        elif event.type == _EXCEPTION:
            yield from self._whole(structs.replace(event, type=""))
        else:
            yield from self._whole(event)

    def _not_understood(self, data: Any, reason: str) -> None:
        """Keep what is known of an event; an occurrence stays where its series has it."""
        given: Mapping[str, Any] = data if isinstance(data, dict) else {}
        name, of = given.get("id"), given.get("seriesMasterId")
        if not isinstance(name, str) or not name:
            raise UnreadableAnswer(f"calendar {self.calendar!r}: an event without an id: {reason}")
        if isinstance(of, str) and of:
            self._group(of).unread.add(name)
            self._series[name] = of
        else:
            self._broken[name] = reason
            self.named.add(name)
            self.gone.pop(name, None)
            if name in self.groups:
                self.groups[name].master = None

    def _removed(self, name: str) -> Iterator[Item]:
        self.gone[name] = None
        of = self._series.get(name)
        if of is not None:
            group = self._group(of)
            group.exceptions.pop(name, None)
            group.occurrences.pop(name, None)
            group.unread.discard(name)
            return
        self._modified.pop(name, None)
        yield self.forget(name)

    def _stray(self, event: wire.Event) -> None:
        """Keep an occurrence of no series: its time counts, and little else is known of it."""
        if event.id in self._series:
            return
        self._broken[event.id] = "it is an occurrence, and does not say of which series"
        self._group(event.id).occurrences[event.id] = event
        self.named.add(event.id)
        self.gone.pop(event.id, None)

    def _part(self, event: wire.Event) -> None:
        if event.id in self._broken:
            self.forget(event.id)
        group = self._group(event.series_master_id)
        self._series[event.id] = group.id
        self.gone.pop(event.id, None)
        if event.type == _OCCURRENCE:
            if event.id not in group.exceptions:
                group.occurrences[event.id] = event
            return
        before = group.exceptions.get(event.id)
        if before is None or not _is_older(event, before.last_modified_date_time):
            group.exceptions[event.id] = event
            group.occurrences.pop(event.id, None)

    def _whole(self, event: wire.Event) -> Iterator[Item]:
        state = event.last_modified_date_time, event.etag
        before = self._modified.get(event.id)
        if before is not None and (state == before or _is_older(event, before[0])):
            return
        self._modified[event.id] = state
        self._broken.pop(event.id, None)
        self.gone.pop(event.id, None)
        self.named.add(event.id)
        if event.type == _MASTER or event.recurrence is not None:
            self._group(event.id).master = event
            return
        self.groups.pop(event.id, None)
        try:
            made, notes = read_event(event)
        except Unclear as err:
            yield Unreadable(RemoteId(event.id), str(err), entity_tag(event.etag))
            return
        yield Series(
            RemoteId(event.id),
            EventSeries(uid=made.uid, master=made, notes=notes),
            entity_tag(event.etag),
        )

    def _group(self, name: str) -> Group:
        return self.groups.setdefault(name, Group(name))

    def _is_partial(self, group: Group) -> bool:
        if group.master is None:
            return True
        try:
            master, place = self._read(group.master)
        except Unclear:
            return True
        return series.build(group, master, place, self.window).has_holes

    def _series_item(self, group: Group) -> Item:
        assert group.master is not None  # noqa: S101 - for the type checker
        name, etag = RemoteId(group.id), entity_tag(group.master.etag)
        try:
            master, place = self._read(group.master)
        except Unclear as err:
            return Unreadable(name, str(err), etag, series.remains(group))
        return Series(name, series.build(group, master, place, self.window).series, etag)

    def _read(self, event: wire.Event) -> tuple[Event, Place]:
        """Read a master; without its rule where that cannot be understood.

        Raises:
            Unclear: its time cannot be understood.
        """
        place = Place()
        try:
            master, notes = read_event(event)
        except Unclear as err:
            master, notes = read_event(structs.replace(event, recurrence=None))
            notes = (*notes, str(err))
        place.notes.extend(notes)
        return master, place


def _is_older(event: wire.Event, other: str) -> bool:
    """Tell whether an event was modified before another one, which not all say."""
    mine, theirs = _modified(event.last_modified_date_time), _modified(other)
    return mine is not None and theirs is not None and mine < theirs


def _modified(text: str) -> datetime | None:
    """Read a stamp with the fractions of its second; the first year of all is filler."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year == 1:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
