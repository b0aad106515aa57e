"""What a Google calendar holds and when it is busy, worked out a second time: by dateutil.

Neither our model nor the stand-in's own expansion is asked, only the events as they are stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from bridge.sandbox.world import Calendar
from tests.engine.reckoning import Mirror, Moment, Spans, Told, second, text

Json = dict[str, Any]
_NEVER_BUSY = ("workingLocation", "birthday")
_LINE = re.compile(r"(\w+)[^:]*?(?:;TZID=([^:;]+))?:(.*)")
_MOST = 3000


def busy(calendar: Calendar, until: int) -> Spans:
    """When a calendar is busy."""
    zone = ZoneInfo(calendar.timezone)
    live, dead = _sorted(calendar)
    replaced = {_name(each, zone) for each in (*live, *dead) if "recurringEventId" in each}
    spans: Spans = []
    for event in live:
        if not _is_busy(event, calendar.id):
            continue
        length = _length(event, zone)
        for start in _starts(event, zone, until):
            if event.get("recurrence") and (event["id"], text(start)) in replaced:
                continue
            # Lengths are exact, and added in UTC.
            began = start.astimezone(UTC) if isinstance(start, datetime) else start
            spans.append((second(start, zone), second(began + length, zone)))
    return spans


def held(calendar: Calendar, since: int) -> Mirror:
    """What a mirror of a calendar has to hold; single events that are over may be missing."""
    zone = ZoneInfo(calendar.timezone)
    live, _ = _sorted(calendar)
    return {
        (event.get("recurringEventId", event["id"]), _original(event, zone)): Told(
            event.get("summary", ""),
            event.get("transparency") == "transparent",
            text(_moment(event["start"], zone)),
            text(_moment(event["end"], zone)),
        )
        for event in live
        if event.get("recurrence")
        or "recurringEventId" in event
        or second(_moment(event["end"], zone), zone) > since
    }


def _sorted(calendar: Calendar) -> tuple[list[Json], list[Json]]:
    live, dead = [], []
    for record in calendar.records.values():
        (dead if record.event["status"] == "cancelled" else live).append(record.event)
    return live, dead


def _is_busy(event: Json, email: str) -> bool:
    replies = {each["email"]: each["responseStatus"] for each in event.get("attendees", ())}
    return (
        event.get("transparency") != "transparent"
        and event.get("eventType") not in _NEVER_BUSY
        and replies.get(email) != "declined"
    )


def _name(event: Json, zone: ZoneInfo) -> tuple[str, str]:
    return event["recurringEventId"], _original(event, zone)


def _original(event: Json, zone: ZoneInfo) -> str:
    if "recurringEventId" not in event:
        return ""
    return text(_moment(event["originalStartTime"], zone))


def _length(event: Json, zone: ZoneInfo) -> timedelta:
    start, end = _moment(event["start"], zone), _moment(event["end"], zone)
    if isinstance(start, datetime) and isinstance(end, datetime):
        return end.astimezone(UTC) - start.astimezone(UTC)
    return end - start


def _starts(event: Json, zone: ZoneInfo, until: int) -> Iterator[Moment]:
    """Starts of a series by its rules and lists; of anything else its own."""
    first = _moment(event["start"], zone)
    lines = event.get("recurrence") or ()
    if not lines or "recurringEventId" in event:
        yield first
        return
    timed = isinstance(first, datetime)
    place = first.tzinfo if isinstance(first, datetime) else None
    plain = datetime.combine(first, time()) if not isinstance(first, datetime) else first
    plain = plain.replace(tzinfo=None)
    last = datetime.fromtimestamp(until, UTC).replace(tzinfo=None) + timedelta(days=2)
    rules, more, less = [], [], set[datetime]()
    for line in lines:
        match = _LINE.fullmatch(line)
        assert match is not None, line
        name, named, value = match.groups()
        if name == "RRULE":
            rules.append(_rule(value, plain, place, timed=timed))
            continue
        tz = ZoneInfo(named) if named else place
        dates = [_plain(each, place, tz) for each in value.split(",")]
        more += dates if name == "RDATE" else []
        less |= set(dates) if name == "EXDATE" else set()
    # DTSTART is an instance by itself, unless the series was over before it began.
    began = [] if rules and all(each.over(plain) for each in rules) else [plain]
    every = {*began, *more}.union(*(each.starts(last) for each in rules)) - less
    for start in sorted(every):
        yield start.replace(tzinfo=place) if timed else start.date()


class _Rule(NamedTuple):
    rule: rrule
    until: datetime | None

    def over(self, start: datetime) -> bool:
        return self.until is not None and self.until < start

    def starts(self, last: datetime) -> Iterator[datetime]:
        for number, start in enumerate(self.rule):
            if start > last or number > _MOST or (self.until and start > self.until):
                return
            yield start


def _rule(value: str, start: datetime, place: Any, *, timed: bool) -> _Rule:
    """Its UNTIL is taken out, and compared on the clock of the series."""
    kept = [part for part in value.split(";") if not part.startswith("UNTIL=")]
    made = rrulestr(";".join(kept), dtstart=start)
    assert isinstance(made, rrule)
    end = re.search(r"UNTIL=(\w+)", value)
    if end is None:
        return _Rule(made, None)
    if len(end[1]) == 8:
        day = datetime.strptime(end[1], "%Y%m%d")  # noqa: DTZ007 - a day of no zone
        return _Rule(made, day + timedelta(days=1, seconds=-1))
    return _Rule(made, _plain(end[1], place if timed else UTC, UTC))


def _plain(text: str, place: Any, named: Any) -> datetime:
    """Read a value of a list on the clock of the series."""
    if len(text) == 8:
        return datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - a day of no zone
    read = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S").replace(
        tzinfo=UTC if text.endswith("Z") else named
    )
    return read.astimezone(place).replace(tzinfo=None)


def _moment(value: Json, zone: ZoneInfo) -> Moment:
    if "date" in value:
        return date.fromisoformat(value["date"])
    named = value.get("timeZone")
    return datetime.fromisoformat(value["dateTime"]).astimezone(ZoneInfo(named) if named else zone)
