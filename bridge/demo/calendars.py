"""A month of believable calendars for four resources, written around a given day. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

ZONE = "Europe/Berlin"
_TIMEZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE"""


@dataclass(frozen=True, slots=True)
class DemoCalendar:
    """One calendar at a source: where it belongs and its iCalendar text."""

    server: int
    """Number of the source server, from 0; -1 is a file."""
    name: str
    """Path segment at the server, or the file's name."""
    title: str
    text: str


def _line(name: str, when: date | datetime) -> str:
    if isinstance(when, datetime):
        return f"{name};TZID={ZONE}:{when:%Y%m%dT%H%M%S}"
    return f"{name};VALUE=DATE:{when:%Y%m%d}"


def _event(
    uid: str, summary: str, start: date | datetime, length: timedelta, *lines: str
) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}@demo.example",
        "DTSTAMP:20260101T080000Z",
        f"SUMMARY:{summary}",
        _line("DTSTART", start),
        _line("DTEND", start + length),
        *lines,
        "END:VEVENT",
    ]


def _calendar(title: str, events: Iterator[list[str]]) -> str:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//BusyBridge//demo//EN",
        f"X-WR-CALNAME:{title}",
        *_TIMEZONE.splitlines(),
        *(line for event in events for line in event),
        "END:VCALENDAR",
    ]
    return "\r\n".join(lines) + "\r\n"


def _workdays(first: date, days: int) -> Iterator[date]:
    for offset in range(days):
        day = first + timedelta(days=offset)
        if day.isoweekday() <= 5:
            yield day


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute))


def _alice_work(monday: date) -> Iterator[list[str]]:
    hour = timedelta(hours=1)
    yield _event(
        "standup",
        "Stand-up",
        _at(monday - timedelta(weeks=20), 9, 15),
        timedelta(minutes=15),
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        _line("EXDATE", _at(monday + timedelta(days=2), 9, 15)),
    )
    yield _event(
        "planning",
        "Planning",
        _at(monday - timedelta(weeks=8), 10),
        hour * 2,
        "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
    )
    yield _event(
        "planning",
        "Planning (moved)",
        _at(monday + timedelta(weeks=2, days=1), 14),
        hour * 2,
        _line("RECURRENCE-ID", _at(monday + timedelta(weeks=2), 10)),
    )
    topics = ("Review with Jo", "Interview", "Budget", "Customer call", "Design session")
    for number, day in enumerate(_workdays(monday, 28)):
        start = _at(day, 11 + number % 5, 30 * (number % 2))
        tentative = ("STATUS:TENTATIVE",) if number % 5 == 3 else ()
        yield _event(f"work-{number}", topics[number % 5], start, hour, *tentative)
    yield _event("reminder", "Think about the garden", _at(monday, 12), hour, "TRANSP:TRANSPARENT")
    yield _event(
        "cancelled", "Called off", _at(monday + timedelta(days=3), 16), hour, "STATUS:CANCELLED"
    )


def _alice_family(monday: date) -> Iterator[list[str]]:
    yield _event(
        "choir",
        "Choir",
        _at(monday - timedelta(weeks=30) + timedelta(days=3), 19, 30),
        timedelta(hours=2),
        "RRULE:FREQ=WEEKLY;BYDAY=TH",
    )
    yield _event("dentist", "Dentist", _at(monday + timedelta(days=8), 8), timedelta(minutes=45))
    yield _event(
        "away",
        "At the lake",
        monday + timedelta(days=18),
        timedelta(days=3),
        "TRANSP:OPAQUE",
        "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
    )


def _anna_home(monday: date) -> Iterator[list[str]]:
    yield _event(
        "piano",
        "Piano lesson",
        _at(monday - timedelta(weeks=12) + timedelta(days=2), 17),
        timedelta(minutes=45),
        "RRULE:FREQ=WEEKLY;BYDAY=WE",
    )
    # While somebody at work wants her, too: one busy time of both.
    yield _event("plumber", "Plumber", _at(monday + timedelta(days=10), 11), timedelta(hours=2))
    yield _event("hike", "Hike", _at(monday + timedelta(days=13), 9), timedelta(hours=8))


def _room(monday: date) -> Iterator[list[str]]:
    slots = ((8, 90), (10, 60), (13, 120), (16, 45))
    groups = ("Sales", "Support", "Board", "Engineering", "People", "Guests")
    for number, day in enumerate(_workdays(monday, 30)):
        for turn, (hour, minutes) in enumerate(slots):
            if (number + turn) % 3:
                title = groups[(number + turn) % len(groups)]
                length = timedelta(minutes=minutes)
                yield _event(f"room-{number}-{turn}", title, _at(day, hour), length)


def _van(monday: date) -> Iterator[list[str]]:
    for number in range(5):
        start = _at(monday + timedelta(days=6 * number + 1), 7)
        yield _event(f"trip-{number}", "Delivery round", start, timedelta(hours=30))


def _closures(monday: date) -> Iterator[list[str]]:
    yield _event("floor", "Floor is waxed", monday + timedelta(days=12), timedelta(days=1))
    yield _event(
        "fire-drill", "Fire drill", _at(monday + timedelta(days=9), 11), timedelta(minutes=30)
    )


def demo_calendars(today: date) -> tuple[DemoCalendar, ...]:
    """Return every calendar of the demo; the month begins on the Monday of this week."""
    monday = today - timedelta(days=today.weekday())
    return (
        DemoCalendar(0, "alice-work", "Work", _calendar("Work", _alice_work(monday))),
        DemoCalendar(0, "room-blue", "Blue Room", _calendar("Blue Room", _room(monday))),
        DemoCalendar(1, "alice-family", "Family", _calendar("Family", _alice_family(monday))),
        DemoCalendar(1, "anna-home", "Home", _calendar("Home", _anna_home(monday))),
        DemoCalendar(1, "van", "Van", _calendar("Van", _van(monday))),
        DemoCalendar(-1, "closures.ics", "Closures", _calendar("Closures", _closures(monday))),
    )
