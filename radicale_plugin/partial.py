"""CALDAV:calendar-data: how much of an object's text a report wants (RFC 4791 section 9.6).

Objects are single events in UTC, so that expanding one or limiting its recurrences or its free-busy
periods changes nothing; what asks for it must be right all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from radicale_plugin import filters, xml
from radicale_plugin.objects import TextValue
from radicale_plugin.refusals import forbidden
from radicale_plugin.xml import caldav

_WINDOWED = ("expand", "limit-recurrence-set", "limit-freebusy-set")
_Keep = Callable[[str, str], bool]
"""Of a component and a property: whether it is wanted."""


def read_calendar_data(element: Element) -> TextValue:
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
    for name in _WINDOWED:
        if (windowed := element.find(caldav(name))) is not None:
            filters.closed_time_range(windowed)
    outer = element.find(caldav("comp"))
    if outer is None:
        return xml.text
    wanted = _wanted(outer)
    return lambda text: xml.text(_cut(text, wanted))


def _wanted(outer: Element) -> Mapping[str, _Keep]:
    """Say for each component which of its properties are wanted; others are left out whole."""
    found = {"VCALENDAR": _properties(outer)}
    inner = outer.findall(caldav("comp"))
    if outer.find(caldav("allcomp")) is not None:
        return found | {"VEVENT": lambda _component, _name: True}
    for each in inner:
        if each.get("name", "").upper() == "VEVENT":
            found["VEVENT"] = _properties(each)
    return found


def _properties(component: Element) -> _Keep:
    named = {each.get("name", "").upper() for each in component.findall(caldav("prop"))}
    everything = component.find(caldav("allprop")) is not None
    return lambda _component, name: everything or name in named


def _cut(text: str, wanted: Mapping[str, _Keep]) -> str:
    kept: list[str] = []
    component, keeping = "VCALENDAR", True
    for line in text.split("\r\n"):
        if line.startswith(" "):  # a fold goes with its line
            if keeping:
                kept.append(line)
            continue
        name = line.partition(":")[0].partition(";")[0]
        if name in ("BEGIN", "END"):
            component = "VEVENT" if line == "BEGIN:VEVENT" else "VCALENDAR"
            keeping = line.endswith("VCALENDAR") or "VEVENT" in wanted
        else:
            keep = wanted.get(component)
            keeping = not line or (keep is not None and keep(component, name))
        if keeping:
            kept.append(line)
    return "\r\n".join(kept)
