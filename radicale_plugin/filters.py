"""CALDAV:filter, compiled once and then asked of every object (RFC 4791 section 9.7).

What an object's times say is answered by the index, as one window; only what a filter asks of
properties needs the object's text. Objects of ours are plain: one VCALENDAR with one VEVENT, in
UTC, that does not recur and holds nothing else: that settles most filters before any object is
looked at. Those of clients hold what they like.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from xml.etree.ElementTree import Element

from bridge.ical.contentline import parameters, split_line, text_value
from bridge.ical.zones import named_zone
from bridge.model.interval import Instant, Window
from radicale_plugin import xml
from radicale_plugin.refusals import Refused, forbidden

_INSTANT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_MOMENT = re.compile(r"(\d{8})(?:T(\d{6})Z?)?", re.ASCII)
_FOLD = re.compile(r"\r?\n[ \t]")
EVER = Window(-(10**14), 10**14)
"""What a time-range reaches where it has no start or no end."""
_MOST = 100
"""Elements that one filter may hold."""
_FRAME = 3
"""Elements that every filter begins with: itself, VCALENDAR, VEVENT."""
_MOST_TESTS = 50_000
"""Elements of a filter times objects whose text they are asked of, a microsecond or three each."""
_FOLDED: Mapping[str, Callable[[str], str]] = {
    "i;octet": lambda text: text,
    # The lower case of bytes is that of ASCII alone.
    "i;ascii-casemap": lambda text: (
        text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    ),
    "i;unicode-casemap": str.casefold,
}
"""RFC 4790 and RFC 5051."""


class Property(NamedTuple):
    """One property of an object."""

    parameters: Mapping[str, str]
    value: str


class Component(NamedTuple):
    """One component of an object."""

    name: str
    properties: dict[str, list[Property]]
    """By name in upper case, as far as they are wanted."""
    inner: list[Component]


Condition = Callable[[Component], bool]
_Row = TypeVar("_Row")


class Filter(NamedTuple):
    """What a filter asks for."""

    window: Window | None
    """Of the objects' times; None where the filter does not say."""
    conditions: tuple[Condition, ...]
    """All of them must be met."""
    never: bool = False
    """No object of ours can match."""
    size: int = 0
    """How many elements it is made of."""
    names: frozenset[str] = frozenset()
    """Properties that the conditions ask about; the others need not be read."""

    def select(self, rows: Sequence[_Row], text: Callable[[_Row], str]) -> Sequence[_Row]:
        """Keep the objects that meet the conditions; `text` writes one.

        Raises:
            Refused: 403 with DAV:number-of-matches-within-limits where that would take too long.
        """
        if not self.conditions:
            return rows
        if self.size * len(rows) > _MOST_TESTS:
            raise forbidden(
                xml.dav("number-of-matches-within-limits"),
                "so many conditions on so many objects; narrow it by a time-range",
            )
        return [row for row in rows if self._matches(text(row))]

    def _matches(self, text: str) -> bool:
        calendar = _read_object(text, self.names)
        return all(condition(calendar) for condition in self.conditions)


def compile_filters(filters: Iterable[Element], *, plain: bool = True) -> Filter:
    """Compile the CALDAV:filter elements of a report; without one everything matches.

    Args:
        filters: the elements.
        plain: objects are as we write them, see above.

    Raises:
        Refused: 403 with CALDAV:valid-filter, supported-filter or supported-collation.
    """
    compiler = _Compiler(plain=plain)
    for each in filters:
        compiler.filter(each)
    return Filter(
        compiler.window,
        tuple(compiler.conditions),
        compiler.never,
        compiler.size,
        frozenset(compiler.names),
    )


def time_range(element: Element) -> Window:
    """Read CALDAV:time-range; an end that is not given is open (section 9.9).

    Raises:
        Refused: 403 with CALDAV:valid-filter.
    """
    start, end = element.get("start"), element.get("end")
    if start is None and end is None:
        raise _invalid("a time-range needs a start or an end")
    window = Window(
        EVER.start if start is None else moment(start), EVER.end if end is None else moment(end)
    )
    if window.start >= window.end:
        raise _invalid("a time-range must not end before it begins")
    return window


def closed_time_range(element: Element) -> Window:
    """Read the window of `expand` and its kin, which has both ends (sections 9.6.5 to 9.6.7).

    Raises:
        Refused: 403 with CALDAV:valid-filter.
    """
    if element.get("start") is None or element.get("end") is None:
        raise _invalid("the window of calendar-data has a start and an end")
    return time_range(element)


class _Compiler:
    def __init__(self, *, plain: bool) -> None:
        self.plain = plain
        self.window: Window | None = None
        self.conditions: list[Condition] = []
        self.never = False
        self.size = 0
        self.names: set[str] = set()

    def filter(self, element: Element) -> None:
        """Section 9.7: a filter holds one comp-filter, of VCALENDAR."""
        self.size += sum(1 for _ in element.iter()) - _FRAME
        if self.size > _MOST:
            raise _invalid(f"a filter holds at most {_MOST} conditions")
        inner = list(element)
        if len(inner) != 1 or inner[0].tag != _COMP:
            raise _invalid("a filter holds one comp-filter, of VCALENDAR")
        if _name(inner[0]) != "VCALENDAR":
            raise _invalid("the outer comp-filter is of VCALENDAR")
        self.conditions += self.component(inner[0], "VCALENDAR")

    def component(self, element: Element, name: str) -> list[Condition]:
        """Section 9.7.1: one component that meets all of it."""
        conditions: list[Condition] = []
        for each in element:
            if each.tag == _NOT_DEFINED:
                self.never = True
            elif each.tag == _TIME_RANGE:
                self._narrow(name, time_range(each))
            elif each.tag == _PROP:
                self.names.add(_name(each))
                conditions.append(_of_property(each))
            elif each.tag == _COMP:
                conditions += self._inner(each, name)
            else:
                raise _invalid("a comp-filter holds comp-filter, prop-filter and time-range")
        return conditions

    def _inner(self, element: Element, outer: str) -> list[Condition]:
        name = _name(element)
        if outer == "VCALENDAR" and name == "VEVENT":
            conditions = self.component(element, name)
            return [_has(name, conditions)] if conditions else []
        absent = element.find(_NOT_DEFINED) is not None
        if not self.plain:
            has = _has(name, [] if absent else self.component(element, name))
            return [_not(has)] if absent else [has]
        if not absent:
            _Compiler(plain=True).component(element, name)  # it must be right all the same
            self.never = True
        return []

    def _narrow(self, name: str, window: Window) -> None:
        if name == "VALARM" and not self.plain:
            raise forbidden(
                xml.caldav("supported-filter"), "when reminders go off cannot be searched for"
            )
        standing = self.window or EVER
        self.window = Window(max(standing.start, window.start), min(standing.end, window.end))
        if self.window.start >= self.window.end:
            self.never = True


def _has(name: str, conditions: list[Condition]) -> Condition:
    return lambda outer: any(
        all(condition(each) for condition in conditions)
        for each in outer.inner
        if each.name == name
    )


def _not(condition: Condition) -> Condition:
    return lambda component: not condition(component)


def _of_property(element: Element) -> Condition:
    """Compile CALDAV:prop-filter (section 9.7.2): one of the properties must meet all it says."""
    name = _name(element)
    if element.find(_NOT_DEFINED) is not None:
        return lambda component: not component.properties.get(name)
    tests: list[Callable[[Property], bool]] = []
    for each in element:
        if each.tag == _TIME_RANGE:
            tests.append(_of_time(time_range(each)))
        elif each.tag == _TEXT:
            tests.append(_of_text(_text_match(each)))
        elif each.tag == _PARAM:
            tests.append(_of_parameter(each))
        else:
            raise _invalid("a prop-filter holds time-range, text-match and param-filter")
    return lambda component: any(
        all(test(found) for test in tests) for found in component.properties.get(name, ())
    )


def _of_parameter(element: Element) -> Callable[[Property], bool]:
    """Compile CALDAV:param-filter (section 9.7.3)."""
    name = _name(element)
    if element.find(_NOT_DEFINED) is not None:
        return lambda found: name not in found.parameters
    texts = [_text_match(each) for each in element if each.tag == _TEXT]
    if len(texts) != len(element):
        raise _invalid("a param-filter holds text-match or is-not-defined")
    return lambda found: (
        name in found.parameters and all(matches(found.parameters[name]) for matches in texts)
    )


def _of_text(matches: Callable[[str], bool]) -> Callable[[Property], bool]:
    return lambda found: matches(text_value(found.value))


def _of_time(window: Window) -> Callable[[Property], bool]:
    def within(found: Property) -> bool:
        when = _when(found)
        return when is not None and window.start <= when < window.end

    return within


def _when(found: Property) -> Instant | None:
    """Read a date or time in its zone; one without a zone as if it were UTC."""
    match = _MOMENT.fullmatch(found.value)
    if match is None:
        return None
    wall = "".join(match.groups("000000"))
    try:
        moment = datetime.strptime(wall, "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone comes now
    except ValueError:
        return None
    zone = named_zone(found.parameters.get("TZID", "")) if found.value[-1] != "Z" else None
    return int(moment.replace(tzinfo=zone or UTC).timestamp())


def _text_match(element: Element) -> Callable[[str], bool]:
    """Compile CALDAV:text-match (section 9.7.5): a substring, under a collation."""
    collation = element.get("collation", "i;ascii-casemap")
    folded = _FOLDED.get("i;ascii-casemap" if collation == "default" else collation)
    if folded is None:
        raise forbidden(xml.caldav("supported-collation"), f"unknown collation {collation[:40]!r}")
    wanted = folded("".join(element.itertext()))
    negated = element.get("negate-condition", "no") == "yes"
    return lambda text: (wanted in folded(text)) is not negated


def _name(element: Element) -> str:
    name = element.get("name", "").upper()
    if not name:
        raise _invalid("a condition names what it is about")
    return name


def moment(text: str) -> Instant:
    """Read a UTC time as a time-range has it, 20260101T000000Z.

    Raises:
        Refused: 403 with CALDAV:valid-filter.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise _invalid("a time-range is written in UTC, 20260101T000000Z")
    return _read(match)


def _read(match: re.Match[str]) -> Instant:
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        raise _invalid("a time-range names a moment that does not exist")
    if not year:
        return EVER.start
    return timegm((year, month, day, hour, minute, min(second, 59)))


def _read_object(text: str, wanted: frozenset[str]) -> Component:
    """Read some properties of an object, whose BEGIN and END match."""
    outermost = Component("", {}, [])
    path = [outermost]
    for line in _FOLD.sub("", text).splitlines():
        name = line.partition(":")[0].partition(";")[0].upper()
        if name == "BEGIN":
            begun = Component(line.partition(":")[2].strip().upper(), {}, [])
            path[-1].inner.append(begun)
            path.append(begun)
        elif name == "END":
            path.pop()
        elif name in wanted:
            head, _, value = split_line(line)
            raw = head.partition(";")[2]
            path[-1].properties.setdefault(name, []).append(Property(parameters(raw), value))
    return outermost.inner[0]


def _invalid(reason: str) -> Refused:
    return forbidden(xml.caldav("valid-filter"), reason)


_COMP = xml.caldav("comp-filter")
_PROP = xml.caldav("prop-filter")
_PARAM = xml.caldav("param-filter")
_TEXT = xml.caldav("text-match")
_TIME_RANGE = xml.caldav("time-range")
_NOT_DEFINED = xml.caldav("is-not-defined")
