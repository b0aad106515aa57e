"""How a deliberately naive way to sign in and to refresh is tried, on a bridge that serves.

Mistakes that can be made with any provider are here; so are the trials, which tell what owners and
admins would notice of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple, TypeAlias, cast

import httpx2
import pytest
from pydantic import SecretStr

from bridge.authorizer import Authorizer, Grant
from bridge.errors import AuthorizationExpired, ProviderError, TemporarilyUnavailable
from bridge.model.resource import ConnectionStatus
from bridge.provider import Account, ProviderKind
from bridge.sandbox.faults import Faults
from bridge.sandbox.server import Sandbox
from bridge.store.connections import ConnectionRow
from tests.connecting.home import WORK, House

HOUR = 3600
DAY = 24 * HOUR
_AGAIN = "connect the account again"

Mistake: TypeAlias = Callable[[ProviderKind], ProviderKind]
"""Makes a naive kind of ours."""


@dataclass
class Tried:
    """A kind in whose place another can be put while the bridge serves."""

    ours: ProviderKind
    kind: ProviderKind = field(init=False)

    def __post_init__(self) -> None:
        self.kind = self.ours

    def known(self) -> dict[str, ProviderKind]:
        """Give what a bridge knows it by."""
        made = replace(self.ours, refresh=self._refresh, authorizer=self._authorizer)
        return {made.name: made}

    def _refresh(self, account: Account, grant: Grant) -> Grant:
        assert self.kind.refresh is not None
        return self.kind.refresh(account, grant)

    def _authorizer(self, account: Account) -> Authorizer:
        assert self.kind.authorizer is not None
        return self.kind.authorizer(account)


@dataclass
class Ground:
    """Where things are tried: a bridge, a stand-in, and one clock for both."""

    house: House
    tried: Tried
    sandbox: Sandbox
    faults: Faults
    """Of Ann's account."""
    connect: Callable[[], httpx2.Response]
    """Ann goes all the way, and this is the page that she ends on."""

    def begin(self, kind: ProviderKind) -> None:
        """Forget who was connected, and go on with another kind."""
        self.tried.kind = self.tried.ours
        if self.house.grant() is not None:
            self.house.bridge.connecting.disconnect(WORK)
        self.tried.kind = kind

    def wait(self, seconds: int) -> None:
        self.house.now += seconds
        self.sandbox.world.advance(timedelta(seconds=seconds))

    def row(self) -> ConnectionRow:
        return self.house.row()

    def reads(self) -> bool:
        """Pull, and tell whether all is well after that."""
        return self.house.pull() == "ok" and self.row().status is ConnectionStatus.ACTIVE


Trial: TypeAlias = Callable[[Ground, Callable[[], None]], None]
"""What is tried, and how the stand-in begins to misbehave, where it does."""


class Case(NamedTuple):
    """A mistake that shows when the stand-in misbehaves."""

    mistake: Mistake
    fault: str
    trial: Trial
    shows: str
    """What the trial says of it."""


def catches(there: Ground, case: Case) -> None:
    """Try a mistake: it does no harm as long as the stand-in behaves; ours never does."""

    def attempt(kind: ProviderKind, *, misbehaving: bool) -> None:
        there.begin(kind)
        try:
            case.trial(there, lambda: there.faults.switch(case.fault, misbehaving))
        finally:
            there.faults.clear()

    ours = there.tried.ours
    attempt(case.mistake(ours), misbehaving=False)
    with pytest.raises(AssertionError, match=case.shows):
        attempt(case.mistake(ours), misbehaving=True)
    attempt(ours, misbehaving=True)


def named(case: Case) -> str:
    """Name a case by its mistake and what that meets."""
    return f"{getattr(case.mistake, '__name__', case.mistake)}-{case.fault}"


# Mistakes


def refreshing(kind: ProviderKind, change: Callable[[Callable[[], Grant]], Grant]) -> ProviderKind:
    """Refresh in another way, which is told how it is done by ours."""
    ours = kind.refresh
    assert ours is not None
    return replace(kind, refresh=lambda account, grant: change(lambda: ours(account, grant)))


def asking(kind: ProviderKind, make: Callable[[Any], Authorizer]) -> ProviderKind:
    """Ask owners in another way, which is made of ours."""
    ours = kind.authorizer
    assert ours is not None
    return replace(kind, authorizer=lambda account: make(ours(account)))


def altered(kind: ProviderKind, **changed: Callable[..., object]) -> ProviderKind:
    """Ask owners as ours does, but for some methods; these are told of ours first."""
    return asking(kind, lambda ours: cast("Authorizer", _Altered(ours, changed)))


class _Altered:
    """An `Authorizer` that does some things in another way."""

    def __init__(self, ours: Authorizer, changed: Mapping[str, Callable[..., object]]) -> None:
        self._ours = ours
        self._changed = changed

    def __getattr__(self, name: str) -> Any:
        if name in self._changed:
            return lambda *args: self._changed[name](self._ours, *args)
        return getattr(self._ours, name)


def mistaking(kind: ProviderKind, one: type[ProviderError], other: ProviderError) -> ProviderKind:
    """Take a failure to refresh for another."""

    def change(refresh: Callable[[], Grant]) -> Grant:
        try:
            return refresh()
        except one as err:
            raise copy(other) from err

    return refreshing(kind, change)


def takes_no_refusal_for_good(kind: ProviderKind) -> ProviderKind:
    """What the token endpoint refuses now, it may give the next time."""
    return mistaking(kind, AuthorizationExpired, TemporarilyUnavailable("no token"))


def takes_each_failure_for_good(kind: ProviderKind) -> ProviderKind:
    """Whoever gets no token has no permission."""
    return mistaking(kind, TemporarilyUnavailable, AuthorizationExpired("no token", hint=_AGAIN))


def tells_all_alike(kind: ProviderKind) -> ProviderKind:
    """What RFC 6749 calls invalid_grant is one thing."""
    return mistaking(kind, AuthorizationExpired, AuthorizationExpired("refused", hint=_AGAIN))


def keeps_the_first_token(kind: ProviderKind) -> ProviderKind:
    """A refresh gives access tokens; what else is in the answer is of no interest."""
    return refreshing(kind, lambda refresh: replace(refresh(), refresh_token=None))


def keeps_what_the_answer_says(kind: ProviderKind) -> ProviderKind:
    """What is not in the answer is null, and that is kept as a text in the place of the old one."""

    def change(refresh: Callable[[], Grant]) -> Grant:
        made = refresh()
        return replace(made, refresh_token=made.refresh_token or SecretStr("null"))

    return refreshing(kind, change)


def takes_what_does_not_last(kind: ProviderKind) -> ProviderKind:
    """A grant is a grant; an empty token is stored where there is none."""

    def exchange(ours: Authorizer, code: str, redirect_url: str, verifier: str) -> Grant:
        made = ours.exchange(code, redirect_url, verifier)
        return replace(made, refresh_token=made.refresh_token or SecretStr(""))

    return altered(kind, exchange=exchange)


def believes_any_server(kind: ProviderKind) -> ProviderKind:
    """The state is right, so the answer is."""
    return altered(kind, is_issuer=lambda *_: True)


# Trials


def what_ends_is_told(*words: str) -> Trial:
    """Try that an account is read, or is shown as one that is not, with what to do.

    Args:
        words: what its message and hint have to say.
    """

    def trial(there: Ground, misbehave: Callable[[], None]) -> None:
        assert there.connect().is_success
        misbehave()
        there.wait(2 * HOUR)
        if there.reads():
            return
        row = there.row()
        assert row.status is ConnectionStatus.TOKEN_EXPIRED, "nobody is asked to sign in again"
        told = f"{row.error_message}; {row.error_hint}"
        assert all(each in told for each in words), f"nobody knows what to do: {told}"
        there.faults.clear()
        assert there.connect().is_success
        assert there.reads(), "it does not work again"

    return trial


def an_outage_ends_nothing(there: Ground, misbehave: Callable[[], None]) -> None:
    """Try that nobody has to do anything when the token endpoint comes back."""
    assert there.connect().is_success
    misbehave()
    there.wait(2 * HOUR)
    there.house.pull()
    row = there.row()
    assert row.status is not ConnectionStatus.TOKEN_EXPIRED, "its owner is asked to sign in"
    assert row.error_hint == "", "its owner is told to do something"
    there.faults.clear()
    there.wait(60)
    assert there.reads(), "it does not go on by itself"


def _goes_on(there: Ground, refreshes: int) -> None:
    for _ in range(refreshes):
        there.wait(2 * HOUR)
        assert there.reads(), f"it ended by itself: {there.row().error_message}"


def it_goes_on(there: Ground, misbehave: Callable[[], None]) -> None:
    """Try that an account is read for longer than its tokens live."""
    assert there.connect().is_success
    misbehave()
    _goes_on(there, 3)


def who_is_connected_stays_so(there: Ground, misbehave: Callable[[], None]) -> None:
    """Try that an owner who reads "Connected" is, and else reads what to do."""
    misbehave()
    page = there.connect()
    if page.is_success:
        _goes_on(there, 1)
    else:
        assert "Take the permission back" in page.text, "the owner is not told what to do"
        assert there.house.grant() is None


def connecting_again_ends_nothing(there: Ground, misbehave: Callable[[], None]) -> None:
    """Try that what is connected stays so when its owner connects it once more."""
    assert there.connect().is_success
    misbehave()
    there.connect()
    _goes_on(there, 1)


IT_ENDED, NOBODY_IS_ASKED = "it ended by itself", "nobody is asked"
COMMON = (
    Case(
        takes_each_failure_for_good,
        "token_unavailable",
        an_outage_ends_nothing,
        "its owner is asked",
    ),
    Case(takes_what_does_not_last, "no_refresh_token", who_is_connected_stays_so, IT_ENDED),
    Case(takes_what_does_not_last, "no_refresh_token", connecting_again_ends_nothing, IT_ENDED),
)
"""What is the same at each provider."""
