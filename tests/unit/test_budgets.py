"""Requests are counted, pulls wait for what was spent, and refusals are believed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts import Accounts
from bridge.budgets import Budgets
from bridge.config.live import Live
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http, Rates, Response
from bridge.model.resource import ConnectionId
from bridge.registry import KINDS
from tests.builders import make_settings


class Nowhere:
    """An `Http` that answers everything with nothing."""

    def request(self, *_: Any, **__: Any) -> Response:
        return Response(503, {}, b"", "https://example.com/")

    def services(self, _name: str) -> list[Any]:
        return []

    def texts(self, _name: str) -> list[Any]:
        return []


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budgets(clock: Clock) -> Budgets:
    return Budgets(clock)


def account(budgets: Budgets, name: str, kind: str = "google", **rates: int) -> Http:
    return budgets.metered(Nowhere(), kind, name, Rates(**{"project": 400, "account": 40} | rates))


def send(http: Http, times: int) -> None:
    for _ in range(times):
        http.request("GET", "https://example.com/")


def test_who_spent_its_budget_waits_and_others_do_not(budgets: Budgets, clock: Clock) -> None:
    ann, bob = account(budgets, "ann"), account(budgets, "bob")
    send(ann, 10)
    assert not budgets.admits("ann")
    assert budgets.admits("bob")
    send(bob, 1)
    assert budgets.admits("bob")
    clock.now += 3
    assert budgets.admits("ann")


def test_all_accounts_of_a_kind_share_the_projects_budget(budgets: Budgets, clock: Clock) -> None:
    for number in range(20):
        send(account(budgets, f"a{number}"), 5)
    account(budgets, "late")
    account(budgets, "elsewhere", kind="other")
    assert not budgets.admits("late")
    assert budgets.admits("elsewhere")
    clock.now += 60
    assert budgets.admits("late")


def test_a_pull_that_runs_is_never_held_up_and_the_next_ones_pay(
    budgets: Budgets, clock: Clock
) -> None:
    ann = account(budgets, "ann")
    send(ann, 100)
    clock.now += 60
    assert not budgets.admits("ann"), "ninety were owed, and thirty a minute flow in"
    clock.now += 130
    assert budgets.admits("ann")


def test_an_account_without_a_budget_always_may(budgets: Budgets) -> None:
    budgets.refused("stranger")
    budgets.spend("stranger")
    assert budgets.admits("stranger")


def test_the_smallest_budget_still_lets_one_begin(budgets: Budgets, clock: Clock) -> None:
    tiny = account(budgets, "tiny", account=1)
    assert budgets.admits("tiny")
    send(tiny, 1)
    assert not budgets.admits("tiny")
    clock.now += 90
    assert budgets.admits("tiny")


@pytest.mark.covers("A-30", "F18")
def test_a_refusal_halves_what_flows_in_until_minutes_pass(budgets: Budgets, clock: Clock) -> None:
    ann, bob = account(budgets, "ann"), account(budgets, "bob")

    def seconds_until(name: str, http: Http) -> float:
        send(http, 1)
        began = clock.now
        while not budgets.admits(name):
            clock.now += 0.1
        return clock.now - began

    send(ann, 9)
    healthy = seconds_until("ann", ann)
    for _ in range(3):
        budgets.refused("ann")
    assert seconds_until("ann", ann) > 4 * healthy
    assert budgets.admits("bob"), "who asks too much alone slows nobody else down"
    clock.now += 600
    send(bob, 1)
    send(ann, 9)
    assert seconds_until("ann", ann) == pytest.approx(healthy, abs=0.2)


def test_when_two_accounts_are_refused_it_is_the_project(budgets: Budgets, clock: Clock) -> None:
    for name in ("ann", "bob", "eve"):
        account(budgets, name)
    budgets.refused("ann")
    assert budgets.admits("eve")
    budgets.refused("bob")
    assert not budgets.admits("eve")
    clock.now += 5
    assert budgets.admits("eve")


def test_a_reload_changes_the_rates_and_forgets_no_debt(budgets: Budgets, clock: Clock) -> None:
    send(account(budgets, "ann"), 100)
    account(budgets, "ann", account=4000)
    assert not budgets.admits("ann")
    clock.now += 3
    assert budgets.admits("ann")


@given(st.lists(st.floats(0, 30), max_size=200), st.integers(4, 200))
def test_no_minute_sees_more_than_its_budget(pauses: list[float], rate: int) -> None:
    clock = Clock()
    budgets = Budgets(clock)
    http = account(budgets, "ann", account=rate)
    sent: list[float] = []
    for pause in pauses:
        clock.now += pause
        while budgets.admits("ann") and len(sent) < 2000:
            send(http, 1)
            sent.append(clock.now)
    for began in sent:
        assert sum(began <= when < began + 60 for when in sent) <= rate


def test_accounts_are_metered_by_the_rates_of_the_settings() -> None:
    keys = {"id": "room-a", "connections": [{"id": "work", "provider": "google"}]}
    settings = make_settings(resources=[keys])
    google = KINDS["google"].provider_settings.model_validate({"requests_per_account": "4/min"})
    settings = settings.model_copy(update={"providers": {"google": google}})
    budgets = Budgets(Clock())
    accounts = Accounts(Live(settings), Nowhere(), KINDS, budgets=budgets)
    work = ConnectionId("room-a.work")
    source = accounts.open(work).source
    assert source is not None
    assert budgets.admits(work)
    with pytest.raises(TemporarilyUnavailable):
        source.list_calendars()
    assert not budgets.admits(work)


def test_bookings_begin_although_pulls_have_spent_everything_and_are_not_without_end(
    budgets: Budgets, clock: Clock
) -> None:
    http = account(budgets, "work", account=40)
    send(http, 10)
    assert not budgets.admits("work")
    assert budgets.resting() == []
    send(http, 4)
    assert budgets.resting() == ["work"]
    clock.now += 6
    assert budgets.resting() == []
    assert not budgets.admits("work"), "the pulls pay for it"


def test_bookings_pause_for_moments_after_a_refusal(budgets: Budgets, clock: Clock) -> None:
    account(budgets, "work")
    account(budgets, "other")
    budgets.refused("work")
    assert budgets.resting() == ["work"]
    clock.now += 3
    assert budgets.resting() == []
