"""What every output has in common: one look at a resource, an ETag, and the same periods.

The order of a read is fixed so that unchanged busy time costs almost nothing: who asks, what for,
one look at the state, compare the ETag, and only then read and render.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import BoundedSemaphore
from typing import NamedTuple

from bridge import __version__
from bridge.access.directory import Directory, Entry
from bridge.model.interval import Window
from bridge.model.resource import Projection, ResourceId
from bridge.publish import outlook
from bridge.publish.outlook import View, freshness_header
from bridge.store.database import Transaction
from bridge.web.bodies import Bodies
from bridge.web.conditional import is_unchanged, make_etag
from bridge.web.context import WebContext
from bridge.web.exchange import Headers, Reply, Request


class Reader:
    """Shared by free-busy URLs, feeds and the API."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self.directory = Directory(context.live)
        self._bodies = Bodies()
        # At most a quarter of the request threads wait for the engine; the others answer at once
        # from the store.
        self._waiting = BoundedSemaphore(max(1, context.live.current.server.threads // 4))

    def refresh(self, resource_ids: Sequence[ResourceId]) -> None:
        """Have sources pulled before the answer (`sync=true`); no connection is held meanwhile."""
        if self._context.live.current.sync.just_in_time.enabled:
            self._wait(resource_ids, full=False)

    def sync(self, resource_ids: Sequence[ResourceId], *, full: bool) -> bool:
        """Have sources pulled, whatever is configured for requests that only read.

        Returns:
            Whether all of it is done; False where it goes on, or cannot be done now.
        """
        if (done := self._wait(resource_ids, full=full)) is not None:
            return done
        return self._context.engine.sync(resource_ids, timedelta(0), full=full)

    def _wait(self, resource_ids: Sequence[ResourceId], *, full: bool) -> bool | None:
        """Wait for the engine; None when too many do."""
        if not self._waiting.acquire(blocking=False):
            return None
        try:
            timeout = self._context.live.current.sync.just_in_time.timeout
            return self._context.engine.sync(resource_ids, timeout, full=full)
        finally:
            self._waiting.release()

    def look(self, conn: Transaction, entry: Entry, projection: Projection) -> View:
        """Look at a resource; see `bridge.publish.outlook.look`."""
        context = self._context
        return outlook.look(conn, context.publisher, entry, projection, context.clock())

    def answer(
        self,
        request: Request,
        view: View,
        shape: Shape,
        render: Callable[[], bytes],
    ) -> Reply:
        """Answer 304, or 200 with a body that is rendered only when nobody asked for it before."""
        state = view.state
        tag = make_etag(
            __version__,  # another version may render the same state differently
            view.entry.digest,
            view.projection.value,
            state.epoch,
            state.seq,
            view.stamp,
            *shape.window,
            shape.media_type,
            shape.variant,
            weak=shape.weak,
        )
        freshness = freshness_header(view.freshness)
        # No Last-Modified: a date does not tell two states of one second apart, and knows nothing
        # of the settings and the version that shaped a body.
        headers: Headers = [
            ("ETag", tag),
            ("Cache-Control", "private, no-cache"),
            ("X-BusyBridge-Freshness", freshness),
        ]
        if is_unchanged(request, tag):
            return Reply(304, headers)
        key = tag + freshness if shape.weak else tag
        body = self._bodies.get(key)
        if body is None:
            body = render()
            self._bodies.put(key, body)
        headers.append(("Content-Type", shape.media_type))
        return Reply(200, headers, body)


class Shape(NamedTuple):
    """What determines a body beside the state of its resource."""

    window: Window
    media_type: str
    variant: str = ""
    """What else was asked for: the feed's settings."""
    weak: bool = False
    """The body also says how fresh it is, which is no part of the state."""
