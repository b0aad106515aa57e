"""How writing to calendars in this process misbehaves on command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from bridge.errors import ProviderError


@dataclass(slots=True)
class _Order:
    operation: str
    act: Callable[[], None]
    after: bool
    times: int | None


@dataclass(slots=True)
class Orders:
    """What happens before or after operations, in the order in which it was given."""

    _orders: list[_Order] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def give(
        self,
        operation: str,
        what: ProviderError | Callable[[], None],
        *,
        after: bool = False,
        times: int | None = 1,
    ) -> None:
        """Have something happen.

        Args:
            operation: `find`, `read`, `marked`, `put`, `delete`; of meetings `meeting.find`,
                `meeting.create`, `meeting.update`, `meeting.cancel`.
            what: an error to raise, or something to do: somebody else's change, for instance.
            after: when it is done already, so that an error means that the answer was lost.
            times: how often; None for always.
        """
        act = _raising(what) if isinstance(what, ProviderError) else what
        with self._lock:
            self._orders.append(_Order(operation, act, after, times))

    def forget(self) -> None:
        """Behave again."""
        with self._lock:
            self._orders.clear()

    @contextmanager
    def around(self, operation: str) -> Iterator[None]:
        """Do what was ordered; no lock is held, so that it may edit calendars."""
        for act in self._taken(operation, after=False):
            act()
        yield
        for act in self._taken(operation, after=True):
            act()

    def _taken(self, operation: str, *, after: bool) -> list[Callable[[], None]]:
        with self._lock:
            now = [it for it in self._orders if (it.operation, it.after) == (operation, after)]
            for it in now:
                if it.times is not None:
                    it.times -= 1
            self._orders = [it for it in self._orders if it.times != 0]
        return [it.act for it in now]


def _raising(error: ProviderError) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act
