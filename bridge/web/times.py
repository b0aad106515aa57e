"""Points in time and spans as free-busy URLs and the API take them.

Accepted are RFC 3339 with an offset (`2026-11-20T09:00:00+01:00`), RFC 5545 UTC
(`20261120T080000Z`) and, on free-busy URLs, the relative forms of Zimbra's URLs (`0d`, `60d`,
`p1week`, `-2days`). A date without a time is refused, as CalConnect CC/S 0903 section 4 says: it
would need a zone.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import Enum

from bridge.config.values import parse_duration
from bridge.model.interval import Instant, instant, utc

DAY = 86400
_FIRST = instant(datetime.min.replace(tzinfo=UTC))
_LAST = instant(datetime.max.replace(microsecond=0, tzinfo=UTC))
_RFC3339 = re.compile(
    # The `+` of an offset that was not percent-encoded in a query arrives as a space.
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|([+ -])(\d\d):(\d\d))",
    re.ASCII,
)
_RFC5545 = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_RELATIVE = re.compile(r"([mp+-]?)(\d{1,5})([a-z]{1,8})", re.ASCII)
_SECONDS = {"mi": 60, "h": 3600, "d": DAY, "w": 7 * DAY}
_MONTHS = {"m": 1, "y": 12}


class Edge(Enum):
    """Which end of a window a relative time stands for."""

    START = "start"
    END = "end"


def floor_day(when: Instant) -> Instant:
    """Return the UTC midnight at or before `when`."""
    return when - when % DAY


def parse_instant(text: str) -> Instant:
    """Read an absolute time; fractions are dropped, a leap second is the second after it.

    Raises:
        ValueError: the text is no such time; the message says what would be.
    """
    text = text.strip()
    match = _RFC3339.fullmatch(text) or _RFC5545.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text[:40]!r} is not a time; write 2026-11-20T09:00:00Z or 2026-11-20T10:00:00+01:00"
        )
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        naive = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError as err:
        raise ValueError(f"{text[:40]!r} is not a time: {err}") from err
    # RFC 3339 section 5.7: 23:59:60 exists.
    if second > 60:
        raise ValueError(f"{text[:40]!r} is not a time: second must be in 0..60")
    when = instant(naive) + max(second - 59, 0) - _offset(match)
    if not _FIRST <= when <= _LAST:
        raise ValueError(f"{text[:40]!r} is not a time: in UTC its year must be in 1..9999")
    return when


def parse_moment(text: str, now: Instant, edge: Edge) -> Instant:
    """Read an absolute or relative time.

    A relative time counted in days or more is widened to whole UTC days, so that a window such as
    `start=0d&end=60d` is the same all day and unchanged busy time can be answered with 304.

    Raises:
        ValueError: neither form.
    """
    match = _RELATIVE.fullmatch(text.strip().lower())
    if match is None:
        return parse_instant(text)
    sign, number, unit = match[1], int(match[2]), match[3]
    count = -number if sign in {"-", "m"} else number
    step = _SECONDS.get("mi" if unit.startswith("mi") else unit[0])
    if step is not None and step < DAY:
        return now + count * step
    if step is not None:
        moved = now + count * step
    elif unit[0] in _MONTHS:
        moved = _add_months(now, count * _MONTHS[unit[0]])
    else:
        raise ValueError(f"{text[:40]!r} is not a time; units are mi, h, d, w, m, y")
    return min(floor_day(moved) + (DAY if edge is Edge.END else 0), _LAST)


def parse_span(text: str) -> timedelta:
    """Read a positive duration, ISO 8601 (`P6W`, `PT8H`) or short (`8h`).

    Raises:
        ValueError: not a duration, or none that lasts.
    """
    try:
        span = parse_duration(text)
    except (ValueError, OverflowError) as err:
        raise ValueError(f"{text[:40]!r} is not a duration; write PT8H or P6W") from err
    if span < timedelta(seconds=1):
        raise ValueError(f"{text[:40]!r} does not last; write PT8H or P6W")
    return span


def _offset(match: re.Match[str]) -> int:
    if match.re is _RFC5545 or match[7] is None:
        return 0
    hours, minutes = int(match[8]), int(match[9])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{match[0][:40]!r} is not a time: the offset is out of range")
    seconds = hours * 3600 + minutes * 60
    return -seconds if match[7] == "-" else seconds


def _add_months(when: Instant, months: int) -> Instant:
    start = utc(when)
    years, month = divmod(start.month - 1 + months, 12)
    year = min(max(start.year + years, 1970), 9999)
    day = min(start.day, monthrange(year, month + 1)[1])
    return instant(start.replace(year=year, month=month + 1, day=day))
