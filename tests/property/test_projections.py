"""The two projections and their change log, against plain recomputation from the occurrences."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.merge import clip, merge, month_starts
from bridge.model.interval import BusyPeriod, FBType, Window
from bridge.model.resource import ConnectionId, Projection, ResourceId
from bridge.provider import AccessRole, CalendarId
from bridge.publish import Publisher
from bridge.store import busy, calendars, events, resources
from bridge.store.busy import BlockRow
from bridge.store.calendars import NewCalendar
from bridge.store.database import Database
from bridge.store.events import OccurrenceRow
from tests.builders import store_resource
from tests.engine.house import ALWAYS, IDENTITY, instant_at

HORIZON = Window(instant_at("2026-11-01 00:00"), instant_at("2027-01-01 00:00"))
CUTS = month_starts(HORIZON)
NUMBERS = count()
DETAILS = ["{}", '{"title":"Busy"}', '{"title":"Lunch"}']


@dataclass
class Mirror:
    """A sync client: it knows what the change log told it."""

    seq: int = 0
    blocks: dict[str, BlockRow] = field(default_factory=dict)


class Desk:
    """One resource whose occurrences are written by hand."""

    def __init__(self, database: Database) -> None:
        self.id = ResourceId(f"room-{next(NUMBERS)}")
        self.database = database
        self.publisher = Publisher(IDENTITY)
        self.rows: dict[str, OccurrenceRow] = {}
        self.now = 1000
        self.mirrors = {projection: Mirror() for projection in Projection}
        store_resource(database, self.id)
        with database.write() as conn:
            resources.set_horizon(conn, self.id, HORIZON)
            calendars.upsert(
                conn,
                [
                    NewCalendar(
                        self.id,
                        ConnectionId(f"{self.id}.work"),
                        CalendarId("c"),
                        "c",
                        AccessRole.READ,
                        "",
                        is_primary=False,
                        reads=True,
                        writes=False,
                        policy="{}",
                    )
                ],
            )

    def apply(self, changes: dict[str, tuple[int, int, int, str] | None]) -> None:
        """Change occurrences by name; None deletes."""
        self.now += 1
        dirty: list[Window] = []
        saved: list[OccurrenceRow] = []
        dropped: list[str] = []
        for name, change in changes.items():
            key = f"{self.id}/{name}"
            old = self.rows.pop(key, None)
            if old is not None and old.fbtype:
                dirty.append(Window(old.start, old.end))
            if change is None:
                dropped.append(key)
                continue
            start, length, fbtype, details = change
            row = OccurrenceRow(
                key, self.id, self.id, name, 0, start, start + length, fbtype,
                all_day=False, reason="", details=details,
            )  # fmt: skip
            self.rows[key] = row
            saved.append(row)
            if fbtype:
                dirty.append(Window(row.start, row.end))
        with self.database.write() as conn:
            resource = resources.lock(conn, self.id)
            assert resource is not None
            events.remove_occurrences(conn, dropped)
            events.save_occurrences(conn, saved)
            longest = max((row.end - row.start for row in self.rows.values()), default=0)
            extents = busy.extents(conn, self.id)
            busy.set_extents(conn, self.id, extents._replace(occurrence=longest))
            self.publisher.publish(conn, resource, dirty, self.now)

    def blocks(self, projection: Projection) -> list[BlockRow]:
        with self.database.read() as conn:
            return self.publisher.blocks(conn, self.id, projection, ALWAYS)

    def expected(self) -> list[BusyPeriod]:
        spans = ((it.start, it.end, it.fbtype) for it in self.rows.values() if it.fbtype)
        return clip(merge(spans, cuts=[HORIZON.start, *CUTS, HORIZON.end]), HORIZON)

    def sync(self, projection: Projection) -> None:
        """Let the client of a projection ask what changed since it last asked."""
        mirror = self.mirrors[projection]
        here = {block.uid: block for block in self.blocks(projection)}
        with self.database.read() as conn:
            changes = self.publisher.changes_since(conn, self.id, projection, mirror.seq)
        for change in changes:
            if change.deleted:
                mirror.blocks.pop(change.uid, None)
            else:
                mirror.blocks[change.uid] = here[change.uid]
            assert change.seq > mirror.seq
            mirror.seq = change.seq


_minutes = st.integers(-60 * 24 * 3, 60 * 24 * 64)
_change = st.none() | st.tuples(
    _minutes.map(lambda it: HORIZON.start + 60 * it),
    st.sampled_from([1800, 3600, 5400, 86400, 86400 * 40]),
    st.sampled_from([0, 1, 2, 2, 3]),
    st.sampled_from(DETAILS),
)
_near = st.tuples(
    st.integers(0, 20).map(lambda it: CUTS[0] - 5 * 3600 + 1800 * it),
    st.sampled_from([1800, 3600]),
    st.sampled_from([0, 1, 2, 2, 3]),
    st.sampled_from(DETAILS),
)
_batch = st.dictionaries(st.sampled_from("abcdefghij"), _change | _near, min_size=1, max_size=6)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_batch, min_size=1, max_size=6))
def test_projections_and_log_follow_the_occurrences(
    database: Database, batches: list[dict[str, tuple[int, int, int, str] | None]]
) -> None:
    desk = Desk(database)
    for batch in batches:
        before = {block.uid: block for block in desk.blocks(Projection.TIMES)}
        desk.apply(batch)
        times, details = desk.blocks(Projection.TIMES), desk.blocks(Projection.DETAILS)

        assert [BusyPeriod(it.start, it.end, FBType(it.fbtype)) for it in times] == desk.expected()
        merged = merge(((it.start, it.end, it.fbtype) for it in details), cuts=CUTS)
        cut = [HORIZON.start, *CUTS, HORIZON.end]
        assert clip(merge(merged, cuts=cut), HORIZON) == desk.expected()

        assert all(block.details == "{}" for block in times)
        kept = {block.uid: block for block in times if block.uid in before}
        assert all(before[uid] == block for uid, block in kept.items())
        for projection in Projection:
            desk.sync(projection)
            here = {block.uid: block for block in desk.blocks(projection)}
            assert desk.mirrors[projection].blocks == here


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_batch, min_size=1, max_size=4))
def test_steps_and_one_stride_end_in_the_same_uids(
    database: Database, batches: list[dict[str, tuple[int, int, int, str] | None]]
) -> None:
    desk = Desk(database)
    for batch in batches:
        desk.apply(batch)
    rows = {
        row.remote_id: (row.start, row.end - row.start, row.fbtype, row.details)
        for row in desk.rows.values()
    }
    steps = {p: {block.uid for block in desk.blocks(p)} for p in Projection}
    desk.apply(dict.fromkeys(rows))
    assert not any(desk.blocks(projection) for projection in Projection)
    desk.apply(dict(rows))
    assert {p: {block.uid for block in desk.blocks(p)} for p in Projection} == steps


@pytest.mark.covers("T51")
def test_equal_time_in_two_resources_has_nothing_in_common(database: Database) -> None:
    desks = [Desk(database), Desk(database)]
    for desk in desks:
        desk.apply({"a": (HORIZON.start, 3600, 2, json.dumps({"title": "Lunch"}))})
    for projection in Projection:
        (first,), (second,) = (desk.blocks(projection) for desk in desks)
        assert first.uid != second.uid
        assert first.etag != second.etag
    names = {block.uid for desk in desks for kind in Projection for block in desk.blocks(kind)}
    assert len(names) == 4, "the projections of one resource cannot be linked either"


def test_a_changed_detail_is_not_seen_in_times(database: Database) -> None:
    desk = Desk(database)
    desk.apply({"a": (HORIZON.start, 3600, 2, DETAILS[1])})
    times, (before,) = desk.blocks(Projection.TIMES), desk.blocks(Projection.DETAILS)
    desk.apply({"a": (HORIZON.start, 3600, 2, DETAILS[2])})
    (after,) = desk.blocks(Projection.DETAILS)
    assert desk.blocks(Projection.TIMES) == times
    assert (after.uid, after.sequence) == (before.uid, before.sequence + 1)
    assert after.etag != before.etag


def test_a_block_that_comes_back_has_its_old_uid_and_a_new_etag(database: Database) -> None:
    desk = Desk(database)
    desk.apply({"a": (HORIZON.start, 3600, 2, "{}")})
    (before,) = desk.blocks(Projection.TIMES)
    desk.apply({"a": None})
    assert desk.blocks(Projection.TIMES) == []
    desk.apply({"a": (HORIZON.start, 3600, 2, "{}")})
    (after,) = desk.blocks(Projection.TIMES)
    assert after.uid == before.uid
    assert after.etag != before.etag
