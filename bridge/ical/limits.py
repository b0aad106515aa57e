"""What a request body may hold, judged in one pass before anything parses it (PROMISES T21-T23).

The guard in front of the DAV handler and the HTTP API asks here: parsers behind it, among them
Radicale's, can be kept busy for minutes by a body that is refused here in milliseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from bridge.errors import InvalidCalendarObject
from bridge.ical import repair
from bridge.ical.bounds import DEFAULT, Budget, Limits, TooCostly
from bridge.ical.contentline import split_line
from bridge.ical.generation import generate, recurs
from bridge.ical.rules import Freq, check_rule, read_rule
from bridge.ical.values import Unreadable, event_time
from bridge.ical.wallclock import DAY, wall_of

_JUDGED = ("BEGIN", "END", "DTSTART", "RRULE", "EXRULE", "RDATE", "EXDATE")
_LINE = re.compile(  # begins with a literal: that is what makes the search fast
    r"\n(?:[\w-]+\.)?("
    + "|".join("".join(f"[{c}{c.lower()}]" for c in name) for name in _JUDGED)
    + r")[ \t]*([;:][^\n]*)"
)
_PAUSE = 41 * 366 * DAY
"""How long a rule with INTERVAL=1 may pause: 29 February on one weekday, over the year 2100."""
_SPAN = 400 * DAY
_SOME_DAY = date(2000, 1, 1)


def check_calendar_body(data: bytes, limits: Limits = DEFAULT) -> None:
    """Refuse a body that is too large, too deep, not clean text, or holds a hostile rule.

    It says nothing about whether the calendar makes sense otherwise.

    Raises:
        InvalidCalendarObject: with precondition `max-resource-size` where a size is exceeded,
            `valid-calendar-data` elsewhere.
    """
    if len(data) > limits.body_size:
        raise _too_large(f"larger than {limits.body_size} octets")
    if len(data.translate(None, repair.CONTROLS)) != len(data):
        raise InvalidCalendarObject("control characters in calendar text")
    plain = repair.line_ends(repair.byte_order_mark(data))
    plain = plain.replace(b"\n ", b"").replace(b"\n\t", b"")
    try:
        text = plain.decode()
    except UnicodeDecodeError as err:
        raise InvalidCalendarObject("calendar text is not UTF-8") from err
    if max(map(len, text.split("\n"))) > limits.property_size:
        raise _too_large(f"a property is longer than {limits.property_size} characters")
    _Body(f"\n{text}", limits).judge()


def _too_large(reason: str) -> InvalidCalendarObject:
    return InvalidCalendarObject(reason, precondition="max-resource-size")


@dataclass(slots=True)
class _Component:
    name: str
    lines: int = 0
    start: str = ""
    dates: int = 0
    rules: list[str] = field(default_factory=list)


class _Body:
    """The components of an unfolded body; of their lines only those are read that can cost."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._budget = Budget(limits)
        self._components = 0
        self._stack: list[_Component] = []

    def judge(self) -> None:
        """Go through the body once."""
        seen = 0
        for line in _LINE.finditer(self._text):
            start = line.start()
            name = line[1].upper()
            if name in ("BEGIN", "END"):
                self._count(self._text.count("\n", seen, start))
                seen = start
                edge = line[2].rpartition(":")[2].strip().upper()
                self._begin(edge) if name == "BEGIN" else self._close(edge)
            elif self._stack:
                raw, _, value = split_line(line[2])
                self._property(name, raw[1:], value)
        if self._stack or not self._components:
            raise InvalidCalendarObject("BEGIN and END do not match")

    def _count(self, lines: int) -> None:
        if self._stack:
            self._stack[-1].lines += lines
            if self._stack[-1].lines > self._limits.properties:
                raise _too_large(f"more than {self._limits.properties} lines in one component")

    def _begin(self, name: str) -> None:
        self._components += 1
        self._stack.append(_Component(name))
        if self._components > self._limits.components:
            raise _too_large(f"more than {self._limits.components} components")
        if len(self._stack) > self._limits.depth:
            raise InvalidCalendarObject(f"components are nested deeper than {self._limits.depth}")

    def _close(self, name: str) -> None:
        if not self._stack or self._stack[-1].name != name:
            raise InvalidCalendarObject("BEGIN and END do not match")
        component = self._stack.pop()
        for rule in component.rules:
            self._judge(rule, component.start)

    def _property(self, name: str, raw: str, value: str) -> None:
        component = self._stack[-1]
        if name == "DTSTART":
            component.start = value
        elif name in ("RRULE", "EXRULE"):
            component.rules.append(repair.rule_value(raw, value))
            if len(component.rules) > self._limits.rules:
                raise TooCostly(f"more than {self._limits.rules} rules in one component")
        else:
            component.dates += value.count(",") + 1
            if component.dates > self._limits.dates:
                raise TooCostly(f"more than {self._limits.dates} dates in one component")

    def _judge(self, text: str, start: str) -> None:
        """Refuse a rule that costs too much, or that pauses longer than any real one."""
        try:
            rule = read_rule(text)
            moment = event_time(start, lambda _tzid: None) if start else _SOME_DAY
        except Unreadable as err:
            raise InvalidCalendarObject(str(err)) from err
        check_rule(rule, self._limits)
        start_wall = wall_of(moment)
        if rule.freq < Freq.DAILY:
            generate(rule, start_wall, start_wall, start_wall + _SPAN, self._budget)
        if rule.count != 1 and not recurs(rule, start_wall, _PAUSE * rule.interval, self._budget):
            raise TooCostly(f"the rule {text[:80]!r} names dates that never come")


__all__ = ["DEFAULT", "Limits", "TooCostly", "check_calendar_body"]
