"""Which calendar a mirror is written into, where that is not as simple as it looks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.errors import RemoteRejected
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
