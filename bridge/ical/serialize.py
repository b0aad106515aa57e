"""Writing iCalendar: free-busy objects, feeds of busy events, escaped texts.

Templates, since the values are ours: UTC instants, enumerations, and texts that are escaped here.
The same input gives the same octets; DTSTAMP is the last change, never the time of writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from bridge.ical.contentline import fold
from bridge.ical.itip import CalendarUser
from bridge.model.interval import BusyPeriod, FBType, Instant, Window

PRODID = "-//BusyBridge//EN"
_SPECIAL = re.compile(r"[\\;,\n\r\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNQUOTED = re.compile(r'["\x00-\x08\n-\x1f\x7f\ud800-\udfff]')
_NOT_URI = re.compile(r"[^\x21-\x7e]")
_MINUTES = [f"T{hour:02}{minute:02}" for hour in range(24) for minute in range(60)]
_SECONDS = [f"{second:02}Z" for second in range(60)]
_MICROSOFT = {
    FBType.BUSY: "BUSY",
    FBType.BUSY_TENTATIVE: "TENTATIVE",
    FBType.BUSY_UNAVAILABLE: "OOF",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBlock:
    """One busy block as an event; texts are empty where privacy hides them."""

    uid: str
    start: Instant
    end: Instant
    fbtype: FBType
    changed_at: Instant
    sequence: int = 0
    summary: str = "Busy"
    description: str = ""
    location: str = ""
    url: str = ""
    categories: tuple[str, ...] = ()


def escape_text(text: str) -> str:
    """Write a TEXT value, RFC 5545 section 3.3.11: one line, whatever it holds.

    Controls, which no content line may hold, and lone surrogates, which UTF-8 cannot, are dropped.
    """
    if text.isalnum():
        return text
    return _SPECIAL.sub(_escape, text.replace("\r\n", "\n").replace("\r", "\n"))


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found in "\\;,":
        return f"\\{found}"
    return "\\n" if found == "\n" else ""


def parameter(text: str) -> str:
    """Write a parameter value in quotes, by RFC 6868 where it holds quotes or line ends."""
    plain = text.replace("^", "^^").replace("\r\n", "\n").replace("\n", "^n").replace('"', "^'")
    return f'"{_UNQUOTED.sub("", plain)}"'


def uri(text: str) -> str:
    """Write a URI: what cannot stand in one is percent-encoded, so that the line stays one."""
    return _NOT_URI.sub(_percent, text)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in match[0].encode("utf-8", "replace"))


def utc_text(when: Instant) -> str:
    """Write an instant, `20260301T100000Z`."""
    day, second = divmod(when, 86400)
    return _day_text(day) + _MINUTES[second // 60] + _SECONDS[second % 60]


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    moment = datetime.fromtimestamp(day * 86400, UTC)
    return f"{moment.year:04}{moment:%m%d}"


def duration_text(length: timedelta) -> str:
    """Write a DURATION of whole seconds, not negative: `PT15M`, `P1DT2H`."""
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "H"), (minutes, "M"), (seconds, "S")]
    time = "".join(f"{number}{letter}" for number, letter in parts if number)
    days = f"{length.days}D" if length.days else ""
    return f"P{days}T{time}" if time else f"P{days or 'T0S'}"


def freebusy(  # noqa: PLR0913 - all but two are named
    periods: Iterable[BusyPeriod],
    window: Window,
    *,
    uid: str,
    dtstamp: Instant,
    name: str = "",
    email: str = "",
    url: str = "",
    origin: str = "",
) -> bytes:
    """Return one VCALENDAR with one VFREEBUSY of the window and no METHOD (CC/S 0903).

    Every FREEBUSY names its FBTYPE: Thunderbird takes one without as no information.

    Args:
        periods: clipped to the window by the caller; in order.
        window: DTSTART and DTEND.
        uid: the same for the same resource.
        dtstamp: instant of the last change.
        name: of the resource, CN of the ORGANIZER.
        email: of the resource, its ORGANIZER; empty for none.
        url: where this object can be had again (FBURL).
        origin: instance that writes it, X-BUSYBRIDGE-ORIGIN.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODID}",
        "BEGIN:VFREEBUSY",
        f"UID:{escape_text(uid)}",
        f"DTSTAMP:{utc_text(dtstamp)}",
        f"DTSTART:{utc_text(window.start)}",
        f"DTEND:{utc_text(window.end)}",
    ]
    if email:
        common_name = f";CN={parameter(name)}" if name else ""
        lines.append(f"ORGANIZER{common_name}:mailto:{uri(email)}")
    if url:
        lines.append(f"URL:{uri(url)}")
    if origin:
        lines.append(f"X-BUSYBRIDGE-ORIGIN:{escape_text(origin)}")
    lines += [*_busy_lines(periods), "END:VFREEBUSY", "END:VCALENDAR", ""]
    return fold("\n".join(lines)).encode()


def freebusy_reply(
    periods: Iterable[BusyPeriod],
    window: Window,
    *,
    uid: str,
    dtstamp: Instant,
    organizer: CalendarUser,
    attendee: CalendarUser,
) -> str:
    """Return the answer to one who was asked when somebody is busy (RFC 5546 section 3.3.3).

    Args:
        periods: of the attendee, clipped to the window by the caller; in order.
        window: DTSTART and DTEND.
        uid: of the request.
        dtstamp: instant of the last change.
        organizer: who asks.
        attendee: who is asked about.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODID}",
        "METHOD:REPLY",
        "BEGIN:VFREEBUSY",
        f"UID:{escape_text(uid)}",
        f"DTSTAMP:{utc_text(dtstamp)}",
        f"DTSTART:{utc_text(window.start)}",
        f"DTEND:{utc_text(window.end)}",
        f"ORGANIZER{_address(organizer)}",
        f"ATTENDEE{_address(attendee)}",
        *_busy_lines(periods),
        "END:VFREEBUSY",
        "END:VCALENDAR",
        "",
    ]
    return fold("\n".join(lines))


def _busy_lines(periods: Iterable[BusyPeriod]) -> list[str]:
    return [
        f"FREEBUSY;FBTYPE={fbtype.rfc}:{utc_text(start)}/{utc_text(end)}"
        for start, end, fbtype in periods
    ]


def _address(user: CalendarUser) -> str:
    common_name = f";CN={parameter(user.common_name)}" if user.common_name else ""
    return f"{common_name}:{uri(user.address)}"


def feed(
    blocks: Iterable[FeedBlock],
    *,
    name: str,
    refresh: timedelta,
    origin: str = "",
    url: str = "",
) -> bytes:
    """Return a calendar to subscribe to, one VEVENT per block.

    Args:
        blocks: in the order they are written.
        name: NAME and X-WR-CALNAME.
        refresh: how long a subscriber may wait (RFC 7986 section 5.7, and X-PUBLISHED-TTL).
        origin: instance that writes it; other bridges know the events by it.
        url: where the feed can be had, SOURCE of RFC 7986 section 5.8.
    """
    every = duration_text(refresh)
    head = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODID}",
        f"NAME:{escape_text(name)}",
        f"X-WR-CALNAME:{escape_text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{every}",
        f"X-PUBLISHED-TTL:{every}",
    ]
    if url:
        head.append(f"SOURCE;VALUE=URI:{uri(url)}")
    marks = f"X-BUSYBRIDGE-ORIGIN:{escape_text(origin)}\n" if origin else ""
    events = "".join(_event_lines(block, marks) for block in blocks)
    return fold("\n".join(head) + "\n" + events + "END:VCALENDAR\n").encode()


def collection(blocks: Iterable[FeedBlock], *, name: str, origin: str = "") -> bytes:
    """Return a whole calendar at once, as a GET on a CalDAV collection serves it."""
    marks = f"X-BUSYBRIDGE-ORIGIN:{escape_text(origin)}\n" if origin else ""
    head = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:{PRODID}\n"
        f"NAME:{escape_text(name)}\nX-WR-CALNAME:{escape_text(name)}\n"
    )
    events = "".join(_event_lines(block, marks) for block in blocks)
    return fold(f"{head}{events}END:VCALENDAR\n").encode()


def event_text(block: FeedBlock, *, origin: str = "") -> str:
    """Return one block as a whole iCalendar object, as a CalDAV collection serves it."""
    marks = f"X-BUSYBRIDGE-ORIGIN:{escape_text(origin)}\n" if origin else ""
    head = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:{PRODID}\n"
    return fold(f"{head}{_event_lines(block, marks)}END:VCALENDAR\n")


def _event_lines(block: FeedBlock, marks: str) -> str:
    changed = utc_text(block.changed_at)
    status = "TENTATIVE" if block.fbtype is FBType.BUSY_TENTATIVE else "CONFIRMED"
    return (
        f"BEGIN:VEVENT\nUID:{escape_text(block.uid)}\nDTSTAMP:{changed}\n"
        f"LAST-MODIFIED:{changed}\nSEQUENCE:{block.sequence}\n"
        f"DTSTART:{utc_text(block.start)}\nDTEND:{utc_text(block.end)}\n"
        f"SUMMARY:{escape_text(block.summary)}\n{_details(block)}"
        f"STATUS:{status}\nTRANSP:OPAQUE\nCLASS:PUBLIC\n"
        f"X-MICROSOFT-CDO-BUSYSTATUS:{_MICROSOFT[block.fbtype]}\n{marks}END:VEVENT\n"
    )


def _details(block: FeedBlock) -> str:
    lines = []
    if block.description:
        lines.append(f"DESCRIPTION:{escape_text(block.description)}\n")
    if block.location:
        lines.append(f"LOCATION:{escape_text(block.location)}\n")
    if block.url:
        lines.append(f"URL:{uri(block.url)}\n")
    if block.categories:
        lines.append(f"CATEGORIES:{','.join(map(escape_text, block.categories))}\n")
    return "".join(lines)
