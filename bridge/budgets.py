"""Requests that a provider allows a minute: counted as they are sent, obeyed where work begins.

A pull that runs is not held up: what it sends over its budget is a debt that the next ones wait
for. People wait for what they book: that may begin although pulls have spent everything, and what
it needs beyond the budget the next pulls leave out. Only where a provider takes so many requests of
an account at once and no more does one wait until another has its answer, whichever connections the
two are of. A provider that refuses all the same is believed more than the settings: its budget is
halved, and grows again with each minute without a refusal. Each process counts for itself; that
there are several is one reason why a provider may refuse.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock, Semaphore

from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Credentials, Http, Rates, Response, Service

_MINUTE = 60.0
_AT_ONCE = 0.25
"""Share of a budget that may be spent at once; the rest flows in, so that no minute exceeds it."""
_BEYOND = 0.1
"""Share of a budget that bookings may spend beyond it."""
_MOST_STRIKES = 4.0
"""Refusals that count: a budget is never less than a sixteenth."""
_PATIENCE = timedelta(seconds=60)
"""How long a request that says nothing of its time waits for its turn."""


@dataclass(slots=True)
class _Bucket:
    """Tokens that flow in; below zero is debt."""

    rate: float
    at: float
    level: float = field(init=False)
    strikes: float = 0.0
    refused_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.level = self._most

    @property
    def _most(self) -> float:
        return max(1.0, self.rate * _AT_ONCE)

    def flow(self, now: float) -> None:
        passed = max(0.0, now - self.at)
        self.at = now
        self.strikes = max(0.0, self.strikes - passed / _MINUTE)
        rate = self.rate * (1 - _AT_ONCE) / 2**self.strikes
        self.level = min(self._most, self.level + passed * rate / _MINUTE)

    @property
    def takes_bookings(self) -> bool:
        """Whether a booking may begin: within its debt, and not right after a refusal."""
        paused = self.at - self.refused_at < 2**self.strikes
        return not paused and self.level > -max(1.0, self.rate * _BEYOND)

    def refuse(self) -> None:
        self.level = min(self.level, 0.0)
        self.strikes = min(_MOST_STRIKES, self.strikes + 1)
        self.refused_at = self.at


class Budgets:
    """The budgets of all kinds and accounts; any number of threads may share them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with every budget untouched."""
        self._clock = clock
        self._lock = Lock()
        self._projects: dict[str, _Bucket] = {}
        self._accounts: dict[str, _Bucket] = {}
        self._kinds: dict[str, str] = {}
        self._turns: dict[tuple[str, str], Semaphore] = {}

    def metered(
        self,
        http: Http,
        kind: str,
        account: str,
        rates: Rates,
        whose: Callable[[], str] = lambda: "",
    ) -> Http:
        """Count what an account of that kind sends; the rates of the last call hold.

        Args:
            http: sends.
            kind: of provider.
            account: that has the budget: a connection's id.
            rates: what the provider allows.
            whose: says what the provider calls the account, asked before each request of a kind
                that counts those at once; connections with the same answer wait for each other.
        """
        now = self._clock()
        with self._lock:
            self._kinds[account] = kind
            for buckets, name, rate in (
                (self._projects, kind, rates.project),
                (self._accounts, account, rates.account),
            ):
                buckets.setdefault(name, _Bucket(rate, now)).rate = rate
        at_once = rates.at_once
        turn = None if at_once is None else _Turn(self, kind, account, at_once, whose)
        return _Metered(http, self, account, turn)

    def admits(self, account: str) -> bool:
        """Tell whether a pull of an account may begin; one without a budget always may."""
        with self._lock:
            return all(each.level >= 1 for each in self._of(account))

    def resting(self) -> list[str]:
        """Name the accounts of which no booking may begin now."""
        with self._lock:
            return [
                name
                for name in self._accounts
                if not all(each.takes_bookings for each in self._of(name))
            ]

    def spend(self, account: str) -> None:
        """Count one request."""
        with self._lock:
            for each in self._of(account):
                each.level -= 1

    def refused(self, account: str) -> None:
        """Note that the provider asked an account for a pause.

        Who asks too much alone slows nobody else down; when a second account is refused within a
        minute, it is the project that asks too much.
        """
        with self._lock:
            buckets = self._of(account)
            if not buckets:
                return
            project, own = buckets
            kind = self._kinds[account]
            others = (
                bucket.refused_at
                for name, bucket in self._accounts.items()
                if name != account and self._kinds[name] == kind
            )
            if project.at - max(others, default=float("-inf")) < _MINUTE:
                project.refuse()
            own.refuse()

    def turns(self, kind: str, name: str, at_once: int) -> Semaphore:
        """Give what requests of one account at a provider share."""
        with self._lock:
            return self._turns.setdefault((kind, name), Semaphore(at_once))

    def _of(self, account: str) -> list[_Bucket]:
        kind = self._kinds.get(account)
        if kind is None:
            return []
        buckets, now = [self._projects[kind], self._accounts[account]], self._clock()
        for each in buckets:
            each.flow(now)
        return buckets


@dataclass(frozen=True, slots=True)
class _Turn:
    """One of so many requests at once."""

    budgets: Budgets
    kind: str
    account: str
    at_once: int
    whose: Callable[[], str] = field(compare=False, repr=False)
    """Made anew with the settings, which accounts are compared by."""

    @contextmanager
    def taken(self, patience: timedelta) -> Iterator[None]:
        """Wait for it.

        Raises:
            TemporarilyUnavailable: the others are not answered in time.
        """
        name = self.whose() or self.account
        turns = self.budgets.turns(self.kind, name, self.at_once)
        if not turns.acquire(timeout=patience.total_seconds()):
            raise TemporarilyUnavailable(
                f"{self.at_once} requests to the same account are under way, and none is answered"
            )
        try:
            yield
        finally:
            turns.release()


@dataclass(frozen=True, slots=True)
class _Metered:
    """Implements `Http` by another, and counts."""

    http: Http
    budgets: Budgets
    account: str
    turn: _Turn | None = None

    def request(  # noqa: PLR0913 - the Protocol's
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: Credentials | None = None,
        timeout: timedelta | None = None,
        max_size: int | None = None,
        trusted_sites: Sequence[str] = (),
        follow: bool = True,
    ) -> Response:
        """See `Http`."""
        with self.turn.taken(timeout or _PATIENCE) if self.turn else nullcontext():
            self.budgets.spend(self.account)
            return self.http.request(
                method,
                url,
                headers=headers,
                content=content,
                auth=auth,
                timeout=timeout,
                max_size=max_size,
                trusted_sites=trusted_sites,
                follow=follow,
            )

    def services(self, name: str) -> Sequence[Service]:
        """See `Http`."""
        return self.http.services(name)

    def texts(self, name: str) -> Sequence[str]:
        """See `Http`."""
        return self.http.texts(name)
