"""Times as people type them on the command line, and as they are shown to them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from bridge.model.interval import Instant, instant, utc

_DAYS = {name: timedelta(days) for days, name in enumerate(("yesterday", "today", "tomorrow"), -1)}
_LOCAL = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def read_moment(text: str, now: Instant, zone: str) -> Instant:
    """Read `now`, `today`, `tomorrow`, `+2d`, `-90m`, a date, a local time of `zone`, RFC 3339.

    Raises:
        click.BadParameter: none of these.
    """
    local = ZoneInfo(zone)
    text = text.strip()
    from bridge.config.values import parse_duration  # brings pydantic, which `--help` is without

    if text == "now":
        return now
    if text in _DAYS:
        return _midnight(utc(now).astimezone(local).date() + _DAYS[text], local)
    try:
        if text[:1] in ("+", "-"):
            seconds = int(parse_duration(text[1:]).total_seconds())
            return now + (seconds if text[0] == "+" else -seconds)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return _midnight(date.fromisoformat(text), local)
        for form in _LOCAL:
            if (naive := _read(text, form)) is not None:
                return instant(naive.replace(tzinfo=local))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return instant(moment)
    except (ValueError, OverflowError):
        pass
    raise click.BadParameter(
        f"{text!r} is not a time; write now, today, +2d, 2026-11-20, "
        "2026-11-20T09:00 or 2026-11-20T09:00:00+01:00"
    )


def read_duration(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    """Read the value of an option, `90d`, `PT5M`.

    Raises:
        click.BadParameter: it is none, or no time at all.
    """
    from bridge.config.values import parse_duration

    if text is None:
        return None
    try:
        duration = parse_duration(text)
    except ValueError as err:
        raise click.BadParameter(str(err)) from err
    if not duration:
        raise click.BadParameter(f"{text!r} is no time at all")
    return duration


def show_moment(when: Instant | None, zone: str) -> str:
    """Write an instant in a zone, `Fri 2026-11-20 09:00 CET`."""
    return f"{utc(when).astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}" if when else "never"


def show_age(when: Instant | None, now: Instant) -> str:
    """Write how long ago an instant was, `3m ago`."""
    if when is None:
        return "never"
    seconds = max(0, now - when)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def rfc3339(when: Instant | None) -> str | None:
    """Write an instant for programs."""
    return f"{utc(when):%Y-%m-%dT%H:%M:%SZ}" if when is not None else None


def _midnight(day: date, zone: ZoneInfo) -> Instant:
    return instant(datetime.combine(day, datetime.min.time(), zone))


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - wall time of the resource's zone
    except ValueError:
        return None
