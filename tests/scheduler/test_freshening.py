"""Just-in-time pulls."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic

import pytest

from bridge.errors import AuthorizationExpired, RateLimited, TemporarilyUnavailable
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.scheduler.freshening import Freshening
from bridge.scheduler.scheduler import Scheduler
from bridge.store import connections
from tests.scheduler.world import PATIENCE, World

ROOM = "room-0.work"
LONG = timedelta(seconds=PATIENCE)
SHORT = timedelta(seconds=0.3)


@pytest.fixture
def start():
    """Start a world's scheduler, with its clock of jobs."""
    started: list[Scheduler] = []

    def begin(world: World, *, pulling: bool = True) -> Scheduler:
        scheduler = Scheduler(world.ground, world.sources if pulling else None)
        scheduler.start()
        started.append(scheduler)
        return scheduler

    yield begin
    for scheduler in started:
        scheduler.stop(PATIENCE)


def pulled_once(world: World, scheduler: Scheduler) -> None:
    """Wait for the first round, and let it grow old."""
    world.wait_for_success()
    assert scheduler.sync(["room-0"], LONG), "already fresh"
    world.clock.advance(31)


def test_a_request_waits_until_its_resource_was_pulled(make_world, start) -> None:
    world = make_world(2)
    scheduler = start(world)
    pulled_once(world, scheduler)
    before = world.sources.count(ROOM)
    assert scheduler.sync(["room-0"], LONG)
    assert world.sources.count(ROOM) == before + 1
    assert world.row().success_at == world.clock.now


def test_what_was_pulled_within_the_shortest_interval_is_fresh_enough(make_world, start) -> None:
    world = make_world()
    scheduler = start(world)
    pulled_once(world, scheduler)
    scheduler.sync(["room-0"], LONG)
    count = world.sources.count(ROOM)
    world.clock.advance(30)
    assert scheduler.sync(["room-0"], LONG)
    assert world.sources.count(ROOM) == count


def test_a_slow_source_ends_the_wait_at_the_timeout_and_is_pulled_all_the_same(
    make_world, start
) -> None:
    world = make_world()
    scheduler = start(world)
    pulled_once(world, scheduler)
    gate = world.sources.hang(ROOM)
    before = monotonic()
    assert scheduler.sync(["room-0"], SHORT) is False
    assert SHORT.total_seconds() <= monotonic() - before < PATIENCE
    gate.set()
    assert scheduler.sync(["room-0"], LONG)


def test_a_pull_that_began_too_long_ago_is_followed_by_another(make_world, start) -> None:
    world = make_world()
    scheduler = start(world)
    pulled_once(world, scheduler)
    gate = world.sources.hang(ROOM)
    before = world.sources.count(ROOM)
    assert scheduler.sync(["room-0"], SHORT) is False
    world.sources.wait(lambda: world.sources.count(ROOM) == before + 1)
    world.clock.advance(31)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(scheduler.sync, ["room-0"], LONG) for _ in range(4)]
        assert scheduler.sync(["room-0"], SHORT) is False
        gate.set()
        assert all(each.result(PATIENCE) for each in waiting)
    assert world.sources.count(ROOM) == before + 2
    assert world.sources.pulls[-1][1] == world.clock.now


def test_a_hundred_requests_at_once_cost_one_pull(make_world, start) -> None:
    world = make_world()
    scheduler = start(world)
    pulled_once(world, scheduler)
    before = world.sources.count(ROOM)
    gate = world.sources.hang(ROOM)
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(scheduler.sync, ["room-0"], LONG) for _ in range(100)]
        world.sources.wait(lambda: world.sources.count(ROOM) > before)
        gate.set()
        assert all(each.result(PATIENCE) for each in waiting)
    assert world.sources.count(ROOM) == before + 1


def test_a_failure_ends_the_wait_and_is_not_repeated_by_every_request(make_world, start) -> None:
    world = make_world()
    scheduler = start(world)
    pulled_once(world, scheduler)
    world.fail(TemporarilyUnavailable("503"))
    count = world.sources.count(ROOM)
    assert scheduler.sync(["room-0"], timedelta(hours=1)) is False
    for _ in range(5):
        assert scheduler.sync(["room-0"], LONG) is False
    assert world.sources.count(ROOM) == count + 1


@pytest.mark.parametrize(
    "error", [RateLimited("429", retry_after=timedelta(hours=1)), AuthorizationExpired("401")]
)
@pytest.mark.covers("F18")
def test_requests_wake_neither_a_resting_provider_nor_a_refused_credential(
    make_world, error
) -> None:
    world = make_world()
    world.fail(error)
    world.run_due()
    world.clock.advance(60)
    assert Freshening(world.ground).sync(["room-0"], LONG) is False
    assert world.run_due() == []


def test_a_paused_connection_is_not_waited_for(make_world) -> None:
    world = make_world()
    with world.database.write() as conn:
        connections.set_status(conn, ConnectionId(ROOM), ConnectionStatus.PAUSED)
    assert Freshening(world.ground).sync(["room-0"], LONG) is True
    assert Freshening(world.ground).sync(["nothing"], LONG) is True


def test_a_process_without_workers_asks_the_one_that_has_them(make_world, start) -> None:
    worker = make_world()
    pulled_once(worker, start(worker))
    web = make_world(like=worker)
    front = start(web, pulling=False)
    count = worker.sources.count(ROOM)
    assert front.sync(["room-0"], LONG)
    assert worker.sources.count(ROOM) == count + 1
    assert front.running == 0


def test_the_shortest_interval_follows_a_reload(make_world, start) -> None:
    world = make_world()
    scheduler = start(world)
    pulled_once(world, scheduler)
    old = world.settings
    patient = old.sync.just_in_time.model_copy(update={"min_interval": timedelta(hours=1)})
    sync = old.sync.model_copy(update={"just_in_time": patient})
    world.ground.live.swap(old.model_copy(update={"sync": sync}))
    count = world.sources.count(ROOM)
    assert scheduler.sync(["room-0"], LONG)
    assert world.sources.count(ROOM) == count
