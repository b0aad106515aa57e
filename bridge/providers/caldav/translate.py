"""From CalDAV's words to ours. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

from bridge.errors import InvalidCalendarObject
from bridge.ical.contentline import unfold
from bridge.ical.parse import parse_calendar
from bridge.ical.vtimezone import names
from bridge.ical.zones import named_zone
from bridge.provider import ETag, Item, RemoteId, Series, SeriesRemoved, Unreadable

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_ZONE = re.compile(r"^BEGIN:VTIMEZONE\n", re.MULTILINE)


def calendar_object(name: RemoteId, etag: ETag | None, data: str | bytes, *, owner: str) -> Item:
    """Read one calendar object: all events of one UID (RFC 4791 section 4.1).

    Returns:
        `SeriesRemoved` for one that holds no event at all, a task for instance; `Unreadable` for
        one that cannot be understood or holds several UIDs.
    """
    try:
        parsed = parse_calendar(data, owner=owner)
    except InvalidCalendarObject as err:
        return Unreadable(name, str(err), etag)
    if parsed.broken:
        broken = parsed.broken[0]
        remains = broken.remains.series if broken.remains else None
        return Unreadable(name, broken.reason, etag, remains)
    match parsed.series:
        case []:
            return SeriesRemoved(name)
        case [only]:
            return Series(name, only.series, etag, text=only.text)
        case several:
            return Unreadable(name, f"one object holds {len(several)} different events", etag)


def zone_name(zone_id: str, definition: str) -> str:
    """Return the IANA name of a calendar's zone, empty where it cannot be told.

    Args:
        zone_id: CALDAV:calendar-timezone-id (RFC 7809), which is such a name already.
        definition: CALDAV:calendar-timezone (RFC 4791 section 5.2.2), a VCALENDAR.
    """
    text, _ = unfold(definition)
    begin = _ZONE.search(text)
    tzid, location = names(text[begin.end() :]) if begin else ("", "")
    zones = [named_zone(name) for name in (zone_id, tzid, location) if name]
    return next((str(zone) for zone in zones if zone is not None), "")


def strong_etag(value: str) -> ETag | None:
    """Return an ETag without its quotes; a weak one names no octets and cannot be matched."""
    return None if not value or value.startswith("W/") else ETag(value.strip('"'))


def color(value: str) -> str:
    """Return `#rrggbb`; Apple appends the opacity."""
    match = _COLOR.match(value)
    return match[0].lower() if match else ""


def name_from(path: str) -> str:
    """Name a calendar that has no name after its place."""
    return unquote(path.rstrip("/").rpartition("/")[2]) or "Calendar"
