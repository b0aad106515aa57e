"""Commands that other processes leave in the store: done here, and answered in their row."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import NamedTuple

from bridge.scheduler.ground import Ground, place_of
from bridge.store import commands

logger = logging.getLogger(__name__)


class Verdict(NamedTuple):
    """What came of a command."""

    ok: bool
    text: str


Handler = Callable[[str], Verdict]
"""Does what a kind of command asks for; it is given the command's payload (JSON)."""


class Errands:
    """Heeds every command that is submitted while this process runs.

    Each process that shares the database heeds each command, since each has settings to reload,
    and adds its verdict to the command's row.
    """

    def __init__(self, ground: Ground, handlers: Mapping[str, Handler]) -> None:
        self._ground = ground
        self._handlers = handlers
        self._lock = Lock()
        self._last = 0
        self._heeded: set[int] = set()

    def begin(self) -> None:
        """Leave out what was submitted before: this process starts with what it asks for."""
        with self._ground.database.read() as conn:
            self._last = commands.last(conn)
            self._heeded = {command.id for command in commands.since(conn, self._last)}

    def look(self) -> None:
        """Do what was submitted since the last look.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._lock:
            with self._ground.database.read() as conn:
                listed = commands.since(conn, self._last)
            new = [command for command in listed if command.id not in self._heeded]
            # Those that are not listed any more need not be remembered.
            self._heeded &= {command.id for command in listed}
            for command in new:
                self._last = max(self._last, command.id)
                self._heeded.add(command.id)
                handler = self._handlers.get(command.kind)
                if handler is None:
                    logger.warning("a command of an unknown kind was left alone")
                    continue
                verdict = _heed(handler, command.payload)
                now = self._ground.clock()
                with self._ground.database.write() as conn:
                    commands.answer(conn, command.id, now, verdict, place_of(self._ground.owner))
                self._ground.wake.notify("commands")


def _heed(handler: Handler, payload: str) -> Verdict:
    try:
        return handler(payload)
    except Exception as err:
        # Whoever asked waits for an answer.
        logger.exception("a command failed by a fault of ours")
        return Verdict(ok=False, text=f"a fault of BusyBridge ({type(err).__name__}); see its log")
