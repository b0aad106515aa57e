"""Times as Google's events have them, and the occurrences of a series.

Civil dates and wall times count in the event's zone; a series is worked out on wall time and then
placed, so that it keeps its hour over a change of clocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrulestr

from bridge.sandbox.google.errors import ApiError, invalid

Json = dict[str, Any]

_MOST = 20_000
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class Span(NamedTuple):
    """When an event is, [start, end) in UTC."""

    start: datetime
    end: datetime

    def overlaps(self, start: datetime | None, end: datetime | None) -> bool:
        """Tell whether it overlaps a window; Google's bounds are both exclusive."""
        return (start is None or self.end > start) and (end is None or self.start < end)


def zone(name: str) -> ZoneInfo:
    """Find a zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as err:
        raise invalid(f"Invalid time zone definition: {name}") from err


def moment(text: str) -> datetime:
    """Read an RFC 3339 time; its offset is mandatory in parameters."""
    if not _RFC3339.fullmatch(text):
        raise invalid(f"Invalid value for a time: {text}")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise invalid(f"Invalid value for a time: {text}") from err


def rfc3339(when: datetime) -> str:
    """Write a moment, `2026-03-01T10:00:00Z`."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wall(value: Json, calendar_zone: str) -> tuple[datetime, ZoneInfo, bool]:
    """Read an EventDateTime: wall time, zone, and whether it is a whole day.

    Raises:
        ApiError: it is neither a date nor a time.
    """
    place = zone(value.get("timeZone") or calendar_zone)
    if "date" in value and "dateTime" in value:
        raise invalid("Start and end times must either both be date or both be dateTime.")
    if "date" in value:
        try:
            day = date.fromisoformat(value["date"])
        except ValueError as err:
            raise invalid("Invalid start or end date.") from err
        return datetime.combine(day, time.min), zone(calendar_zone), True
    text = value.get("dateTime")
    if not isinstance(text, str):
        raise ApiError(400, "required", "Missing start or end time.")
    if _RFC3339.fullmatch(text):
        return moment(text).astimezone(place).replace(tzinfo=None), place, False
    try:
        plain = datetime.fromisoformat(text)
    except ValueError as err:
        raise invalid("Invalid start or end time.") from err
    if not value.get("timeZone"):
        raise invalid("Missing time zone definition for start time.")
    return plain.replace(tzinfo=None), place, False


def span(event: Json, calendar_zone: str) -> Span:
    """Return when an event is, of a series its first occurrence."""
    start, start_zone, _ = wall(event["start"], calendar_zone)
    end, end_zone, _ = wall(event["end"], calendar_zone)
    return Span(_place(start, start_zone), _place(end, end_zone))


def stamp(value: Json, calendar_zone: str) -> str:
    """Write the part of an instance's id that names its start: `20260301T090000Z`, `20260301`."""
    plain, place, whole_day = wall(value, calendar_zone)
    if whole_day:
        return plain.strftime("%Y%m%d")
    return _place(plain, place).strftime("%Y%m%dT%H%M%SZ")


def occurrences(master: Json, calendar_zone: str, until: datetime) -> Iterator[tuple[Json, Json]]:
    """Work out a series: the start and end of each occurrence, as EventDateTime.

    Args:
        master: with `recurrence`.
        calendar_zone: for whole days.
        until: nothing that begins at or after it.
    """
    start, place, whole_day = wall(master["start"], calendar_zone)
    end, end_place, _ = wall(master["end"], calendar_zone)
    length = end - start if whole_day else _place(end, end_place) - _place(start, place)
    named = master["start"].get("timeZone") or calendar_zone
    rule = _rule(master["recurrence"], start, place, whole_day=whole_day)
    for each in islice(rule, _MOST):
        placed = _place(each, place)
        if placed >= until:
            return
        if whole_day:
            last = (each + length).date().isoformat()
            yield {"date": each.date().isoformat()}, {"date": last}
        else:
            yield timed(placed, named), timed(placed + length, named)


def timed(when: datetime, zone_name: str) -> Json:
    """Write a moment as EventDateTime."""
    local = when.astimezone(zone(zone_name)).isoformat(timespec="seconds")
    return {"dateTime": local.replace("+00:00", "Z"), "timeZone": zone_name}


def check_recurrence(lines: list[str], start: Json, calendar_zone: str) -> None:
    """Refuse a recurrence that Google refuses.

    Raises:
        ApiError: 400.
    """
    if "dateTime" in start and not start.get("timeZone"):
        raise invalid("Missing time zone definition for start time.")
    plain, place, whole_day = wall(start, calendar_zone)
    try:
        next(iter(_rule(lines, plain, place, whole_day=whole_day)), None)
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        raise invalid("Invalid recurrence rule.") from err


def _rule(
    lines: list[str], start: datetime, place: ZoneInfo, *, whole_day: bool
) -> Iterator[datetime]:
    """Run the rules on wall time; UNTIL and the lists of dates are put into it first."""
    known = ("RRULE", "RDATE", "EXDATE", "EXRULE")
    if not all(line.partition(":")[0].partition(";")[0] in known for line in lines):
        raise ValueError("a recurrence holds RRULE, RDATE, EXDATE and EXRULE")
    if any(_TOO_OFTEN.search(line) for line in lines):
        raise ValueError("nothing recurs more than once a day")
    local = [_localized(line, place, whole_day=whole_day) for line in lines]
    # `compatible`: DTSTART is an occurrence whatever the rule says, and where it does not match it
    # comes on top of COUNT, as in https://github.com/googleapis/google-api-nodejs-client/issues/2214
    text, counts = "\n".join(local), not _is_over(local, start)
    return iter(rrulestr(text, dtstart=start, compatible=counts, ignoretz=True))


def _is_over(lines: list[str], start: datetime) -> bool:
    """Tell whether every rule ends before DTSTART.

    "This and following" leaves such a series where it was done to the first occurrence, and
    Google shows nothing of it: https://github.com/sabre-io/vobject/pull/371
    """
    rules = [line for line in lines if line.startswith("RRULE")]
    ends = [_UNTIL.search(line) for line in rules]
    return bool(rules) and all(end and datetime.fromisoformat(end[1]) < start for end in ends)


_TOO_OFTEN = re.compile(r"FREQ=(SECONDLY|MINUTELY|HOURLY)")
_UTC_TIME = re.compile(r"(\d{8}T\d{6})Z")
_DAY_ONLY = re.compile(r"\b(\d{8})\b(?!T)")
_UNTIL = re.compile(r"UNTIL=(\d{8}(?:T\d{6})?)")


def _localized(line: str, place: ZoneInfo, *, whole_day: bool) -> str:
    def placed(match: re.Match[str]) -> str:
        utc = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return utc.astimezone(place).strftime("%Y%m%dT%H%M%S")

    head, _, value = line.partition(":")
    value = value if whole_day else _UTC_TIME.sub(placed, value)
    value = value.replace("Z", "") if whole_day else value
    # UNTIL as a day includes that day.
    clock = "T000000" if whole_day or head.startswith(("RDATE", "EXDATE")) else "T235959"
    value = _DAY_ONLY.sub(rf"\1{clock}", value)
    return f"{head.partition(';')[0]}:{value}"


def _place(plain: datetime, place: ZoneInfo) -> datetime:
    return plain.replace(tzinfo=place).astimezone(UTC)
