"""The worst recurrence rules: each is refused or expanded in no time, on both ways in."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.calendars import DAY, NOW
from benchmarks.row import Row, Scale, seconds, within
from benchmarks.timing import cpu, wall
from bridge.errors import InvalidCalendarObject
from bridge.ical.limits import check_calendar_body
from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.interval import Window
from tests.servers.radicale import radicale_account, start_radicale

_LIMIT = 0.2
_PATIENCE = 90
_WINDOW = Window(NOW - 7 * DAY, NOW + 3650 * DAY)
_STARTS = ("DTSTART:20261101T090000Z", "DTSTART;TZID=Europe/Berlin:00010101T000000")
_ALL = ",".join
_MINUTES = _ALL(map(str, range(60)))
_RADICALES = "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"
RULES = (
    _RADICALES,
    *("FREQ=SECONDLY", "FREQ=SECONDLY;COUNT=999999999", "FREQ=DAILY;INTERVAL=0"),
    *("FREQ=MINUTELY", "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MINUTELY;INTERVAL=7"),
    *("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYHOUR=1;INTERVAL=24"),
    *("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,31", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"),
    *("FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2,4,6", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31"),
    *("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6"),
    *("FREQ=YEARLY;BYYEARDAY=366;BYDAY=SU", "FREQ=YEARLY;INTERVAL=999999999"),
    f"FREQ=DAILY;BYHOUR={_ALL(map(str, range(24)))};BYMINUTE={_MINUTES};BYSECOND={_MINUTES}",
    f"FREQ=DAILY;BYHOUR={_ALL(map(str, range(24)))};BYMINUTE={_MINUTES}",
    f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=0,12;BYSETPOS={_ALL(map(str, range(1, 367)))}",
    f"FREQ=YEARLY;BYYEARDAY={_ALL(map(str, range(1, 367)))};BYSETPOS=-366",
    f"FREQ=MINUTELY;BYSETPOS=366;BYSECOND={_MINUTES}",
    *("FREQ=DAILY;COUNT=99999", "FREQ=DAILY;UNTIL=99991231T235959Z", "FREQ=WEEKLY;BYSETPOS=8"),
)


def rows(scale: Scale) -> Iterator[Row]:
    worst = max(_pulled(start, [rule]) for start in _STARTS for rule in RULES)
    many = max(_pulled(start, [rule] * 20) for start in _STARTS for rule in RULES)
    sent = max(_sent(start, rule) for start in _STARTS for rule in RULES)
    peer = "-" if scale.quick else _radicale()
    yield within(f"worst of {len(RULES)} rules, in a pulled file", worst, _LIMIT, peer)
    yield within("the same, twenty of them in one event", many, _LIMIT)
    yield within("the same, in a request body", sent, _LIMIT)


def _calendar(start: str, rules: list[str]) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//benchmarks//EN", "BEGIN:VEVENT"]
    lines += ["UID:hostile", "DTSTAMP:20261101T090000Z", start, "DURATION:PT5M"]
    lines += [f"RRULE:{rule}" for rule in rules]
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def _pulled(start: str, rules: list[str]) -> float:
    """Give the CPU time of reading and expanding, or of refusing."""

    def attempt() -> None:
        with suppress(InvalidCalendarObject):
            for parsed in parse_calendar(_calendar(start, rules)).series:
                expand(parsed.series, _WINDOW, UTC, day_zone=UTC)

    return cpu(attempt)[0]


def _sent(start: str, rule: str) -> float:
    """Give the CPU time of judging a request body."""

    def attempt() -> None:
        with suppress(InvalidCalendarObject):
            check_calendar_body(_calendar(start, [rule]))

    return cpu(attempt)[0]


def _radicale() -> str:
    """Say how long Radicale holds a PUT of one of them."""
    with TemporaryDirectory(prefix="busybridge-") as folder:
        server = start_radicale(Path(folder))
        try:
            account = radicale_account(server)
            path = account.make_calendar("work")
            taken, _ = wall(lambda: _put(account.url, path))
        finally:
            server.stop()
    more = ">= " if taken >= _PATIENCE else ""
    return f"Radicale, one PUT {more}{seconds(taken)}"


def _put(url: str, path: str) -> None:
    host = url.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=_PATIENCE)
    headers = {"Authorization": "Basic YW5uOnNlY3JldA==", "Content-Type": "text/calendar"}
    try:
        connection.request("PUT", f"{path}x.ics", _calendar(_STARTS[0], [_RADICALES]), headers)
        connection.getresponse().read()
    except TimeoutError:
        pass
    finally:
        connection.close()
