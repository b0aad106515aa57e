"""Rendered answers, kept for the next reader of the same state."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

_MOST_BYTES = 8 << 20


class Bodies:
    """The most recently used bodies by ETag, bounded by their size together.

    An ETag names the state that a body shows, so nothing here is ever out of date.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._longest = most_bytes // 4
        self._room = most_bytes
        self._lock = Lock()

    def get(self, etag: str) -> bytes | None:
        """Return the body, if it is still here."""
        with self._lock:
            body = self._bodies.get(etag)
            if body is not None:
                self._bodies.move_to_end(etag)
            return body

    def put(self, etag: str, body: bytes) -> None:
        """Keep a body; one that would fill more than a quarter of the room is not kept."""
        with self._lock:
            if etag in self._bodies or len(body) > self._longest:
                return
            self._bodies[etag] = body
            self._room -= len(body)
            while self._room < 0:
                self._room += len(self._bodies.popitem(last=False)[1])
