"""Times as Graph has them: a wall time without an offset beside the name of its zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bridge.sandbox.microsoft.errors import GraphError, bad_property, bad_query
from bridge.sandbox.microsoft.zones import zone

Json = dict[str, Any]

_WALL = re.compile(r"(\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?)(?:\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")
_MIDNIGHT = time()


class Span(NamedTuple):
    """When an event is, [start, end) in UTC."""

    start: datetime
    end: datetime

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Tell whether it overlaps a window; what has no length counts where it begins."""
        return self.start < end and (self.end > start or self.start == self.end == start)


def wall(value: Json) -> datetime:
    """Read the wall time of a dateTimeTimeZone; an offset in it is turned into its zone.

    Raises:
        GraphError: 400.
    """
    found = _WALL.fullmatch(str(value.get("dateTime")))
    if found is None:
        raise bad_property("The dateTime of a dateTimeTimeZone is not valid.")
    try:
        plain = datetime.fromisoformat(found[1])
    except ValueError as err:
        raise bad_property("The dateTime of a dateTimeTimeZone is not valid.") from err
    if found[2] is None:
        return plain
    there = datetime.fromisoformat(found[1] + found[2].replace("Z", "+00:00"))
    return there.astimezone(zone(value.get("timeZone") or "UTC")).replace(tzinfo=None)


def kept(value: Json) -> Json:
    """Bring a dateTimeTimeZone into the form that is kept: seconds, and a name that is known."""
    name = value.get("timeZone") or "UTC"
    zone(name)
    return {"dateTime": wall(value).isoformat(timespec="seconds"), "timeZone": name}


def placed(plain: datetime, place: ZoneInfo) -> datetime:
    """Put a wall time into its zone."""
    return plain.replace(tzinfo=place).astimezone(UTC)


def span(event: Json) -> Span:
    """Return when an event is, of a series its first occurrence."""
    start, end = event["start"], event["end"]
    return Span(
        placed(wall(start), zone(start["timeZone"])), placed(wall(end), zone(end["timeZone"]))
    )


def check_span(event: Json) -> None:
    """Refuse what begins after it ends, and whole days that are none.

    Raises:
        GraphError: 400.
    """
    when = span(event)
    if when.end < when.start:
        raise GraphError(400, "ErrorCalendarEndDateIsEarlierThanStartDate")
    if not event.get("isAllDay"):
        return
    for name in ("start", "end"):
        if wall(event[name]).time() != _MIDNIGHT:
            title = name.title()
            text = f"The Event.{title} property for an all-day event needs to be set to midnight."
            raise GraphError(400, "ErrorInvalidRequest", text)
    if zone(event["start"]["timeZone"]) != zone(event["end"]["timeZone"]):
        raise bad_property("Start and end of an all-day event need to be in the same time zone.")
    if when.end == when.start:
        raise bad_property("The duration of an all-day event needs to be at least one day.")


def shown(value: Json, name: str, *, all_day: bool) -> Json:
    """Write a dateTimeTimeZone in a zone; whole days are the same days everywhere."""
    plain = wall(value)
    if not all_day:
        plain = placed(plain, zone(value["timeZone"])).astimezone(zone(name)).replace(tzinfo=None)
    return {"dateTime": f"{plain.isoformat(timespec='seconds')}.0000000", "timeZone": name}


def instant(when: datetime) -> str:
    """Write a moment as DateTimeOffset, `2026-03-01T10:00:00Z`."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precise(when: datetime) -> str:
    """Write a moment as `createdDateTime` has it, with seven digits."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def bound(text: str, name: str) -> datetime:
    """Read an end of a window; without an offset it counts in UTC, whatever `Prefer` says.

    Raises:
        GraphError: 400.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError as err:
        # A plus sign that was not encoded arrives as a space.
        raise bad_query(f"The value '{text}' of parameter '{name}' is invalid.") from err
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


def day(text: str) -> date:
    """Read an Edm.Date.

    Raises:
        GraphError: 400.
    """
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError) as err:
        raise bad_property(f"'{text}' is no date.") from err


def whole_days(first: date, last: date, zone_name: str) -> Json:
    """Write start and end of an all-day event; `last` is not part of it."""
    made = {"start": first, "end": last}
    return {
        "isAllDay": True,
        **{
            name: {"dateTime": f"{each.isoformat()}T00:00:00", "timeZone": zone_name}
            for name, each in made.items()
        },
    }
