"""Writing requests that fail: the answer gets lost on the way, or the request does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http, Response

_READING = {"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"}


@dataclass
class Interruptions:
    """An `Http` in which the n-th writing request fails, when that was ordered."""

    http: Http
    left: int = 0
    """So many writing requests until one fails; 0: none does."""
    done: bool = True

    @contextmanager
    def interrupted(self, number: int, *, done: bool) -> Iterator[None]:
        """Order it, as `SinkWorld.interrupted` has it."""
        self.left, self.done = number, done
        try:
            yield
        finally:
            self.left = 0

    def request(self, method: str, url: str, **options: Any) -> Response:
        fails = False
        if self.left and method not in _READING:
            self.left -= 1
            fails = self.left == 0
        if not fails:
            return self.http.request(method, url, **options)
        if self.done:
            self.http.request(method, url, **options)
        raise TemporarilyUnavailable("the answer did not come")

    def services(self, name: str) -> Any:
        return self.http.services(name)

    def texts(self, name: str) -> Any:
        return self.http.texts(name)
