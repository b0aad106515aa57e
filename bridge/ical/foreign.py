"""What the events of every JSON API make us do, however it spells them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import DEFAULT, Budget
from bridge.ical.generation import matches
from bridge.ical.repair import ONE_DAY, shift
from bridge.ical.rules import read_rule
from bridge.ical.values import Unreadable
from bridge.ical.wallclock import wall_of
from bridge.model.event import Event, EventTime, Floating
from bridge.model.interval import Instant, instant

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_HALF_AN_HOUR = timedelta(minutes=30)


class Unclear(ValueError):
    """What an event says of its time cannot be understood."""


class Found(NamedTuple):
    """An event that was read, and what had to be guessed."""

    event: Event
    notes: tuple[str, ...]


def once(notes: Iterable[str]) -> tuple[str, ...]:
    """Give what had to be guessed, each thing once."""
    return tuple(dict.fromkeys(notes))


def at(moment: EventTime) -> Instant:
    """Place a moment as the provider interface has it: a day as its midnight in UTC."""
    if isinstance(moment, Floating):
        return instant(moment.wall.replace(tzinfo=UTC))
    if isinstance(moment, datetime):
        return instant(moment)
    return instant(datetime.combine(moment, time(), UTC))


def assumed_end(start: EventTime, why: str, notes: list[str]) -> EventTime:
    """Let an event last half an hour, or its day, where its end says nothing."""
    timed = isinstance(start, datetime)
    notes.append(f"{why}: {'30 minutes' if timed else 'one day'} assumed")
    return shift(start, _HALF_AN_HOUR if timed else ONE_DAY)


def stamp(text: str) -> datetime | None:
    """Read when something was done; None where it does not say, or UTC cannot say it."""
    try:
        moment = datetime.fromisoformat(text).replace(microsecond=0)
        return moment if moment.tzinfo and moment.astimezone(UTC) else None
    except (ValueError, OverflowError):
        return None


def is_on(text: str, start: EventTime) -> bool | None:
    """Tell whether a start is one that a rule generates; None of a rule that nobody understands."""
    try:
        rule = read_rule(text)
        if not isinstance(start, datetime | Floating):  # hours of days are ignored
            rule = replace(rule, by_hour=(), by_minute=(), by_second=())
        return matches(rule, wall_of(start), Budget(DEFAULT))
    except (Unreadable, InvalidCalendarObject):
        return None  # it is refused where it is expanded


def color(text: str) -> str:
    """Read a color, `#0078d4`; empty for what is none."""
    return text.lower() if _COLOR.fullmatch(text) else ""


def word_for(words: Mapping[str, object], value: object) -> str:
    """Find the word of a vocabulary for a meaning, the first of several; empty without one."""
    return next((word for word, meaning in words.items() if meaning is value), "")
