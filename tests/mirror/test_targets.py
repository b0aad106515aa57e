"""Which calendar a mirror is written into, where that is not as simple as it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.cli.mirroring import look, remarks
from bridge.errors import RemoteRejected
from bridge.provider import AccessRole
from bridge.store import mirrors
from bridge.store.mirrors import MirrorRow
from tests.mirror.attic import WORK_TO_TEAM, Attic
from tests.mirror.test_doubt import TWO, Office

Open = Callable[..., Attic]


def test_of_two_mirrors_that_begin_with_one_calendar_at_once_one_writes(open_attic: Open) -> None:
    accounts = [{"id": "work"}, {"id": "team"}]
    attic = open_attic(WORK_TO_TEAM, {"to": "team/Main", "from": ["work"]}, connections=accounts)
    attic.add("talk", "2026-11-23 09:00")
    attic.pull_all()
    one, other = attic.claim()

    def run(claimed: MirrorRow) -> None:
        attic.mirroring.run(claimed)

    attic.memory("team").orders.give("marked", lambda: run(other))
    with pytest.raises(RemoteRejected, match="the same calendar as"):
        run(one)
    assert attic.blocks() == TWO[:1]
    with attic.database.write() as conn:  # where both were written before
        mirrors.end(conn, one, calendar="main")
    attic.add("other", "2026-11-24 09:00")
    attic.pull_all()
    assert sorted(Office(attic).work()) == ["failed", "written"]
    assert set(attic.blocks()) == set(TWO), "one of them goes on"


def test_a_calendar_of_before_that_nobody_may_change_keeps_the_new_one_waiting_for_minutes(
    open_attic: Open,
) -> None:
    attic = open_attic({**WORK_TO_TEAM, "to": "team/Shared"})
    first = attic.calendar("one", connection="team", role=AccessRole.WRITE, name="Shared")
    attic.add("talk", "2026-11-23 09:00")
    attic.round()
    second = attic.calendar("two", connection="team", role=AccessRole.WRITE, name="Shared")
    first.info = replace(first.info, name="Old", role=AccessRole.READ)
    attic.memory("team").orders.give("delete", RemoteRejected("to read only"), times=None)
    attic.now += 3600
    office = Office(attic)
    for _ in range(3):
        attic.now += 900
        attic.pull_all()
        office.work()
    assert (len(first.objects), len(second.objects)) == (1, 1)
    assert attic.row().error_message == ""
    assert attic.row().stays == "1 of its events stay in the calendar one"
    (told,) = remarks(shown(attic))
    assert told == "room-a: mirror to team/Shared: 1 of its events stay in the calendar one"


def shown(attic: Attic) -> list[dict[str, Any]]:
    with attic.database.read() as conn:
        return look(conn)
