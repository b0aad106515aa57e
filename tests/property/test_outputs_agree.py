"""Five outputs, one truth: whatever stands in the calendars, all give the minutes written there.

Free-busy-query over CalDAV, free-busy URL, feed, JSON, and the busy calendar's events, as times and
as details that are merged. Real files are pulled by the real engine into a real database, and every
output is asked through the whole WSGI application.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.config.settings import Outbound
from bridge.provider import Account, Provider
from bridge.providers.ics import KIND, IcsConnection, IcsDefaults
from bridge.store import feeds
from bridge.transport import Transport
from tests.builders import make_settings
from tests.databases import SqliteDatabases, closing_database
from tests.e2e.oracle import Written, busy_minutes, minutes_of, utc_midnight
from tests.e2e.reports import CALENDAR_QUERY, FREE_BUSY_QUERY, objects_of
from tests.e2e.served import (
    INSIDER,
    READER,
    Login,
    Periods,
    clipped,
    events_of,
    feed_periods,
    freebusy_periods,
    ical,
    joined,
    json_periods,
    merged,
    rfc3339,
    users,
)
from tests.e2e.sources import HEAD, TAIL
from tests.engine.house import IDENTITY, NOW, ROOM, House
from tests.web.site import Site

ZONE = "America/New_York"
"""Of the resource: whole days are its own."""
FIRST, LAST = date(2026, 11, 17), date(2027, 4, 20)
START, END = utc_midnight(FIRST), utc_midnight(LAST)
CLOCKS = (date(2027, 3, 13), date(2027, 3, 14), date(2027, 3, 27), date(2027, 3, 28))
"""Days on which clocks change in America and in Europe, and the days before; Lord Howe's change by
half an hour on 4 April."""
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
SECTIONS = {
    "server": {"timezone": ZONE, "rate_limit": {"per_client": "100000/min"}},
    "auth": {"users": users()},
}
RESOURCE = {
    "timezone": ZONE,
    "freebusy": {"public": True},
    "feeds": [{"name": "all", "window": {"past": "7d", "future": "200d"}}],
    "privacy": {"mode": "full", "show_title": True},
    "connections": [{"id": name, "provider": "memory"} for name in ("one", "two")],
}
"""House puts other providers in the place of these."""
SETTINGS = make_settings(**SECTIONS, resources=[{"id": ROOM, **RESOURCE}])
NUMBERS = count()

_days = st.one_of(
    st.sampled_from(CLOCKS),
    st.sampled_from([date(2026, 11, 30), date(2026, 12, 31), date(2027, 4, 3)]),
    st.integers(0, 120).map(lambda number: FIRST + timedelta(days=number)),
)
_few_days = st.integers(0, 4).map(lambda number: date(2026, 12, 1) + timedelta(days=number))


@st.composite
def written(draw: st.DrawFn) -> Written:
    """An event as people make them: mostly short, often at the same time as others."""
    day = draw(_few_days | _days)
    options = {"tentative": draw(st.booleans()), "free": draw(st.integers(0, 9)) == 0}
    if draw(st.integers(0, 4)) == 0:
        length = timedelta(days=draw(st.integers(1, 4)))
        every = draw(st.sampled_from([None, timedelta(weeks=1)]))
        times = draw(st.integers(1, 5)) if every else 1
        return Written("", day, length, "UTC", every, times, **options)
    start = datetime.combine(day, datetime.min.time())
    start += timedelta(minutes=15) * draw(st.integers(0, 95))
    length = timedelta(minutes=15) * draw(st.integers(1, 12) | st.integers(1, 200))
    every = draw(st.sampled_from([None, None, timedelta(days=1), timedelta(weeks=1)]))
    zone = draw(st.sampled_from(ZONES))
    if every is None:
        return Written("", start, length, zone, **options)
    times = draw(st.integers(1, 9))
    skipped = draw(st.frozensets(st.integers(1, times), max_size=2)) - {times}
    moved = draw(st.integers(1, times))
    if moved < times and moved not in skipped:
        elsewhere = start + moved * every + timedelta(minutes=15) * draw(st.integers(-20, 20))
        options["moved"] = ((moved, elsewhere),)
    return Written("", start, length, zone, every, times, skipped, **options)


def exists(event: Written) -> bool:
    """Whether each wall time of it exists, once; tests of zones say what is done with others."""
    for start in event.starts():
        if not isinstance(start, datetime):
            continue
        for wall in (start, start + event.length):
            aware = wall.replace(tzinfo=ZoneInfo(event.zone))
            if aware.utcoffset() != aware.replace(fold=1).utcoffset():
                return False
    return True


BACK, FORTH = (
    Written(
        "",
        datetime.combine(day, datetime.min.time()),
        timedelta(hours=hours),
        zone,
        every=timedelta(days=1),
        times=3,
        moved=((1, datetime.combine(day + timedelta(days=1), datetime.min.time())),),
    )
    for day, hours, zone in (
        (date(2027, 4, 3), 26, "Australia/Lord_Howe"),
        (date(2027, 3, 13), 44, "America/New_York"),
    )
)
"""The first occurrence is longer, or shorter, than its clock shows; others are as long as it, or as
the clock shows."""
_calendar = st.lists(written().filter(exists), max_size=6)


class Town:
    """A resource whose two calendars are files, and everything that can be read of it."""

    def __init__(self, databases: SqliteDatabases, folder: Path) -> None:
        self.folder = folder
        self.databases = databases

    def check(self, *calendars: list[Written]) -> None:
        """Pull these calendars into a fresh database and ask for every output."""
        url = self.databases.url(self.folder / f"data-{next(NUMBERS)}")
        with closing_database(url) as database:
            house = House(database, NOW, sections=SECTIONS, **RESOURCE)
            events = []
            for name, calendar in zip(("one", "two"), calendars, strict=True):
                named = [
                    replace(event, uid=f"{name}-{number}@tests")
                    for number, event in enumerate(calendar)
                ]
                path = self.folder / f"{name}.ics"
                text = HEAD + "".join(event.vevents() for event in named) + TAIL
                path.write_text(text, newline="")
                house.accounts.providers[f"room-a.{name}"] = provider(path)
                house.pull(name)
                events += named
            site = Site(database, SETTINGS, caldav=True, store=False)
            site.now = house.now
            found = outputs(site)
        expected = busy_minutes(events, START, END, day_zone=ZONE)
        assert minutes_of(found["free-busy-query"]) == expected
        for name in ("free-busy URL", "feed", "JSON", "busy times"):
            assert found[name] == found["free-busy-query"], name
        assert merged(found["busy details"]) == joined(found["free-busy-query"])


@cache
def nowhere() -> Transport:
    return Transport(Outbound(), user_agent="tests")


def provider(path: Path) -> Provider:
    return KIND.open(Account(ROOM, IcsConnection(path=str(path)), IcsDefaults(), nowhere()))


def outputs(site: Site) -> dict[str, Periods]:
    span = f"start={rfc3339(START)}&end={rfc3339(END)}"
    token = feeds.feed_token(IDENTITY, ROOM, "all", 0)
    key = {"HTTP_AUTHORIZATION": f"Bearer {site.key()}"}
    found = {
        "free-busy-query": freebusy_periods(report(site, FREE_BUSY_QUERY, READER)),
        "free-busy URL": freebusy_periods(ask(site, f"/freebusy/{ROOM}.ifb", span)),
        "feed": feed_periods(ask(site, f"/feeds/{token}/{ROOM}.ics")),
        "JSON": json_periods(ask(site, f"/api/v1/resources/{ROOM}/busy", span, **key)),
    }
    for name, login in (("busy times", READER), ("busy details", INSIDER)):
        objects = objects_of(report(site, CALENDAR_QUERY, login))
        found[name] = sorted(events_of("".join(objects.values())))
    return {name: sorted(clipped(periods, START, END)) for name, periods in found.items()}


def report(site: Site, body: str, login: Login) -> bytes:
    text = body.format(start=ical(START), end=ical(END)).encode()
    more = {
        "REQUEST_METHOD": "REPORT",
        "HTTP_AUTHORIZATION": login.header()["Authorization"],
        "HTTP_DEPTH": "1",
        "CONTENT_TYPE": "application/xml",
        "CONTENT_LENGTH": str(len(text)),
        "wsgi.input": BytesIO(text),
    }
    return ask(site, f"/{login.name}/{ROOM}.busy/", **more)


def ask(site: Site, path: str, query: str = "", **more: Any) -> bytes:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
    } | more
    told: list[Any] = []
    body = b"".join(site.wsgi(environ, lambda *args: told.extend(args)))
    assert told[0].split()[0] in {"200", "207"}, (told, body)
    return body


@pytest.fixture(scope="module")
def town(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    return Town(sqlite_databases, tmp_path_factory.mktemp("town"))


quietly = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(quietly, max_examples=40)
@given(one=_calendar, two=_calendar)
@example(one=[BACK], two=[])
@example(one=[], two=[FORTH])
def test_five_outputs_give_the_minutes_that_were_written(
    town: Town, one: list[Written], two: list[Written]
) -> None:
    town.check(one, two)


@pytest.mark.soak
@settings(quietly, max_examples=2000)
@given(one=_calendar, two=_calendar)
def test_five_outputs_give_the_minutes_that_were_written_for_long(
    town: Town, one: list[Written], two: list[Written]
) -> None:
    town.check(one, two)
