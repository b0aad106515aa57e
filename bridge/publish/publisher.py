"""Writing and reading busy blocks: sole writer of them and of their change log.

Two projections of the same occurrences, each with its own UIDs, ETags and log entries:

- `times`: the merged busy time, disjoint, cut at UTC month starts and at the horizon. A block is
  named by what it says, UID = HMAC(resource, start, end, type), so that it stays itself as long as
  nothing changes, and so that nobody can link it to another resource's block or to an event.
- `details`: one block for each blocking occurrence, with what privacy lets show, UID =
  HMAC(resource, occurrence). Within the horizon, merging `details` gives `times`.

Writing recomputes only the ranges that changed. A block that comes out as it was keeps its row:
UID, ETag, SEQUENCE and `changed_at`, which is what DTSTAMP shows.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from bridge.config.plan import ConnectionPlan
from bridge.merge import clip, coalesce, merge, month_starts
from bridge.model.interval import BusyPeriod, FBType, Instant, Window
from bridge.model.resource import Projection, ResourceId
from bridge.store import busy, events, resources
from bridge.store.busy import BlockRow, ChangeRow
from bridge.store.database import Transaction
from bridge.store.events import BusyRow
from bridge.store.resources import ResourceRow

_DOMAIN = "@busybridge"
_BLOCK = re.compile(rf"[0-9a-f]{{40}}{_DOMAIN}")
_FEW = 500
"""Up to so many dirty ranges are looked up one by one, each at the cost of some ten blocks."""
_GAPS = (3600, 86400, 7 * 86400, 31 * 86400)


class State(NamedTuple):
    """What tells whether anything published changed; equal states mean equal answers."""

    epoch: str
    """A new one makes every sync token of the resource invalid."""
    seq: int
    changed_at: Instant
    horizon: Window
    """Outside of it nothing is known, so nothing may be called free."""
    generation: int
    """Of the plan: names, titles and feeds may differ in another one."""


class Freshness(NamedTuple):
    """How old the busy time of a resource is."""

    oldest: Instant | None
    """Oldest last success among the calendars that block; None when one was never read."""
    stale: int
    """Calendars that could not be read when last tried, or that nobody reads at present."""
    unread: bool = False
    """There are sources, and of none of their connections was all read that can be: too little is
    known to call anything free."""


def is_block(uid: str) -> bool:
    """Tell whether a UID is one that blocks are published under."""
    return _BLOCK.fullmatch(uid) is not None


class Publisher:
    """Writes and reads blocks; holds nothing but who this instance is."""

    def __init__(self, identity: bytes, instance: str = "") -> None:
        """Take what the key file says.

        Args:
            identity: makes UIDs opaque; never rotated.
            instance: X-BUSYBRIDGE-ORIGIN of what we write and publish; blocks that carry
                it are no source. Empty only where nothing of ours can come back.
        """
        self._identity = identity
        self.instance = instance

    def publish(
        self,
        conn: Transaction,
        resource: ResourceRow,
        dirty: Iterable[Window],
        now: Instant,
        *,
        without: Collection[str] = (),
    ) -> int:
        """Bring the blocks of some ranges in line with the stored occurrences.

        Args:
            conn: the transaction that changed the occurrences and holds the resource's lock.
            resource: the locked row, its horizon up to date.
            dirty: the old and the new spans of every occurrence that changed.
            now: instant of the change.
            without: calendars whose occurrences do not count at present.

        Returns:
            How many blocks were added, changed or dropped.
        """
        ranges = _ranges(dirty)
        if not ranges:
            return 0
        extents = busy.extents(conn, resource.id)
        # A merged block that only touches a range counts too: it may have to grow into it.
        around = [Window(start - 1, end + 1) for start, end in ranges]
        times = _standing(conn, resource.id, Projection.TIMES, around, extents.block)
        details = _standing(conn, resource.id, Projection.DETAILS, ranges, extents.occurrence)
        regions = coalesce([*ranges, *(Window(row.start, row.end) for row in times.values())])
        found = [
            events.busy_in(conn, resource.id, region, longest=extents.occurrence, without=without)
            for region in regions
        ]
        draft = _Draft(resource.id, now)
        draft.compare(Projection.TIMES, times, self._times(resource, regions, found))
        draft.compare(Projection.DETAILS, details, self._details(resource, ranges, found))
        return draft.commit(conn, extents)

    def forget(self, conn: Transaction, before: Instant) -> int:
        """Drop tombstones made before an instant; older sync tokens can then not be continued."""
        return busy.forget(conn, before)

    def periods(
        self, conn: Transaction, resource_id: ResourceId, window: Window
    ) -> list[BusyPeriod]:
        """Give the merged busy time of a window, clipped to it; what every output shows."""
        longest = busy.extents(conn, resource_id).block
        rows = busy.spans(conn, resource_id, Projection.TIMES.value, window, longest=longest)
        return clip((BusyPeriod(start, end, FBType(kind)) for start, end, kind in rows), window)

    def blocks(
        self, conn: Transaction, resource_id: ResourceId, projection: Projection, window: Window
    ) -> list[BlockRow]:
        """List the blocks of a projection that overlap a window, whole, in the order of time."""
        extents = busy.extents(conn, resource_id)
        longest = extents.block if projection is Projection.TIMES else extents.occurrence
        return busy.overlapping(conn, resource_id, projection.value, window, longest=longest)

    def changes_since(
        self, conn: Transaction, resource_id: ResourceId, projection: Projection, seq: int
    ) -> list[ChangeRow]:
        """List each block's last change after a sequence number, ascending."""
        return busy.changes_since(conn, resource_id, projection.value, seq)

    def state(self, conn: Transaction, resource_id: ResourceId) -> State | None:
        """Tell what version of the busy time stands; None when there is no such resource."""
        row = resources.get(conn, resource_id)
        if row is None:
            return None
        return State(row.epoch, row.change_seq, row.changed_at, row.horizon, row.generation)

    def freshness(self, conn: Transaction, resource_id: ResourceId) -> Freshness:
        """Tell how old the busy time is, and how many calendars are stale."""
        sources = [
            source
            for source in busy.sources(conn, resource_id)
            if not source.plan or _blocks(source.plan)
        ]
        reached = [source.success_at for source in sources]
        # An account whose first pull is under way is known in part only.
        awaited = {source.connection_id for source in sources if source.is_awaited}
        known = any(it.success_at is not None and it.connection_id not in awaited for it in sources)
        oldest = min((at for at in reached if at is not None), default=None)
        return Freshness(
            oldest=None if None in reached else oldest,
            stale=sum(source.stale for source in sources),
            unread=bool(reached) and not known,
        )

    def _times(
        self, resource: ResourceRow, regions: Sequence[Window], found: Sequence[list[BusyRow]]
    ) -> dict[str, _Wanted]:
        horizon = resource.horizon
        cuts = [horizon.start, *month_starts(horizon), horizon.end]
        wanted: dict[str, _Wanted] = {}
        for region, rows in zip(regions, found, strict=True):
            inside = Window(max(region.start, horizon.start), min(region.end, horizon.end))
            merged = merge(((row.start, row.end, row.fbtype) for row in rows), cuts=cuts)
            for start, end, fbtype in clip(merged, inside):
                uid = self._uid(resource.id, "times", f"{start}/{end}/{fbtype:d}")
                wanted[uid] = _Wanted(start, end, int(fbtype), "{}")
        return wanted

    def _details(
        self, resource: ResourceRow, ranges: Sequence[Window], found: Sequence[list[BusyRow]]
    ) -> dict[str, _Wanted]:
        horizon = resource.horizon
        wanted: dict[str, _Wanted] = {}
        for rows in found:
            for row in rows:
                if horizon.overlaps(row.start, row.end) and _overlaps(ranges, row.start, row.end):
                    uid = self._uid(resource.id, "details", row.id)
                    wanted[uid] = _Wanted(row.start, row.end, row.fbtype, row.details)
        return wanted

    def _uid(self, resource_id: str, projection: str, name: str) -> str:
        text = f"{projection}\n{resource_id}\n{name}".encode()
        digest = hmac.digest(self._identity, text, "sha256")
        return f"{digest[:20].hex()}{_DOMAIN}"


class _Wanted(NamedTuple):
    """What a block is to say."""

    start: Instant
    end: Instant
    fbtype: int
    details: str


class _Draft:
    """What has to be written to make the standing blocks the wanted ones."""

    def __init__(self, resource_id: str, now: Instant) -> None:
        self._resource_id = resource_id
        self._now = now
        self._changed: list[tuple[Projection, str, _Wanted, int]] = []
        self._dropped: list[tuple[Projection, str]] = []

    def compare(
        self,
        projection: Projection,
        standing: dict[str, BlockRow],
        wanted: dict[str, _Wanted],
    ) -> None:
        for uid, block in wanted.items():
            old = standing.get(uid)
            if old is None:
                self._changed.append((projection, uid, block, 0))
            elif block != (old.start, old.end, old.fbtype, old.details):
                self._changed.append((projection, uid, block, old.sequence + 1))
        self._dropped.extend((projection, uid) for uid in standing if uid not in wanted)

    def commit(self, conn: Transaction, extents: busy.Extents) -> int:
        count = len(self._changed) + len(self._dropped)
        if not count:
            return 0
        seq = resources.advance(
            conn, ResourceId(self._resource_id), changes=count, changed_at=self._now
        )
        numbers = iter(range(seq - count + 1, seq + 1))
        buried = self._buried(conn) if seq > count else frozenset[str]()
        saved: list[BlockRow] = []
        logged: list[ChangeRow] = []
        for projection, uid in self._dropped:
            logged.append(self._change(projection, uid, next(numbers), deleted=True))
        for projection, uid, block, sequence in self._changed:
            number = next(numbers)
            logged.append(self._change(projection, uid, number, deleted=False))
            saved.append(
                BlockRow(
                    self._resource_id,
                    projection.value,
                    uid,
                    block.start,
                    block.end,
                    block.fbtype,
                    _etag(uid, block, number),
                    block.details,
                    # No SEQUENCE was as high as its change: it never falls back.
                    number if uid in buried else sequence,
                    self._now,
                )
            )
        for projection in Projection:
            gone = [uid for kind, uid in self._dropped if kind is projection]
            busy.remove(conn, self._resource_id, projection.value, gone)
        busy.save(conn, saved)
        busy.log(conn, logged)
        longest = max(
            (row.end - row.start for row in saved if row.projection == "times"), default=0
        )
        if longest > extents.block:
            busy.set_extents(conn, self._resource_id, extents._replace(block=longest))
        return count

    def _buried(self, conn: Transaction) -> Collection[str]:
        """Name the details blocks that come back; a merged one comes back just as it was."""
        kind = Projection.DETAILS
        new = [uid for other, uid, _, sequence in self._changed if other is kind and not sequence]
        return busy.buried(conn, self._resource_id, kind.value, new)

    def _change(self, projection: Projection, uid: str, seq: int, *, deleted: bool) -> ChangeRow:
        return ChangeRow(self._resource_id, projection.value, uid, seq, deleted, self._now)


@lru_cache(maxsize=4096)
def _blocks(plan: str) -> bool:
    """Tell whether a connection will block time once it is read; every request may ask."""
    return ConnectionPlan.model_validate_json(plan).blocks


def _etag(uid: str, block: _Wanted, seq: int) -> str:
    # With the sequence number, since a block that comes back later shows another DTSTAMP.
    text = f"{uid}\n{block.start}\n{block.end}\n{block.fbtype}\n{block.details}\n{seq}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _ranges(dirty: Iterable[Window]) -> list[Window]:
    """Join the dirty spans; many of them are joined over ever longer gaps, for fewer queries."""
    ranges = coalesce(dirty)
    for gap in _GAPS:
        if len(ranges) <= _FEW:
            return ranges
        ranges = coalesce(ranges, gap=gap)
    return [Window(ranges[0].start, max(end for _, end in ranges))]


def _standing(
    conn: Transaction,
    resource_id: str,
    projection: Projection,
    ranges: Sequence[Window],
    longest: int,
) -> dict[str, BlockRow]:
    """Give the blocks that overlap any of the ranges."""
    return {
        row.uid: row
        for window in ranges
        for row in busy.overlapping(conn, resource_id, projection.value, window, longest=longest)
    }


def _overlaps(ranges: Sequence[Window], start: Instant, end: Instant) -> bool:
    return any(window.overlaps(start, end) for window in ranges)
