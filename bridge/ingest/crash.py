"""Find the event whose expansion kills the process, and leave it alone after a restart.

Expansion is bounded, so this should never be needed; memory and interpreters have bounds as well.
The first recurring event that is expanded leaves a mark in the store, the end of the expansion
takes it back, however it ends: only a death leaves it. Who finds the mark of a dead process marks
each recurring event by name before it is expanded; whose name is found next is quarantined, blocks
the times it names outright, and is tried again with another text or after `RETRY`.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.store import meta
from bridge.store.database import Database, Transaction

QUARANTINED = (
    "not expanded: BusyBridge died twice over it; it is tried again when it changes, or in a week"
)
RETRY = 7 * 86400
"""Seconds after which a quarantined event gets another chance."""
_LONGEST = 3600
"""Seconds that no expansion lasts: an older mark of another machine was left by a dead process."""
_SOME_EVENT = "*"
_TOKEN = secrets.token_hex(8)
"""Of this process: its number alone comes again, in a container with every start."""


class _Mark(NamedTuple):
    """Who is expanding what."""

    host: str
    process: int
    token: str
    since: Instant
    what: str
    """Remote id of an event, or `*`."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> _Mark | None:
        """Read one back; None for a mark of an earlier version, which said less."""
        try:
            host, process, token, since, what = text.split("\n", 4)
            return cls(host, int(process), token, int(since), what)
        except ValueError:
            return None

    def is_evidence(self, now: Instant) -> bool:
        """Tell whether the process is dead that left the mark."""
        if self.token == _TOKEN:
            return False
        if now - self.since > _LONGEST:
            return True
        if self.host != socket.gethostname():
            return False
        return self.process == os.getpid() or not _lives(self.process)


@dataclass(slots=True)
class CrashMark:
    """The mark of one calendar, for one expansion of its events; a context manager."""

    database: Database
    calendar_id: str
    now: Instant
    _looked: bool = False
    _evidence: _Mark | None = None
    """What a dead process left."""
    _shared: bool = False
    """The mark of somebody who lives stands there: it does for both."""
    _stands: bool = False

    def __enter__(self) -> CrashMark:
        """Do nothing yet: most pulls expand no series."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _err: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Take the mark back. What was found stays until `remove` where it still is of use."""
        if self._stands:
            still = self._evidence if kind or self._culprit else None
            with suppress(StoreError), self.database.write(lasting=False) as conn:
                if still:
                    meta.put(conn, self._key, str(still))
                else:
                    meta.drop(conn, self._key)
            self._stands = False

    def allows(self, remote_id: str) -> bool:
        """Say that a recurring event is about to be expanded; False when it must not be."""
        self._look()
        if remote_id == self._culprit:
            return False
        if not self._shared and (self._evidence or not self._stands):
            what = remote_id if self._evidence else _SOME_EVENT
            mark = _Mark(socket.gethostname(), os.getpid(), _TOKEN, self.now, what)
            with self.database.write(lasting=False) as conn:
                meta.put(conn, self._key, str(mark))
            self._stands = True
        return True

    def remove(self, conn: Transaction) -> None:
        """Forget what a dead process left, in the transaction that writes what came of it."""
        if self._evidence:
            meta.drop(conn, self._key)

    @property
    def _key(self) -> str:
        return f"expanding.{self.calendar_id}"

    @property
    def _culprit(self) -> str:
        """Remote id of the event that must not be expanded; empty when there is none."""
        what = self._evidence.what if self._evidence else _SOME_EVENT
        return "" if what == _SOME_EVENT else what

    def _look(self) -> None:
        if self._looked:
            return
        with self.database.read() as conn:
            found = meta.get(conn, self._key)
        mark = _Mark.parse(found) if found else None
        if mark and mark.is_evidence(self.now):
            self._evidence = mark
        else:
            self._shared = mark is not None
        self._looked = True


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
