"""From claim to release, on both databases."""

import logging
import subprocess
import sys
from datetime import timedelta

import pytest

from bridge.errors import (
    AuthorizationExpired,
    RateLimited,
    RemoteNotFound,
    StoreError,
    TemporarilyUnavailable,
)
from bridge.inventory import apply
from bridge.model.http import Rates
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId, SyncState
from bridge.scheduler.ground import make_owner
from bridge.scheduler.pulls import LEASE
from bridge.scheduler.scheduler import end_dead_leases
from bridge.store import connections, leases, resources, schedule
from tests.scheduler.world import IDENTITY, settings_of

ROOM = "room-0.work"


def test_a_pull_that_went_well_is_due_again_after_the_interval(make_world) -> None:
    world = make_world(interval="5m")
    (pulled,) = world.run_due()
    assert (pulled.outcome, pulled.lateness) == ("ok", 0)
    assert 240 <= world.due_in() <= 360
    row = world.row()
    assert (row.status, row.sync_state) == (ConnectionStatus.ACTIVE, SyncState.IDLE)
    assert row.success_at == row.attempt_at == world.clock.now
    assert world.run_due() == []


@pytest.mark.covers("F22")
def test_a_whole_pull_has_a_deadline_that_doubles_with_each_failure_up_to_a_bound(
    make_world,
) -> None:
    world = make_world()
    world.fail(TemporarilyUnavailable("no time left", code="timeout"))
    for _ in range(6):
        world.run_due()
        world.clock.advance(world.due_in())
    # What is left of it when the source is asked; only the moments until then are gone.
    for left, whole in zip(world.sources.allowed, [120, 240, 480, 960, 960, 960], strict=True):
        assert whole - 5 < left <= whole


@pytest.mark.covers("P12", "F19")
def test_a_failure_is_shown_with_code_since_and_remedy_and_the_next_success_clears_it(
    make_world,
) -> None:
    world = make_world()
    world.fail(TemporarilyUnavailable("no answer", code="timeout", hint="look at the server"))
    world.run_due()
    first = world.clock.now
    for _ in range(3):
        world.clock.advance(world.due_in())
        world.run_due()
    row = world.row()
    assert (row.status, row.sync_state) == (ConnectionStatus.ERROR, SyncState.BACKOFF)
    assert (row.error_code, row.error_hint) == ("timeout", "look at the server")
    assert (row.error_since, row.failures) == (first, 4)
    assert 0 < world.due_in() <= 30 * 2**3

    world.sources.failures.clear()
    world.clock.advance(world.due_in())
    world.run_due()
    row = world.row()
    assert (row.status, row.error_code, row.error_since) == (ConnectionStatus.ACTIVE, "", None)
    assert row.failures == 0
    assert world.due_in() >= 240


@pytest.mark.covers("F18")
def test_a_rate_limited_connection_rests_and_the_others_go_on(make_world) -> None:
    world = make_world(2, interval="1m", jitter="0%")
    world.fail(RateLimited("429", retry_after=timedelta(minutes=10)))
    world.run_due()
    row = world.row()
    assert (row.status, row.sync_state) == (ConnectionStatus.ACTIVE, SyncState.RATE_LIMITED)
    assert row.limited_until is not None
    assert row.limited_until >= world.clock.now + 600
    with world.database.write() as conn:
        schedule.mark(conn, [ConnectionId(ROOM)], world.clock.now)
    for _ in range(9):
        world.clock.advance(60)
        assert [pulled.connection_id for pulled in world.run_due()] == ["room-1.work"]
    assert world.pulls.take(ConnectionId(ROOM)) is None, "nor for a person"
    world.clock.advance(130)
    world.sources.failures.clear()
    assert ROOM in [pulled.connection_id for pulled in world.run_due()]
    assert world.row().limited_until is None


def test_who_asks_during_a_pull_that_is_turned_away_is_told_when_the_pause_ends(make_world) -> None:
    world = make_world()
    world.fail(RateLimited("429", retry_after=timedelta(minutes=10)))
    (job,) = world.pulls.claim(1)
    with world.database.write() as conn:
        schedule.mark(conn, [ConnectionId(ROOM)], world.clock.now)
    world.pulls.run(job)
    with world.database.read() as conn:
        due = schedule.due_times(conn)[ConnectionId(ROOM)]
    assert due == world.row().limited_until
    assert due >= world.clock.now + 600


def test_a_refused_credential_is_tried_once_an_hour_until_a_person_says_otherwise(
    make_world,
) -> None:
    world = make_world()
    world.fail(AuthorizationExpired("401"))
    world.run_due()
    assert world.row().status is ConnectionStatus.TOKEN_EXPIRED
    start = world.clock.now
    while world.sources.count(ROOM) < 2:
        world.clock.advance(60)
        world.run_due()
    assert world.clock.now - start >= 3600

    world.sources.failures.clear()
    # A reload: the password was put right.
    apply(world.database, world.settings, world.clock.now, identity=IDENTITY)
    world.run_due()
    assert world.row().status is ConnectionStatus.ACTIVE


def test_a_fault_of_ours_is_logged_with_its_traceback_and_shown_with_the_connection(
    make_world, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world(2)
    world.fail(ZeroDivisionError("in a parser"))
    with caplog.at_level(logging.WARNING):
        outcomes = {pulled.connection_id: pulled.outcome for pulled in world.run_due()}
    assert outcomes == {ROOM: "internal_error", "room-1.work": "ok"}
    assert "ZeroDivisionError: in a parser" in caplog.text
    assert world.row().error_code == "internal_error"
    assert "ZeroDivisionError" in world.row().error_message


@pytest.mark.covers("P12")
def test_one_calendar_that_cannot_be_read_shows_and_slows_nothing(make_world) -> None:
    world = make_world(interval="1m", jitter="0%")
    world.sources.partial[ROOM] = RemoteNotFound("Maintenance is gone", hint="look at its name")
    for _ in range(3):
        (pulled,) = world.run_due()
        assert pulled.outcome == "not_found"
        assert world.due_in() <= 60
        world.clock.advance(60)
    row = world.row()
    assert (row.status, row.error_hint) == (ConnectionStatus.ERROR, "look at its name")
    world.sources.partial.clear()
    world.run_due()
    assert world.row().status is ConnectionStatus.ACTIVE


def test_a_full_listing_that_was_asked_for_stays_wanted_until_it_succeeds(make_world) -> None:
    world = make_world()
    with world.database.write() as conn:
        schedule.mark(conn, [ConnectionId(ROOM)], world.clock.now, full=True)
    world.fail(RemoteNotFound("404"))
    world.run_due()
    world.sources.failures.clear()
    world.clock.advance(world.due_in())
    world.run_due()
    world.clock.advance(world.due_in())
    world.run_due()
    assert [full for _, _, full in world.sources.pulls] == [True, True, False]


def test_a_claim_that_was_lost_says_nothing_at_its_end(make_world) -> None:
    world = make_world()
    (slow,) = world.pulls.claim(1)
    world.clock.advance(LEASE + 1)
    other = make_world(like=world)
    (quick,) = other.pulls.claim(1)
    other.pulls.run(quick)
    due = world.due_in()
    world.fail(TemporarilyUnavailable("too late"))
    world.pulls.run(slow)
    assert world.due_in() == due
    assert world.row().status is ConnectionStatus.ACTIVE
    assert world.row().error_code == ""


def test_a_renewed_lease_keeps_others_away(make_world) -> None:
    world = make_world()
    (job,) = world.pulls.claim(1)
    other = make_world(like=world)
    for _ in range(5):
        world.clock.advance(LEASE - 1)
        world.pulls.renew([job])
        assert other.pulls.claim(5) == []
        assert other.pulls.take(ConnectionId(ROOM)) is None
    world.pulls.run(job)
    with world.database.read() as conn:
        assert leases.holder(conn, ConnectionId(ROOM), world.clock.now) == ""
    world.pulls.renew([job])  # of a released claim: changes nothing
    assert world.due_in() == 30, "it outlasted its interval"


def test_what_is_given_back_is_due_at_once_for_everybody(make_world) -> None:
    world = make_world()
    jobs = world.pulls.claim(1)
    world.pulls.give_back(jobs)
    other = make_world(like=world)
    assert [job.connection_id for job in other.pulls.claim(1)] == [ROOM]


@pytest.mark.covers("P11")
def test_what_a_killed_process_of_this_machine_had_claimed_is_due_when_the_next_one_starts(
    make_world,
) -> None:
    world = make_world()
    lives = make_owner()
    host, space, number, began, _ = lives.split(":")
    boot, _, inside = space.partition(".")
    program = "from bridge.scheduler.ground import make_owner; print(make_owner())"
    gone = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()
    owners = {
        lives: False,
        gone: True,
        # Its number is ours by now, as in a container that was started again.
        f"{host}:{space}:{number}:1{began}:abcdef": True,
        # Another container of the same name, where each first process has number 1.
        f"{host}:{boot}.1{inside}:{number}:{began}:abcdef": False,
        f"{host}:0{boot}.{inside}:{number}:{began}:abcdef": True,  # before a boot
        f"elsewhere-{gone}": False,
        f"{host}:{number}:abcdef": False,
    }
    for owner, dead in owners.items():
        with world.database.write() as conn:
            [claim] = schedule.claim(conn, owner, world.clock.now, 1, LEASE, ConnectionId(ROOM))
        end_dead_leases(world.ground)
        assert bool(world.run_due()) == (dead and world.database.path is not None), owner
        with world.database.write() as conn:
            schedule.release(conn, claim, world.clock.now, done=True)


@pytest.mark.covers("F29")
def test_a_clock_that_was_set_back_does_not_put_pulls_off_for_ever(make_world) -> None:
    from bridge.scheduler.scheduler import heal_clock

    world = make_world()
    world.clock.advance(5 * 365 * 86400)
    world.run_due()
    world.clock.advance(-5 * 365 * 86400)
    assert world.run_due() == []
    heal_clock(world.ground)
    assert [pulled.outcome for pulled in world.run_due()] == ["ok"]


@pytest.mark.covers("F29")
def test_a_pause_asked_for_while_the_clock_ran_ahead_ends_with_the_healing(make_world) -> None:
    from bridge.scheduler.scheduler import heal_clock

    world = make_world()
    world.run_due()
    world.clock.advance(5 * 365 * 86400)
    world.fail(RateLimited("slow down", retry_after=timedelta(hours=1)))
    world.run_due()
    world.clock.advance(-5 * 365 * 86400)
    heal_clock(world.ground)
    row = world.row()
    assert row.limited_until is None
    assert max(row.attempt_at or 0, row.success_at or 0, row.error_since or 0) <= world.clock.now
    world.sources.failures.clear()
    assert [pulled.outcome for pulled in world.run_due()] == ["ok"]


def test_a_connection_that_was_removed_while_it_was_pulled_leaves_nothing_behind(
    make_world,
) -> None:
    world = make_world()
    (job,) = world.pulls.claim(1)
    with world.database.write() as conn:
        resources.remove(conn, [ResourceId("room-0")])
    world.pulls.run(job)
    with world.database.read() as conn:
        assert connections.every(conn) == []


def test_a_database_that_cannot_be_written_costs_no_connection_its_status(make_world) -> None:
    world = make_world()
    world.fail(StoreError("the disk is full", full=True))
    (pulled,) = world.run_due()
    assert pulled.error is not None
    assert world.row().status is ConnectionStatus.ACTIVE
    assert world.row().error_code == "store_unavailable"
    assert 1 <= world.due_in() <= 30


def test_lateness_is_what_lies_beyond_interval_and_jitter(make_world) -> None:
    world = make_world(interval="1m", jitter="0%")
    world.run_due()
    world.clock.advance(60)
    assert world.run_due()[0].lateness == 0
    world.clock.advance(75)
    assert world.run_due()[0].lateness == 15


def test_more_connections_than_asked_for_wait_for_the_next_claim(make_world) -> None:
    world = make_world(7)
    assert [len(world.pulls.claim(3)) for _ in range(4)] == [3, 3, 1, 0]
    assert settings_of(7).resources[6].id == "room-6"


def test_another_account_is_left_to_the_process_that_read_it_in_its_file(make_world) -> None:
    behind = make_world(1)
    ahead = make_world(like=behind)
    changed = settings_of(1, urls=["https://new.example/"])
    apply(ahead.database, changed, ahead.clock.now, identity=IDENTITY)
    ahead.ground.live.swap(changed)
    assert behind.run_due() == [], "it would read the old account as the new one"
    assert behind.pulls.take(ConnectionId(ROOM)) is None
    assert behind.row().attempt_at is None
    ahead.clock.advance(2)
    assert [pulled.connection_id for pulled in ahead.run_due()] == [ROOM]


def test_what_another_process_read_in_its_file_is_left_to_it(make_world) -> None:
    behind = make_world(1)
    ahead = make_world(like=behind)
    apply(ahead.database, settings_of(2), ahead.clock.now, identity=IDENTITY)
    ahead.ground.live.swap(settings_of(2))
    assert [pulled.connection_id for pulled in behind.run_due()] == [ROOM]
    assert behind.row("room-1.work").attempt_at is None
    ahead.clock.advance(2)
    assert [pulled.connection_id for pulled in ahead.run_due()] == ["room-1.work"]


def spend(world, connection: str, requests: int) -> None:
    """Send requests of an account that may send four a minute."""
    world.ground.budgets.metered(object(), "google", connection, Rates(1000, 4))
    for _ in range(requests):
        world.ground.budgets.spend(connection)


def test_a_pull_waits_until_its_providers_budget_allows_it(make_world) -> None:
    world = make_world(2)
    spend(world, ROOM, 3)
    assert [pulled.connection_id for pulled in world.run_due()] == ["room-1.work"]
    assert world.run_due() == []
    assert world.row().failures == 0, "waiting is no failure"
    world.clock.advance(59)
    assert world.run_due() == []
    world.clock.advance(2)
    assert [pulled.connection_id for pulled in world.run_due()] == [ROOM]


def test_who_asks_for_a_pull_gets_it_whatever_the_budget(make_world) -> None:
    world = make_world()
    spend(world, ROOM, 3)
    assert world.pulls.take(ConnectionId(ROOM)) is not None


@pytest.mark.covers("A-30")
def test_a_refusal_makes_the_budget_smaller(make_world) -> None:
    world = make_world()
    spend(world, ROOM, 0)
    world.fail(RateLimited("429"))
    assert world.ground.budgets.admits(ROOM)
    world.run_due()
    assert not world.ground.budgets.admits(ROOM)
