"""What scheduling messages say, as far as somebody sends us one (RFC 5546). Pure."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime
from typing import NamedTuple

from bridge.errors import InvalidCalendarObject
from bridge.ical.contentline import parameters, split_line, text_value, unfold
from bridge.model.interval import Instant, Window

_UTC = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_ONCE = ("UID", "ORGANIZER", "DTSTART", "DTEND")


class CalendarUser(NamedTuple):
    """Somebody in a calendar: ORGANIZER or ATTENDEE."""

    address: str
    """As it is written, `mailto:Ann@example.com`."""
    common_name: str = ""


class BusyQuestion(NamedTuple):
    """A VFREEBUSY request: when are others busy (RFC 5546 section 3.3.2)?"""

    uid: str
    organizer: CalendarUser
    attendees: tuple[CalendarUser, ...]
    window: Window


def read_busy_question(data: bytes) -> BusyQuestion:
    """Read a request for busy time.

    Raises:
        InvalidCalendarObject: with precondition `valid-scheduling-message` for what is another
            message, or says too little.
    """
    path: list[str] = []
    method = ""
    requests = 0
    found: dict[str, list[tuple[str, str]]] = {}
    for line in unfold(data)[0].split("\n"):
        head, _, value = split_line(line)
        name, _, raw = head.partition(";")
        name = name.upper()
        if name == "BEGIN":
            path.append(value.strip().upper())
            requests += path == ["VCALENDAR", "VFREEBUSY"]
        elif name == "END" and path:
            path.pop()
        elif path == ["VCALENDAR", "VFREEBUSY"]:
            found.setdefault(name, []).append((raw, value.strip()))
        elif path == ["VCALENDAR"] and name == "METHOD":
            method = value.strip().upper()
    if method != "REQUEST" or requests != 1:
        raise _invalid("one VFREEBUSY with METHOD:REQUEST is answered here, and nothing else")
    if missing := [name for name in _ONCE if len(found.get(name, ())) != 1]:
        raise _invalid(f"a request for busy time has one {missing[0]}")
    if not found.get("ATTENDEE"):
        raise _invalid("a request for busy time names whom it is about, as ATTENDEE")
    (start,), (end,) = ([value for _, value in found[name]] for name in ("DTSTART", "DTEND"))
    window = Window(_instant(start), _instant(end))
    if window.start >= window.end:
        raise _invalid("a request for busy time must not end before it begins")
    return BusyQuestion(
        text_value(found["UID"][0][1]),
        _user(*found["ORGANIZER"][0]),
        tuple(_user(*each) for each in found["ATTENDEE"]),
        window,
    )


def _user(raw: str, value: str) -> CalendarUser:
    return CalendarUser(value, parameters(raw).get("CN", ""))


def _instant(text: str) -> Instant:
    """Read a UTC time: RFC 5545 section 3.6.4 knows no other in a VFREEBUSY."""
    try:
        if _UTC.fullmatch(text):
            return timegm(datetime.strptime(text, "%Y%m%dT%H%M%SZ").timetuple())  # noqa: DTZ007
    except ValueError:
        pass
    raise _invalid("a request for busy time is written in UTC, 20260101T000000Z")


def _invalid(reason: str) -> InvalidCalendarObject:
    return InvalidCalendarObject(reason, precondition="valid-scheduling-message")
