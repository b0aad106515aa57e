"""Two changes of one event at the same time: what only one side touched is as that side wants it.

Pure. Each side has a before of its own, since a provider writes things its own way: a description
that it tidied was touched by nobody. Where both touched the same, the booking wins, and the field
is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bridge.model.event import Attendee, Event, EventSeries, EventTime

_WHEN = ("start", "end", "duration", "exact", "rrules", "exrules", "rdates")
"""They mean nothing without each other."""
_ALONE = (
    "status",
    "transp",
    "show_as",
    "classification",
    "summary",
    "description",
    "location",
    "url",
    "categories",
    "alarms",
    "attachments",
)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a change."""

    before: EventSeries
    after: EventSeries


@dataclass(frozen=True, slots=True)
class Merged:
    """What comes of both."""

    series: EventSeries
    lost: Mapping[str, str] = field(default_factory=dict)
    """What both touched, by name: the other side's change, which is lost."""


def merged(ours: Side, theirs: Side) -> Merged:
    """Make one series of two that come from the same.

    Args:
        ours: the booking, as its clients wrote it before and now.
        theirs: the event, as its provider had it before and has it now.
    """
    if ours.after.master is None or theirs.after.master is None:
        return Merged(ours.after)
    lost: dict[str, str] = {}
    master = _event(
        (ours.before.master or ours.after.master, ours.after.master),
        (theirs.before.master or theirs.after.master, theirs.after.master),
        lost,
    )
    if _changed(ours.before.master, ours.after.master, _WHEN):
        # Occurrences that were changed elsewhere belong to times that are no more.
        ours, theirs = Side(ours.after, ours.after), Side(theirs.before, theirs.before)
    overrides = tuple(_overrides(ours, theirs, lost))
    return Merged(replace(ours.after, master=master, overrides=overrides), lost)


def taken_back(found: EventSeries, refused: EventSeries, visible: EventSeries) -> EventSeries:
    """Take a change of ours that is refused out of what stands; what others made of it stays.

    Args:
        found: the event as it stands: with all of that change, some of it, or nothing.
        refused: what the change wanted.
        visible: what it was to be before, and is to be again.

    Returns:
        `found` itself where nothing of the change is in it.
    """
    a, b, d = refused.master, found.master, visible.master
    if a is None or b is None or d is None:
        return visible
    back = _back(a, b, d)
    moved = _changed(a, d, _WHEN) and not _changed(a, b, _WHEN)
    # Occurrences of the times that it was moved to are no more.
    overrides = visible.overrides if moved else tuple(_overrides_back(found, refused, visible))
    if back == b and overrides == found.overrides:
        return found
    return replace(visible, master=back, overrides=overrides)


def _overrides_back(
    found: EventSeries, refused: EventSeries, visible: EventSeries
) -> Iterator[Event]:
    a, b, d = _by_original(refused), _by_original(found), _by_original(visible)
    for key in dict.fromkeys([*b, *d]):
        wanted, there, before = a.get(key), b.get(key), d.get(key)
        if there is None:
            if wanted is None and before is not None:
                yield before
        elif wanted is None:
            yield there
        elif before is not None:
            yield _back(wanted, there, before)
        elif _changed(wanted, there, (*_WHEN, *_ALONE)):
            yield there


def _back(refused: Event, found: Event, visible: Event) -> Event:
    event = _event((refused, found), (refused, visible), {})
    replies = {it.address: it.partstat for it in found.attendees}
    guests = (replace(it, partstat=replies.get(it.address, it.partstat)) for it in event.attendees)
    return replace(event, attendees=tuple(guests))


def _overrides(ours: Side, theirs: Side, lost: dict[str, str]) -> Iterator[Event]:
    a, b = _by_original(ours.before), _by_original(ours.after)
    c, d = _by_original(theirs.before), _by_original(theirs.after)
    for key in dict.fromkeys([*b, *d]):
        mine, other = b.get(key), d.get(key)
        if mine is not None and other is not None:
            was = a.get(key), c.get(key)
            yield _event((was[0] or mine, mine), (was[1] or other, other), lost)
        elif mine is not None:
            if key in c and a.get(key) == mine:
                continue  # they gave it back, and it was left alone here
            yield mine
        elif other is not None and key not in a and key not in c:
            yield other  # they changed an occurrence that nobody had changed


def _event(ours: tuple[Event, Event], theirs: tuple[Event, Event], lost: dict[str, str]) -> Event:
    (a, b), (c, d) = ours, theirs
    taken: dict[str, Any] = {}
    if _changed(c, d, _WHEN):
        if not _changed(b, d, _WHEN):
            pass  # the same on both sides: as after an answer of ours that was lost
        elif _changed(a, b, _WHEN):
            lost["time"] = f"{d.start} to {d.end}"
        else:
            taken |= {name: getattr(d, name) for name in _WHEN}
    if not _changed(a, b, _WHEN):
        taken["exdates"] = _moments(a.exdates, b.exdates, c.exdates, d.exdates)
    for name in _ALONE:
        if not _changed(c, d, (name,)) or not _changed(b, d, (name,)):
            continue
        if _changed(a, b, (name,)):
            lost[name] = str(getattr(d, name))
        else:
            taken[name] = getattr(d, name)
    taken["attendees"] = tuple(_guests(a, b, c, d))
    return replace(b, **taken)


def _changed(before: Event | None, after: Event | None, names: Iterable[str]) -> bool:
    return any(
        _plain(getattr(before, name, None)) != _plain(getattr(after, name, None)) for name in names
    )


def _plain(value: object) -> object:
    """Leave out what providers do by themselves, and nobody means."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def _guests(a: Event, b: Event, c: Event, d: Event) -> Iterator[Attendee]:
    """Give the guests: whoever one side added or took away; replies are the provider's."""
    was, now = {it.address for it in a.attendees}, {it.address for it in b.attendees}
    theirs_was = {it.address for it in c.attendees}
    replies = {it.address: it for it in d.attendees}
    for guest in b.attendees:
        removed = guest.address in theirs_was and guest.address not in replies
        if removed and guest.address in was:
            continue
        reply = replies.get(guest.address)
        yield guest if reply is None else replace(guest, partstat=reply.partstat)
    for guest in d.attendees:
        if guest.address not in theirs_was | was | now:
            yield guest


def _moments(
    a: tuple[EventTime, ...],
    b: tuple[EventTime, ...],
    c: tuple[EventTime, ...],
    d: tuple[EventTime, ...],
) -> tuple[EventTime, ...]:
    was, theirs_was = _keys(a), _keys(c)
    now, theirs_now = _keys(b), _keys(d)
    kept = [
        each
        for key, each in now.items()
        if not (key in was and key in theirs_was and key not in theirs_now)
    ]
    added = [each for key, each in theirs_now.items() if key not in theirs_was | was | now]
    return (*kept, *added)


def _keys(moments: Iterable[EventTime]) -> dict[object, EventTime]:
    return {_plain(each): each for each in moments}


def _by_original(series: EventSeries) -> dict[object, Event]:
    return {_plain(it.recurrence_id): it for it in series.overrides}
