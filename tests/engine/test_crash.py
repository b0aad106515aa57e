"""Processes that die in a pull: nothing is half written, a deadly event is left alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.ingest.crash import QUARANTINED
from bridge.provider import CalendarInfo, Page, Provider
from bridge.store import meta
from tests.databases import closing_database
from tests.engine.house import DAY, House, make_series

ROOT = Path(__file__).parents[2]
CHILD = """
import os, sys
from bridge.ingest import expand as module
from bridge.store.database import Database
from tests.engine.house import House, make_series

def deadly(series, *args, **kwargs):
    if series.uid == sys.argv[2] and series.master.rrules:
        os._exit(9)
    return expand(series, *args, **kwargs)

expand, module.expand = module.expand, deadly
house = House(Database(sys.argv[1]))
for number, name in enumerate(["a", "bad", "c"]):
    rule = "FREQ=WEEKLY;COUNT=2"
    start = f"2026-11-23 {9 + 2 * number:02}:00"
    house.calendar().put(name, make_series(start, uid=name, rrules=(rule,)))
house.pull()
"""


def run_child(url: str, deadly: str) -> int:
    command = [sys.executable, "-c", CHILD, url, deadly]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode


@pytest.mark.covers("F40")
def test_an_event_that_kills_the_process_is_quarantined_and_the_rest_served(
    sqlite_url: str,
) -> None:
    assert run_child(sqlite_url, "bad") == 9
    assert run_child(sqlite_url, "bad") == 9
    assert run_child(sqlite_url, "bad") == 0
    with closing_database(sqlite_url) as database:
        house = House(database)
        served = ["09", "11", "13", "09", "13"]
        assert [start[11:13] for start, _, _ in house.busy()] == served, "its first one blocks"
        assert QUARANTINED in house.calendar_rows()["Main"].notes
        house.ingest.rebuild("room-a", house.now)
        assert [start[11:13] for start, _, _ in house.busy()] == served
        assert QUARANTINED in house.calendar_rows()["Main"].notes
        for name in ("a", "c"):
            house.calendar().put(name, make_series(uid=name))
        house.calendar().put("bad", make_series("2026-11-24 09:00", uid="bad"))
        house.pull(full=True)
        assert house.explain(uid="bad")[0].notes == ()


@pytest.mark.covers("F6")
def test_a_process_that_dies_once_has_lost_nothing_and_blames_nobody(sqlite_url: str) -> None:
    assert run_child(sqlite_url, "c") == 9
    with closing_database(sqlite_url) as database:
        house = House(database)
        assert house.busy() == []
        assert house.calendar_rows()["Main"].token is None
    assert run_child(sqlite_url, "nobody") == 0
    with closing_database(sqlite_url) as database:
        house = House(database)
        assert len(house.busy()) == 6
        assert house.calendar_rows()["Main"].notes == "[]"


def test_a_quarantined_event_gets_another_chance_after_a_week(sqlite_url: str) -> None:
    for deaths in (9, 9, 0):
        assert run_child(sqlite_url, "bad") == deaths
    with closing_database(sqlite_url) as database:
        house = House(database)
        for number, name in enumerate(["a", "bad", "c"]):
            rule, start = "FREQ=WEEKLY;COUNT=2", f"2026-11-23 {9 + 2 * number:02}:00"
            house.calendar().put(name, make_series(start, uid=name, rrules=(rule,)))
        house.pull(full=True, later=6 * DAY)
        assert len(house.busy()) == 5
        house.pull(full=True, later=2 * DAY)
        assert len(house.busy()) == 6
        assert house.calendar_rows()["Main"].notes == "[]"


class Overtaken:
    """A source while whose listing somebody else pulls the same calendar."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._source = house.memory().provider().source

    def list_calendars(self) -> Sequence[CalendarInfo]:
        return self._source.list_calendars()

    def changes(self, *args: Any) -> Iterator[Page]:
        providers = self._house.accounts.providers
        mine = providers.pop("room-a.work")
        self._house.pull(later=1)
        providers["room-a.work"] = mine
        return self._source.changes(*args)


def test_a_pull_that_was_overtaken_leaves_no_suspicion(house: House) -> None:
    house.accounts.providers["room-a.work"] = Provider(source=Overtaken(house))
    for number in range(3):
        rule = f"FREQ=WEEKLY;COUNT={number + 2}"
        house.calendar().put("a", make_series(rrules=(rule,)))
        house.pull(full=True)
    house.accounts.providers.clear()
    house.calendar().put("a", make_series(rrules=("FREQ=WEEKLY;COUNT=6",)))
    house.pull()
    assert len(house.busy()) == 6
    assert house.calendar_rows()["Main"].notes == "[]"


def test_the_mark_of_a_process_that_lives_is_no_evidence(house: House) -> None:
    house.calendar().put("a", make_series(rrules=("FREQ=WEEKLY;COUNT=2",)))
    house.pull()
    row = house.calendar_rows()["Main"]
    mark = f"{socket.gethostname()}\n{os.getppid()}\nffff\n{house.now}\na"
    with house.database.write() as conn:
        meta.put(conn, f"expanding.{row.id}", mark)
    house.calendar().put("a", make_series(rrules=("FREQ=WEEKLY;COUNT=3",)))
    house.pull()
    assert len(house.busy()) == 3
    with house.database.read() as conn:
        assert meta.get(conn, f"expanding.{row.id}") == mark
    house.calendar().put("a", make_series(rrules=("FREQ=WEEKLY;COUNT=4",)))
    house.pull(later=2 * 3600)
    assert QUARANTINED in house.calendar_rows()["Main"].notes, "by now it must be dead"
    assert len(house.busy()) == 3, "what was known stays"
