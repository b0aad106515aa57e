"""How often a login may fail."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

from bridge.access.failures import Failures
from bridge.config.values import Rate

RATE = Rate(10, timedelta(minutes=1))


def tries(failures: Failures, name: str, address: str, now: int, count: int = 50) -> int:
    return sum(failures.admit(name, address, RATE, now) for _ in range(count))


def test_an_address_may_fail_so_often_whatever_the_names() -> None:
    failures = Failures()
    admitted = sum(failures.admit(f"name{n}", "a", RATE, 100) for n in range(100))
    assert admitted == 10
    assert failures.wait("another", "a", 100) == 60
    assert failures.wait("another", "b", 100) == 0


def test_a_name_may_fail_so_often_whatever_the_addresses() -> None:
    failures = Failures()
    assert sum(failures.admit("ann", f"a{n}", RATE, 100) for n in range(100)) == 10
    assert failures.wait("bob", "a1", 100) == 0


def test_each_pause_is_twice_as_long_up_to_a_quarter_of_an_hour() -> None:
    failures, now, pauses = Failures(), 1000, []
    for _ in range(7):
        assert tries(failures, "ann", "a", now) == 10
        pauses.append(failures.wait("ann", "a", now))
        now += pauses[-1]
    assert pauses == [60, 120, 240, 480, 900, 900, 900]


def test_a_quiet_time_forgives() -> None:
    failures = Failures()
    for now in (0, 60, 180):
        tries(failures, "ann", "a", now)
    assert tries(failures, "ann", "a", 180 + 240 + 900) == 10
    assert failures.wait("ann", "a", 180 + 240 + 900) == 60


def test_a_right_login_is_not_held_against_anyone() -> None:
    failures = Failures()
    for now in range(100):
        assert failures.admit("ann", "a", RATE, now)
        failures.succeed("ann", "a", counted=True)
    assert failures.wait("ann", "a", 100) == 0


def test_nobody_locks_a_person_out_of_a_place_that_is_known() -> None:
    failures = Failures()
    failures.admit("ann", "home", RATE, 0)
    failures.succeed("ann", "home", counted=True)
    tries(failures, "ann", "elsewhere", 1)
    tries(failures, "other", "home", 1)
    assert failures.wait("ann", "elsewhere", 1) > 0
    assert failures.wait("new", "home", 1) > 0
    assert failures.wait("ann", "home", 1) == 0


def test_a_known_pair_is_limited_too() -> None:
    failures = Failures()
    failures.succeed("ann", "home", counted=False)
    assert tries(failures, "ann", "home", 5) == 10
    assert failures.wait("ann", "home", 5) == 60


def test_tries_at_the_same_time_keep_within_the_limit() -> None:
    failures, barrier, admitted = Failures(), Barrier(16), []

    def attempt() -> None:
        barrier.wait()
        admitted.extend([failures.admit("ann", "a", RATE, 7) for _ in range(20)])

    threads = [Thread(target=attempt) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 10


def test_memory_is_bounded() -> None:
    failures = Failures()
    for number in range(60_000):
        failures.admit(f"n{number}", f"a{number}", RATE, number)
    assert len(failures._counters) <= 50_000
