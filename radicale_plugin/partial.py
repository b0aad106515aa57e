"""CALDAV:calendar-data: how much of an object's text a report wants (RFC 4791 section 9.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element

from radicale_plugin import filters, xml
from radicale_plugin.calendars import Calendar
from radicale_plugin.objects import TextValue
from radicale_plugin.refusals import forbidden
from radicale_plugin.xml import caldav


def read_calendar_data(element: Element, calendar: Calendar) -> TextValue:
    """Return what writes CALDAV:calendar-data.

    Raises:
        Refused: 403 with CALDAV:supported-calendar-data, or for a window that makes no sense.
    """
    if (
        element.get("content-type", "text/calendar") != "text/calendar"
        or element.get("version", "2.0") != "2.0"
    ):
        raise forbidden(
            xml.caldav("supported-calendar-data"), "objects are text/calendar, version 2.0"
        )
    windowed = _windowed(element, calendar)
    outer = element.find(caldav("comp"))
    if outer is None:
        return lambda text: xml.text(windowed(text))
    wanted = _wanted(outer)
    return lambda text: xml.text(_cut(windowed(text), wanted))


def _windowed(element: Element, calendar: Calendar) -> TextValue:
    """Read sections 9.6.5 to 9.6.7; no calendar has VFREEBUSY objects to limit."""
    windows = {
        name: filters.closed_time_range(found)
        for name in ("expand", "limit-recurrence-set", "limit-freebusy-set")
        if (found := element.find(caldav(name))) is not None
    }
    if expand := windows.get("expand"):
        return lambda text: calendar.expand(text, expand)
    if limit := windows.get("limit-recurrence-set"):
        return lambda text: calendar.limit(text, limit)
    return lambda text: text


class _Wanted(NamedTuple):
    """What is wanted of a component (section 9.6.1)."""

    properties: frozenset[str] | None
    """None: all of them."""
    components: Mapping[str, _Wanted] | None
    """None: all of them, whole."""

    def component(self, name: str) -> _Wanted | None:
        """Tell what is wanted of one inside of it; None for nothing."""
        return _WHOLE if self.components is None else self.components.get(name)


_WHOLE = _Wanted(None, None)


def _wanted(component: Element) -> _Wanted:
    named = {each.get("name", "").upper() for each in component.findall(caldav("prop"))}
    every_property = component.find(caldav("allprop")) is not None
    every_component = component.find(caldav("allcomp")) is not None
    inner = {
        each.get("name", "").upper(): _wanted(each) for each in component.findall(caldav("comp"))
    }
    return _Wanted(None if every_property else frozenset(named), None if every_component else inner)


def _cut(text: str, wanted: _Wanted) -> str:
    kept: list[str] = []
    outermost = _Wanted(None, {"VCALENDAR": wanted})
    path: list[_Wanted | None] = [outermost]
    keeping = True
    for line in text.splitlines(keepends=True):
        if line[0] not in " \t":  # a fold goes with its line
            name = line.partition(":")[0].partition(";")[0].upper()
            inside = path[-1]
            if name == "BEGIN":
                begun = line.partition(":")[2].strip().upper()
                path.append(inside.component(begun) if inside else None)
                keeping = path[-1] is not None
            elif name == "END":
                keeping = path.pop() is not None
            else:
                keeping = inside is not None and (
                    inside.properties is None or name in inside.properties
                )
        if keeping:
            kept.append(line)
    return "".join(kept)
