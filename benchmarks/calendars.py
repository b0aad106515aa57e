"""Calendars to measure with, as other programs write them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

NOW = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
DAY = 86400
_HEAD = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example Corp//Calendar 4.2//EN
CALSCALE:GREGORIAN
X-WR-CALNAME:{name}
"""
BERLIN = """\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
_EVENT = """\
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20261115T081500Z
CREATED:20261001T101500Z
LAST-MODIFIED:20261115T081500Z
SEQUENCE:1
STATUS:CONFIRMED
TRANSP:OPAQUE
{times}
SUMMARY:Planning of quarter {number}
LOCATION:Building 4\\, third floor\\, room {number}
DESCRIPTION:What we agreed on last time\\, what came of it\\, and who takes th
 e next step. Bring the figures of item {number}\\; the minutes are in the us
 ual place.
ORGANIZER;CN=Ann Author:mailto:ann@example.com
ATTENDEE;CN=Ben Builder;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CUTYPE=INDIVI
 DUAL:mailto:ben@example.com
ATTENDEE;CN=Cleo Clerk;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:cle
 o@example.com
END:VEVENT
"""


def spans(count: int, start: int, end: int, *, share: float = 0.5) -> list[tuple[int, int]]:
    """Spread events evenly over a span, each as long as its share of the distance to the next."""
    step = (end - start) // count // 60 * 60
    length = max(60, int(step * share) // 60 * 60)
    return [(at, at + length) for at in range(start, start + count * step, step)]


def in_utc(start: int, end: int) -> str:
    """Write two instants as DTSTART and DTEND."""
    return f"DTSTART:{_text(start)}Z\nDTEND:{_text(end)}Z"


def in_berlin(start: int, end: int) -> str:
    """Write two instants of winter time as DTSTART and DTEND of Europe/Berlin."""
    begin, finish = _text(start + 3600), _text(end + 3600)
    return f"DTSTART;TZID=Europe/Berlin:{begin}\nDTEND;TZID=Europe/Berlin:{finish}"


def event(number: int, times: str, uid: str = "") -> str:
    """Write one VEVENT of about 800 bytes; the text has LF line ends."""
    return _EVENT.format(uid=uid or f"event-{number}@example.com", number=number, times=times)


def calendar(events: Iterable[str], name: str = "Work", zones: str = "") -> str:
    """Write a whole file, with CRLF line ends; `zones` are VTIMEZONEs with LF."""
    text = _HEAD.format(name=name) + zones + "".join(events) + "END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def utc_calendar(times: Iterable[tuple[int, int]], name: str = "Work") -> str:
    """Write a file of single events."""
    return calendar((event(n, in_utc(*span)) for n, span in enumerate(times)), name)


def _text(when: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(seconds=when)).strftime("%Y%m%dT%H%M%S")  # noqa: DTZ001 - the wall clock that is written
