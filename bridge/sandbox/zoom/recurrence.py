"""The recurrence object: what Zoom can repeat, and when that is.

https://developers.zoom.us/docs/api/references/recurrence-object-definitions
Where editions of the documentation give different limits the smallest counts: what keeps to it
works, whichever is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, rrule, weekday

from bridge.sandbox.world import Json
from bridge.sandbox.zoom import times
from bridge.sandbox.zoom.errors import invalid

MOST = 60
"""Occurrences of a meeting."""
_DAY, _WEEK, _MONTH = 1, 2, 3
_OFTEN: Mapping[int, Literal[1, 2, 3]] = {_DAY: DAILY, _WEEK: WEEKLY, _MONTH: MONTHLY}
_WEEK_DAYS = (SU, MO, TU, WE, TH, FR, SA)
_INTERVALS: Mapping[int, int] = {_DAY: 90, _WEEK: 12, _MONTH: 3}
_OF: Mapping[int, frozenset[str]] = {
    _DAY: frozenset(),
    _WEEK: frozenset({"weekly_days"}),
    _MONTH: frozenset({"monthly_day", "monthly_week", "monthly_week_day"}),
}
_SPECIAL = frozenset().union(*_OF.values())


def kept(given: Json) -> Json:
    """Check a recurrence and fill in what it leaves out.

    Raises:
        ZoomError: Zoom has no such recurrence.
    """
    kind = given["type"]
    if strange := sorted((_SPECIAL - _OF[kind]) & given.keys()):
        raise invalid(f"recurrence.{strange[0]}", "It is for another type of recurrence.")
    interval = given.get("repeat_interval", 1)
    if not 1 <= interval <= _INTERVALS[kind]:
        raise invalid("recurrence.repeat_interval")
    made: Json = {"type": kind, "repeat_interval": interval}
    if kind == _WEEK:
        made["weekly_days"] = given.get("weekly_days", "1")
    if kind == _MONTH:
        made |= _monthly(given)
    return made | _end(given)


def starts(recurrence: Json, first: datetime, zone_name: str) -> list[datetime]:
    """Work out when a meeting happens, on wall time, so that it keeps its hour.

    Args:
        recurrence: as `kept` gives it.
        first: from when on.
        zone_name: the meeting's.

    Raises:
        ZoomError: never, or more often than Zoom has it.
    """
    place = times.zone(zone_name)
    plain = first.astimezone(place).replace(tzinfo=None)
    until = None
    if end := recurrence.get("end_date_time"):
        until = times.read(end, "UTC").astimezone(place).replace(tzinfo=None)
    rule = rrule(
        _OFTEN[recurrence["type"]],
        dtstart=plain,
        interval=recurrence["repeat_interval"],
        wkst=SU,
        count=recurrence.get("end_times"),
        until=until,
        byweekday=_days(recurrence),
        bymonthday=recurrence.get("monthly_day"),
    )
    found = list(islice(rule, MOST + 1))
    if not found:
        raise invalid("recurrence.end_date_time", "The meeting would never happen.")
    if len(found) > MOST:
        raise invalid("recurrence.end_date_time", f"There are at most {MOST} occurrences.")
    return [each.replace(tzinfo=place).astimezone(UTC) for each in found]


def _monthly(given: Json) -> Json:
    by_week = {"monthly_week", "monthly_week_day"} & given.keys()
    if not by_week:
        day = given.get("monthly_day", 1)
        if not 1 <= day <= 31:
            raise invalid("recurrence.monthly_day")
        return {"monthly_day": day}
    if "monthly_day" in given:
        raise invalid("recurrence.monthly_day", "It cannot be used with monthly_week.")
    if len(by_week) != 2:
        text = "monthly_week and monthly_week_day belong together."
        raise invalid(f"recurrence.{by_week.pop()}", text)
    return {name: given[name] for name in ("monthly_week", "monthly_week_day")}


def _end(given: Json) -> Json:
    if "end_date_time" in given:
        if "end_times" in given:
            raise invalid("recurrence.end_times", "It cannot be used with end_date_time.")
        if not given["end_date_time"].endswith("Z"):
            raise invalid("recurrence.end_date_time", "It has to be in UTC.")
        moment = times.read(given["end_date_time"], "UTC", "recurrence.end_date_time")
        return {"end_date_time": times.written(moment)}
    number = given.get("end_times", 1)
    if not 1 <= number <= MOST:
        raise invalid("recurrence.end_times", f"There are at most {MOST} occurrences.")
    return {"end_times": number}


def _days(recurrence: Json) -> list[weekday] | None:
    if "weekly_days" in recurrence:
        return [_WEEK_DAYS[int(each) - 1] for each in recurrence["weekly_days"].split(",")]
    if "monthly_week" in recurrence:
        day = _WEEK_DAYS[recurrence["monthly_week_day"] - 1]
        return [day(recurrence["monthly_week"])]
    return None
