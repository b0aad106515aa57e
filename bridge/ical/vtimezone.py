"""Inline VTIMEZONE definitions (RFC 5545 section 3.6.5) as zones, bounded and without any registry.

A definition belongs to the calendar that carries it: it is found by its whole text, never by name,
so that one calendar's "Europe/Berlin" cannot move another's. It becomes a table of transitions from
1970 to 2100; a definition that would need a larger table is refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from bridge.ical.bounds import STEP, Budget, Limits, TooCostly
from bridge.ical.contentline import Properties, text_value, time_parameters
from bridge.ical.generation import generate
from bridge.ical.rules import check_rule, read_rule
from bridge.ical.values import Unreadable, event_time, utc_offset
from bridge.ical.wallclock import DAY, EPOCH, wall_of
from bridge.model.interval import Instant

_FIRST = datetime(1970, 1, 1, tzinfo=UTC).toordinal() * DAY
_LAST = datetime(2101, 1, 1, tzinfo=UTC).toordinal() * DAY
_LIMITS = Limits(occurrences=1000, steps=10_000)
"""Of all rules of one VTIMEZONE together."""
_OF_A_FILE = Limits(steps=50_000)
"""Of all VTIMEZONEs of one file together: a hundred real ones."""
_MOST_TRANSITIONS = 2000
_MOST_OBSERVANCES = 1000
_MOST_RULES = 100
_LONGEST = 64 << 10
_READING = 10
"""Steps that reading an observance is worth."""
COMPARISON = 100
"""Steps that comparing a definition with a zone of its name is worth."""
_NAMES = frozenset({"TZID", "X-LIC-LOCATION"})
_OBSERVANCE = frozenset({"DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE", "TZNAME"})
_ZERO = timedelta()


class CustomZone(tzinfo):
    """A zone that only its calendar defines.

    Skipped times take the offset before the gap, as `zoneinfo` has it with fold 0.
    """

    def __init__(
        self, definition: str, transitions: list[tuple[Instant, int]], before: int
    ) -> None:
        """Take (instant, offset from then on) in order, and the offset before the first."""
        self._name = names(definition)[0]
        self._definition = definition
        self._instants = [when for when, _ in transitions]
        self._offsets = [timedelta(seconds=it) for it in [before, *(it for _, it in transitions)]]
        steps = list(pairwise([before, *(offset for _, offset in transitions)]))
        self._walls = (
            [when + max(step) for when, step in zip(self._instants, steps, strict=True)],
            [when + min(step) for when, step in zip(self._instants, steps, strict=True)],
        )

    @property
    def name(self) -> str:
        """The TZID."""
        return self._name

    @property
    def definition(self) -> str:
        """The unfolded text of its VTIMEZONE."""
        return self._definition

    def offset_at(self, when: Instant) -> int:
        """Return the offset that holds at an instant, in seconds."""
        return round(self._offsets[bisect_right(self._instants, when)].total_seconds())

    @property
    def first(self) -> Instant | None:
        """The first transition."""
        return self._instants[0] if self._instants else None

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return the offset at a wall clock time."""
        if dt is None:
            return self._offsets[-1]
        wall = wall_of(dt.replace(tzinfo=None)) - EPOCH
        return self._offsets[bisect_right(self._walls[dt.fold], wall)]

    def dst(self, dt: datetime | None) -> timedelta:  # noqa: ARG002 - tzinfo's signature
        """Return nothing: what part of an offset is summer time does not matter here."""
        return _ZERO

    def tzname(self, dt: datetime | None) -> str:  # noqa: ARG002 - tzinfo's signature
        """Return the TZID."""
        return self._name

    def fromutc(self, dt: datetime) -> datetime:
        """Convert a time in UTC that carries this zone."""
        when = wall_of(dt.replace(tzinfo=None)) - EPOCH
        place = bisect_right(self._instants, when)
        local = dt + self._offsets[place]
        if place and when - self._instants[place - 1] < _back(self._offsets, place):
            return local.replace(fold=1)
        return local

    def __repr__(self) -> str:
        """Show as `CustomZone('W. Europe')`."""
        return f"CustomZone({self._name!r})"


def _back(offsets: list[timedelta], place: int) -> float:
    """Return by how many seconds the clock was put back at a transition."""
    return (offsets[place - 1] - offsets[place]).total_seconds()


def names(text: str) -> tuple[str, str]:
    """Return the TZID and the X-LIC-LOCATION of a VTIMEZONE; empty where there is none."""
    found = Properties(text.partition("\nBEGIN:")[0], _NAMES)
    tzid, location = (text_value(found.value(name)).strip() for name in ("TZID", "X-LIC-LOCATION"))
    return tzid, location


def budget_of_a_file() -> Budget:
    """Return what all definitions of one file may cost."""
    return Budget(_OF_A_FILE)


def custom_zone(text: str) -> CustomZone:
    """Build a zone from the unfolded text of a VTIMEZONE; the same text gives the same zone.

    Raises:
        Unreadable: it has no observance, or one that says nothing.
        TooCostly: it is too long, its rules are refused, or there is too much of anything.
    """
    if len(text) > _LONGEST:
        raise TooCostly(f"its definition is longer than {_LONGEST} characters")
    built = _built(text).zone
    if not isinstance(built, CustomZone):
        raise type(built)(*built.args)
    return built


def cost(text: str) -> int:
    """Return what reading a definition takes from a budget, whether or not it was read before."""
    return STEP if len(text) > _LONGEST else _built(text).cost


class _Built(NamedTuple):
    zone: CustomZone | Unreadable | TooCostly
    """Failures are kept as well: trying again costs as much as the first time."""
    cost: int


@lru_cache(maxsize=256)
def _built(text: str) -> _Built:
    budget = Budget(_LIMITS)
    whole = budget.left
    zone: CustomZone | Unreadable | TooCostly
    try:
        zone = _zone(text, budget)
    except (Unreadable, TooCostly) as err:
        zone = err.with_traceback(None)
    return _Built(zone, whole - budget.left)


def _zone(text: str, budget: Budget) -> CustomZone:
    onsets: dict[Instant, int] = {}
    earliest: tuple[Instant, int] | None = None
    rules = 0
    budget.spend(STEP * COMPARISON)
    for number, block in enumerate(_observances(text)):
        if number >= _MOST_OBSERVANCES:
            raise TooCostly(f"the time zone has more than {_MOST_OBSERVANCES} observances")
        found = Properties(block, _OBSERVANCE)
        rules += len(found.every("RRULE"))
        if rules > _MOST_RULES:
            raise TooCostly(f"the time zone has more than {_MOST_RULES} rules")
        since, until, instants = _onsets(found, budget)
        for when in instants:
            onsets[when] = until
        if len(onsets) > _MOST_TRANSITIONS:
            raise TooCostly(f"the time zone has more than {_MOST_TRANSITIONS} transitions")
        if earliest is None or instants[0] < earliest[0]:
            earliest = (instants[0], since)
    if earliest is None:
        raise Unreadable("the time zone has no STANDARD or DAYLIGHT")
    return CustomZone(text, sorted(onsets.items()), earliest[1])


def _observances(text: str) -> Iterator[str]:
    inside: list[str] | None = None
    for line in text.split("\n"):
        plain = line.strip().upper()
        if plain in ("BEGIN:STANDARD", "BEGIN:DAYLIGHT"):
            inside = []
        elif plain in ("END:STANDARD", "END:DAYLIGHT") and inside is not None:
            yield "\n".join(inside)
            inside = None
        elif inside is not None:
            inside.append(line)


def _onsets(found: Properties, budget: Budget) -> tuple[int, int, list[Instant]]:
    """Return the offsets before and after an observance's onsets, and the onsets."""
    budget.spend(STEP * _READING)
    try:
        start = wall_of(event_time(found.first["DTSTART"][1], lambda _tzid: None))
        before = round(utc_offset(found.first["TZOFFSETFROM"][1]).total_seconds())
        after = round(utc_offset(found.first["TZOFFSETTO"][1]).total_seconds())
    except KeyError as err:
        raise Unreadable(f"an observance of the time zone has no {err.args[0]}") from err
    walls = [start]
    for raw, values in found.every("RDATE"):
        tzid = time_parameters(raw).get("TZID", "")
        parts = values.split(",")
        budget.spend(STEP * len(parts))
        for part in parts:
            moment = event_time(part.partition("/")[0], lambda _tzid: None, tzid)
            walls.append(wall_of(moment))
        if len(walls) > _MOST_TRANSITIONS:
            raise TooCostly(f"the time zone has more than {_MOST_TRANSITIONS} transitions")
    for _, rule in found.every("RRULE"):
        walls += _by_rule(rule, start, before, budget)
        if len(walls) > _MOST_TRANSITIONS:
            raise TooCostly(f"the time zone has more than {_MOST_TRANSITIONS} transitions")
    return before, after, sorted(wall - EPOCH - before for wall in walls)


def _by_rule(text: str, start: int, before: int, budget: Budget) -> list[int]:
    rule = read_rule(text)
    check_rule(rule, _LIMITS)
    last = _LAST
    if rule.until is not None:
        # RFC 5545 section 3.6.5: UNTIL of an observance is in UTC
        in_utc = isinstance(rule.until, datetime)
        last = min(last, wall_of(rule.until) + (before if in_utc else DAY - 1))
    return generate(rule, start, _FIRST, last, budget)
