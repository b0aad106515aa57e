"""What time alone does to published busy time: nothing, but for the step of each month."""

from __future__ import annotations

import pytest

from bridge.config.syncing import SyncWindow
from bridge.ingest.horizon import horizon
from bridge.ingest.rules import are_newer, zones_version
from bridge.model.interval import Window
from bridge.model.resource import Projection
from bridge.store import busy, meta, resources
from bridge.store.busy import BlockRow
from tests.engine.house import BERLIN, DAY, ROOM, House, at, instant_at, make_series

EIGHT_DAYS = {"uid": "w", "rrules": ("FREQ=DAILY;INTERVAL=8",)}


def named(house: House, projection: Projection) -> dict[str, BlockRow]:
    return {block.uid: block for block in house.blocks(projection)}


@pytest.mark.covers("A-38")
def test_sixty_idle_days_change_no_block_and_step_once_a_month(house: House) -> None:
    house.calendar().put("w", make_series(at("2026-01-05 09:00", BERLIN), **EIGHT_DAYS))
    house.calendar().put("long", make_series("2026-11-29 12:00", 60, uid="long"))
    house.calendar().put("end", make_series("2027-12-31 20:00", 60, uid="end"))
    house.pull()
    steps = 0
    for _ in range(60):
        before, state = {kind: named(house, kind) for kind in Projection}, house.state()
        house.now += DAY
        house.ingest.advance_horizons(house.now)
        house.pull(later=0, full=True)
        house.ingest.check_staleness(house.now)
        steps += house.state().seq != state.seq
        for kind in Projection:
            old, new = before[kind], named(house, kind)
            assert all(new[uid] == block for uid, block in old.items() if uid in new)
            added, dropped = new.keys() - old.keys(), old.keys() - new.keys()
            changes = house.changes(state.seq, kind)
            assert {it.uid for it in changes if it.deleted} == dropped
            assert {it.uid for it in changes if not it.deleted} == added
            assert all(old[uid].end <= house.state().horizon.start for uid in dropped)
    assert steps == 4  # two months leave the window, two come into it


def test_a_block_at_the_end_of_the_horizon_keeps_its_name_when_the_horizon_moves(
    house: House,
) -> None:
    house.calendar().put("end", make_series("2027-12-31 20:00", 60, uid="end"))
    house.pull()
    (before,) = house.blocks()
    assert before.end == house.state().horizon.end == instant_at("2028-01-01 00:00")
    house.now = instant_at("2026-12-20 00:00")
    house.ingest.advance_horizons(house.now)
    first, second = house.blocks()
    assert first == before
    assert (second.start, second.end) == (before.end, instant_at("2028-01-03 08:00"))


def test_the_horizon_is_whole_months_around_the_window() -> None:
    window = SyncWindow()
    found = horizon(instant_at("2026-11-20 12:00"), window)
    assert found == Window(instant_at("2026-11-01 00:00"), instant_at("2028-01-01 00:00"))
    early = horizon(instant_at("2026-11-05 00:00"), window)
    assert early.start == instant_at("2026-10-01 00:00"), "seven days back is October"


def test_a_wider_window_brings_what_is_stored_into_view(house: House) -> None:
    house.calendar().put("a", make_series("2029-03-01 09:00"))
    house.pull()
    assert house.busy() == []
    wide = {"sync": {"window": {"past": "7d", "future": "1000d"}}}
    house.configure(sections=wide, connections=[{"id": "work"}])
    assert house.busy() == [("2029-03-01 09:00", "2029-03-01 10:00", "BUSY")]


@pytest.mark.covers("F31")
def test_other_time_zone_rules_rebuild_every_resource_once(house: House) -> None:
    house.calendar().put("a", make_series())
    house.pull()
    house.ingest.advance_horizons(house.now)
    with house.database.write() as conn:
        assert meta.get(conn, "tzdata") == zones_version()
        meta.put(conn, "tzdata", "1999a")
    state = house.state()
    assert house.ingest.advance_horizons(house.now) == ["room-a"]
    assert house.state() == state, "nothing moved, so nothing changed"
    assert house.ingest.advance_horizons(house.now) == []


def test_old_deletions_are_forgotten_and_older_tokens_end_there(house: House) -> None:
    house.calendar().put("a", make_series("2027-11-23 09:00"))
    house.calendar().put("b", make_series("2027-11-24 09:00", uid="b"))
    house.pull()
    house.calendar().delete("b")
    house.pull()
    house.calendar().put("c", make_series("2027-11-25 09:00", uid="c"))
    house.pull()
    house.ingest.advance_horizons(house.now)
    assert any(change.deleted for change in house.changes(0))
    house.ingest.advance_horizons(house.now + 181 * DAY)
    assert not any(change.deleted for change in house.changes(0))
    with house.database.read() as conn:
        row = resources.get(conn, ROOM)
    assert row is not None
    assert row.times_floor > 0


def test_a_host_whose_clock_is_behind_moves_no_horizon_back(house: House) -> None:
    house.calendar().put("a", make_series(rrules=("FREQ=DAILY",)))
    house.pull()
    house.now = instant_at("2026-12-20 12:00")
    house.ingest.advance_horizons(house.now)
    state = house.state()
    house.now = instant_at("2026-11-30 23:00")
    house.pull()
    assert house.ingest.advance_horizons(house.now) == []
    assert house.state() == state


def test_time_zone_rules_only_move_to_newer_ones(house: House) -> None:
    house.calendar().put("a", make_series())
    house.pull()
    house.ingest.advance_horizons(house.now)
    with house.database.write() as conn:
        meta.put(conn, "tzdata", "2999a")
    assert house.ingest.advance_horizons(house.now) == []
    with house.database.read() as conn:
        assert meta.get(conn, "tzdata") == "2999a"
    assert are_newer("2026b", "2026.1")
    assert not are_newer("2026b", "2026.2")
    assert not are_newer("2026.2", "2026b")
    assert are_newer("2026a", "2025.10")


def test_a_block_that_comes_back_has_a_higher_sequence(house: House) -> None:
    house.calendar().put("a", make_series(summary="one"))
    house.pull()
    house.calendar().put("a", make_series(summary="one", hours=2))
    house.pull()
    (before,) = house.blocks(Projection.DETAILS)
    house.calendar().delete("a")
    house.pull()
    house.calendar().put("a", make_series(summary="one", hours=3))
    house.pull()
    (after,) = house.blocks(Projection.DETAILS)
    assert after.uid == before.uid
    assert after.sequence > before.sequence > 0


def test_the_longest_occurrence_shrinks_with_a_rebuild(house: House) -> None:
    house.calendar().put("a", make_series(hours=24 * 90))
    house.calendar().put("b", make_series("2026-11-24 09:00", uid="b"))
    house.pull()
    house.calendar().delete("a")
    house.pull()
    house.ingest.rebuild(ROOM, house.now)
    with house.database.read() as conn:
        assert busy.extents(conn, ROOM).occurrence == 3600
