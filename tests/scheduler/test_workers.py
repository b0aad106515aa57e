"""Many pulls at once, in one process and in two."""

import logging
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

import pytest

from bridge.errors import RateLimited, TemporarilyUnavailable
from bridge.model.resource import ConnectionId
from bridge.scheduler.pulls import LEASE
from bridge.store import leases, schedule
from tests.scheduler.world import PATIENCE, World

ROOM = "room-0.work"


def test_never_more_pulls_than_allowed_run_and_each_end_starts_the_next(make_world) -> None:
    world = make_world(12, concurrency=3)
    world.prove()
    gates = {f"room-{number}.work": None for number in range(12)}
    gates = {name: world.sources.hang(name) for name in gates}
    world.start()
    for done in range(10):
        # Nobody stirs any more: only the end of a pull can start the next one.
        world.sources.wait(lambda done=done: len(world.sources.pulls) == 3 + done)
        gates[next(name for name in gates if world.sources.active[name])].set()
        gates = {name: gate for name, gate in gates.items() if not gate.is_set()}
    world.sources.wait(lambda: len(world.sources.pulls) == 12)
    assert world.sources.most_at_once == 3
    assert world.sources.overlapped == []


def test_a_connection_that_is_due_again_before_its_pull_is_quite_over_is_pulled_again(
    make_world,
) -> None:
    """Its end is recorded, somebody asks for it, and it is claimed, all before its thread ends."""
    world = make_world()
    world.prove()

    def observe(_: object) -> None:
        if world.sources.count(ROOM) > 1:
            return
        with world.database.write() as conn:
            schedule.mark(conn, [ConnectionId(ROOM)], world.clock.now)
        world.workers.stir()
        ends, pause = monotonic() + PATIENCE, Event()
        while not _holder(world):
            assert monotonic() < ends
            pause.wait(0.01)

    world.pulls._observe = observe
    world.start()
    world.sources.wait(lambda: world.sources.count(ROOM) == 2)
    world.settle()
    assert not _holder(world)


def _holder(world: World) -> str:
    with world.database.read() as conn:
        return leases.holder(conn, ConnectionId(ROOM), world.clock.now)


def test_a_reload_that_allows_more_at_once_counts_from_the_next_claim(make_world) -> None:
    world = make_world(4, concurrency=1)
    world.prove()
    for number in range(4):
        world.sources.hang(f"room-{number}.work")
    world.start()
    world.sources.wait(lambda: len(world.sources.pulls) == 1)
    old = world.settings
    wider = old.model_copy(update={"sync": old.sync.model_copy(update={"concurrency": 4})})
    world.ground.live.swap(wider)
    world.workers.stir()
    world.sources.wait(lambda: len(world.sources.pulls) == 4)


@pytest.mark.covers("F22", "F68")
def test_connections_that_hang_leave_half_of_the_slots_to_those_that_go_well(make_world) -> None:
    world = make_world(30, concurrency=8, interval="10s", jitter="0%")
    bad = [f"room-{number}.work" for number in range(29)]
    for name in bad:
        world.fail(TemporarilyUnavailable("no answer"), name)
    world.run_due()
    for name in bad:
        world.sources.hang(name)
    world.start()
    for _ in range(40):
        world.clock.advance(1)
        world.settle(hanging=bad)
    assert world.sources.active.total() == 4
    assert world.sources.count("room-29.work") == 5
    assert max(pulled.lateness for pulled in world.ended) == 0


@pytest.mark.covers("F22", "F68")
def test_a_server_that_falls_silent_takes_a_quarter_of_the_slots(make_world) -> None:
    urls = [f"https://silent.example/{number}.ics" for number in range(45)]
    world = make_world(46, concurrency=20, interval="10s", jitter="0%", urls=urls)
    silent = [f"room-{number}.work" for number in range(45)]
    world.run_due()
    for name in silent:
        world.sources.hang(name)
    world.start()
    for _ in range(30):
        world.clock.advance(1)
        world.settle(hanging=silent)
    assert world.sources.active.total() == 5
    assert world.sources.count("room-45.work") == 4
    assert max(pulled.lateness for pulled in world.ended) == 0


@pytest.mark.covers("F68")
def test_one_bad_connection_of_a_thousand_delays_nobody(sqlite_database, build_world) -> None:
    world = build_world(sqlite_database, 1000, interval="60s", jitter="20%", concurrency=4)
    world.fail(TemporarilyUnavailable("503"), "room-1.work")
    world.fail(RateLimited("429", retry_after=timedelta(hours=1)), "room-2.work")
    world.sources.hang("room-3.work")
    world.start()
    for _ in range(74):
        world.settle(hanging={"room-3.work"})
        world.clock.advance(1)
    healthy = [pulled for pulled in world.ended if pulled.error is None]
    assert max(pulled.lateness for pulled in healthy) == 0
    for number in range(4, 1000):
        assert world.sources.count(f"room-{number}.work") >= 2
    assert world.sources.count("room-2.work") == world.sources.count("room-3.work") == 1
    assert world.sources.overlapped == []


@pytest.mark.covers("F68")
def test_a_pull_that_outlasts_its_interval_is_not_started_twice(make_world) -> None:
    world = make_world(interval="10s", jitter="0%")
    gate = world.sources.hang(ROOM)
    world.start()
    world.sources.wait(lambda: world.sources.count(ROOM) == 1)
    for _ in range(10):
        world.clock.advance(LEASE // 4)
        world.workers.renew()
        world.settle(hanging={ROOM})
    assert world.sources.count(ROOM) == 1
    gate.set()
    world.settle()
    assert world.sources.count(ROOM) == 1, "missed runs are not made up for"
    world.clock.advance(10)
    world.settle()
    assert world.sources.count(ROOM) == 2
    assert world.sources.overlapped == []


@pytest.mark.covers("F29")
def test_a_clock_that_jumps_during_a_pull_ends_its_lease_but_does_not_double_it(
    make_world,
) -> None:
    world = make_world()
    gate = world.sources.hang(ROOM)
    world.start()
    world.sources.wait(lambda: world.sources.count(ROOM) == 1)
    world.clock.advance(600)
    world.settle(hanging={ROOM})  # the lease looks ended: it is claimed again, by the same process
    gate.set()
    world.settle()
    assert world.sources.count(ROOM) == 1
    with world.database.read() as conn:
        assert leases.holder(conn, ConnectionId(ROOM), world.clock.now) == ""
    assert world.row().success_at == world.clock.now


@pytest.mark.covers("F67")
def test_two_processes_share_a_database_and_pull_everything_once(make_world) -> None:
    one = make_world(60, concurrency=5)
    two = make_world(like=one)
    one.start()
    two.start()
    one.sources.wait(lambda: len(one.sources.pulls) >= 60)
    one.settle()
    two.settle()
    assert sorted(name for name, _, _ in one.sources.pulls) == sorted(
        f"room-{number}.work" for number in range(60)
    )
    assert one.sources.overlapped == []
    assert len(one.ended) + len(two.ended) == 60


@pytest.mark.covers("P11")
def test_what_a_killed_process_had_claimed_comes_back_when_its_lease_ends(make_world) -> None:
    killed = make_world(3)
    assert len(killed.pulls.claim(10)) == 3
    other = make_world(like=killed)
    assert other.run_due() == []
    other.clock.advance(LEASE)
    assert len(other.run_due()) == 3


@pytest.mark.covers("F66")
def test_what_was_being_claimed_when_the_end_began_is_given_back_and_not_begun(
    make_world, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(3)
    claim, claimed, go_on = world.pulls.claim, Event(), Event()

    def slowly(*args):
        jobs = claim(*args)
        claimed.set()
        assert go_on.wait(PATIENCE)
        return jobs

    monkeypatch.setattr(world.pulls, "claim", slowly)
    world.start()
    assert claimed.wait(PATIENCE)
    stopper = Thread(target=world.workers.stop, args=(PATIENCE,))
    stopper.start()
    while not world.workers._stopping:
        go_on.wait(0.01)
    go_on.set()
    stopper.join(PATIENCE)
    assert world.sources.pulls == []
    other = make_world(like=world)
    assert len(other.run_due()) == 3


def test_when_the_system_gives_no_thread_the_pulls_are_given_back_and_tried_again(
    make_world, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world(3)
    start = Thread.start

    def refuse(thread: Thread) -> None:
        if thread.name.startswith("room-"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(Thread, "start", refuse)
    with caplog.at_level(logging.ERROR):
        world.start()
        world.settle()
    assert "can't start new thread" in caplog.text
    assert world.workers.alive
    assert (world.workers.running, world.due_in()) == (0, 0)
    monkeypatch.undo()
    world.settle()
    assert len(world.sources.pulls) == 3
    assert world.workers.stop(PATIENCE)
    assert not world.workers.alive


@pytest.mark.covers("F66")
def test_stopping_starts_nothing_new_and_waits_for_what_runs(make_world) -> None:
    world = make_world(3, concurrency=2)
    world.prove()
    quick, slow = world.sources.hang("room-0.work"), world.sources.hang("room-1.work")
    world.start()
    world.sources.wait(lambda: len(world.sources.pulls) == 2)
    stopped: list[bool] = []
    stopper = Thread(target=lambda: stopped.append(world.workers.stop(PATIENCE)))
    stopper.start()
    while not world.workers._stopping:
        quick.wait(0.01)
    quick.set()
    ends, pause = monotonic() + PATIENCE, Event()
    while world.workers.running > 1:
        assert monotonic() < ends
        pause.wait(0.01)
    assert world.row("room-0.work").success_at == world.clock.now, "the first was finished"
    assert stopped == [], "the second was not"
    slow.set()
    stopper.join(PATIENCE)
    assert stopped == [True]
    assert world.row("room-1.work").success_at == world.clock.now
    assert len(world.sources.pulls) == 2, "the third was not begun"


@pytest.mark.covers("F66")
def test_what_hangs_when_the_time_to_stop_is_over_is_given_back(
    make_world, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world(2, concurrency=1)
    world.prove()
    for number in range(2):
        world.sources.hang(f"room-{number}.work")
    world.start()
    world.sources.wait(lambda: len(world.sources.pulls) == 1)
    with caplog.at_level(logging.WARNING):
        assert not world.workers.stop(0.3)
    [(hanging, _, _)] = world.sources.pulls
    assert f"given back: {hanging}" in caplog.text
    other = make_world(like=world)
    assert {job.connection_id for job in other.pulls.claim(9)} == {"room-0.work", "room-1.work"}
