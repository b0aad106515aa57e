"""Feeds to subscribe to: `/feeds/{token}/{resource}.ics`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache

from bridge.config.policy import PrivacyMode
from bridge.config.settings import Feed
from bridge.ical import serialize
from bridge.ical.serialize import FeedBlock
from bridge.model.interval import Instant, Window
from bridge.model.resource import Projection
from bridge.privacy import narrowed
from bridge.publish import rendering
from bridge.publish.outlook import View
from bridge.publish.rendering import Words
from bridge.store.busy import BlockRow
from bridge.store.database import Transaction
from bridge.web.context import WebContext
from bridge.web.exchange import Reply, Request
from bridge.web.problem import not_found
from bridge.web.reading import Reader, Shape
from bridge.web.times import floor_day

_PATH = re.compile(r"/feeds/([^/]+)/([^/]+)\.ics")
_CALENDAR = "text/calendar; charset=utf-8"


class Feeds:
    """Answers GET and HEAD below `/feeds`."""

    def __init__(self, context: WebContext, reader: Reader) -> None:
        self._context = context
        self._reader = reader

    def answer(self, request: Request) -> Reply:
        """Answer with the blocks of the feed's window as events.

        A token that is wrong, was rotated, or belongs to another resource, and a resource that
        does not exist, give the same bytes after the same look-up (T36).
        """
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise not_found()
        found = self._context.gate.feed(match[1])
        entry = self._reader.directory.find(match[2])
        if found is None or entry is None or found[0] != entry.plan.id:
            raise not_found()
        feed = found[1]
        times_only = feed.detail is PrivacyMode.BUSY_ONLY
        with self._context.database.read() as conn:
            projection = Projection.TIMES if times_only else Projection.DETAILS
            view = self._reader.look(conn, entry, projection)
            shape = Shape(
                view.clip(window(feed, request.now)),
                _CALENDAR,
                variant=_settings(feed),  # pyright: ignore[reportArgumentType] - it is frozen
            )
            return self._reader.answer(
                request, view, shape, lambda: self._render(conn, view, feed, shape.window)
            )

    def _render(self, conn: Transaction, view: View, feed: Feed, shown: Window) -> bytes:
        plan = view.entry.plan
        rows = self._context.publisher.blocks(conn, plan.id, view.projection, shown)
        return serialize.feed(
            _blocks(rows, feed, view),
            name=plan.name,
            refresh=feed.refresh,
            origin=self._context.instance,
        )


def window(feed: Feed, now: Instant) -> Window:
    """Return the feed's window around today; the same all day, so that the ETag is, too."""
    today = floor_day(now)
    return Window(
        today - int(feed.window.past.total_seconds()),
        today + int(feed.window.future.total_seconds()),
    )


@lru_cache(maxsize=1024)
def _settings(feed: Feed) -> str:
    """Write what a feed's body depends on beside the state; mostly asked for the same again."""
    return feed.model_dump_json()


def _blocks(rows: list[BlockRow], feed: Feed, view: View) -> Iterator[FeedBlock]:
    """Show whole blocks: one that was cut at the window's edge would change every day."""
    privacy = view.entry.plan.privacy
    said: dict[str, Words] = {}  # where privacy hides much, all blocks say the same
    for row in rows:
        words = said.get(row.details)
        if words is None:
            shown = narrowed(json.loads(row.details), feed.detail, privacy)
            words = said[row.details] = rendering.words(shown)
        yield rendering.event(row, words)
