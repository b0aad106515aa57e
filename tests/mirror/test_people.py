"""What people do to blocks is undone at the next look, and then nothing more is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bridge.dispatch.clearing import Clearing
from bridge.dispatch.purging import Purging
from bridge.mirror.engine import LOOK_EVERY
from bridge.model.event import Event, EventSeries, Transp
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.provider import RemoteId
from bridge.store.wake import Wake
from tests.engine.house import at
from tests.mirror.attic import Attic
from tests.mirror.test_doubt import Office

TALK = ["11-23 09:00 +60 Busy"]


@pytest.fixture
def attic(attic: Attic) -> Attic:
    attic.add("talk", "2026-11-23 09:00")
    attic.round()
    assert attic.blocks() == TALK
    return attic


def change(attic: Attic, edit: Callable[[Event], Event]) -> None:
    """Somebody edits the one block."""
    ((name, block),) = attic.events().items()
    attic.calendar(connection="team").put(name, EventSeries(uid=block.uid, master=edit(block)))


def purge(attic: Attic) -> None:
    def clock() -> Instant:
        return attic.now

    clearing = Clearing(
        database=attic.database, publisher=attic.publisher, wake=Wake(attic.database), clock=clock
    )
    purging = Purging(
        accounts=attic.accounts, instance=attic.instance, clock=clock, clearing=clearing
    )
    assert purging.purge(ConnectionId("room-a.team")).is_whole


def test_a_block_that_was_deleted_comes_back(attic: Attic) -> None:
    (name,) = attic.events()
    attic.calendar(connection="team").delete(name)
    attic.round()
    assert attic.blocks() == [], "no source changed, and it was not time to look"
    attic.now += LOOK_EVERY
    attic.write()
    assert attic.blocks() == TALK


def test_a_clock_that_ran_ahead_keeps_nobody_from_looking(attic: Attic) -> None:
    attic.now += 3 * 86400
    attic.add("talk", "2026-11-28 09:00")
    attic.round()
    attic.now -= 3 * 86400
    (name,) = attic.ids()
    attic.calendar(connection="team").delete(RemoteId(name))
    attic.now += 60
    attic.round()
    Office(attic).rounds.keep_house()
    attic.write()
    assert attic.blocks() == ["11-28 09:00 +60 Busy"]
    assert (attic.row().written_at or 0) <= attic.now


@pytest.mark.parametrize("purged", [False, True])
def test_a_calendar_that_was_emptied_is_filled_without_a_question_for_every_block(
    attic: Attic, *, purged: bool
) -> None:
    for day in range(24, 29):
        attic.add(f"talk {day}", f"2026-11-{day} 09:00")
    attic.round()
    before = attic.blocks()
    if purged:
        purge(attic)
    else:
        attic.now += LOOK_EVERY
        for name in attic.ids():
            attic.calendar(connection="team").delete(RemoteId(name))
    assert attic.blocks() == []
    attic.asked()
    attic.look()
    assert attic.blocks() == before
    assert "read" not in attic.asked()


@pytest.mark.parametrize(
    "edit",
    [
        lambda it: replace(it, start=at("2026-11-26 15:00"), end=at("2026-11-26 16:00")),
        lambda it: replace(it, start=at("2026-11-02 15:00"), end=at("2026-11-02 16:00")),
        lambda it: replace(it, end=at("2026-11-23 12:00")),
        lambda it: replace(it, start=date(2026, 11, 23), end=date(2026, 11, 24)),
        lambda it: replace(it, summary="Mine"),
        lambda it: replace(it, transp=Transp.TRANSPARENT, show_as=None),
        lambda it: replace(it, rrules=("FREQ=DAILY;COUNT=3",)),
    ],
    ids=["moved", "moved back", "longer", "whole day", "renamed", "free", "repeated"],
)
def test_a_block_that_was_changed_is_changed_back_in_place(
    attic: Attic, edit: Callable[[Event], Event]
) -> None:
    before = attic.ids()
    change(attic, edit)
    attic.look()
    assert attic.blocks() == TALK
    assert attic.ids() == before
    attic.asked()
    attic.look()
    assert "put" not in attic.asked(), "it has come to rest"


def test_what_does_not_make_another_block_of_it_stays(attic: Attic) -> None:
    attic.calendar(connection="team").colours[RemoteId(next(iter(attic.ids())))] = "3"
    change(attic, lambda it: replace(it, description="do not touch"))
    attic.asked()
    attic.look()
    assert "put" not in attic.asked()


@pytest.mark.parametrize("leaves", [False, True])
def test_a_copy_of_a_block_goes(attic: Attic, *, leaves: bool) -> None:
    ((name, block),) = attic.events().items()
    calendar = attic.calendar(connection="team")
    moved = replace(block, start=at("2026-11-26 15:00"), end=at("2026-11-26 16:00"))
    calendar.put("copy", EventSeries(uid="copy", master=moved))
    calendar.written[RemoteId("copy")] = calendar.written[RemoteId(name)]
    if leaves:
        attic.mirror()
    attic.look()
    assert attic.blocks() == ([] if leaves else TALK)
    assert attic.ids() == (set() if leaves else {name})


@pytest.mark.covers("P3")
def test_an_event_that_somebody_made_of_a_block_is_theirs(attic: Attic) -> None:
    """Without our marks it is an event like any other, and a source for whoever reads it."""
    change(attic, lambda it: replace(it, summary="Dentist", origin="", mirror=""))
    attic.look()
    assert attic.blocks() == TALK
    assert sorted(it.summary for it in attic.events().values()) == ["Busy", "Dentist"]


def test_somebody_who_is_at_a_block_at_the_same_moment_is_waited_for(attic: Attic) -> None:
    def interfere() -> None:
        change(attic, lambda it: replace(it, end=it.end + timedelta(hours=1)))  # type: ignore[operator]

    attic.add("talk", "2026-11-24 09:00")
    attic.memory("team").orders.give("put", interfere)
    attic.round()
    attic.now += 60
    attic.write()
    assert attic.blocks() == ["11-24 09:00 +60 Busy"]
