"""What every part of the scheduler stands on."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from bridge.budgets import Budgets
from bridge.channels.standing import Tended
from bridge.config.live import Live
from bridge.errors import ProviderError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.store.database import Database
from bridge.store.schedule import Claim
from bridge.store.wake import Wake

DISPATCHES = 8
"""Bookings that one process carries out at the same time."""
MIRRORS = 4
"""Mirrors that one process writes at the same time."""


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


class Tender(Protocol):
    """Has providers tell of changes; `bridge.channels.Keeper` is one."""

    def tend(
        self, connection_id: ConnectionId, claim: Claim | None = None, *, surprised: bool = False
    ) -> Tended:
        """Do what the channels of a connection need, which was pulled under our lease just now.

        Args:
            connection_id: global id.
            claim: that lease; nothing is opened when it was taken away.
            surprised: the pull found changes that nobody had asked it to look for.

        Raises:
            StoreError: the database cannot be used.
        """
        ...

    def sweep(self) -> object:
        """Stop what nobody needs."""
        ...


def read_clock() -> Instant:
    """Return this moment; the composition root hands it to whoever needs a clock."""
    return int(time.time())  # noqa: TID251 - the scheduler is one of the rooms that read a clock


def make_owner() -> str:
    """Name a holder of leases, for people who look into the table and for `is_dead`."""
    parts = (_world(), str(os.getpid()), _began(os.getpid()), secrets.token_hex(3))
    return ":".join((socket.gethostname(), *parts))


def is_dead(owner: str) -> bool:
    """Tell whether an owner of leases was a process of this machine that lives no more.

    Containers may share name and number: who lives in another one cannot be seen from here, and
    counts as living until the machine itself was started anew.
    """
    host, *parts = owner.split(":")
    if host != socket.gethostname() or len(parts) != 4:
        return False
    world, number, began, _ = parts
    boot, _, _ = world.partition(".")
    here, _, _ = _world().partition(".")
    if not boot or not here:
        return False
    if boot != here:
        return True
    return world == _world() and number.isdecimal() and _began(int(number)) != began


def place_of(owner: str) -> str:
    """Name the process behind an owner for people."""
    host, *parts = owner.split(":")
    return f"process {parts[1]} on {host}" if len(parts) == 4 else host


def _world() -> str:
    """Name the boot of this machine and the space in which process numbers mean something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        return f"{boot}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # not Linux
        return ""


def _began(number: int) -> str:
    """Tell when a process began, in ticks of this boot; empty when it is no more."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return ""
    # proc_pid_stat(5): field 3 and what follows stands behind the name, which may hold anything.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The store, the settings in force, and the clock."""

    database: Database
    wake: Wake
    live: Live
    clock: Callable[[], Instant]
    owner: str = field(default_factory=make_owner)
    random: Random = field(default_factory=Random)
    """Where jitter comes from."""
    budgets: Budgets = field(default_factory=Budgets)
    """Told by whoever sends requests, they decide whether a pull may begin."""
