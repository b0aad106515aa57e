"""Which zone a TZID means. Nothing is dropped and nothing becomes UTC in silence.

The order, first match wins (`docs/time-zones.md` explains it to users):

1. UTC by its many names.
2. An IANA key, in any case. Names without an area, such as `EST`, are only taken where the
   calendar's own definition does not contradict.
3. An IANA key behind a vendor's prefix: `/freeassociation.sourceforge.net/Europe/Berlin`.
4. A Windows name by CLDR's table: `W. Europe Standard Time`.
5. The calendar's own VTIMEZONE of that TZID: the IANA zone that its X-LIC-LOCATION names, else the
   rules as they are written (`tzone://Microsoft/Custom`, `Customized Time Zone`).
6. A display name or plain offset: `(UTC+01:00) Amsterdam, Berlin`, `UTC+02:00`, `GMT+0200`.
7. None: the time is floating, so that the calendar's zone, and without one the resource's, decides.

What is not 1 or 2 leaves a note. Keys are matched by expression and looked
up by name; no file name is ever made of them by us.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bridge.ical.bounds import Budget, TooCostly
from bridge.ical.contentline import fold
from bridge.ical.values import Unreadable
from bridge.ical.vtimezone import CustomZone, budget_of_a_file, cost, custom_zone, names

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}")
_LONGEST = 200
"""Characters of a TZID that can name a zone."""
_NO_ZONES = ("posix/", "right/", "localtime", "posixrules", "factory")
_OFFSET = re.compile(
    r"(?:\(?(?:UTC|GMT)\s?(?:([+-])(\d{1,2})(?:[:.]?([0-5]\d))?)?\)?|([+-])(\d{2}):?([0-5]\d))"
    r"((?<=\))\s.+|)",
    re.IGNORECASE,
)
"""`UTC+2`, `GMT+0200`, `(UTC+01:00) Amsterdam, Berlin`, `+02:00`."""
_WITHOUT_SUMMER = {
    -570: "Pacific/Marquesas",
    210: "Asia/Tehran",
    270: "Asia/Kabul",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    390: "Asia/Yangon",
    525: "Australia/Eucla",
    570: "Australia/Darwin",
}
"""By minutes, where an hour is not whole: the zone whose clock does not change."""
_UTC = frozenset(
    {
        "utc",
        "z",
        "gmt",
        "etc/utc",
        "etc/gmt",
        "etc/zulu",
        "etc/uct",
        "uct",
        "zulu",
        "universal",
        "etc/universal",
        "etc/greenwich",
        "greenwich",
        "gmt+0",
        "gmt-0",
        "gmt0",
        "etc/gmt0",
        "etc/gmt+0",
        "etc/gmt-0",
        "tzone://microsoft/utc",
    }
)
_COMPARED = [
    int((datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=5 * n)).timestamp()) for n in range(1100)
]
"""Fifteen years: what a definition and the IANA zone of its name must agree on."""


class Resolved(NamedTuple):
    """What a TZID means."""

    zone: tzinfo | None
    """None: nobody knows it."""
    note: str = ""

    def __bool__(self) -> bool:
        """Tell whether it is known."""
        return self.zone is not None


def named_zone(name: str) -> tzinfo | None:
    """Return the zone of an IANA key or one of its spellings; see steps 1 to 4 and 6 above."""
    return (_by_name(name) or _by_offset(name)).zone


def windows_name(zone: tzinfo | None) -> str:
    """Name a zone as Windows does; by its IANA key where Windows has none, empty without a key."""
    if zone is UTC:
        return "UTC"
    return _names_by_key().get(zone.key, zone.key) if isinstance(zone, ZoneInfo) else ""


class Zones:
    """The zones of one VCALENDAR."""

    def __init__(self, definitions: Iterable[str], budget: Budget | None = None) -> None:
        """Take the unfolded text of each VTIMEZONE, and what the file may still cost."""
        self._budget = budget_of_a_file() if budget is None else budget
        self._definitions: dict[str, str] = {}
        for text in definitions:
            self._definitions.setdefault(names(text)[0], text)
        self._resolved: dict[str, Resolved] = {}
        self._folded: dict[str, str] = {}

    def resolve(self, tzid: str) -> Resolved:
        """Return what the calendar means by a TZID."""
        found = self._resolved.get(tzid)
        if found is None:
            found = self._resolved[tzid] = self._resolve(tzid)
        return found

    def definition(self, tzid: str) -> str:
        """Return the text of the VTIMEZONE, empty when the calendar has none of that TZID."""
        return self._definitions.get(tzid, "")

    def folded(self, tzid: str) -> str:
        """Return the definition as content lines, empty when there is none."""
        found = self._folded.get(tzid)
        if found is None:
            text = self.definition(tzid)
            found = self._folded[tzid] = fold(f"{text}\n") if text else ""
        return found

    def _afford(self, tzid: str, text: str) -> bool:
        """Tell whether the file's budget is enough to read a definition; else it is left out."""
        try:
            self._budget.spend(0)  # what has nothing left does not even look
            self._budget.spend(cost(text))
        except TooCostly:
            del self._definitions[tzid]  # neither does the stored text have it, and means the same
            return False
        return True

    def _resolve(self, tzid: str) -> Resolved:
        named = _by_name(tzid)
        text = self.definition(tzid)
        if not text:
            return named or _by_offset(tzid) or _unknown(tzid)
        if not self._afford(tzid, text):
            return _left_out(tzid, named.zone)
        if named.zone is not None:
            return _preferred(named, tzid, text)
        location = names(text)[1]
        by_location = _by_name(location) if location else Resolved(None)
        if by_location.zone is not None:
            return Resolved(by_location.zone, f"time zone {_short(tzid)} is read as {location}")
        try:
            zone = custom_zone(text)
        except (Unreadable, TooCostly) as err:
            return _by_offset(tzid) or Resolved(
                None, f"time zone {_short(tzid)}: the calendar's is used, since {err}"
            )
        return Resolved(zone, f"time zone {_short(tzid)} is as the calendar defines it")


def _unknown(tzid: str) -> Resolved:
    return Resolved(None, f"time zone {_short(tzid)} is unknown: the calendar's is used")


def _left_out(tzid: str, named: tzinfo | None) -> Resolved:
    used = "the calendar's" if named is None else named
    return Resolved(
        named,
        f"time zone {_short(tzid)}: {used} is used, since the definitions of all zones in this "
        "file take too many steps to read",
    )


def _preferred(named: Resolved, tzid: str, text: str) -> Resolved:
    """Choose between a zone of that name and the calendar's definition."""
    assert named.zone is not None  # noqa: S101 - the caller looked
    day = _first_difference(text, named.zone)
    if not day:
        return named
    if "/" not in tzid and isinstance(named.zone, ZoneInfo) and named.zone.key == tzid:
        return Resolved(
            custom_zone(text), f"time zone {_short(tzid)} is as the calendar defines it"
        )
    return Resolved(
        named.zone,
        f"time zone {_short(tzid)} is defined otherwise by the calendar, first for {day}: "
        f"{named.zone} is used",
    )


def _by_name(name: str) -> Resolved:
    return _named(name) if len(name) <= _LONGEST else Resolved(None)


@lru_cache(maxsize=1024)
def _named(name: str) -> Resolved:
    plain = name.strip().strip("\"'")
    if plain.lower() in _UTC:
        return Resolved(UTC)
    zone = _iana(plain)
    if zone is not None:
        return Resolved(zone)
    for guess in _suffixes(plain):
        guessed = UTC if guess.lower() in _UTC else _iana(guess)
        if guessed is not None:
            return Resolved(guessed, f"time zone {_short(name)} is read as {guess}")
    key = _windows_names().get(plain.lower(), "")
    if key:
        return Resolved(_iana(key), f"time zone {_short(name)} is read as {key}")
    return Resolved(None)


def _by_offset(name: str) -> Resolved:
    return _displayed(name) if len(name) <= _LONGEST else Resolved(None)


@lru_cache(maxsize=1024)
def _displayed(name: str) -> Resolved:
    """Read a name that says its offset, and at best its cities, as Outlook shows zones."""
    match = _OFFSET.fullmatch(name.strip().strip("\"'"))
    if match is None:
        return Resolved(None)
    sign, hours, minutes = match.group(1, 2, 3) if match[4] is None else match.group(4, 5, 6)
    cities = match[7]
    offset = (-1 if sign == "-" else 1) * (int(hours or 0) * 60 + int(minutes or 0))
    for key in (*_keys_of_cities(cities), *_keys_of_offset(offset)):
        zone = _iana(key)
        if zone is not None and _standard(zone) == offset:
            return Resolved(zone, f"time zone {_short(name)} is read as {key}")
    return Resolved(None)


def _keys_of_cities(names: str) -> Iterator[str]:
    """Yield the zones of `Eastern Time (US & Canada)` and of `Amsterdam, Berlin, Bern`."""
    plain = names.partition("(")[0].strip()
    if plain.endswith(" Time"):
        yield _windows_names().get(f"{plain[:-5]} standard time".lower(), "")
    for city in plain.split(","):
        yield _keys_by_city().get(city.strip().lower().replace(" ", "_"), "")


def _keys_of_offset(minutes: int) -> Iterator[str]:
    if minutes == 0:
        yield "UTC"
    elif minutes % 60 == 0:
        yield f"Etc/GMT{-minutes // 60:+}"  # POSIX has the sign the other way round
    yield _WITHOUT_SUMMER.get(minutes, "")


def _standard(zone: tzinfo) -> int:
    """Return the minutes by which a zone is ahead of UTC in its winter."""
    offsets = (datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    return min(int((it or timedelta()).total_seconds()) // 60 for it in offsets)


def _iana(key: str) -> ZoneInfo | None:
    if not _KEY.fullmatch(key) or key.lower().startswith(_NO_ZONES):
        return None
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    known = _keys_by_lower_case().get(key.lower())
    return ZoneInfo(known) if known else None


def _suffixes(name: str) -> Iterator[str]:
    """Yield what can be a key at the end of a globally unique TZID (RFC 5545 section 3.2.19)."""
    parts = name.split("/")
    if parts[0] == "" or ":" in parts[0]:
        for size in (3, 2, 1):
            if len(parts) > size:
                yield "/".join(parts[-size:])


@lru_cache(maxsize=1)
def _keys_by_lower_case() -> dict[str, str]:
    return {key.lower(): key for key in available_timezones()}


@lru_cache(maxsize=1)
def _keys_by_city() -> dict[str, str]:
    return {key.rpartition("/")[2].lower(): key for key in sorted(available_timezones())}


@lru_cache(maxsize=1)
def _names_by_key() -> dict[str, str]:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {key: windows for windows, key in WINDOWS_TO_OLSON.items()}


@lru_cache(maxsize=1)
def _windows_names() -> dict[str, str]:
    # imported late: the package is large, and only calendars from Windows need it
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {windows.lower(): key for windows, key in WINDOWS_TO_OLSON.items()}


def _first_difference(text: str, zone: tzinfo) -> str:
    """Return the first day on which a definition and a zone differ; empty where they agree.

    A definition that cannot be read differs in nothing that could be used.
    """
    try:
        return _compared(custom_zone(text), zone)
    except (Unreadable, TooCostly):
        return ""


@lru_cache(maxsize=256)
def _compared(custom: CustomZone, zone: tzinfo) -> str:
    """Compare from the first transition on: many exporters write only the rules that hold now."""
    for when, offset in zip(_COMPARED, _offsets(zone), strict=True):
        if custom.first is not None and when < custom.first:
            continue
        if custom.offset_at(when) != offset:
            return datetime.fromtimestamp(when, UTC).date().isoformat()
    return ""


@lru_cache(maxsize=128)
def _offsets(zone: tzinfo) -> array[int]:
    """Return the offsets of a zone at the moments that are compared, in seconds."""
    moments = (datetime.fromtimestamp(when, zone) for when in _COMPARED)
    return array("i", (int((it.utcoffset() or timedelta()).total_seconds()) for it in moments))


def _short(name: str) -> str:
    return repr(name[:60])


__all__ = ["CustomZone", "Resolved", "Zones", "named_zone", "windows_name"]
