"""Times as Zoom has them: moments of UTC, or wall times of the meeting's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.sandbox.zoom.errors import invalid

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(?P<utc>Z?)")

_YEARS = range(1970, 9000)
"""Beyond them nothing can be reckoned."""


def zone(name: str) -> ZoneInfo:
    """Find a zone by its IANA name.

    Raises:
        ZoomError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise invalid("timezone", "The timezone is not supported.") from err


def read(text: str, zone_name: str, field: str = "start_time") -> datetime:
    """Read a time: with a Z it is of UTC, else of the zone.

    Raises:
        ZoomError: it is none.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise invalid(field)
    try:
        plain = datetime.fromisoformat(text.removesuffix("Z")).replace(microsecond=0)
    except ValueError as err:
        raise invalid(field) from err
    if plain.year not in _YEARS:
        raise invalid(field)
    return plain.replace(tzinfo=UTC if found["utc"] else zone(zone_name)).astimezone(UTC)


def written(when: datetime) -> str:
    """Write a moment, `2026-03-01T10:00:00Z`."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(when: datetime) -> int:
    """Write a moment as milliseconds, as ids of occurrences and events have it."""
    return int(when.timestamp() * 1000)
