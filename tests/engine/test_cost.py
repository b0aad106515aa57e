"""What a pull costs: as much as changed, not as much as there is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from bridge.store.database import Database
from tests.engine.house import House, make_series

CHANGES = 10


def fill(house: House, count: int) -> None:
    first = datetime(2026, 11, 25, 8, tzinfo=UTC)
    for number in range(count):
        start = first + timedelta(minutes=50 * number)
        house.calendar().put(f"e{number}", make_series(start, 0.5, uid=f"e{number}"))


def cost_of_changes(house: House, count: int) -> float:
    """Give the CPU seconds of the cheapest of some pulls of ten changes."""
    fill(house, count)
    house.pull()
    found = []
    for turn in range(5):
        for number in range(CHANGES):
            name = f"e{number * (count // CHANGES)}"
            start = datetime(2026, 12, 1 + turn, 8 + number, 10, tzinfo=UTC)
            house.calendar().put(name, make_series(start, 0.5, uid=name))
        began = time.thread_time()
        report = house.pull()
        found.append(time.thread_time() - began)
        assert report.objects == CHANGES
    return min(found)


def test_ten_changes_cost_the_same_in_a_calendar_ten_times_as_large(
    sqlite_database: Database,
) -> None:
    house = House(sqlite_database)
    small = cost_of_changes(house, 400)
    house.calendar("other")
    del house.memory().calendars["main"]
    large = cost_of_changes(house, 4000)
    assert large < 3 * small, f"{small * 1000:.1f} ms and {large * 1000:.1f} ms"


def test_an_unchanged_calendar_costs_a_pull_of_tokens(sqlite_database: Database) -> None:
    house = House(sqlite_database)
    fill(house, 4000)
    house.pull()
    began = time.thread_time()
    report = house.pull()
    assert report.objects == 0
    assert time.thread_time() - began < 0.1
