"""Recurrences in the broken forms that Google's API has been seen to emit.

They mean the same: a client that mends them as others do gets the same instances.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from bridge.sandbox.google import times
from bridge.sandbox.google.times import Json

_UTC_TIME = re.compile(r"\d{8}T\d{6}Z")
_UNTIL = re.compile(r"UNTIL=([\dTZ]+)")


def recurrence(event: Json, calendar_zone: str) -> list[str]:
    """Write the recurrence of a series in broken forms."""
    return [_line(line, event, calendar_zone) for line in event["recurrence"]]


def _line(line: str, event: Json, calendar_zone: str) -> str:
    name, _, value = line.partition(":")
    if name == "RDATE":
        # A list of dates under the name of a rule, at wall times.
        zone = event["start"].get("timeZone") or calendar_zone
        return f"RRULE:DATE;TZID={zone}:{_UTC_TIME.sub(_at(zone), value)}"
    if name != "RRULE":
        return line
    start, _, _ = times.wall(event["start"], calendar_zone)
    day = re.search(rf"\bBYMONTHDAY={start.day}(?=;|$)", value)
    if "FREQ=YEARLY" in value and day and "BYDAY" not in value:
        # Only a month that the first occurrence tells as well.
        value = re.sub(rf";?BYMONTH={start.month}(?=;|$)", "", value).lstrip(";")
    until = _UNTIL.search(value)
    if until is None:
        return f"RRULE;X-GOOGLE-REPEATS=1:{value}"
    other = _other_until(value, until[1], event, calendar_zone)
    return f"RRULE:{_UNTIL.sub(f'UNTIL={other}', value)}"


def _other_until(rule: str, until: str, event: Json, calendar_zone: str) -> str:
    """Write the end of a rule as the other type: the day of the last one, or its midnight."""
    if "date" in event["start"]:
        return until if "T" in until else f"{until}T000000Z"
    alone = {**event, "recurrence": [f"RRULE:{rule}"]}
    every = list(times.occurrences(alone, calendar_zone, _after(until)))
    return str(every[-1][0]["dateTime"])[:10].replace("-", "") if every else until


def _at(zone: str) -> Callable[[re.Match[str]], str]:
    def wall(utc: re.Match[str]) -> str:
        when = datetime.strptime(utc[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return when.astimezone(times.zone(zone)).strftime("%Y%m%dT%H%M%S")

    return wall


def _after(until: str) -> datetime:
    day = date(int(until[:4]), int(until[4:6]), int(until[6:8]))
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=2)
