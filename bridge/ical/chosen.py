"""The VEVENTs of one series, and the definitions of zones that its text needs.

One stream can hold several calendars that define one TZID each in their own way. In the text of a
series there is one calendar: there such TZIDs get names of their own.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import tzinfo
from typing import NamedTuple

from bridge.ical.contentline import fold, unfold
from bridge.ical.vevent import ReadEvent
from bridge.ical.zones import Zones, named_zone


class Chosen(NamedTuple):
    """One VEVENT that is part of a series."""

    read: ReadEvent
    text: str
    """Its content lines, folded."""
    zones: Zones
    """Of the calendar that it is in."""


def zones_of(events: Collection[Chosen]) -> tuple[list[str], list[str]]:
    """Return the definitions of zones that the events use, and the events' texts.

    Both are content lines; a TZID with several meanings is renamed in them.
    """
    if len({id(it.zones) for it in events}) == 1:
        zones = next(iter(events)).zones
        tzids = set().union(*(it.read.tzids for it in events))
        return [zones.folded(tzid) for tzid in sorted(tzids)], [it.text for it in events]
    meanings: dict[str, dict[tzinfo | None, str]] = {}
    for it in events:
        for tzid in it.read.tzids:
            known = meanings.setdefault(tzid, {})
            known.setdefault(it.zones.resolve(tzid).zone, it.zones.folded(tzid))
    definitions = []
    texts = [it.text for it in events]
    for tzid, known in sorted(meanings.items()):
        for number, (zone, definition) in enumerate(known.items(), 1):
            if len(known) == 1 or not definition:
                definitions.append(definition)
            elif zone is not named_zone(tzid):
                name = f"{tzid} {number}"
                definitions.append(_renamed(definition, "TZID:", tzid, name))
                texts = [
                    _renamed(text, ";TZID=", tzid, name)
                    if tzid in it.read.tzids and it.zones.resolve(tzid).zone is zone
                    else text
                    for it, text in zip(events, texts, strict=True)
                ]
    return definitions, texts


def _renamed(text: str, before: str, tzid: str, name: str) -> str:
    """Write another TZID into content lines."""
    pattern = re.compile(
        f'^([^:\n]*){re.escape(before)}"?{re.escape(tzid)}"?(?=[:;\n])', re.MULTILINE
    )
    plain, _ = unfold(text)
    quoted = name if before.endswith(":") else f'"{name}"'
    return fold(pattern.sub(lambda match: f"{match[1]}{before}{quoted}", plain))
