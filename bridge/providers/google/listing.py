"""What the events of one listing come to, whatever their order and however often they come.

Google lists single events, masters and changed occurrences as events of their own. Occurrences wait
here until every master of the listing was seen: cancelled ones of an event that does not recur any
more are left-overs, and would take the event itself away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TypeAlias

import msgspec

from bridge.errors import UnreadableAnswer
from bridge.ical.foreign import Unclear, at
from bridge.model.event import Event, EventSeries, EventTime, Floating
from bridge.model.interval import Instant, instant
from bridge.provider import (
    Item,
    OccurrenceRemoved,
    Override,
    RemoteId,
    Series,
    SeriesRemoved,
    Unreadable,
    entity_tag,
)
from bridge.providers.google import wire
from bridge.providers.google.moments import Place, instance, read_original
from bridge.providers.google.translate import read_event

_CANCELLED = "cancelled"
_SLACK = timedelta(days=1)
"""A day begins and ends at another moment in each zone."""

Part: TypeAlias = Override | OccurrenceRemoved


@dataclass(slots=True)
class Listing:
    """One listing on its way through."""

    calendar: str
    time_zone: str = ""
    since: Instant | None = None
    """Of a full listing: single events that ended before are left out."""
    single: dict[str, Instant] = field(default_factory=dict)
    """Ids of events that do not recur, with the start of each."""
    recurring: dict[str, str] = field(default_factory=dict)
    """Ids of series, with the UID of each."""
    parts: dict[str, tuple[str, Part]] = field(default_factory=dict)
    """Changed and cancelled occurrences by id, each with the id of its series."""
    notes: list[str] = field(default_factory=list)
    _seen: dict[str, str] = field(default_factory=dict)

    def page(self, page: wire.EventPage) -> list[Item]:
        """Take a page, and give what can be said already."""
        self.time_zone = page.time_zone or self.time_zone
        place = Place.of(self.calendar, self.time_zone)
        return [item for data in page.items for item in self._items(data, place)]

    def rest(self) -> list[Item]:
        """Give the occurrences, when every page was taken.

        Those whose series the listing does not name are among them: it is known already, or
        somebody was invited to the one occurrence alone.
        """
        return [part for series, part in self.parts.values() if self._counts(series, part)]

    def _counts(self, series: str, part: Part) -> bool:
        """Tell whether an occurrence is more than a left-over of what does not recur any more.

        Google is believed to cancel them all; one that it does not cancel blocks its time, unless
        it would stand in the place of the event itself.
        """
        if series not in self.single:
            return True
        original = part.event.recurrence_id if isinstance(part, Override) else None
        return original is not None and at(original) != self.single[series]

    def _items(self, data: msgspec.Raw, place: Place) -> Iterator[Item]:
        try:
            event = wire.read(data, wire.Event)
        except wire.NotThatShape as err:
            yield from self._not_understood(data, str(err))
            return
        if not event.id:
            raise UnreadableAnswer(f"calendar {self.calendar!r}: an event without an id")
        if event.etag and self._seen.get(event.id) == event.etag:
            return  # the end of a page may come again with the next one
        self._seen[event.id] = event.etag
        if event.status == _CANCELLED:
            yield from self._cancelled(event, place)
        elif event.recurring_event_id:
            self._changed(event, place)
        else:
            yield from self._whole(event, place)

    def _not_understood(self, data: msgspec.Raw, reason: str) -> Iterator[Item]:
        """Keep what is known of an event; an occurrence stays where its series has it."""
        try:
            name, series, etag = wire.name(data)
        except wire.NotThatShape:
            name = series = etag = ""
        if not name:
            raise UnreadableAnswer(f"calendar {self.calendar!r}: an event without an id: {reason}")
        if series:
            self._note_occurrence(reason)
        else:
            yield Unreadable(RemoteId(name), reason, entity_tag(etag))

    def _cancelled(self, event: wire.Event, place: Place) -> Iterator[Item]:
        if event.recurring_event_id:
            self._gone(event, event.recurring_event_id, place)
            return
        # What is left of a deleted occurrence may be its id alone.
        named = instance(event.id)
        if named is not None:
            self._gone(event, named[0], place)
        yield SeriesRemoved(RemoteId(event.id))

    def _gone(self, event: wire.Event, series: str, place: Place) -> None:
        try:
            start = at(read_original(event, place))
        except Unclear as err:
            self._note_occurrence(str(err))
        else:
            self.parts[event.id] = series, OccurrenceRemoved(RemoteId(series), start)

    def _changed(self, event: wire.Event, place: Place) -> None:
        try:
            made, notes = read_event(event, place)
        except Unclear as err:
            self._note_occurrence(str(err))
            return
        self.notes.extend(f"a changed occurrence: {note}" for note in notes)
        series = event.recurring_event_id
        self.parts[event.id] = series, Override(RemoteId(series), made, entity_tag(event.etag))

    def _whole(self, event: wire.Event, place: Place) -> Iterator[Item]:
        remote_id, etag = RemoteId(event.id), entity_tag(event.etag)
        try:
            made, notes = read_event(event, place)
        except Unclear as err:
            yield Unreadable(remote_id, str(err), etag)
            return
        if made.is_recurring:
            self.recurring[event.id] = event.ical_uid
            self.single.pop(event.id, None)
        else:
            self.single[event.id] = at(made.start)
            self.recurring.pop(event.id, None)
            if self.since is not None and _is_over(made, self.since):
                return
        yield Series(remote_id, EventSeries(uid=made.uid, master=made, notes=notes), etag)

    def _note_occurrence(self, reason: str) -> None:
        self.notes.append(
            f"a changed occurrence cannot be read, and stays where it was: {reason[:120]}"
        )


def _is_over(event: Event, since: Instant) -> bool:
    return _latest(event.end) <= since


def _latest(moment: EventTime) -> Instant:
    if isinstance(moment, Floating):
        return instant(moment.wall.replace(tzinfo=UTC) + _SLACK)
    if isinstance(moment, datetime):
        return instant(moment)
    return instant(datetime.combine(moment, time(), UTC) + _SLACK)
