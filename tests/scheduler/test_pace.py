"""When a connection is pulled next."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.channels.standing import Tended
from bridge.config.plan import plan
from bridge.config.syncing import Backoff
from bridge.errors import (
    AddressRefused,
    AuthorizationExpired,
    BridgeError,
    CredentialUnreadable,
    NotConnected,
    RateLimited,
    RemoteNotFound,
    StoreError,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.resource import ConnectionStatus
from bridge.scheduler.pace import (
    UNTOLD,
    Rhythm,
    Verdict,
    after_failure,
    after_success,
    longest_gap,
    repeated,
    rhythm,
)
from tests.builders import NOW, make_plan, make_settings

ACTIVE = (ConnectionStatus.ACTIVE, 0)
BACKOFF = make_settings(sync={"backoff": {"initial": "30s", "max": "6h"}}).sync.backoff
DRAWS = 200


def plan_of(
    interval: str = "5m", jitter: str = "20%", max_stale: str = "6h", tended: Tended = UNTOLD
) -> Rhythm:
    settings = make_settings(
        sync={"interval": interval, "jitter": jitter},
        availability={"max_stale": max_stale},
        resources=[{"id": "room-a", "connections": [{"id": "work", "provider": "memory"}]}],
    )
    return rhythm(plan(settings)[0][1][0], settings.sync, tended)


def judge(err: BridgeError, failures: int = 0, backoff: Backoff = BACKOFF) -> list[Verdict]:
    before = (ConnectionStatus.ACTIVE, failures)
    return [after_failure(err, backoff, before, NOW, Random(seed)) for seed in range(DRAWS)]


def waits(err: BridgeError, failures: int = 0) -> list[int]:
    return [verdict.next_due - NOW for verdict in judge(err, failures)]


@given(
    interval=st.integers(10, 100_000),
    jitter=st.integers(0, 50),
    took=st.integers(0, 200_000),
    seed=st.integers(),
)
def test_two_starts_are_never_further_apart_than_interval_and_jitter_unless_the_pull_lasts_longer(
    interval: int, jitter: int, took: int, seed: int
) -> None:
    plan = plan_of(f"{interval}s", f"{jitter}%")
    due = after_success(plan, NOW, NOW + took, Random(seed))
    rest = interval // 10
    assert due <= max(NOW + longest_gap(plan), NOW + took + rest)
    assert due >= NOW + took + rest


def test_jitter_spreads_pulls_over_its_whole_range() -> None:
    gaps = [after_success(plan_of(), NOW, NOW + 1, Random(seed)) - NOW for seed in range(DRAWS)]
    assert 240 <= min(gaps) < 250
    assert 350 < max(gaps) <= 360


def test_a_pull_that_outlasts_its_interval_rests_before_the_next() -> None:
    assert after_success(plan_of("1m"), NOW, NOW + 500, Random(1)) == NOW + 506


TOLD = Tended(healthy=True)


@pytest.mark.parametrize(
    ("interval", "max_stale", "minutes"), [("5m", "6h", 30), ("2h", "6h", 120), ("5m", "40m", 20)]
)
def test_a_connection_that_is_told_of_all_changes_is_polled_seldom_and_never_becomes_stale(
    interval: str, max_stale: str, minutes: int
) -> None:
    told = plan_of(interval, "20%", max_stale, TOLD)
    assert told.interval == timedelta(minutes=minutes)
    if minutes < 120:
        assert longest_gap(told) < {"6h": 360, "40m": 40}[max_stale] * 60


def test_a_channel_is_renewed_although_no_poll_is_due() -> None:
    tended = TOLD._replace(due_at=NOW + 100)
    assert after_success(plan_of(tended=tended), NOW, NOW + 1, Random(1), tended) == NOW + 100


def test_a_calendar_that_is_watched_from_now_on_is_read_once_more_at_once() -> None:
    tended = TOLD._replace(due_at=NOW + 100, fresh=True)
    assert after_success(plan_of(tended=tended), NOW, NOW + 1, Random(1), tended) == NOW + 1


def test_what_was_told_just_before_a_pull_is_looked_for_once_more() -> None:
    assert repeated(NOW, TOLD) is None
    assert repeated(NOW, TOLD._replace(heard_at=NOW - 1)) == NOW + 4
    assert repeated(NOW + 4, TOLD._replace(heard_at=NOW - 1)) is None


@pytest.mark.covers("F19")
def test_the_bound_of_the_wait_doubles_with_each_failure_up_to_the_longest() -> None:
    error = TemporarilyUnavailable("503")
    for failures, bound in [(0, 30), (1, 60), (4, 480), (9, 15360), (10, 21600), (10_000, 21600)]:
        found = waits(error, failures)
        assert bound * 0.9 < max(found) <= bound
        assert min(found) < bound * 0.1, "full jitter begins at once"
        assert min(found) >= 1


@pytest.mark.covers("F18")
@pytest.mark.parametrize("asked", [1, 40, 3600])
def test_the_pause_that_a_provider_asks_for_is_honoured(asked: int) -> None:
    error = RateLimited("slow down", retry_after=timedelta(seconds=asked))
    for verdict in judge(error):
        assert asked <= verdict.next_due - NOW <= max(asked * 1.1, 30) + 1
        assert verdict.failure.limited_until == verdict.next_due
        assert verdict.failure.status is ConnectionStatus.ACTIVE
        assert verdict.failure.code == "rate_limited"


@pytest.mark.covers("F18")
def test_a_huge_pause_is_capped_and_an_absent_one_is_a_backoff() -> None:
    assert max(waits(RateLimited("slow down", retry_after=timedelta(days=900)))) <= 21600 * 1.1
    found = waits(RateLimited("slow down"), failures=3)
    assert 120 <= min(found) < max(found) <= 240
    assert all(verdict.failure.limited_until for verdict in judge(RateLimited("slow down")))


@pytest.mark.covers("F18", "F19")
@pytest.mark.parametrize("kind", [RateLimited, TemporarilyUnavailable])
def test_a_provider_that_asks_for_no_pause_is_met_by_a_backoff_all_the_same(
    kind: type[TemporarilyUnavailable],
) -> None:
    found = waits(kind("again", retry_after=timedelta(0)), failures=5)
    assert 480 <= min(found) < max(found) <= 960


@pytest.mark.covers("F18")
def test_an_unavailable_server_that_names_a_time_is_left_alone_until_then() -> None:
    error = TemporarilyUnavailable("503", retry_after=timedelta(seconds=100))
    assert all(verdict.failure.limited_until is not None for verdict in judge(error))
    assert min(waits(error)) >= 100


def test_a_refused_credential_is_tried_at_most_once_an_hour() -> None:
    for verdict in judge(AuthorizationExpired("401", hint="renew the password")):
        assert 3600 <= verdict.next_due - NOW <= 3960
        assert verdict.failure.status is ConnectionStatus.TOKEN_EXPIRED
        assert verdict.failure.hint == "renew the password"


@pytest.mark.covers("T37")
def test_a_credential_that_cannot_be_read_is_an_error_with_a_hint() -> None:
    for verdict in judge(CredentialUnreadable("it was moved", hint="connect it again")):
        assert verdict.failure.status is ConnectionStatus.ERROR
        assert verdict.failure.code == "credential_unreadable"
        assert verdict.failure.hint == "connect it again"
        assert verdict.next_due - NOW >= 3600


def test_an_account_that_nobody_connected_is_pending() -> None:
    (verdict, *_) = judge(NotConnected("nobody has connected it"))
    assert verdict.failure.status is ConnectionStatus.PENDING
    assert verdict.failure.code == "connection_pending"


@pytest.mark.parametrize("error", [RemoteNotFound("404"), AddressRefused("10.0.0.1")])
def test_what_will_not_heal_by_itself_is_tried_slowly(error: BridgeError) -> None:
    assert min(waits(error)) >= 900
    assert all(verdict.failure.status is ConnectionStatus.ERROR for verdict in judge(error))


def test_trouble_of_ours_leaves_the_status_of_the_connection_alone() -> None:
    (verdict, *_) = judge(StoreError("disk full"))
    assert verdict.failure.status is ConnectionStatus.ACTIVE
    (verdict, *_) = judge(UnreadableAnswer("cut short"))
    assert verdict.failure.status is ConnectionStatus.ERROR


def test_a_short_longest_wait_bounds_every_wait() -> None:
    short = make_settings(sync={"backoff": {"initial": "1s", "max": "5s"}}).sync.backoff
    for error in (RemoteNotFound("404"), TemporarilyUnavailable("503"), RateLimited("429")):
        assert max(v.next_due - NOW for v in judge(error, 20, short)) <= 6


def test_the_default_plan_has_the_documented_gap() -> None:
    assert longest_gap(make_plan()[1][0]) == 360
