"""Single occurrences of a series: which have to be changed, given back or taken away. Pure.

Google has a changed occurrence as an event of its own, and a deleted one as a cancelled event; both
keep the id that their original start gives them. One that was changed stays an event of its own
when it becomes like the others again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bridge.ical.foreign import Unclear
from bridge.ical.repair import shift
from bridge.model.event import Event, EventSeries, EventTime, Floating, Status
from bridge.model.interval import Instant, instant
from bridge.providers.google import wire
from bridge.providers.google.booked import read_booking
from bridge.providers.google.moments import Place, instance_id, placed, read_original
from bridge.providers.google.sayable import has_occurrence

_CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What Google has of a series beside its master, by original start."""

    changed: dict[Instant, wire.Event] = field(default_factory=dict)
    cancelled: dict[Instant, wire.Event] = field(default_factory=dict)
    originals: dict[Instant, EventTime] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Sequence[wire.Event], place: Place) -> Exceptions:
        """Sort the occurrences of one series; one that does not say which it is is left out."""
        found = cls()
        for event in events:
            try:
                original = read_original(event, place)
            except Unclear:
                continue
            when = placed(original, place)
            found.originals[when] = original
            kept = found.cancelled if event.status == _CANCELLED else found.changed
            kept[when] = event
        return found


@dataclass(frozen=True, slots=True)
class Cancel:
    """An occurrence that shall not take place."""

    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """An occurrence that shall be otherwise than it is."""

    name: str
    wanted: Event
    base: Event | None = None
    """As the client knows it; None: as it is."""
    current: wire.Event | None = None
    """None: it is as its series has it."""


def read_series(master: wire.Event, others: Sequence[wire.Event], place: Place) -> EventSeries:
    """Read a whole series, or a single event.

    Raises:
        Unclear: its time cannot be understood.
    """
    event, notes = read_booking(master, place)
    exceptions = Exceptions.of(others if event.is_recurring else (), place)
    gone = {placed(each, place) for each in event.exdates}
    gaps = [exceptions.originals[when] for when in sorted(exceptions.cancelled) if when not in gone]
    event = replace(event, exdates=(*event.exdates, *gaps))
    overrides = []
    for _, other in sorted(exceptions.changed.items()):
        try:
            found, more = read_booking(other, place)
        except Unclear as err:
            notes = (*notes, f"a changed occurrence cannot be read: {err}")
            continue
        notes = (*notes, *more)
        overrides.append(replace(found, uid=event.uid))
    return EventSeries(uid=event.uid, master=event, overrides=tuple(overrides), notes=notes)


def lines_for(wanted: Event, current: Event, place: Place) -> Event:
    """Say which EXDATEs of a series stand among its lines.

    Those that stand there stay, and all of them do where the series itself moves; others are
    cancelled one by one, which tells guests of just these.
    """
    if _rhythm(wanted) != _rhythm(current):
        return replace(wanted, exdates=_sorted(wanted.exdates, place))
    known = {placed(each, place) for each in current.exdates}
    kept = [each for each in wanted.exdates if placed(each, place) in known]
    return replace(wanted, exdates=_sorted(kept, place))


def in_order(event: Event, place: Place) -> Event:
    """Put the EXDATEs in the order in which they are written."""
    return replace(event, exdates=_sorted(event.exdates, place))


def plan(
    master: wire.Event,
    exceptions: Exceptions,
    base: EventSeries | None,
    wanted: EventSeries,
    place: Place,
) -> Iterator[Cancel | Change]:
    """Say what has to be done with single occurrences, the first ones first.

    Args:
        master: as it stands now, changed already.
        exceptions: as they stand now.
        base: the series as the client knows it.
        wanted: the series as it shall be.
        place: the calendar.
    """
    if wanted.master is None or not wanted.master.is_recurring:
        return
    series = wanted.master
    known = {_key(it, place): it for it in (base.overrides if base else ())}
    shall = {_key(it, place): it for it in wanted.overrides if it.status is not Status.CANCELLED}
    gaps = {placed(each, place): each for each in series.exdates} | {
        _key(it, place): it.recurrence_id
        for it in wanted.overrides
        if it.status is Status.CANCELLED and it.recurrence_id is not None
    }
    said = _said_gaps(master, place)
    for when in sorted({*shall, *gaps, *exceptions.originals}):
        there = exceptions.changed.get(when) or exceptions.cancelled.get(when)
        original = gaps.get(when) or (
            shall[when].recurrence_id if when in shall else exceptions.originals[when]
        )
        assert original is not None  # noqa: S101 - for the type checker
        name = there.id if there else instance_id(master.id, original, place)
        if when in gaps:
            if when not in exceptions.cancelled and when not in said:
                yield Cancel(name)
        elif when in shall:
            yield Change(name, shall[when], known.get(when), there)
        elif has_occurrence(series, when, place):
            yield Change(name, regular(series, original), known.get(when), there)
        elif when in exceptions.changed:
            yield Cancel(name)


def regular(master: Event, original: EventTime) -> Event:
    """Give an occurrence as its series has it."""
    return replace(
        master,
        recurrence_id=original,
        start=original,
        end=_end(master, original),
        rrules=(),
        exrules=(),
        rdates=(),
        exdates=(),
    )


def _end(master: Event, original: EventTime) -> EventTime:
    start, end = master.start, master.end
    if isinstance(original, datetime) and isinstance(start, datetime) and isinstance(end, datetime):
        lasts = timedelta(seconds=instant(end) - instant(start))
        return (original.astimezone(UTC) + lasts).astimezone(original.tzinfo)
    if isinstance(start, Floating) and isinstance(end, Floating):
        return shift(original, end.wall - start.wall)
    if not isinstance(start, datetime | Floating) and not isinstance(end, datetime | Floating):
        return shift(original, end - start)
    return shift(original, timedelta(hours=1))


def _said_gaps(master: wire.Event, place: Place) -> set[Instant]:
    try:
        return {placed(each, place) for each in read_booking(master, place).event.exdates}
    except Unclear:
        return set()


def _key(override: Event, place: Place) -> Instant:
    assert override.recurrence_id is not None  # noqa: S101 - an override has one
    return placed(override.recurrence_id, place)


def _rhythm(event: Event) -> tuple[object, ...]:
    return event.start, event.rrules, event.exrules, event.rdates


def _sorted(moments: Sequence[EventTime], place: Place) -> tuple[EventTime, ...]:
    once = {placed(each, place): each for each in moments}
    return tuple(once[when] for when in sorted(once))
