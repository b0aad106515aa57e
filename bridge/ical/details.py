"""What a VEVENT says beside its times: who takes part, how it is shown, where it meets."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from bridge.ical import repair
from bridge.ical.contentline import Properties, Property, parameters, text_values
from bridge.ical.values import Unreadable, event_time
from bridge.model.event import Attendee, Class, Event, PartStat, ShowAs, Status

_WORTH_KEEPING = 400
"""Characters of an attendee that is kept in memory for the next event."""
_SHOW_AS = {
    "FREE": ShowAs.FREE,
    "TENTATIVE": ShowAs.TENTATIVE,
    "BUSY": ShowAs.BUSY,
    "OOF": ShowAs.OUT_OF_OFFICE,
    "WORKINGELSEWHERE": ShowAs.WORKING_ELSEWHERE,
}
_STATUSES = {it.value: it for it in Status}
_CLASSES = {it.value: it for it in Class}
_PARTSTATS = {it.value: it for it in PartStat}
_SHOWN_BY = (  # the first that is there decides: INTENDEDSTATUS is what the organizer wished for
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-MICROSOFT-MSNCALENDAR-BUSYSTATUS",
    "X-MICROSOFT-CDO-INTENDEDSTATUS",
)
_CONFERENCE = re.compile(
    r"https://(?:meet\.google\.com|teams\.microsoft\.com/(?:l|meet)|teams\.live\.com/meet"
    r"|(?:[a-z0-9-]+\.)?zoom\.us/[jw]|(?:[a-z0-9-]+\.)?zoom\.us/my)/[^\s<>\"\\]+",
    re.IGNORECASE,
)
_NEVER = datetime.min.replace(tzinfo=UTC)
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)


def status(found: Properties) -> Status | None:
    """Return STATUS, None for one that RFC 5545 does not know."""
    return _STATUSES.get(repair.status_name(found.value("STATUS")))


def show_as(found: Properties) -> ShowAs | None:
    """Return what Microsoft's properties say."""
    for name in _SHOWN_BY:
        if name in found.first:
            shown = _SHOW_AS.get(found.value(name).strip().upper())
            if shown is not None:
                return shown
    return None


def classification(found: Properties) -> Class:
    """Return CLASS."""
    value = found.value("CLASS").strip().upper()
    if not value:
        return Class.PUBLIC
    # RFC 5545 section 3.8.1.3: an unknown value MUST be treated as PRIVATE
    return _CLASSES.get(value, Class.PRIVATE)


def partstat(value: str) -> PartStat | None:
    """Return a PARTSTAT, None for one that events do not have."""
    return _PARTSTATS.get(value.strip().upper())


def attendee(prop: Property) -> Attendee:
    """Read an attendee; the same people are in many events."""
    raw, value = prop
    return _known(raw, value) if len(raw) + len(value) < _WORTH_KEEPING else _person(raw, value)


@lru_cache(maxsize=4096)
def _known(raw: str, value: str) -> Attendee:
    return _person(raw, value)


def _person(raw: str, value: str) -> Attendee:
    found = parameters(raw)
    return Attendee(
        repair.address(value, found.get("EMAIL", "")),
        partstat(found.get("PARTSTAT", "")) or PartStat.NEEDS_ACTION,
        found.get("CN", ""),
    )


def categories(found: Properties) -> tuple[str, ...]:
    """Return every CATEGORIES, without those that are empty."""
    if "CATEGORIES" not in found.first:
        return ()
    lines = found.every("CATEGORIES")
    return tuple(name.strip() for _, value in lines for name in text_values(value) if name.strip())


def web(value: str) -> str:
    """Keep an http or https address; others (`javascript:`, `file:`) are of no use to anyone."""
    plain = value.strip()
    return plain if _WEB.fullmatch(plain) else ""


def conference(found: Properties, location: str, description: str) -> str:
    """Return the link of the meeting, from its own property or from the texts."""
    lines = found.every("CONFERENCE")  # RFC 7986 section 5.11
    for _, value in sorted(lines, key=lambda it: "VIDEO" not in it[0].upper()):
        if web(value):
            return web(value)
    for name in ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL"):
        if name in found and web(found.value(name)):
            return web(found.value(name))
    return meeting_in(location, found.value("URL"), description)


def meeting_in(*texts: str) -> str:
    """Return the first link of a meeting in texts, of the systems that are known; empty: none."""
    for text in texts:
        match = _CONFERENCE.search(text) if "https://" in text else None
        if match is not None:
            return match[0].rstrip(".,;)>")
    return ""


def sequence(value: str) -> int:
    """Read SEQUENCE; what is no number is 0."""
    plain = value.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else 0


def stamp(prop: Property | None) -> datetime | None:
    """Read a UTC time that only informs: no defect of it matters."""
    if prop is None:
        return None
    try:
        moment = event_time(prop[1], lambda _tzid: None)
    except Unreadable:
        return None
    if isinstance(moment, datetime):
        return moment
    return repair.wall_clock(moment).replace(tzinfo=UTC)


def rank(event: Event) -> tuple[int, datetime]:
    """Return by what the newer of two copies is told (RFC 5546 section 2.1.5)."""
    return event.sequence, event.last_modified or _NEVER
