"""Calendars at real servers and resources behind one bridge: one start for many tests."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.e2e.oracle import utc_midnight
from tests.e2e.served import Periods, Served
from tests.e2e.sources import CalDavCalendar, IcsUrl, Source
from tests.servers.faultproxy import FaultProxy
from tests.servers.origin import Origin
from tests.servers.radicale import radicale_account, shared_radicale
from tests.servers.xandikos import shared_xandikos, xandikos_account

KINDS = ("radicale", "xandikos", "ics")
TODAY = datetime.now(UTC).date()
TOMORROW = TODAY + timedelta(days=1)
START, END = utc_midnight(TODAY), utc_midnight(TODAY + timedelta(days=380))
FEED = {"name": "all", "window": {"past": "1d", "future": "390d"}}


@dataclass
class Town:
    """Real servers, where each calendar has a name of its own."""

    folder: Path
    origin: Origin
    proxies: ExitStack
    numbers: count[int] = field(default_factory=count)

    def calendar(self, kind: str, name: str = "calendar") -> Source:
        name = f"{name}-{kind}-{next(self.numbers)}"
        if kind == "ics":
            return IcsUrl(self.origin, f"/{name}.ics", name=name)
        if kind == "radicale":
            return CalDavCalendar(radicale_account(shared_radicale(self.folder / kind)), name)
        return CalDavCalendar(xandikos_account(shared_xandikos(self.folder / kind)), name)

    def proxied(self, kind: str, name: str = "calendar") -> tuple[CalDavCalendar, FaultProxy]:
        """A CalDAV calendar behind a fault proxy of its own."""
        source = self.calendar(kind, name)
        assert isinstance(source, CalDavCalendar)
        source.through = self.proxies.enter_context(FaultProxy(source.account.url))
        return source, source.through


def resource(id_: str, *connections: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A resource whose busy time everybody may read."""
    return {
        "id": id_,
        "freebusy": {"public": True},
        "feeds": [FEED],
        "connections": list(connections),
        **keys,
    }


def serving(folder: Path, resources: Iterable[dict[str, Any]], **top: Any) -> Served:
    """A bridge that has read every connection once; whoever asks for it ends it."""
    config = {
        "outbound": {"allow_networks": ["127.0.0.1/32"]},
        "allow_inline_secrets": True,
        **top,
        "resources": list(resources),
    }
    served = Served(folder, config).start()

    def all_read() -> bool:
        return all(each["last_attempt_at"] and each["state"] != "syncing" for each in look())

    def look() -> list[dict[str, Any]]:
        return served.status()["connections"]

    served.wait(all_read, "every connection was tried")
    return served


def at(day: date, clock: str, zone: str) -> int:
    """The instant of a wall clock `10:30` in a zone."""
    hour, _, minute = clock.partition(":")
    wall = datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=ZoneInfo(zone))
    return int(wall.timestamp())


def busy(day: date, start: str, end: str, zone: str, kind: str = "BUSY") -> tuple[int, int, str]:
    """A period between two wall clocks of one day."""
    return at(day, start, zone), at(day, end, zone), kind


def days(first: date, length: int, zone: str, kind: str = "BUSY") -> tuple[int, int, str]:
    """Whole days, from midnight to midnight of a zone."""
    return at(first, "0:00", zone), at(first + timedelta(days=length), "0:00", zone), kind


def weekly(weekday: int, *, until: date = TODAY + timedelta(days=380)) -> list[date]:
    """Every such weekday (Monday is 0) from today on."""
    first = TODAY + timedelta(days=(weekday - TODAY.weekday()) % 7)
    return [first + timedelta(weeks=n) for n in range(60) if first + timedelta(weeks=n) < until]


def inside(periods: Periods) -> Periods:
    """Those that begin in the span that tests compare."""
    return [period for period in periods if period[0] >= START and period[1] <= END]
