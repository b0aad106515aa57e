"""The defects that real calendars have, one function for each, and what is made of them.

A function gets what the source wrote and returns what is meant. What had to be guessed is noted
for `explain` and `status`; what has only one meaning is repaired without a word. Each has a golden
case under `tests/golden/ical/`, where its source is named.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime, time, timedelta

from bridge.model.event import EventTime, Floating

_LONGEST_UID = 1000
CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r"})
_VOLATILE = ("DTSTAMP", "LAST-MODIFIED", "CREATED", "SEQUENCE", "X-MOZ-", "ACKNOWLEDGED")
_BARE_ZONE = re.compile(rb';TZID=((?:tzone:|\()[^";\n]*?)(?=;[A-Z-]+=|:\d{8})')
ONE_DAY = timedelta(days=1)
LAST_YEAR = date.max.year
_LAST = datetime(LAST_YEAR, 12, 30, 23, 59, 59)  # noqa: DTZ001 - a wall clock
"""A day short of what can be said, so that it can be said in every zone."""


# The text as a whole


def byte_order_mark(raw: bytes) -> bytes:
    """Drop a UTF-8 byte order mark; read UTF-16, which some exporters on Windows write."""
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw[3:]
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace").encode()
    return raw


def line_ends(raw: bytes) -> bytes:
    """Make every line end one LF: CRLF as the RFC says, bare LF, bare CR and doubled CR."""
    if b"\r" not in raw:
        return raw
    raw = raw.replace(b"\r\n", b"\n")
    if b"\r" not in raw:
        return raw
    return re.sub(rb"\r+\n?", b"\n", raw)


def not_utf8(raw: bytes, notes: list[str]) -> str:
    """Read the lines that are not UTF-8 as Windows-1252, which covers Latin-1."""
    notes.append("some lines are not UTF-8: read as Windows-1252")
    return "\n".join(_decode(line) for line in raw.split(b"\n"))


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        pass
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def control_characters(raw: bytes, notes: list[str]) -> bytes:
    """Take out what RFC 5545 section 3.1 does not allow in a line: controls except HTAB."""
    plain = raw.translate(None, CONTROLS)
    if len(plain) != len(raw):
        notes.append("control characters were taken out")
    return plain


def bare_zone(raw: bytes) -> bytes:
    """Put the quotes around a TZID with a colon that RFC 5545 section 3.2 wants.

    Exchange leaves them out: `DTSTART;TZID=tzone://Microsoft/Custom:20261122T120000`.
    """
    if b";TZID=tzone:" in raw or b";TZID=(" in raw:
        return _BARE_ZONE.sub(rb';TZID="\1"', raw)
    return raw


def property_name(name: str) -> str:
    """Undo lower case, spaces before the colon and a group prefix as vCard has it."""
    return name.strip().upper().rpartition(".")[2]


# Ends and durations


def end_before_start(start: EventTime, end: EventTime, notes: list[str]) -> EventTime:
    """Give an event that ends before it starts, or a date that ends on itself, a length.

    RFC 5545 section 3.8.2.2 wants DTEND later than DTSTART. A date lasts its day. A date-time that
    ends when it starts lasts nothing, as one without DTEND does; one that ends before lasts 30
    minutes, so that it is not lost.
    """
    if isinstance(start, datetime | Floating):
        notes.append("DTEND is before DTSTART: 30 minutes assumed")
        return shift(start, timedelta(minutes=30))
    if end != start:
        notes.append("DTEND is before DTSTART: one day assumed")
    return shift(start, ONE_DAY)


def end_of_other_type(start: EventTime, end: EventTime, notes: list[str]) -> EventTime:
    """Bring DTEND to the type of DTSTART (RFC 5545 section 3.8.2.2 wants them equal)."""
    notes.append("DTEND is of another type than DTSTART: read as DTSTART's")
    wall = wall_clock(end)
    if isinstance(start, datetime):
        return wall.replace(tzinfo=start.tzinfo)
    if isinstance(start, Floating):
        return Floating(wall)
    return wall.date() if wall.time() == time() else shift(wall.date(), ONE_DAY)


def negative_duration(duration: timedelta, notes: list[str]) -> timedelta:
    """Turn a negative DURATION round (RFC 5545 section 3.8.2.5 wants it positive)."""
    notes.append("DURATION is negative: its sign was dropped")
    return -duration


def duration_of_day(length: timedelta, notes: list[str]) -> int:
    """Return the days of a DURATION beside a DATE (RFC 5545 section 3.8.2.5: days or weeks)."""
    days = -(-length // ONE_DAY)
    if days * ONE_DAY != length or days < 1:
        notes.append("DURATION of an all-day event is not in days: rounded up")
    return max(days, 1)


def all_day_by_times(start: EventTime, end: EventTime) -> tuple[EventTime, EventTime]:
    """Read midnight to midnight as dates where X-MICROSOFT-CDO-ALLDAYEVENT says so.

    Outlook writes all-day events that way ([MS-OXCICAL] section 2.1.3.1.1.20.29).
    """
    first, last = wall_clock(start), wall_clock(end)
    if first.time() == last.time() == time() and first < last:
        return first.date(), last.date()
    return start, end


# Recurrence


def rule_value(parameters: str, value: str) -> str:
    """Return the rule of an RRULE that repeats its name, names a type, or sits before the colon.

    `RRULE:RRULE:FREQ=DAILY`, `RRULE:DATE;FREQ=DAILY` and `RRULE;FREQ=DAILY;COUNT=3:` are all seen.
    """
    value = value.strip().rstrip(";")
    head, colon, rest = value.rpartition(":")
    if colon and "FREQ=" in rest.upper() and "=" not in head:
        value = rest
    parts = [part for part in value.split(";") if "=" in part]
    if "FREQ=" not in value.upper() and "FREQ=" in parameters.upper():
        parts = [part for part in parameters.split(";") if "=" in part] + parts
    return ";".join(parts) or value


def in_override(names: str, notes: list[str]) -> None:
    """Leave out rules and dates of an override: it is one occurrence (RFC 5545 section 3.8.4.4)."""
    notes.append(f"{names} in an override was left out")


# Names


def uid(value: str, text: str) -> tuple[str, str]:
    """Return the UID of a VEVENT, and a note where it had to be made or shortened.

    RFC 5545 section 3.8.4.7 requires one. A missing one is made from the lines of the event, those
    left out that change without the event changing; one that no index can hold is shortened, the
    same way every time.
    """
    found = value.replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\").strip()
    if not found:
        kept = [line for line in text.split("\n") if line and not line.startswith(_VOLATILE)]
        made = hashlib.sha256("\n".join(kept).encode()).hexdigest()[:32]
        return f"no-uid-{made}", "UID is missing: one was made from the event"
    if len(found) > _LONGEST_UID:
        ending = hashlib.sha256(found.encode()).hexdigest()[:32]
        return f"{found[:200]}~{ending}", "UID is too long: it was shortened"
    return found, ""


def status_name(value: str) -> str:
    """Read the American spelling, `CANCELED`."""
    value = value.strip().upper()
    return "CANCELLED" if value == "CANCELED" else value


def address(value: str, email: str) -> str:
    """Return a calendar user address in lower case, as mailto: where a mail address is known.

    CalDAV servers of Apple write a principal's path and put the address in EMAIL.
    """
    plain = value.strip().strip("<>").lower()
    if plain.startswith("mailto:"):
        return f"mailto:{plain[7:].strip()}"
    if email:
        return f"mailto:{email.strip().lower()}"
    return f"mailto:{plain}" if "@" in plain and ":" not in plain else plain


# Times


def leap_second(text: str) -> str:
    """Read second 60 as 59, as RFC 5545 section 3.3.12 asks of those without leap seconds."""
    return f"{text[:13]}59{text[15:]}" if text[13:15] == "60" else text


def hour_24(text: str) -> tuple[str, timedelta]:
    """Read 24:00 as midnight of the next day (ISO 8601; RFC 5545 ends the hour at 23)."""
    if text[9:11] == "24":
        return f"{text[:9]}00{text[11:]}", ONE_DAY
    return text, timedelta()


def dashes_and_colons(text: str) -> str:
    """Read `2026-03-01T10:00:00Z`, the extended form of ISO 8601, as the basic form."""
    if "-" in text or ":" in text:
        text = re.sub(r"\.\d+", "", text).replace("-", "").replace(":", "")
    return text


def midnight_of_date(moment: EventTime) -> EventTime:
    """Read a midnight as the date that VALUE=DATE says it is."""
    wall = wall_clock(moment)
    return wall.date() if wall.time() == time() else moment


def short_time(text: str) -> str:
    """Give `20260301T1000` its seconds."""
    if len(text.rstrip("Z")) == 13:
        return f"{text[:13]}00{text[13:]}"
    return text


def short_offset(text: str) -> str:
    """Give the UTC offset `-500` its leading zero."""
    return re.sub(r"^([+-]?)(\d)(?=(\d\d)+$)", r"\g<1>0\2", text)


def wall_clock(moment: EventTime) -> datetime:
    """Return what the clock on the wall shows, midnight for a date; naive."""
    if isinstance(moment, Floating):
        return moment.wall
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None)
    return datetime.combine(moment, time())


def shift(moment: EventTime, by: timedelta) -> EventTime:
    """Move by wall clock; stop where the years end (9999)."""
    try:
        if isinstance(moment, Floating):
            return Floating(moment.wall + by)
        return moment + by
    except OverflowError:
        if isinstance(moment, Floating):
            return max(moment, Floating(_LAST))
        if isinstance(moment, datetime):
            return max(moment, _LAST.replace(tzinfo=moment.tzinfo))
        return date.max
