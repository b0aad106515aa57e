"""Content lines of RFC 5545 section 3.1: octets to components, components to properties.

The hot path of every pull: components are found by one regular expression over the unfolded text,
so that the lines of a VALARM are never looked at, and a property is split without a parser unless
it has a quoted parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from bridge.errors import InvalidCalendarObject
from bridge.ical import repair
from bridge.ical.bounds import Limits

_BOUNDARY = re.compile(  # begins with a literal: that is what makes the search fast
    r"\n([Bb][Ee][Gg][Ii][Nn]|[Ee][Nn][Dd])[ \t]*(?:;[^:\n]*)?:[ \t]*([A-Za-z0-9-]+)[ \t]*(?=\n|$)"
)
_HEAD = re.compile(r'((?:[^":]|"[^"]*")*):(.*)', re.DOTALL)
_PARAMETER = re.compile(r'(?:[^;"]|"[^"]*(?:"|$))+')
_ESCAPED = re.compile(r"\\(.)")
_LONGEST = 75
_WORTH_KEEPING = 200
"""Characters of what is kept in memory for the next time; longer ones would fill it."""
_SURELY_SHORT = _LONGEST // 4  # a character has up to four octets
_CARET = re.compile(r"\^([n^'])")


Property: TypeAlias = tuple[str, str]
"""Raw parameters, `VALUE=DATE;TZID=Europe/Berlin`, and value of one content line."""
Parameters = Mapping[str, str]

_NO_PARAMETERS: Parameters = MappingProxyType({})


@dataclass(slots=True)
class RawEvent:
    """The lines of one VEVENT, its subcomponents left out."""

    text: str
    problem: str = ""
    """Why it cannot be read, where its structure already says so."""
    alarms: Sequence[str] = ()
    """The lines of each VALARM, where they were asked for."""


@dataclass(slots=True)
class RawCalendar:
    """One VCALENDAR, cut into what is read of it."""

    text: str = ""
    """Its own lines."""
    timezones: list[str] = field(default_factory=list)
    """Each VTIMEZONE whole, from BEGIN to END."""
    events: list[RawEvent] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    name: str
    begin: int
    """Where its BEGIN line starts."""
    resume: int
    """Where its next own lines start."""
    parts: list[str] = field(default_factory=list)
    problem: str = ""
    alarms: list[str] | None = None


def unfold(data: bytes | str) -> tuple[str, list[str]]:
    """Return the text with one property per line, ended by LF, and notes of what was guessed.

    Folds are undone on octets, since RFC 5545 section 3.1 lets a fold split a character.
    """
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    notes: list[str] = []
    raw = repair.control_characters(repair.byte_order_mark(raw), notes)
    raw = repair.line_ends(raw)
    raw = repair.bare_zone(raw.replace(b"\n ", b"").replace(b"\n\t", b""))
    try:
        return raw.decode(), notes
    except UnicodeDecodeError:
        return repair.not_utf8(raw, notes), notes


def split_calendars(text: str, limits: Limits, *, alarms: bool = False) -> list[RawCalendar]:
    """Find the VCALENDARs of an unfolded text; there may be several (RFC 5545 section 3.4).

    Args:
        text: unfolded.
        limits: how deep components may be nested.
        alarms: whether the events' VALARMs are wanted.

    Raises:
        InvalidCalendarObject: there is none, or the last one has no END:VCALENDAR (cut short).
    """
    text = f"\n{text}"
    splitter = _Splitter(text, limits.depth, alarms=alarms)
    for boundary in _BOUNDARY.finditer(text):
        start, end = boundary.span()
        kind, name = boundary.groups()
        if kind[0] in "Bb":
            splitter.begin(name.upper(), start + 1, end)
        else:
            splitter.end(name.upper(), start + 1, end)
    if not splitter.calendars:
        raise InvalidCalendarObject("not a calendar: there is no BEGIN:VCALENDAR")
    if splitter.stack:
        raise InvalidCalendarObject("cut short: END:VCALENDAR is missing")
    return splitter.calendars


class _Splitter:
    def __init__(self, text: str, depth: int, *, alarms: bool) -> None:
        self.text = text
        self.depth = depth
        self.alarms = alarms
        self.calendars: list[RawCalendar] = []
        self.stack: list[_Open] = []

    def begin(self, name: str, start: int, end: int) -> None:
        stack = self.stack
        if not stack:
            if name != "VCALENDAR":
                raise InvalidCalendarObject(f"not a calendar: {name} outside of VCALENDAR")
            self.calendars.append(RawCalendar())
        else:
            if name == "VCALENDAR":
                raise InvalidCalendarObject("cut short: BEGIN:VCALENDAR before END:VCALENDAR")
            if name == "VEVENT" and len(stack) > 1:
                self._unclosed(1, start)
            top = stack[-1]
            top.parts.append(self.text[top.resume : start])
            if len(stack) >= self.depth:
                stack[1].problem = f"its components are nested deeper than {self.depth}"
        stack.append(_Open(name, start, end + 1))

    def end(self, name: str, start: int, end: int) -> None:
        stack = self.stack
        for place in range(len(stack) - 1, max(-1, len(stack) - 1 - self.depth), -1):
            if stack[place].name == name:
                break
        else:
            return  # an END without its BEGIN says nothing
        if place < len(stack) - 1:
            self._unclosed(place + 1, start)
        closed = stack.pop()
        if len(stack) < 2:
            closed.parts.append(self.text[closed.resume : start])
            self._keep(closed, end)
        elif self.alarms and len(stack) == 2 and closed.name == "VALARM":
            closed.parts.append(self.text[closed.resume : start])
            stack[-1].alarms = stack[-1].alarms or []
            stack[-1].alarms.append("".join(closed.parts))
        if stack:
            stack[-1].resume = end + 1

    def _keep(self, closed: _Open, end: int) -> None:
        calendar = self.calendars[-1]
        if closed.name == "VEVENT":
            alarms = closed.alarms or ()
            calendar.events.append(RawEvent("".join(closed.parts), closed.problem, alarms))
        elif closed.name == "VTIMEZONE" and not closed.problem:
            calendar.timezones.append(self.text[closed.begin : end])
        elif closed.name == "VCALENDAR":
            calendar.text = "".join(closed.parts)

    def _unclosed(self, place: int, start: int) -> None:
        """Close what has no END of its own; a VEVENT of that kind cannot be trusted."""
        for left in reversed(self.stack[place:]):
            if left.name == "VEVENT":
                left.parts.append(self.text[left.resume : start])
                self.calendars[-1].events.append(RawEvent("".join(left.parts), "no END:VEVENT"))
        del self.stack[place:]
        self.stack[-1].resume = start


class Properties:
    """The properties of a component that are wanted, by name in upper case."""

    __slots__ = ("_more", "first", "irregular")

    def __init__(self, text: str, wanted: frozenset[str]) -> None:
        """Read the unfolded lines of a component."""
        self.first: dict[str, Property] = {}
        """The first of each name; hardly any property comes twice."""
        self.irregular = False
        """There are lines that are no property at all."""
        self._more: dict[str, list[Property]] = {}
        first = self.first
        for line in text.split("\n"):
            head, colon, value = line.partition(":")
            if '"' in head:
                head, colon, value = split_line(line)
            name, _, raw = head.partition(";")
            if name not in wanted:
                if not colon:
                    self.irregular = self.irregular or bool(line)
                    continue
                name = repair.property_name(name)
                if name not in wanted:
                    continue
            if name in first:
                self._more.setdefault(name, []).append((raw, value))
            else:
                first[name] = (raw, value)

    def __contains__(self, name: str) -> bool:
        """Tell whether there is one of that name."""
        return name in self.first

    def __len__(self) -> int:
        """Count them all."""
        return len(self.first) + sum(map(len, self._more.values()))

    def value(self, name: str) -> str:
        """Return the first value, empty when there is none."""
        found = self.first.get(name)
        return "" if found is None else found[1]

    def every(self, name: str) -> list[Property]:
        """Return all of one name."""
        found = self.first.get(name)
        return [] if found is None else [found, *self._more.get(name, ())]

    def map(self, name: str, change: Callable[[str], str]) -> None:
        """Change every value of one name."""
        if name in self.first:
            (raw, value), *rest = self.every(name)
            self.first[name] = (raw, change(value))
            self._more[name] = [(raw, change(value)) for raw, value in rest]

    def drop(self, name: str, fails: Callable[[str], bool]) -> None:
        """Leave out the properties of one name whose value fails."""
        kept = [(raw, value) for raw, value in self.every(name) if not fails(value)]
        self.first.pop(name, None)
        if kept:
            self.first[name] = kept[0]
        self._more[name] = kept[1:]


def split_line(line: str) -> tuple[str, str, str]:
    """Split at the first colon that is not quoted: name and parameters, colon, value."""
    match = _HEAD.match(line)
    if match is None:  # no colon, or a quote that never ends
        return line.partition(":")
    return match[1], ":", match[2]


def parameters(raw: str) -> Parameters:
    """Split `VALUE=DATE;TZID="Europe/Berlin"`; names in upper case, values unquoted."""
    if not raw:
        return _NO_PARAMETERS
    found = {}
    for pair in _PARAMETER.findall(raw) if '"' in raw else raw.split(";"):
        name, _, value = pair.partition("=")
        found[name.strip().upper()] = value.strip()
    if '"' in raw or "^" in raw:  # RFC 6868
        return {
            name: _CARET.sub(_caret, value.replace('"', "")).strip()
            for name, value in found.items()
        }
    return found


def time_parameters(raw: str) -> Parameters:
    """Split the parameters of a date or time: few distinct ones, seen again and again."""
    return _remembered(raw) if len(raw) < _WORTH_KEEPING else parameters(raw)


@lru_cache(maxsize=4096)
def _remembered(raw: str) -> Parameters:
    return MappingProxyType(dict(parameters(raw)))


def text_value(value: str) -> str:
    """Undo the escapes of a TEXT value, RFC 5545 section 3.3.11."""
    if "\\" not in value:
        return value
    plain = value.replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";")
    # what is left is rare, and one backslash can escape the next
    return _ESCAPED.sub(_unescape, value) if "\\" in plain or "\\\\" in value else plain


def text_values(value: str) -> list[str]:
    """Split a list of TEXT at its unescaped commas."""
    if "\\" not in value:
        return value.split(",")
    return [text_value(part) for part in re.findall(r"(?:[^\\,]|\\.?)+", value)]


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] in "nN" else match[1]


def _caret(match: re.Match[str]) -> str:
    return {"n": "\n", "^": "^", "'": '"'}[match[1]]


def fold(text: str) -> str:
    """Return lines that end in LF as content lines: CRLF, folded at 75 octets (section 3.1)."""
    lines = text.split("\n")
    short = _LONGEST if text.isascii() else _SURELY_SHORT
    if max(map(len, lines)) > short:
        lines = [line if len(line) <= short else _fold_line(line) for line in lines]
    return "\r\n".join(lines)


def _fold_line(line: str) -> str:
    if line.isascii():
        rest = range(_LONGEST, len(line), _LONGEST - 1)
        parts = [line[:_LONGEST], *(line[at : at + _LONGEST - 1] for at in rest)]
        return "\r\n ".join(parts)
    octets = line.encode()
    folded = []
    size = _LONGEST
    while len(octets) > size:
        cut = size
        while octets[cut] & 0xC0 == 0x80:  # never inside a character
            cut -= 1
        folded.append(octets[:cut].decode())
        octets = octets[cut:]
        size = _LONGEST - 1
    return "\r\n ".join([*folded, octets.decode()])
