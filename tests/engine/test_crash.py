"""Processes that die in a pull: nothing is half written, a deadly event is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.ingest.crash import QUARANTINED
from tests.databases import closing_database
from tests.engine.house import House, make_series

ROOT = Path(__file__).parents[2]
CHILD = """
import os, sys
from bridge.ingest import expand as module
from bridge.store.database import Database
from tests.engine.house import House, make_series

def deadly(series, *args, **kwargs):
    if series.uid == sys.argv[2]:
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
        assert [start[11:13] for start, _, _ in house.busy()] == ["09", "13", "09", "13"]
        assert [it.reason for it in house.explain(uid="bad")] == [QUARANTINED]
        house.ingest.rebuild("room-a", house.now)
        assert [it.reason for it in house.explain(uid="bad")] == [QUARANTINED]
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
