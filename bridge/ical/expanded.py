"""Objects as reports want them (RFC 4791 section 9.6): expanded, or cut to a window. Pure.

The texts are what clients wrote; what cannot be understood of them is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import TooMany
from bridge.ical.contentline import fold, unfold
from bridge.ical.parse import parse_calendar
from bridge.ical.placed import instant_in
from bridge.ical.recurrence import expand
from bridge.ical.serialize import PRODID, escape_text, utc_text
from bridge.model.event import Event, EventSeries, Occurrence
from bridge.model.interval import Instant, Window

_WHEN = frozenset(
    {"DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}
)


def occurrences(text: str, window: Window, zone: tzinfo) -> list[Occurrence]:
    """List the occurrences that overlap a window.

    Args:
        text: one calendar object.
        window: half-open.
        zone: of floating times and all-day events.
    """
    series = _series(text)
    return [] if series is None else _found(series, window, zone)


def expanded(text: str, window: Window, zone: tzinfo, *, most: int = 1 << 24) -> str:
    """Write each occurrence in a window as an event of its own, in UTC (section 9.6.5).

    Args:
        text: one calendar object.
        window: half-open.
        zone: of floating times and all-day events.
        most: characters that may come of it.

    Raises:
        TooMany: there would be more.
    """
    series = _series(text)
    if series is None:
        return text
    cut = _cut(text)
    blocks = {_key(each.event, zone): each for each in cut.blocks}
    first = cut.blocks[0]
    lines = [*cut.head]
    size = {id(each): sum(map(len, each.lines)) for each in cut.blocks}
    for it in _found(series, window, zone):
        block = blocks.get(_key(it.event, zone)) or blocks.get(None, first)
        most -= size[id(block)]
        if most < 0:
            raise TooMany("a series has too many occurrences to be written one by one")
        original = it.original_start if _recurs(series) else None
        lines += _occurrence(block, it, original, zone)
    return fold("\n".join([*lines, "END:VCALENDAR", ""]))


def limited(text: str, window: Window, zone: tzinfo) -> str:
    """Keep of a series its master and what is changed in a window (section 9.6.6)."""
    series = _series(text)
    if series is None or not series.overrides:
        return text
    within = {it.original_start for it in _found(series, window, zone) if it.event.recurrence_id}
    # One that was moved out of the window is missed in it.
    keys = [key for key in (_key(event, zone) for event in series.overrides) if key is not None]
    within |= {key for key in keys if window.start <= key < window.end}
    cut = _cut(text)
    lines = [*cut.head, *cut.zones]
    for block in cut.blocks:
        key = _key(block.event, zone)
        if key is None or key in within:
            lines += block.lines
    return fold("\n".join([*lines, "END:VCALENDAR", ""]))


def joined(texts: Iterable[str], *, name: str) -> str:
    """Write many objects as one calendar; each VTIMEZONE comes once."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODID}"]
    head += [f"NAME:{escape_text(name)}", f"X-WR-CALNAME:{escape_text(name)}"]
    zones: dict[str, None] = {}
    events: list[str] = []
    for text in texts:
        for component in _components(text):
            written = "\n".join(component)
            if component[0].upper() == "BEGIN:VTIMEZONE":
                zones[written] = None
            else:
                events.append(written)
    return fold("\n".join([*head, *zones, *events, "END:VCALENDAR", ""]))


@dataclass(frozen=True, slots=True)
class _Block:
    event: Event | None
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Cut:
    head: Sequence[str]
    zones: Sequence[str]
    blocks: Sequence[_Block]


def _series(text: str) -> EventSeries | None:
    try:
        found = parse_calendar(text).series
    except InvalidCalendarObject:
        return None
    return found[0].series if len(found) == 1 else None


def _found(series: EventSeries, window: Window, zone: tzinfo) -> list[Occurrence]:
    try:
        return expand(series, window, zone, day_zone=zone).occurrences
    except InvalidCalendarObject:
        return []


def _cut(text: str) -> _Cut:
    components = list(_components(text))
    zones = [line for each in components if _is(each, "VTIMEZONE") for line in each]
    head = ["BEGIN:VCALENDAR", *_own_lines(text)]
    blocks = []
    for each in components:
        if _is(each, "VEVENT"):
            alone = _series("\n".join([*head, *zones, *each, "END:VCALENDAR", ""]))
            blocks.append(_Block(next(iter(alone.events())) if alone else None, each))
    return _Cut(head, zones, blocks)


def _components(text: str) -> Iterator[list[str]]:
    """Give the unfolded lines of each component of the calendar, from BEGIN to END."""
    depth, lines = 0, list[str]()
    for line in unfold(text)[0].split("\n"):
        begins, ends = line[:6].upper() == "BEGIN:", line[:4].upper() == "END:"
        depth += begins
        if depth > 1:
            lines.append(line)
        depth -= ends
        if ends and depth == 1:
            yield lines
            lines = []


def _own_lines(text: str) -> Iterator[str]:
    depth = 0
    for line in unfold(text)[0].split("\n"):
        begins, ends = line[:6].upper() == "BEGIN:", line[:4].upper() == "END:"
        depth += begins - ends
        if depth == 1 and line and not begins and not ends:
            yield line


def _is(component: Sequence[str], name: str) -> bool:
    return component[0].partition(":")[2].strip().upper() == name


def _key(event: Event | None, zone: tzinfo) -> Instant | None:
    """Tell events of a series apart: by what they replace; None for the master."""
    if event is None or event.recurrence_id is None:
        return None
    return instant_in(event.recurrence_id, zone)


def _recurs(series: EventSeries) -> bool:
    return series.master is None or series.master.is_recurring or bool(series.overrides)


def _occurrence(
    block: _Block, it: Occurrence, original: Instant | None, zone: tzinfo
) -> Iterator[str]:
    yield block.lines[0]
    yield _moment("DTSTART", it.start, it.event, zone)
    yield _moment("DTEND", it.end, it.event, zone)
    if original is not None:
        yield _moment("RECURRENCE-ID", original, it.event, zone)
    depth = 0
    for line in block.lines[1:]:
        depth += line[:6].upper() == "BEGIN:"
        name = line.partition(":")[0].partition(";")[0].strip().upper()
        if depth or name not in _WHEN:
            yield line
        depth -= line[:4].upper() == "END:"


def _moment(name: str, when: Instant, event: Event, zone: tzinfo) -> str:
    if isinstance(event.start, date) and not isinstance(event.start, datetime):
        day = datetime.fromtimestamp(when, UTC).astimezone(zone)
        return f"{name};VALUE=DATE:{day:%Y%m%d}"
    return f"{name}:{utc_text(when)}"
