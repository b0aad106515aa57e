"""What every part of the scheduler stands on."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from bridge.config.live import Live
from bridge.errors import ProviderError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.store.database import Database
from bridge.store.wake import Wake


class Report(Protocol):
    """What a pull of which at least a part succeeded ended with."""

    @property
    def error(self) -> ProviderError | None:
        """Why one of the calendars could not be read."""
        ...

    @property
    def objects(self) -> int:
        """Objects that were added, changed or removed."""
        ...

    @property
    def blocks(self) -> int:
        """Published blocks that changed."""
        ...


class Puller(Protocol):
    """Pulls one connection; `bridge.ingest.Ingest` is one."""

    def pull(self, connection_id: ConnectionId, now: Instant, *, full: bool = False) -> Report:
        """Read what changed and store it, rows and token in one transaction.

        Raises:
            ProviderError: nothing could be read, or the account refuses.
            StoreError: nothing is stored.
        """
        ...


def read_clock() -> Instant:
    """Return this moment."""
    return int(time.time())  # noqa: TID251 - the scheduler is one of the rooms that read a clock


_made: set[str] = set()
"""Owners that this process made; they live."""


def make_owner() -> str:
    """Name a holder of leases, for people who look into the table and for `is_dead`."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
    _made.add(owner)
    return owner


def is_dead(owner: str) -> bool:
    """Tell whether an owner of leases was a process of this machine that lives no more."""
    place, _, _ = owner.rpartition(":")
    host, _, number = place.rpartition(":")
    if owner in _made or host != socket.gethostname() or not number.isdecimal():
        return False
    if int(number) == os.getpid():
        return True  # in a container each next process has the number of the last one
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The store, the settings in force, and the clock."""

    database: Database
    wake: Wake
    live: Live
    clock: Callable[[], Instant] = read_clock
    owner: str = field(default_factory=make_owner)
    random: Random = field(default_factory=Random)
    """Where jitter comes from."""
