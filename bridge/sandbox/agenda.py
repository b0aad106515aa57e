"""What a calendar's page says of its events: when they are, how they repeat, who comes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.google import invitations, times
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar

_DAYS = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}
_OFTEN = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}


class Shown(NamedTuple):
    """The times of an event as forms have them: wall times of its calendar, last days included."""

    start: str
    """`2026-11-30T09:00`."""
    end: str
    all_day: bool


def shown(event: Json, calendar: Calendar) -> Shown:
    """Give what a form shows of an event."""
    first, last, all_day = _walls(event, calendar)
    return Shown(_written(first), _written(last), all_day)


def when(event: Json, calendar: Calendar, now: datetime) -> str:
    """Say when an event is, of a series its first occurrence: `Mon 30 Nov, 09:00-09:15`."""
    first, last, all_day = _walls(event, calendar)
    begins, ends = _day(first, now), _day(last, now)
    if all_day:
        return f"{begins}, all day" if begins == ends else f"{begins} \u2013 {ends}, all day"
    if begins == ends:
        return f"{begins}, {first:%H:%M}\u2013{last:%H:%M}"
    return f"{begins} {first:%H:%M} \u2013 {ends} {last:%H:%M}"


def is_over(event: Json, calendar: Calendar, now: datetime) -> bool:
    """Tell whether an event that does not repeat has ended."""
    return not event.get("recurrence") and times.span(event, calendar.timezone).end <= now


def repeats(event: Json) -> str:
    """Say how a series repeats, in words where there are simple ones."""
    return "; ".join(map(_rule, event.get("recurrence", [])))


def guests(event: Json) -> str:
    """Name the guests and their answers."""
    every = event.get("attendees", [])
    return ", ".join(f"{each['email']}: {each['responseStatus']}" for each in every)


def is_invitation(event: Json, calendar: Calendar) -> bool:
    """Tell whether the calendar's owner is a guest here, who may answer and nothing else."""
    is_guest = invitations.guest(event, calendar.id) is not None
    return is_guest and not invitations.is_organizer(event, calendar)


def _walls(event: Json, calendar: Calendar) -> tuple[datetime, datetime, bool]:
    all_day = "date" in event["start"]
    start, end = times.span(event, calendar.timezone)
    place = times.zone(calendar.timezone)
    first, last = start.astimezone(place), end.astimezone(place)
    # People name the last day, Google the one after it.
    return first, last - timedelta(days=1) if all_day else last, all_day


def _written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="minutes")


def _day(moment: datetime, now: datetime) -> str:
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment:%a} {moment.day} {moment:%b}{year}"


def _rule(line: str) -> str:
    name, _, value = line.partition(":")
    parts = {key: text for key, _, text in (it.partition("=") for it in value.split(";"))}
    often = _OFTEN.get(parts.pop("FREQ", ""))
    number, days = parts.pop("INTERVAL", "1"), parts.pop("BYDAY", "")
    names = [_DAYS.get(day, "") for day in days.split(",")] if days else []
    if name != "RRULE" or parts or often is None or not all(names):
        return line
    every = f"every {often}" if number == "1" else f"every {number} {often}s"
    return f"{every} on {', '.join(names)}" if names else every
