"""What the stand-ins of several providers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from bridge.sandbox.faults import Faults
from bridge.sandbox.posting import Poster
from bridge.sandbox.world import World


class _Program(Protocol):
    id: str


_Client = TypeVar("_Client", bound=_Program)


class StandIn(ABC, Generic[_Client]):
    """One provider over one world: it knows programs, posts notifications, and misbehaves."""

    def __init__(
        self,
        world: World,
        clients: dict[str, _Client],
        poster: Poster,
        stop: Callable[[], None],
    ) -> None:
        """Put it together.

        Args:
            world: guards everything by its lock.
            clients: programs by id, which are added to.
            poster: of its notifications.
            stop: ends what waits of its API.
        """
        self.world = world
        self._clients = clients
        self._poster = poster
        self._stop = stop

    @abstractmethod
    def faults(self, email: str) -> Faults:
        """Give the misbehaviour of an account; raises Unknown where there is none."""

    @abstractmethod
    def every_fault(self) -> Iterable[Faults]:
        """Give that of every account."""

    def start(self) -> None:
        """Begin to post notifications."""
        self._poster.start()

    def stop(self) -> None:
        """End, also what waits."""
        self._stop()
        self._poster.stop()

    def add_client(self, client: _Client) -> _Client:
        """Register a program."""
        with self.world.lock:
            self._clients[client.id] = client
        return client

    def misbehave(
        self,
        email: str,
        fault: str,
        value: Any = True,  # noqa: FBT002
        times: int | None = None,
    ) -> None:
        """Switch misbehaviour of an account, see the provider's own list of faults."""
        with self.world.lock:
            self.faults(email).switch(fault, value, times)

    def behave(self) -> None:
        """Switch all misbehaviour off."""
        with self.world.lock:
            for each in self.every_fault():
                each.clear()
