"""Calendars that are slow to answer are written into all the same."""

from __future__ import annotations

from bridge import deadline
from bridge.errors import TemporarilyUnavailable
from tests.mirror.attic import Attic
from tests.mirror.test_doubt import Office


def test_looking_that_took_all_the_time_leaves_some_to_write(attic: Attic) -> None:
    for day in (23, 24, 25):
        attic.add(f"talk {day}", f"2026-11-{day} 09:00")
    attic.pull_all()
    (claimed,) = attic.claim()
    with deadline.within(10):
        attic.mirroring.run(claimed)
    assert len(attic.blocks()) == 3


def test_a_calendar_that_is_slow_to_be_looked_at_is_given_more_time(attic: Attic) -> None:
    office, given = Office(attic), list[float]()

    def hang() -> None:
        given.append(deadline.remaining() or 0)
        raise TemporarilyUnavailable("no time is left")

    attic.memory("team").orders.give("marked", hang, times=3)
    attic.add("talk", "2026-11-25 09:00")
    attic.pull_all()
    for _ in range(3):
        assert office.work() == ["failed"]
        attic.now = attic.row().rest_until
    assert [round(each / 75) for each in given] == [1, 2, 4]
    assert office.work()[0] == "written"
    assert attic.blocks() == ["11-25 09:00 +60 Busy"]
