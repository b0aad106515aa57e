"""A series as Graph lists it: its rule, put right by the occurrences that it has in a window. Pure.

What Graph lists there is the truth. An occurrence that the rule has and Graph does not is excluded;
one that Graph has and the rule does not is added, as are other times than those of the rule. Beyond
the window the rule holds. Where the rule cannot be understood, what is listed stands by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import structs

from bridge.errors import InvalidCalendarObject
from bridge.ical.foreign import Unclear, at, once
from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries, EventTime, Floating
from bridge.model.interval import Instant, Window, instant, utc
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.moments import Place, on_day, read_span
from bridge.providers.microsoft.translate import read_event

_DAY = 86400
EDGE = 2 * _DAY
"""So near to an end of a window nobody is sure what belongs to it."""
_EPOCH = utc(0)


class Times(NamedTuple):
    """When an occurrence is, as its series has it or as Graph lists it."""

    start: Instant
    end: Instant


@dataclass(slots=True)
class Group:
    """What was listed of one series."""

    id: str
    master: wire.Event | None = None
    exceptions: dict[str, wire.Event] = field(default_factory=dict)
    """By id, as the next one."""
    occurrences: dict[str, wire.Event] = field(default_factory=dict)
    """Those that nobody changed: little more than their times."""
    unread: set[str] = field(default_factory=set)
    """Ids of occurrences that have no shape: they are there, and nobody knows when."""


class Built(NamedTuple):
    """What a group comes to."""

    series: EventSeries
    has_holes: bool
    """Its rule has occurrences that were not listed, or nobody knows what it has: all is well where
    the whole of it was listed, and only there."""


@dataclass(slots=True)
class _Changed:
    """The changed occurrences of a series."""

    master: Event
    placed: list[Event] = field(default_factory=list)
    """Those that say which occurrence they are."""
    astray: list[Event] = field(default_factory=list)
    """Those that do not, and say when they are."""
    is_vague: bool = False
    """Nobody knows of some which occurrence they are."""

    def among(self, others: Iterable[Instant]) -> list[Event]:
        """Give all of them; one astray as an occurrence of its own, in place of no other one."""
        placed = [at(each.recurrence_id) for each in self.placed if each.recurrence_id is not None]
        taken = {*others, *placed}
        step = 1 if isinstance(self.master.start, datetime) else _DAY
        found = [*self.placed]
        for each in self.astray:
            key = at(each.start) // step * step
            while key in taken:
                key += step
            taken.add(key)
            mine = on_clock(self.master, key)
            found.append(replace(each, uid=self.master.uid, recurrence_id=mine))
        return found


def build(group: Group, master: Event, place: Place, window: Window) -> Built:
    """Put a series together.

    Args:
        group: what was listed.
        master: read from the group's.
        place: where what had to be guessed is noted.
        window: that was listed.
    """
    listed, vague = _listed(group, master, place)
    changed = _changed(group, master, place)
    vague = vague or changed.is_vague
    known = _known(master, window, place)
    overrides = changed.among([*(known or ()), *(each.start for each in listed)])
    if known is None:
        overrides += [moved_to(master, each, each) for each in listed]
        alone = None if overrides else replace(master, rrules=())
        return Built(_series(master.uid, alone, overrides, place), has_holes=True)
    taken = {at(each.recurrence_id) for each in overrides if each.recurrence_id is not None}
    seen = taken.union(each.start for each in listed)
    missing = [each for each in known.values() if each.start not in seen and _is_in(each, window)]
    for each in listed:
        if each.start not in taken and known.get(each.start) != each:
            overrides.append(moved_to(master, known.get(each.start, each), each))
    if vague:
        place.notes.append("an occurrence that cannot be read stays where the series has it")
    else:
        excluded = tuple(on_clock(master, each.start) for each in missing)
        master = replace(master, exdates=excluded)
    return Built(_series(master.uid, master, overrides, place), has_holes=bool(missing))


def _series(
    uid: str, master: Event | None, overrides: Sequence[Event], place: Place
) -> EventSeries:
    notes = once(place.notes)
    return EventSeries(uid=uid, master=master, overrides=tuple(overrides), notes=notes)


def _known(master: Event, window: Window, place: Place) -> Mapping[Instant, Times] | None:
    """Give what the rule has in a window; None where that cannot be said."""
    why = "it is not understood"
    if master.rrules:
        try:
            return by_rule(master, window)
        except (InvalidCalendarObject, ValueError, ArithmeticError) as err:
            why = str(err)[:120]
    place.notes.append(f"its rule is left out, and every occurrence stands as listed: {why}")
    return None


def _is_in(times: Times, window: Window) -> bool:
    return window.start + EDGE <= times.start and times.end <= window.end - EDGE


def remains(group: Group) -> EventSeries | None:
    """Give the occurrences of a series whose master says nothing; None where there are none."""
    nobody, place = Event(uid=group.id, start=_EPOCH, end=_EPOCH), Place()
    listed, _ = _listed(group, nobody, place)
    changed = _changed(group, nobody, place)
    overrides = changed.among(each.start for each in listed)
    overrides += [moved_to(nobody, each, each) for each in listed]
    return EventSeries(uid=group.id, master=None, overrides=tuple(overrides)) if overrides else None


def _listed(group: Group, master: Event, place: Place) -> tuple[list[Times], bool]:
    """Give when unchanged occurrences are, and whether some do not say.

    Days are the midnights of UTC, as they are written: a line does not say whether it is of days.
    """
    is_day = not isinstance(master.start, datetime)
    found: dict[Instant, Times] = {}
    vague = bool(group.unread)
    for event in group.occurrences.values():
        try:
            here = structs.replace(event, is_all_day=is_day)
            times = Times(*map(at, read_span(here, place)))
        except Unclear as err:
            place.notes.append(str(err))
            vague = True
        else:
            found[times.start] = times
    return [found[start] for start in sorted(found)], vague


def _changed(group: Group, master: Event, place: Place) -> _Changed:
    made = _Changed(master)
    for event in group.exceptions.values():
        try:
            found, notes = read_event(event)
            original = original_start(master, found.recurrence_id)
        except Unclear as err:
            notes = (f"it cannot be read, and stays where it was: {str(err)[:120]}",)
            made.is_vague = True
            with suppress(Unclear):  # its own time counts as well
                alone = structs.replace(event, type="", series_master_id="", recurrence=None)
                made.astray.append(read_event(alone).event)
        else:
            mine = replace(found, uid=master.uid, recurrence_id=original)
            made.placed.append(replace(mine, origin=found.origin or master.origin))
        place.notes.extend(f"a changed occurrence: {note}" for note in notes)
    return made


def original_start(master: Event, original: EventTime | None) -> EventTime:
    """Say on the clock of the series which occurrence is meant.

    Raises:
        Unclear: nothing says it.
    """
    if original is None:
        raise Unclear("it does not say which occurrence it is")
    if isinstance(master.start, datetime):
        if isinstance(original, datetime | Floating):
            return on_clock(master, at(original))
        return on_day(master.start, original)
    if isinstance(original, datetime):
        # A day is the midnight of some zone; the nearest midnight of UTC is of the same day.
        return on_clock(master, (instant(original) + _DAY // 2) // _DAY * _DAY)
    return original


def by_rule(master: Event, window: Window) -> dict[Instant, Times]:
    """Give what the rule of a series has in a window, by start.

    Raises:
        InvalidCalendarObject: it says nothing, or costs too much.
    """
    series = EventSeries(uid=master.uid, master=master)
    found = expand(series, window, UTC, day_zone=UTC).occurrences
    return {each.original_start: Times(each.start, each.end) for each in found}


def moved_to(master: Event, original: Times, now: Times) -> Event:
    """Give the occurrence that the rule has at one time, as it takes place at another."""
    return replace(
        master,
        start=on_clock(master, now.start),
        end=on_clock(master, now.end),
        duration=None,
        exact=None,
        rrules=(),
        recurrence_id=on_clock(master, original.start),
    )


def on_clock(master: Event, when: Instant) -> EventTime:
    """Say an instant the way the master says its start."""
    if isinstance(master.start, datetime):
        return utc(when).astimezone(master.start.tzinfo)
    return utc(when).date()
