"""The scheduler with the real engine, on calendars in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bridge.accounts import Accounts
from bridge.config.live import Live
from bridge.errors import RateLimited, TemporarilyUnavailable
from bridge.ingest import Ingest
from bridge.inventory import apply
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Instant, Window, utc
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import CalendarId, CalendarInfo
from bridge.providers.memory import Memory, kind
from bridge.publish import Publisher
from bridge.scheduler.ground import Ground
from bridge.scheduler.pulls import Pulls
from bridge.store import connections, schedule
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.store.wake import Wake
from bridge.transport import Transport
from tests.builders import NOW
from tests.scheduler.world import IDENTITY, Clock, settings_of

ROOMS = 3
DAY = 86400


class House:
    """Three resources with one calendar each, and everything that pulls them."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.memories = {f"room-{number}.work": Memory() for number in range(ROOMS)}
        for memory in self.memories.values():
            memory.add(CalendarInfo(CalendarId("main"), "Main", is_primary=True))
        settings = settings_of(ROOMS, interval="1m", jitter="20%")
        apply(database, settings, self.clock.now, identity=IDENTITY)
        self.database = database
        self.publisher = Publisher(IDENTITY)
        live = Live(settings)
        outbound = settings.outbound.model_copy(update={"ca_file": None})
        self.http = Transport(outbound, user_agent="tests")
        memory_kind = kind(self.memories)
        accounts = Accounts(live, self.http, {"memory": memory_kind})
        self.wake = Wake(database)
        ground = Ground(database=database, wake=self.wake, live=live, clock=self.clock)
        self.pulls = Pulls(ground, Ingest(database, accounts, self.publisher))

    def pass_time(self, seconds: int) -> None:
        """Let the clock run, pulling each connection the second it becomes due."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            with self.database.read() as conn:
                due = schedule.next_due(conn)
            assert due is not None
            self.clock.now = min(max(due, self.clock.now + 1), end)
            self.look()

    def look(self) -> None:
        for job in self.pulls.claim(100):
            self.pulls.run(job)

    def put(self, room: int, start: Instant) -> None:
        series = EventSeries(
            uid="meeting",
            master=Event(uid="meeting", start=_moment(start), end=_moment(start + 3600)),
        )
        calendar = self.memories[f"room-{room}.work"].calendars[CalendarId("main")]
        calendar.put("meeting", series)

    def busy(self, room: int) -> list[tuple[int, int]]:
        window = Window(NOW, NOW + 30 * DAY)
        with self.database.read() as conn:
            periods = self.publisher.periods(conn, ResourceId(f"room-{room}"), window)
        return [period[:2] for period in periods]

    def row(self, room: int) -> ConnectionRow:
        with self.database.read() as conn:
            row = connections.get(conn, ConnectionId(f"room-{room}.work"))
        assert row is not None
        return row

    def due(self, room: int) -> int:
        with self.database.read() as conn:
            return schedule.due_times(conn)[ConnectionId(f"room-{room}.work")]

    def close(self) -> None:
        self.wake.close()
        self.http.close()


def _moment(when: Instant) -> datetime:
    return utc(when).astimezone(UTC)


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    made = House(database)
    yield made
    made.close()


def test_an_edit_at_the_source_is_published_within_interval_and_jitter(house: House) -> None:
    house.look()
    start = NOW + DAY
    house.put(0, start)
    house.pass_time(72)
    assert house.busy(0) == [(start, start + 3600)]
    assert house.busy(1) == []
    house.put(0, start + 7200)
    house.pass_time(72)
    assert house.busy(0) == [(start + 7200, start + 10800)]


@pytest.mark.covers("A-30", "F18")
def test_a_throttled_account_waits_as_told_and_the_others_notice_nothing(house: House) -> None:
    house.look()
    before = house.memories["room-0.work"].listings
    house.memories["room-0.work"].fail(RateLimited("429", retry_after=timedelta(minutes=5)))
    house.pass_time(72)
    row = house.row(0)
    assert row.sync_state.value == "rate_limited"
    assert row.limited_until is not None
    assert row.limited_until - (row.attempt_at or 0) >= 300
    assert house.memories["room-0.work"].listings == before + 1
    others = house.memories["room-1.work"].listings
    house.pass_time(200)
    assert house.memories["room-0.work"].listings == before + 1, "left alone until the reset"
    assert house.memories["room-1.work"].listings >= others + 2
    house.memories["room-0.work"].fail(None)
    house.pass_time(150)
    assert house.row(0).sync_state.value == "idle"


@pytest.mark.covers("F19", "P12")
def test_a_source_that_dies_keeps_its_busy_time_and_comes_back_by_itself(house: House) -> None:
    start = NOW + DAY
    house.put(0, start)
    house.look()
    house.memories["room-0.work"].fail(TemporarilyUnavailable("503"))
    house.pass_time(300)
    assert house.busy(0) == [(start, start + 3600)]
    assert house.row(0).status.value == "error"
    assert house.row(0).failures >= 3
    house.memories["room-0.work"].fail(None)
    house.put(0, start + 7200)
    house.pass_time(house.due(0) - house.clock.now)
    assert house.busy(0) == [(start + 7200, start + 10800)]
    assert house.row(0).status.value == "active"
