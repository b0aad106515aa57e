"""Content lines of RFC 5545 section 3.1: octets to components, components to properties.

The hot path of every pull: components are found by one regular expression over the unfolded text,
so that the lines of a VALARM are never looked at, and a property is split without a parser unless
it has a quoted parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from bridge.errors import InvalidCalendarObject
from bridge.ical import repair
from bridge.ical.bounds import Limits

_BOUNDARY = re.compile(
    r"^(BEGIN|END)[ \t]*(?:;[^:\n]*)?:[ \t]*([A-Za-z0-9-]+)[ \t]*$", re.MULTILINE | re.IGNORECASE
)
_HEAD = re.compile(r'((?:[^":]|"[^"]*")*):(.*)', re.DOTALL)
_PARAMETER = re.compile(r';?([^=;]*)=((?:[^";]|"[^"]*")*)')
_ESCAPED = re.compile(r"\\(.)")
_LONG_ASCII = re.compile(r"^.{76,}", re.MULTILINE)
_LONG = re.compile(r"^.{19,}", re.MULTILINE)  # a character has up to four octets
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


def unfold(data: bytes | str) -> tuple[str, list[str]]:
    """Return the text with one property per line, ended by LF, and notes of what was guessed.

    Folds are undone on octets, since RFC 5545 section 3.1 lets a fold split a character.
    """
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    raw = repair.line_ends(repair.byte_order_mark(raw))
    raw = raw.replace(b"\n ", b"").replace(b"\n\t", b"")
    notes: list[str] = []
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = repair.not_utf8(raw, notes)
    return repair.control_characters(text, notes), notes


def split_calendars(text: str, limits: Limits) -> list[RawCalendar]:
    """Find the VCALENDARs of an unfolded text; there may be several (RFC 5545 section 3.4).

    Raises:
        InvalidCalendarObject: there is none, or the last one has no END:VCALENDAR (cut short).
    """
    splitter = _Splitter(text, limits.depth)
    for boundary in _BOUNDARY.finditer(text):
        name = boundary[2].upper()
        if boundary[1][0] in "Bb":
            splitter.begin(name, boundary.start(), boundary.end())
        else:
            splitter.end(name, boundary.start(), boundary.end())
    if not splitter.calendars:
        raise InvalidCalendarObject("not a calendar: there is no BEGIN:VCALENDAR")
    if splitter.stack:
        raise InvalidCalendarObject("cut short: END:VCALENDAR is missing")
    return splitter.calendars


class _Splitter:
    def __init__(self, text: str, depth: int) -> None:
        self.text = text
        self.depth = depth
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
        if stack:
            stack[-1].resume = end + 1

    def _keep(self, closed: _Open, end: int) -> None:
        calendar = self.calendars[-1]
        if closed.name == "VEVENT":
            calendar.events.append(RawEvent("".join(closed.parts), closed.problem))
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


def properties(text: str, wanted: frozenset[str]) -> dict[str, list[Property]]:
    """Return the properties of a component that are wanted, by name in upper case.

    Lines that are no property at all are kept under the empty name.
    """
    found: dict[str, list[Property]] = {}
    for line in text.split("\n"):
        head, colon, value = line.partition(":")
        if '"' in head:
            head, colon, value = split_line(line)
        name, _, raw = head.partition(";")
        if name not in wanted:
            name = repair.property_name(name) if colon else ""
            if name not in wanted and (name or not line):
                continue
        if name in found:
            found[name].append((raw, value))
        else:
            found[name] = [(raw, value)]
    return found


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
    if '"' in raw or "^" in raw:
        for match in _PARAMETER.finditer(raw):
            value = _CARET.sub(_caret, match[2].replace('"', ""))  # RFC 6868
            found[match[1].strip().upper()] = value.strip()
    else:
        for pair in raw.split(";"):
            name, _, value = pair.partition("=")
            found[name.strip().upper()] = value.strip()
    return found


@lru_cache(maxsize=4096)
def time_parameters(raw: str) -> Parameters:
    """Split the parameters of a date or time: few distinct ones, seen again and again."""
    return MappingProxyType(dict(parameters(raw)))


def text_value(value: str) -> str:
    """Undo the escapes of a TEXT value, RFC 5545 section 3.3.11."""
    return _ESCAPED.sub(_unescape, value) if "\\" in value else value


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
    pattern = _LONG_ASCII if text.isascii() else _LONG
    return pattern.sub(_fold_line, text).replace("\n", "\r\n")


def _fold_line(match: re.Match[str]) -> str:
    octets = match[0].encode()
    parts = []
    size = 75
    while len(octets) > size:
        cut = size
        while octets[cut] & 0xC0 == 0x80:  # never inside a character
            cut -= 1
        parts.append(octets[:cut].decode())
        octets = octets[cut:]
        size = 74
    parts.append(octets.decode())
    return "\n ".join(parts)
