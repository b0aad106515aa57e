"""Misbehaviour of Google's authorization server that catches who does not expect it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from bridge.model.resource import ConnectionStatus
from bridge.oauth import Registration
from bridge.provider import ProviderKind
from bridge.providers import google
from bridge.providers.google.consent import GoogleConsent
from tests.connecting.home import Home, opened
from tests.connecting.naive import (
    COMMON,
    DAY,
    HOUR,
    NOBODY_IS_ASKED,
    Case,
    Ground,
    Tried,
    asking,
    believes_any_server,
    catches,
    named,
    takes_no_refusal_for_good,
    what_ends_is_told,
)
from tests.connecting.owner import ANN, Browser, asked


class _AsksOnce(GoogleConsent):
    @property
    def registration(self) -> Registration:
        return replace(super().registration, parameters={"access_type": "offline"})


def asks_once(kind: ProviderKind) -> ProviderKind:
    """A refresh token lasts for ever: who gave one is not asked for another."""
    return asking(kind, lambda ours: _AsksOnce(ours.http, ours.defaults, ours.wanted))


def two_weeks_go_by(there: Ground, misbehave: Callable[[], None]) -> None:
    """Try that an account is read, or its owner told, and works for as long when that helped."""
    misbehave()
    assert there.connect().is_success
    for _ in range(2):
        there.wait(6 * DAY)
        assert there.reads(), "it ended too early"
        there.wait(2 * DAY)
        if there.reads():
            continue
        row = there.row()
        assert row.status is ConnectionStatus.TOKEN_EXPIRED, "nobody is asked to sign in again"
        assert row.error_hint == "connect the account again"
        assert there.connect().is_success, "connecting it again does not help"
        there.wait(2 * HOUR)
        assert there.reads(), "it does not work again"


def no_other_server_answers(there: Ground, misbehave: Callable[[], None]) -> None:
    """Try that a code is taken of the server that was asked, and of no other (RFC 9207)."""
    assert isinstance(there.house, Home)
    misbehave()
    browser = Browser()
    answer = browser.consent(there.house.asks(browser), ANN)
    there.house.google.calls.clear()
    page = browser.get(answer)
    if asked(answer)["iss"] == there.sandbox.url:
        assert page.is_success
        assert there.reads()
        return
    assert page.status_code == 400, "another server's answer connected the account"
    assert there.house.google.calls == [], "the code was given away"
    assert there.house.grant() is None


CASES = (
    *COMMON,
    Case(
        takes_no_refusal_for_good,
        "invalid_grant",
        what_ends_is_told("invalid_grant", "connect the account again"),
        NOBODY_IS_ASKED,
    ),
    Case(takes_no_refusal_for_good, "testing_app", two_weeks_go_by, NOBODY_IS_ASKED),
    Case(asks_once, "testing_app", two_weeks_go_by, "connecting it again does not help"),
    Case(believes_any_server, "wrong_issuer", no_other_server_answers, "another server's answer"),
)
CAUGHT = frozenset(case.fault for case in CASES)
"""Misbehaviour that is tried here."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    tried = Tried(google.KIND)
    with opened(tmp_path_factory.mktemp("home"), kinds=tried.known()) as home:
        sandbox = home.google.sandbox
        yield Ground(home, tried, sandbox, sandbox.world.account(ANN).faults, home.connect)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_misbehaviour_of_signing_in_catches(there: Ground, case: Case) -> None:
    catches(there, case)
