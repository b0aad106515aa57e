"""A source that cannot be read for `max_stale`: what `on_stale` makes of it, in every output."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bridge.errors import TemporarilyUnavailable
from bridge.model.interval import BusyPeriod, FBType
from bridge.model.resource import ConnectionId, ConnectionStatus, Projection
from bridge.store import connections
from bridge.store.database import Database
from tests.engine.house import House, make_series

HOUR = 3600
NINE = ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")
NOON = ("2026-11-23 12:00", "2026-11-23 13:00", "BUSY")


def make_house(database: Database, on_stale: str) -> House:
    """Two connections; `work` has an event at 9, `team` one at noon."""
    house = House(
        database,
        connections=[{"id": "work", "availability": {"on_stale": on_stale}}, {"id": "team"}],
    )
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    house.calendar("noon", "team").put("b", make_series("2026-11-23 12:00", uid="b"))
    house.pull()
    house.pull("team", later=0)
    return house


def outage(house: House, hours: int) -> None:
    """Let `work` fail for some hours while `team` goes on."""
    house.memory().fail(TemporarilyUnavailable("503"))
    for _ in range(hours):
        with pytest.raises(TemporarilyUnavailable):
            house.pull(later=HOUR)
        house.pull("team", later=0)
        house.ingest.check_staleness(house.now)


def heal(house: House) -> None:
    house.memory().fail(None)
    house.pull()


@pytest.mark.covers("A-33")
def test_keep_last_goes_on_with_what_was_known(database: Database) -> None:
    house = make_house(database, "keep_last")
    state = house.state()
    outage(house, 7)
    assert house.busy() == [NINE, NOON]
    assert house.state() == state
    assert house.calendar_rows()["Main"].stale
    assert house.freshness().stale == 1


@pytest.mark.covers("A-33")
def test_free_takes_the_source_out_until_it_is_read_again(database: Database) -> None:
    house = make_house(database, "free")
    outage(house, 5)
    assert house.busy() == [NINE, NOON]
    outage(house, 2)
    assert house.busy() == [NOON]
    assert len(house.blocks(Projection.DETAILS)) == 1
    told = {it.calendar: it for it in house.explain(uid="event")}
    assert told["Main"].reason == "busy; the calendar is stale and on_stale is free"
    assert told["Main"].blocks is None
    assert house.freshness().stale == 1
    heal(house)
    assert house.busy() == [NINE, NOON]
    assert house.freshness().stale == 0


@pytest.mark.covers("A-33")
def test_busy_blocks_everything_since_the_last_success(database: Database) -> None:
    house = make_house(database, "busy")
    before, since = house.blocks(), house.now
    outage(house, 7)
    horizon = house.state().horizon
    periods = house.periods()
    assert periods[0].start == since
    assert periods[-1].end == horizon.end
    assert all(a.end == b.start for a, b in pairwise(periods))
    assert any("on_stale is busy" in it.reason for it in house.explain(at=horizon.end - 1))
    heal(house)
    assert [it._replace(etag="", changed_at=0) for it in house.blocks()] == [
        it._replace(etag="", changed_at=0) for it in before
    ]
    assert BusyPeriod(since, horizon.end, FBType.BUSY) not in house.periods()


def test_a_source_that_was_never_reached_is_busy_too(database: Database) -> None:
    house = House(database, connections=[{"id": "work", "availability": {"on_stale": "busy"}}])
    house.accounts.errors["room-a.work"] = TemporarilyUnavailable("no route")
    for _ in range(7):
        with pytest.raises(TemporarilyUnavailable):
            house.pull(later=HOUR)
    house.ingest.check_staleness(house.now)
    horizon = house.state().horizon
    assert house.periods()[0].start == horizon.start
    assert house.periods()[-1].end == horizon.end
    del house.accounts.errors["room-a.work"]
    house.calendar().put("a", make_series())
    house.pull()
    assert house.busy() == [NINE]


def test_a_paused_connection_keeps_its_last_time(database: Database) -> None:
    house = make_house(database, "free")
    with database.write() as conn:
        connections.set_status(conn, ConnectionId("room-a.work"), ConnectionStatus.PAUSED)
    house.now += 30 * 24 * HOUR
    assert house.ingest.check_staleness(house.now) == ["room-a"], "team is stale, work is paused"
    assert not house.calendar_rows()["Main"].stale
    assert NINE in house.busy()


def test_a_check_without_news_changes_nothing(database: Database) -> None:
    house = make_house(database, "free")
    state = house.state()
    assert house.ingest.check_staleness(house.now + 60) == []
    assert house.state() == state


def test_another_policy_holds_at_once_for_a_stale_source(database: Database) -> None:
    house = make_house(database, "free")
    outage(house, 7)
    house.configure(connections=[{"id": "work"}, {"id": "team"}])
    assert house.busy() == [NINE, NOON]
    house.configure(
        connections=[{"id": "work", "availability": {"on_stale": "busy"}}, {"id": "team"}]
    )
    assert house.periods()[-1].end == house.state().horizon.end
    assert house.calendar_rows()["Main"].stale
