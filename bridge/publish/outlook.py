"""One look at a resource: what every output needs to know before it says anything."""

from __future__ import annotations

from typing import NamedTuple

from bridge.access.directory import Entry
from bridge.errors import BeyondHorizon, NotReadYet
from bridge.model.interval import Instant, Window, rfc3339
from bridge.model.resource import Projection
from bridge.publish.publisher import Freshness, Publisher
from bridge.store import standing
from bridge.store.database import Transaction
from bridge.store.standing import Standing


class View(NamedTuple):
    """One resource at one moment, as one projection shows it."""

    entry: Entry
    projection: Projection
    state: Standing
    freshness: Freshness

    @property
    def stamp(self) -> Instant:
        """DTSTAMP: the last change, or, while there was none, the beginning of what is known."""
        return self.state.changed_at or self.state.horizon.start

    def clip(self, asked: Window) -> Window:
        """Cut a window to what is known; beyond the horizon nothing is called free.

        Raises:
            BeyondHorizon: nothing of the window is known.
        """
        known = self.state.horizon
        shown = Window(max(asked.start, known.start), min(asked.end, known.end))
        if shown.start >= shown.end:
            raise BeyondHorizon(known)
        return shown


def look(
    conn: Transaction, publisher: Publisher, entry: Entry, projection: Projection, now: Instant
) -> View:
    """Look at a resource.

    Raises:
        NotReadYet: none of its calendars was ever read.
    """
    state = standing.look(conn, entry.plan.id, projection)
    if state is None or state.horizon.start == state.horizon.end:
        raise NotReadYet
    freshness = publisher.freshness(conn, entry.plan.id)
    if freshness.unread:
        raise NotReadYet
    return View(entry, projection, state, _as_of(now, freshness, entry))


def _as_of(now: Instant, freshness: Freshness, entry: Entry) -> Freshness:
    """Call stale what nobody has read for too long: whoever marks calendars may itself be gone."""
    if freshness.stale or freshness.oldest is None or now - freshness.oldest < entry.max_stale:
        return freshness
    return freshness._replace(stale=1)


def freshness_header(freshness: Freshness) -> str:
    """Write `oldest=<RFC 3339>; stale=<n>`; without `oldest` while nothing was ever read."""
    stale = f"stale={freshness.stale}"
    return stale if freshness.oldest is None else f"oldest={rfc3339(freshness.oldest)}; {stale}"
