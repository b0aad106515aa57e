"""The clock and the errands of one process."""

import logging
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import pytest
import time_machine
from sqlalchemy import delete, insert

from bridge.errors import StoreError
from bridge.scheduler.errands import Errands, Verdict
from bridge.scheduler.jobs import Job, Jobs
from bridge.scheduler.scheduler import Scheduler
from bridge.store import commands, schema
from tests.scheduler.world import PATIENCE, World


def submit(world: World, kind: str = "reload") -> int:
    with world.database.write() as conn:
        number = commands.submit(conn, kind, "{}", world.clock.now)
    world.wake.notify("commands")
    return number


def verdict(world: World, number: int) -> commands.CommandRow:
    with world.database.read() as conn:
        row = commands.get(conn, number)
    assert row is not None
    return row


def test_a_process_has_fewer_than_ten_jobs(make_world) -> None:
    world = make_world()
    chores = [Job("uses", lambda: None, 60)]
    assert 1 < len(Scheduler(world.ground, world.sources, chores=chores)._jobs._jobs) < 10
    assert list(Scheduler(world.ground, None)._jobs._jobs) == ["commands"]


def test_ticks_find_what_becomes_due(make_world) -> None:
    world = make_world(interval="1m", jitter="0%")
    scheduler = Scheduler(world.ground, world.sources)
    scheduler.start()
    try:
        world.wait_for_success()
        assert len(world.sources.pulls) == 1
        world.clock.advance(60)
        world.sources.wait(lambda: len(world.sources.pulls) == 2)
    finally:
        assert scheduler.stop(PATIENCE)
    world.clock.advance(600)
    assert len(world.sources.pulls) == 2, "nothing is begun after the end"


def test_a_command_of_another_process_is_done_once_and_answered_in_its_row(make_world) -> None:
    world = make_world()
    before = submit(world)
    runs: list[int] = []

    def reload(_: str) -> Verdict:
        runs.append(1)
        return Verdict(ok=False, text="line 3: no such key")

    scheduler = Scheduler(world.ground, None, handlers={"reload": reload})
    scheduler.start()
    try:
        other = make_world(like=world)
        number = submit(other)
        seen = other.wake.seen("commands")
        for _ in range(50):
            if verdict(other, number).done_at is not None:
                break
            seen = other.wake.wait("commands", PATIENCE / 50, seen) or seen
        row = verdict(other, number)
        assert (row.ok, row.verdict) == (False, "line 3: no such key")
        assert runs == [1]
        assert verdict(other, before).done_at is None, "what came before the start is not repeated"
    finally:
        scheduler.stop(PATIENCE)


def test_every_process_heeds_a_command_and_each_one_answers(make_world) -> None:
    one = make_world()
    two = make_world(like=one)
    heeded: list[str] = []

    def handler(name: str):
        def run(_: str) -> Verdict:
            heeded.append(name)
            return Verdict(ok=name == "one", text=name)

        return run

    errands = [
        Errands(world.ground, {"reload": handler(name)})
        for name, world in (("one", one), ("two", two))
    ]
    for each in errands:
        each.begin()
    number = submit(one)
    submit(one, "dance")
    for each in (*errands, *errands):
        each.look()
    assert heeded == ["one", "two"]
    row = verdict(one, number)
    assert row.verdict.startswith("one\nprocess ")
    assert row.verdict.endswith(": two")
    assert not row.ok, "it is not well in all of them"


def test_processes_that_agree_are_heard_as_one(make_world) -> None:
    one = make_world()
    two = make_world(like=one)
    handlers = {"reload": lambda _: Verdict(ok=True, text="reloaded")}
    errands = [Errands(world.ground, handlers) for world in (one, two)]
    for each in errands:
        each.begin()
    number = submit(one)
    for each in errands:
        each.look()
    assert verdict(one, number)[-2:] == (True, "reloaded")


def test_a_command_that_is_committed_after_a_later_one_is_heeded_all_the_same(
    make_world,
) -> None:
    world = make_world()
    first = submit(world)
    with world.database.write() as conn:
        conn.execute(delete(schema.commands))
    heeded: list[int] = []

    def heed(_: str) -> Verdict:
        heeded.append(1)
        return Verdict(ok=True, text="reloaded")

    errands = Errands(world.ground, {"reload": heed})
    errands.begin()
    submit(world)
    errands.look()
    with world.database.write() as conn:
        late = {"id": first, "kind": "reload", "created_at": world.clock.now}
        conn.execute(insert(schema.commands).values(late))
    errands.look()
    errands.look()
    assert heeded == [1, 1]
    assert verdict(world, first).ok


def test_a_command_whose_handler_fails_is_answered(
    make_world, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world()

    def fail(_: str) -> Verdict:
        raise ZeroDivisionError

    errands = Errands(world.ground, {"reload": fail})
    errands.begin()
    number = submit(world)
    with caplog.at_level(logging.ERROR):
        errands.look()
    row = verdict(world, number)
    assert (row.ok, row.done_at) == (False, world.clock.now)
    assert "ZeroDivisionError" in row.verdict
    assert "Traceback" in caplog.text
    errands.look()


@pytest.mark.covers("F29")
def test_a_wall_clock_that_is_set_back_does_not_stop_the_jobs() -> None:
    runs: SimpleQueue[None] = SimpleQueue()
    jobs = Jobs([Job("tick", lambda: runs.put(None), 1)])
    jobs.start()
    try:
        runs.get(timeout=PATIENCE)
        with time_machine.travel(datetime.now(UTC) - timedelta(minutes=10), tick=True):
            for _ in range(4):
                runs.get(timeout=PATIENCE)
        for _ in range(4):
            runs.get(timeout=PATIENCE)
        assert jobs.alive
    finally:
        jobs.stop()


def test_a_scheduler_is_alive_from_its_start_to_its_end(make_world) -> None:
    world = make_world()
    scheduler = Scheduler(world.ground, world.sources)
    assert not scheduler.alive
    scheduler.start()
    assert scheduler.alive
    scheduler.stop(PATIENCE)
    assert not scheduler.alive


@pytest.mark.parametrize("error", [ZeroDivisionError("in a job"), StoreError("the disk is full")])
def test_a_job_that_fails_is_logged_and_recorded_and_the_clock_goes_on(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Exception | None] = [error, None]

    def work() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    observed: list[tuple[str, str]] = []
    jobs = Jobs([Job("staleness", work, 3600)], observe=lambda *found: observed.append(found))
    with caplog.at_level(logging.WARNING):
        jobs.run("staleness")
    assert str(error) in caplog.text
    jobs.run("staleness")
    (name, problem), second = observed
    assert name == "staleness"
    assert problem
    assert second == ("staleness", "")
