"""A process that dies at any moment of a round: nothing is doubled, nothing is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from bridge.errors import TemporarilyUnavailable
from bridge.model.conference import ConferenceKind
from bridge.model.event import EventSeries, Status
from bridge.provider import CalendarId
from bridge.providers.memory import MemoryCalendar
from bridge.sink import Desired, EventSink, Marked, Written
from bridge.store.database import Database
from bridge.store.mirrors import LEASE
from tests.engine.house import at
from tests.mirror.attic import Attic, Killed, kill

MOMENTS = [("put", False), ("put", True), ("marked", True), ("delete", False), ("delete", True)]
DAYS = [f"2026-11-{day} 09:00" for day in (23, 24, 25, 26)]


def shown(*days: int) -> list[str]:
    return [f"11-{day} 09:00 +60 Busy" for day in days]


@pytest.mark.covers("A-11")
@pytest.mark.parametrize("survived", [0, 1, 2])
@pytest.mark.parametrize(("operation", "after"), MOMENTS)
def test_a_round_survives_a_death_at_every_moment(
    attic: Attic, operation: str, *, after: bool, survived: int
) -> None:
    for number, day in enumerate(DAYS):
        attic.add(f"talk {number}", day)
    attic.pull_all()
    counted = iter(range(100))

    def die() -> None:
        if next(counted) == survived:
            kill()

    orders = attic.memory("team").orders
    orders.give(operation, die, after=after, times=None)
    for _ in range(2):
        try:
            attic.write(look=True)
        except Killed:
            attic.now += LEASE + 1
        # Half of it is there; meanwhile all of it changes.
        attic.calendar().delete("talk 0") if "talk 0" in attic.calendar().objects else None
        attic.add("talk 1", "2026-11-28 09:00")
        attic.pull_all()
    orders.forget()
    attic.write(look=True)
    assert attic.blocks() == shown(25, 26, 28)
    assert len(attic.noted()) == 3
    attic.asked()
    attic.look()
    assert "put" not in attic.asked()


@pytest.mark.parametrize("after", [False, True])
def test_an_answer_that_was_lost_makes_no_second_block(
    attic: Attic, empty: Database, *, after: bool
) -> None:
    """Not even when whoever asks again has another database, and listings lag behind."""
    attic.add("talk", DAYS[0])
    attic.pull_all()
    memory = attic.memory("team")
    memory.orders.give("put", TemporarilyUnavailable("no answer"), after=after)
    with pytest.raises(TemporarilyUnavailable):
        attic.write()
    attic.now += LEASE + 1
    heir = attic.beside(empty, instance=attic.instance)
    heir.round()
    attic.write(look=True)
    assert attic.blocks() == shown(23)


def test_what_was_asked_for_and_is_not_wanted_any_more_goes(attic: Attic) -> None:
    attic.add("talk", DAYS[0])
    attic.pull_all()
    attic.memory("team").orders.give("put", kill, after=True)
    attic.die()
    attic.calendar().delete("talk")
    attic.round()
    attic.write(look=True)
    assert attic.blocks() == []
    assert attic.noted() == []


def test_of_two_processes_one_writes(open_attic: Callable[..., Attic]) -> None:
    attic = open_attic()
    attic.add("talk", DAYS[0])
    attic.pull_all()
    (claimed,) = attic.claim()
    assert attic.claim() == []
    attic.now += LEASE + 1
    (other,) = attic.claim()
    assert attic.mirroring.run(other).outcome == "written"
    attic.add("more", DAYS[1])
    attic.pull_all()
    assert attic.mirroring.run(claimed).outcome == "lost", "it was away for too long"
    assert attic.blocks() == shown(23)
    attic.write()
    assert attic.blocks() == shown(23, 24)


@dataclass
class Lagging:
    """A sink whose listings do not have yet what was written since it was opened."""

    sink: EventSink
    natively: Collection[ConferenceKind] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def marked(self, _calendar: CalendarId, _origin: str) -> list[Marked]:
        return []


@pytest.mark.parametrize("after", [False, True])
def test_a_listing_that_lags_behind_makes_nothing_be_written_twice(
    attic: Attic, *, after: bool
) -> None:
    for number, day in enumerate(DAYS):
        attic.add(f"talk {number}", day)
    attic.pull_all()
    counted = iter(range(100))
    orders = attic.memory("team").orders
    orders.give("put", lambda: kill() if next(counted) == 2 else None, after=after, times=None)
    attic.die()
    orders.forget()
    provider = attic.memory("team").provider()
    assert provider.sink is not None
    attic.accounts.providers["room-a.team"] = replace(provider, sink=Lagging(provider.sink))
    attic.write(look=True)
    assert attic.blocks() == shown(23, 24, 25, 26)
    attic.look()
    assert attic.blocks() == shown(23, 24, 25, 26)


@dataclass
class Normalising(Lagging):
    """A sink of a provider that knows whole minutes, no tentative time, and short titles."""

    calendar: MemoryCalendar | None = None

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        assert self.calendar is not None
        written = self.sink.put(calendar, desired, base)
        event = written.series.master
        assert event is not None
        assert isinstance(event.start, datetime)
        assert isinstance(event.end, datetime)
        event = replace(
            event,
            start=event.start.replace(second=0),
            end=event.end.replace(second=0),
            status=Status.CONFIRMED,
            show_as=None,
            summary=event.summary[:9],
        )
        self.calendar.put(written.remote_id, EventSeries(uid=event.uid, master=event))
        return self.sink.read(calendar, written.remote_id)

    def marked(self, calendar: CalendarId, origin: str) -> list[Marked]:
        return list(self.sink.marked(calendar, origin))


@pytest.mark.covers("F54", "F55")
def test_what_a_provider_makes_of_a_block_is_no_reason_to_write_it_again(
    open_attic: Callable[..., Attic],
) -> None:
    attic = open_attic({"to": "team/main", "title": "Busy somewhere else"})
    start = at("2026-11-23 09:00").replace(second=42)
    attic.add("talk", start, status=Status.TENTATIVE)
    provider = attic.memory("team").provider()
    assert provider.sink is not None
    sink = Normalising(provider.sink, calendar=attic.calendar(connection="team"))
    attic.accounts.providers["room-a.team"] = replace(provider, sink=sink)
    attic.round()
    attic.asked()
    for _ in range(3):
        attic.look()
    assert attic.blocks() == ["11-23 09:00 +60 Busy some"]
    assert "put" not in attic.asked()
    # What people do is told from it still, and so is what the settings say.
    ((name, block),) = attic.events().items()
    moved = replace(block, start=at("2026-11-24 09:00"), end=at("2026-11-24 10:00"))
    attic.calendar(connection="team").put(name, EventSeries(uid=block.uid, master=moved))
    attic.look()
    assert attic.blocks() == ["11-23 09:00 +60 Busy some"]
    attic.mirror({"to": "team/main", "title": "Away"})
    attic.write()
    assert attic.blocks() == ["11-23 09:00 +60 Away"]
