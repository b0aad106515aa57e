"""kill -9 while calendars are pulled: the next start goes on where the killed process was."""

from __future__ import annotations

import random
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.oracle import Script, Written, busy_minutes, minutes_of
from tests.e2e.served import Served, freebusy_periods
from tests.e2e.sources import CalDavCalendar, IcsUrl
from tests.e2e.town import END, START, TODAY, Town, resource, serving
from tests.servers.faultproxy import Answer, Call, Forward, When, report

MOMENTS = ("the changes are asked for", "they are fetched", "they are written")
ROUNDS = 2


class Killed:
    """A served resource, what its calendars hold, and a way to kill it in the middle."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.caldav, self.proxy = town.proxied("radicale", "killed")
        self.feed = IcsUrl(town.origin, "/killed.ics")
        self.script = Script(45, TODAY)
        self.written: list[tuple[CalDavCalendar | IcsUrl, Written]] = []
        for _ in range(10):
            self.edit()
        connections = self.caldav.connection(), self.feed.connection()
        sync = {"interval": "10s", "just_in_time": {"min_interval": "1s"}}
        self.served: Served = serving(folder, [resource("ann", *connections)], sync=sync)

    def edit(self) -> None:
        """Write one event to each calendar, and delete the oldest of all now and then."""
        for source in (self.caldav, self.feed):
            event = self.script.new()
            source.put(event)
            self.written.append((source, event))
        if len(self.written) > 10:
            source, event = self.written.pop(0)
            source.delete(event.uid)

    def is_right(self) -> bool:
        """Whether the published time is that of what was written, minute by minute."""
        expected = busy_minutes([event for _, event in self.written], START, END, day_zone="UTC")
        found = freebusy_periods(self.served.freebusy("ann", START, END).body)
        return minutes_of(found) == expected

    @contextmanager
    def killing(self, when: When, delay: float) -> Iterator[None]:
        """Kill the server so many seconds after it asked its source for something."""
        process = self.served.process
        assert process is not None

        def fault(call: Call, forward: Forward) -> Answer:
            if not when(call):
                return forward(call)
            if delay:
                threading.Timer(delay, process.kill).start()
            else:
                process.kill()
            return forward(call)

        with self.proxy.fault(fault):
            yield
            assert process.wait(60) == -signal.SIGKILL


@pytest.mark.timeout(240)
@pytest.mark.covers("F6", "P11", "A-45")
def test_a_server_killed_in_the_middle_of_pulls_needs_no_repair_and_loses_no_token(
    town: Town, tmp_path: Path
) -> None:
    killed = Killed(town, tmp_path / "bridge")
    served, chance = killed.served, random.Random(45)
    try:
        served.wait(killed.is_right, "the calendars are read")
        for moment in MOMENTS * ROUNDS:
            name = "sync-collection" if moment == MOMENTS[0] else "calendar-multiget"
            delay = chance.uniform(0.0, 0.06) if moment == MOMENTS[2] else 0.0
            with killed.killing(report(name), delay), suppress(OSError):
                killed.edit()
                served.freebusy("ann", START, END, "&sync=true")
            served.start()
        served.wait(killed.is_right, "what was written is published", 60)
        listings = killed.proxy.count(
            lambda call: call.is_listing() and call.path == killed.caldav.path
        )
        assert listings == 1, "every restart went on from its token"
        assert served.status()["healthy"]
        assert served.stop() == 0
        with sqlite3.connect(served.folder / "busybridge.sqlite3") as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        served.__exit__()
