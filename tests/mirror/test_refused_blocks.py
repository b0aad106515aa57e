"""New blocks that a calendar will never take come last, and keep no others from being written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bridge.errors import RemoteRejected
from bridge.mirror.turns import PAUSE
from bridge.provider import CalendarId
from bridge.sink import Desired, EventSink, Written
from tests.mirror.attic import WORK_TO_TEAM, Attic
from tests.mirror.test_doubt import Office

WHY = "the event is too early for this server"
SOON = range(1, 31)
"""Days of December."""


@dataclass
class Picky:
    """A sink of a provider that takes no new blocks of some days."""

    sink: EventSink
    refuses: Collection[int]
    refused: list[int] = field(default_factory=list)
    """Days of what it was asked for in vain."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        start = desired.series.events()[0].start
        assert isinstance(start, datetime)
        day = start.day
        if day in self.refuses:
            self.refused.append(day)
            raise RemoteRejected(WHY, code="rejected")
        return self.sink.put(calendar, desired, base)

    def in_vain(self) -> list[int]:
        """What was refused since the last time."""
        found, self.refused = self.refused, []
        return found


def refuse(attic: Attic, days: Collection[int]) -> Picky:
    provider = attic.memory("team").provider()
    assert provider.sink is not None
    sink = Picky(provider.sink, days)
    attic.accounts.providers["room-a.team"] = replace(provider, sink=sink)
    return sink


def plan(attic: Attic, days: Collection[int]) -> None:
    for day in days:
        attic.add(f"talk {day}", f"2026-12-{day:02} 09:00")
    attic.pull_all()


def days(attic: Attic) -> set[int]:
    return {int(each[3:5]) for each in attic.blocks()}


def test_the_others_are_written_at_once_however_many_come_first_that_are_refused(
    attic: Attic,
) -> None:
    office, sink = Office(attic), refuse(attic, range(1, 12))
    plan(attic, SOON)
    office.work()
    assert days(attic) == set(range(12, 31))
    row = attic.row()
    assert (row.error_message, row.waiting) == (WHY, 0)
    assert row.rest_until <= attic.now
    sink.in_vain()
    plan(attic, [31])
    office.work()
    assert 31 in days(attic), "what changes next is written at once"
    assert sink.in_vain() == [], "what was refused a moment ago is left alone"
    assert attic.row().error_message == WHY, "and is not forgotten"
    # It is tried again later, a few in each round, so that all have their turn.
    tried = list[int]()
    for _ in range(4):
        attic.now += PAUSE
        office.work()
        found = sink.in_vain()
        assert len(found) <= 4
        tried += found
    assert set(tried) == set(range(1, 12))
    sink.refuses = ()
    for _ in range(2):
        attic.now += PAUSE
        office.work()
    assert days(attic) == {*SOON, 31}
    assert attic.row().error_message == ""


def test_good_ones_between_those_that_are_refused_come_with_the_next_rounds(attic: Attic) -> None:
    office, sink = Office(attic), refuse(attic, [*range(1, 11), *range(21, 31)])
    plan(attic, SOON)
    for _ in range(4):
        office.work()
        assert len(sink.in_vain()) <= 20
        attic.now += PAUSE
    assert days(attic) == set(range(11, 21))
    assert attic.row().failures == 0
    assert attic.row().error_message == WHY


def test_a_calendar_that_refuses_everything_is_asked_for_four_blocks_each_quarter_of_an_hour(
    attic: Attic,
) -> None:
    office, sink = Office(attic), refuse(attic, SOON)
    plan(attic, SOON)
    for number in range(1, 7):
        for _ in range(5):  # whatever changes meanwhile
            office.work()
            attic.now += PAUSE // 5
            attic.add("talk 30", f"2026-12-30 {10 + number}:00")
            attic.pull("work", later=0)
        assert len(sink.in_vain()) <= 4
    assert (attic.row().failures, attic.row().error_message) == (6, WHY)
    sink.refuses = ()
    attic.now = attic.row().rest_until
    office.work()
    assert days(attic) == set(SOON)
    assert (attic.row().failures, attic.row().error_message) == (0, "")


def test_one_that_takes_nothing_new_any_more_is_not_asked_more_often(attic: Attic) -> None:
    office, sink = Office(attic), refuse(attic, ())
    plan(attic, [1, 2])
    office.work()
    sink.refuses = SOON
    plan(attic, SOON)
    for _ in range(9):
        office.work()
        assert len(sink.in_vain()) <= 4
        attic.now += PAUSE
    assert days(attic) == {1, 2}
    assert attic.row().error_message == WHY
    assert len(attic.noted()) == 2, "what was refused is no block that stands"


def test_a_reload_or_a_person_who_asks_has_it_tried_at_once(attic: Attic) -> None:
    office, sink = Office(attic), refuse(attic, [1])
    plan(attic, [1, 2])
    for at_once in (lambda: attic.mirror({**WORK_TO_TEAM}), attic.look):
        office.work()
        sink.in_vain()
        at_once()
        office.work()
        assert sink.in_vain() == [1]
    sink.refuses = ()
    attic.look()
    assert days(attic) == {1, 2}
    assert attic.row().error_message == ""
