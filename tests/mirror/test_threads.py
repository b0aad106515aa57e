"""Mirrors are written by threads: when something was published, beside pulls, one hung or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from threading import Event

import pytest

from bridge.config.live import Live
from bridge.scheduler.ground import Ground, make_owner
from bridge.scheduler.mirroring import Rounds
from bridge.scheduler.scheduler import Scheduler
from bridge.store import mirrors
from bridge.store.mirrors import LEASE
from bridge.store.wake import Wake
from tests.mirror.attic import TEAM_TO_WORK, WORK_TO_TEAM, Attic

PATIENCE = 60.0
MOST = 500
"""Looks, a fifth of a second apart at most."""


class Running:
    """An attic with the threads of one process."""

    def __init__(self, attic: Attic) -> None:
        self.attic = attic
        self.wake = Wake(attic.database)
        self.ground = Ground(
            database=attic.database,
            wake=self.wake,
            live=Live(attic.settings),
            clock=lambda: attic.now,
            random=Random(7),
        )
        self.rounds = Rounds(self.ground, attic.mirroring)
        # Whoever tests pulls.
        self.scheduler = Scheduler(self.ground, None, rounds=self.rounds)

    def until(self, what: Callable[[], bool]) -> None:
        """Wait for something that rounds bring about."""
        for _ in range(MOST):
            seen = self.wake.seen("mirrored")
            if what():
                return
            self.wake.wait("mirrored", 0.2, seen)
        raise AssertionError("it never is")


@pytest.fixture
def start(sqlite_database: object) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*mirror: dict[str, object]) -> Running:
        attic = Attic(sqlite_database, *mirror)  # type: ignore[arg-type]
        attic.add("talk", "2026-11-23 09:00")
        attic.add("trip", "2026-11-24 09:00", connection="team")
        attic.pull_all()  # the clock stands still: nothing that waits for its accounts would go on
        started.append(Running(attic))
        return started[-1]

    yield begin
    for running in started:
        running.scheduler.stop(PATIENCE)


def test_what_is_read_is_mirrored_at_once_and_no_round_begets_another(
    start: Callable[..., Running],
) -> None:
    running = start(WORK_TO_TEAM, TEAM_TO_WORK)
    attic = running.attic
    running.scheduler.start()
    running.until(lambda: attic.blocks("team") == ["11-23 09:00 +60 Busy"])
    running.until(lambda: attic.blocks("work") == ["11-24 09:00 +60 Busy"])
    running.until(lambda: all(row.written_at for row in attic.rows()))
    # A pull that publishes something is followed by a round, and by nothing else.
    attic.asked("work")
    attic.add("talk", "2026-11-25 09:00")
    attic.pull("work")
    running.wake.notify("published")
    running.until(lambda: attic.blocks("team") == ["11-25 09:00 +60 Busy"])
    attic.pull("team")
    running.wake.notify("published")
    with attic.database.read() as conn:
        seq = {row.seq for row in mirrors.every(conn)}
    running.until(lambda: all(not row.lease_owner for row in attic.rows()))
    assert len(seq) <= 2
    assert "put" not in attic.asked("work"), "the other way nothing changed"


def test_a_target_that_hangs_keeps_no_other_waiting(start: Callable[..., Running]) -> None:
    running = start(WORK_TO_TEAM, TEAM_TO_WORK)
    attic, gate, began = running.attic, Event(), Event()

    def hang() -> None:
        began.set()
        gate.wait(PATIENCE)

    attic.memory("team").orders.give("marked", hang)
    try:
        running.scheduler.start()
        assert began.wait(PATIENCE)
        running.until(lambda: attic.blocks("work") == ["11-24 09:00 +60 Busy"])
        assert attic.blocks("team") == []
    finally:
        gate.set()
    running.until(lambda: attic.blocks("team") == ["11-23 09:00 +60 Busy"])


def test_what_a_killed_process_had_claimed_is_gone_on_with(start: Callable[..., Running]) -> None:
    running = start(WORK_TO_TEAM)
    attic = running.attic
    host, world, number, _, rest = make_owner().split(":")
    dead = ":".join((host, world, number, "1", rest))
    with attic.database.write() as conn:
        assert len(mirrors.claim(conn, dead, attic.now, 1)) == 1
    running.rounds.keep_house()
    (job,) = running.rounds.claim(1)
    running.rounds.run(job)
    assert attic.blocks() == ["11-23 09:00 +60 Busy"]


def test_a_process_that_stops_gives_its_claims_back(start: Callable[..., Running]) -> None:
    running = start(WORK_TO_TEAM)
    jobs = running.rounds.claim(1)
    running.rounds.renew(jobs)
    assert running.attic.row().lease_until == running.attic.now + LEASE
    running.rounds.give_back(jobs)
    assert len(running.rounds.claim(1)) == 1
