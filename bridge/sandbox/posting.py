"""Notifications on their way: a queue, and a thread that posts what is due."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2

from bridge.sandbox.world import World

_RETRIES = 3
_RETRY_AFTER = timedelta(seconds=2)
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted to an address."""

    address: str
    headers: Mapping[str, str]
    body: bytes = b""
    attempt: int = 1


class Poster:
    """Posts messages when they are due; tries again what an address does not take."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._queue: list[tuple[datetime, int, Message]] = []
        self._changed = threading.Condition()
        self._order = 0
        self._in_flight = 0
        self._ended = False
        self.delivered: list[Message] = []
        """What was taken by its address, in order."""
        self._thread = threading.Thread(target=self._run, name="sandbox-push", daemon=True)

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def stop(self) -> None:
        """Post no more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def flush(self, timeout: float = 30.0) -> None:
        """Return when everything that is due has been posted.

        Raises:
            TimeoutError: an address takes too long.
        """
        with self._changed:
            self._changed.notify_all()
            if not self._changed.wait_for(self._is_idle, timeout):
                raise TimeoutError("some notifications were not delivered")

    def enqueue(self, due: datetime, message: Message) -> None:
        """Let a message be posted at its time."""
        with self._changed:
            self._order += 1
            heapq.heappush(self._queue, (due, self._order, message))
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        waits = bool(self._queue) and self._queue[0][0] <= self._world.now
        return not waits and not self._in_flight

    def _run(self) -> None:
        message = self._next()
        if message is None:
            return
        with httpx2.Client(timeout=_PATIENCE, trust_env=False) as http:
            while message is not None:
                self._deliver(http, message)
                message = self._next()

    def _next(self) -> Message | None:
        with self._changed:
            while not self._ended:
                if self._queue and self._queue[0][0] <= self._world.now:
                    self._in_flight += 1
                    return heapq.heappop(self._queue)[2]
                wait = (self._queue[0][0] - self._world.now).total_seconds() if self._queue else 60
                self._changed.wait(max(0.01, min(wait, 60.0)))
        return None

    def _deliver(self, http: httpx2.Client, message: Message) -> None:
        try:
            answer = http.post(message.address, headers=dict(message.headers), content=message.body)
            taken, again = answer.is_success, answer.status_code in (500, 502, 503, 504)
        except httpx2.HTTPError:
            taken, again = False, True
        with self._changed:
            if taken:
                self.delivered.append(message)
            elif again and message.attempt < _RETRIES:
                later = self._world.now + _RETRY_AFTER * message.attempt
                following = message.attempt + 1
                tried = Message(message.address, message.headers, message.body, following)
                self._order += 1
                heapq.heappush(self._queue, (later, self._order, tried))
            self._in_flight -= 1
            self._changed.notify_all()
