"""How often a login may fail: per address, per name, and for a pair that has been right before.

Nobody is made to wait inside a request; who has failed too often is refused at once, for a while
that doubles. (The counters of `limits` read a clock of their own and know no doubling.)
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from bridge.config.values import Rate
from bridge.model.interval import Instant

_LONGEST = 900
"""Seconds; the longest pause after repeated failures."""
_MOST = 50_000
"""Counters, and known pairs, that are kept; the oldest are forgotten."""


@dataclass(slots=True)
class _Counter:
    since: Instant
    failed: int = 0
    blocked_until: Instant = 0
    pauses: int = 0


class Failures:
    """Counts failed logins.

    A pair of name and address that was right once has a counter of its own: so nobody can lock a
    person out by guessing from elsewhere, nor a whole office by one forgotten device in it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counters: OrderedDict[str, _Counter] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait(self, name: str, address: str, now: Instant) -> int:
        """Return the seconds for which this login is refused whatever the password; 0 = none."""
        with self._lock:
            return self._wait(self._keys(name, address), now)

    def admit(self, name: str, address: str, rate: Rate, now: Instant) -> bool:
        """Count a try as failed until `succeed` takes it back; False when it may not be made.

        Counting first keeps tries that come at the same time within the limit, too.
        """
        with self._lock:
            keys = self._keys(name, address)
            if self._wait(keys, now):
                return False
            counters = [self._counter(key, rate, now) for key in keys]
            full = [counter for counter in counters if counter.failed >= rate.amount]
            for counter in full:
                pause = int(rate.period.total_seconds()) << min(counter.pauses, 16)
                counter.blocked_until = now + min(pause, _LONGEST)
                counter.pauses += 1
                counter.failed = 0
            if full:
                return False
            for counter in counters:
                counter.failed += 1
            return True

    def succeed(self, name: str, address: str, *, counted: bool) -> None:
        """Know this pair from now on; `counted`: take back what `admit` counted for this try."""
        with self._lock:
            if counted:
                self._take_back(name, address)
            self._known[name, address] = None
            self._known.move_to_end((name, address))
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def take_back(self, name: str, address: str) -> None:
        """Count a try no more that `admit` counted: nobody could look whether it was right."""
        with self._lock:
            self._take_back(name, address)

    def _take_back(self, name: str, address: str) -> None:
        for key in self._keys(name, address):
            if counter := self._counters.get(key):
                counter.failed = max(counter.failed - 1, 0)

    def _keys(self, name: str, address: str) -> tuple[str, ...]:
        if (name, address) in self._known:
            return (f"both {address} {name}",)
        return f"address {address}", f"name {name}"

    def _wait(self, keys: tuple[str, ...], now: Instant) -> int:
        counters = [self._counters[key] for key in keys if key in self._counters]
        return max([0, *(counter.blocked_until - now for counter in counters)])

    def _counter(self, key: str, rate: Rate, now: Instant) -> _Counter:
        counter = self._counters.setdefault(key, _Counter(now))
        self._counters.move_to_end(key)
        if len(self._counters) > _MOST:
            self._counters.popitem(last=False)
        if now - max(counter.since, counter.blocked_until) >= _LONGEST:
            counter.pauses = 0
        if now - counter.since >= int(rate.period.total_seconds()):
            counter.since, counter.failed = now, 0
        return counter
