"""What stands in a target after rounds: the sources' busy time, once, changed in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bridge.model.event import Class, EventSeries, ShowAs, Status, Transp
from bridge.model.interval import Window
from bridge.provider import AccessRole, CalendarId, RemoteId, Shown
from bridge.store.database import Database
from tests.engine.house import INSTANCE, at, instant_at
from tests.mirror.attic import OTHER, TEAM_TO_WORK, WORK_TO_TEAM, Attic

Open = Callable[..., Attic]


@pytest.mark.covers("S0-36")
def test_busy_time_is_written_as_blocks_that_tell_nothing_but_times(attic: Attic) -> None:
    attic.add("talk", "2026-11-23 09:00", description="secret", location="Hall")
    attic.add("more", "2026-11-23 09:30")
    attic.add("maybe", "2026-11-24 09:00", status=Status.TENTATIVE)
    attic.add("away", "2026-11-25 09:00", show_as=ShowAs.OUT_OF_OFFICE)
    attic.add("free", "2026-11-26 09:00", transp=Transp.TRANSPARENT)
    attic.add("days", date(2026, 11, 27))
    attic.round()
    assert attic.blocks() == [
        "11-23 09:00 +90 Busy",
        "11-24 09:00 +60 Busy tentative",
        "11-25 09:00 +60 Busy",
        "11-26 23:00 +1440 Busy",
    ]
    for event in attic.events().values():
        assert (event.description, event.location, event.attendees) == ("", "", ())
        assert event.classification is Class.PRIVATE
        assert event.alarms == ()
    assert attic.memory("team").mails == []


def test_buffers_of_the_source_are_part_of_its_blocks(open_attic: Open) -> None:
    buffers = {"buffers": {"before": "15m", "after": "30m"}}
    attic = open_attic(availability=buffers)
    attic.add("talk", "2026-11-23 09:00")
    attic.round()
    assert attic.blocks() == ["11-23 08:45 +105 Busy"]


def test_the_title_may_name_the_resource(open_attic: Open) -> None:
    attic = open_attic({**WORK_TO_TEAM, "title": "Busy ({{resource}})"}, name="Room A")
    attic.add("talk", "2026-11-23 09:00")
    attic.round()
    assert attic.blocks() == ["11-23 09:00 +60 Busy (Room A)"]


def test_only_so_far_ahead_is_mirrored_and_nothing_that_is_over(open_attic: Open) -> None:
    attic = open_attic({**WORK_TO_TEAM, "ahead": "7d"})
    attic.add("over", "2026-11-19 09:00")
    attic.add("next", "2026-11-27 09:00")
    attic.add("later", "2026-11-29 09:00")
    attic.round()
    assert attic.blocks() == ["11-27 09:00 +60 Busy"]
    attic.now += 86400
    attic.now += 86400
    attic.round()
    assert attic.blocks() == ["11-27 09:00 +60 Busy", "11-29 09:00 +60 Busy"]


def test_a_round_without_a_change_asks_the_provider_nothing(attic: Attic) -> None:
    attic.add("talk", "2026-11-23 09:00")
    attic.round()
    assert "put" in attic.asked()
    attic.round()
    attic.add("free", "2026-11-26 09:00", transp=Transp.TRANSPARENT)
    attic.round()
    assert attic.asked() == []


def test_a_block_moves_with_its_event_and_stays_the_same_event(attic: Attic) -> None:
    attic.add("talk", "2026-11-23 09:00")
    attic.add("other", "2026-12-23 09:00")
    attic.round()
    before = attic.ids()
    attic.add("talk", "2026-11-24 15:00", hours=2)
    attic.round()
    assert attic.blocks() == ["11-24 15:00 +120 Busy", "12-23 09:00 +60 Busy"]
    assert attic.ids() == before
    assert attic.asked().count("put") == 3, "what did not change was left alone"
    assert "delete" not in attic.asked()


def test_a_block_goes_with_its_event(attic: Attic) -> None:
    attic.add("talk", "2026-11-23 09:00")
    attic.add("other", "2026-12-23 09:00")
    attic.round()
    attic.calendar().delete("talk")
    attic.round()
    assert attic.blocks() == ["12-23 09:00 +60 Busy"]


@pytest.mark.covers("A-11", "S0-39")
def test_two_accounts_that_are_mirrored_into_each_other_do_not_grow(open_attic: Open) -> None:
    attic = open_attic(WORK_TO_TEAM, TEAM_TO_WORK)
    attic.add("talk", "2026-11-23 09:00")
    attic.add("trip", "2026-11-24 09:00", connection="team")
    attic.add("both", "2026-11-25 09:00")
    attic.add("both", "2026-11-25 09:00", connection="team")
    for _ in range(10):
        attic.round()
        attic.look()
        assert attic.blocks("team") == ["11-23 09:00 +60 Busy", "11-25 09:00 +60 Busy"]
        assert attic.blocks("work") == ["11-24 09:00 +60 Busy", "11-25 09:00 +60 Busy"]
    assert len(attic.busy()) == 3, "a block of ours is no busy time of its own"
    reasons = [it.reason for it in attic.explain(at=instant_at("2026-11-23 09:30"))]
    assert sorted(reasons) == ["busy", "mirrored by this BusyBridge"]
    attic.calendar().delete("talk")
    for _ in range(3):
        attic.round()
        attic.look()
    assert attic.blocks("team") == ["11-25 09:00 +60 Busy"]


@pytest.mark.covers("A-11")
def test_two_instances_on_the_same_calendars_do_not_grow(open_attic: Open, empty: Database) -> None:
    attic = open_attic(WORK_TO_TEAM, TEAM_TO_WORK)
    other = attic.beside(empty, WORK_TO_TEAM, TEAM_TO_WORK)
    attic.add("talk", "2026-11-23 09:00")
    attic.add("trip", "2026-11-24 09:00", connection="team")
    for _ in range(10):
        for each in (attic, other):
            each.round()
            each.look()
        # One of each instance: neither takes the other's for time that it has to carry on.
        assert attic.blocks("team") == ["11-23 09:00 +60 Busy"] * 2
        assert attic.blocks("work") == ["11-24 09:00 +60 Busy"] * 2
    assert len(attic.busy()) == len(other.busy()) == 2
    attic.calendar().delete("talk")
    for _ in range(3):
        for each in (attic, other):
            each.round()
            each.look()
    assert attic.blocks("team") == []


def test_of_another_instance_bookings_are_mirrored_on_and_blocks_are_not(attic: Attic) -> None:
    attic.add("booked", "2026-11-23 09:00", origin=OTHER)
    attic.add("mirrored", "2026-11-24 09:00", origin=OTHER, mirror="a" * 32)
    attic.add("fed", "2026-11-25 09:00", origin=OTHER)
    fed = attic.calendar().objects[RemoteId("fed")]
    assert isinstance(fed, EventSeries)
    assert fed.master is not None
    uid = f"{'0' * 40}@busybridge"
    attic.calendar().put("fed", EventSeries(uid=uid, master=replace(fed.master, uid=uid)))
    attic.round()
    assert len(attic.busy()) == 3, "all of it is busy time"
    assert attic.blocks() == ["11-23 09:00 +60 Busy"]


def test_a_block_of_ours_is_no_source_in_a_calendar_that_nobody_remembers(
    open_attic: Open,
) -> None:
    attic = open_attic(connections=[{"id": "work", "write_calendar": "main"}, {"id": "team"}])
    attic.add("left", "2026-11-23 09:00", origin=INSTANCE, mirror="b" * 32)
    attic.add("unbooked", "2026-11-24 09:00", origin=INSTANCE)
    attic.round()
    assert attic.busy() == [("2026-11-24 09:00", "2026-11-24 10:00", "BUSY")]
    assert attic.blocks() == ["11-24 09:00 +60 Busy"]


def test_a_database_that_was_lost_finds_the_blocks_and_doubles_none(
    attic: Attic, empty: Database
) -> None:
    attic.add("talk", "2026-11-23 09:00")
    attic.add("other", "2026-11-25 09:00")
    attic.round()
    before, _ = attic.ids(), attic.asked()
    heir = attic.beside(empty, WORK_TO_TEAM, instance=INSTANCE)
    heir.round()
    assert heir.ids() == before
    assert "put" not in heir.asked()
    heir.add("talk", "2026-11-23 14:00")
    heir.calendar().delete("other")
    heir.round()
    assert heir.blocks() == ["11-23 14:00 +60 Busy"]
    assert heir.ids() < before


@pytest.mark.parametrize("named", ["{uid}", "{token}@elsewhere.example"])
def test_a_feed_that_loses_the_marks_of_blocks_keeps_none_alive(
    open_attic: Open, named: str
) -> None:
    """It shows a block for a while after it is gone, and its like for as long as there is one."""
    accounts = [{"id": "work"}, {"id": "team"}, {"id": "feed"}]
    attic = open_attic({"to": "team/main"}, connections=accounts)
    attic.add("talk", "2026-11-23 09:00")
    attic.round()

    def refresh() -> None:
        feed = attic.calendar(connection="feed")
        for name in list(feed.objects):
            feed.delete(name)
        for token, block in attic.events().items():
            uid = named.format(uid=block.uid, token=token)
            plain = replace(block, origin="", mirror="", uid=uid)
            feed.put(uid, EventSeries(uid=uid, master=plain))

    refresh()
    attic.round()
    attic.calendar().delete("talk")
    for _ in range(2):
        attic.round()
        attic.look()
        assert attic.blocks() == []
    refresh()
    attic.round()
    assert attic.busy() == []


def test_a_series_is_mirrored_occurrence_by_occurrence(attic: Attic) -> None:
    attic.add("weekly", at("2026-11-23 09:00"), rrules=("FREQ=WEEKLY;COUNT=3",))
    attic.round()
    assert attic.blocks() == [
        "11-23 09:00 +60 Busy",
        "11-30 09:00 +60 Busy",
        "12-07 09:00 +60 Busy",
    ]
    before = attic.ids()
    attic.add(
        "weekly",
        at("2026-11-23 09:00"),
        rrules=("FREQ=WEEKLY;COUNT=3",),
        exdates=(at("2026-11-23 09:00") + timedelta(days=7),),
    )
    attic.round()
    assert attic.blocks() == ["11-23 09:00 +60 Busy", "12-07 09:00 +60 Busy"]
    assert attic.ids() < before


def test_what_is_over_stays_for_a_week_and_is_then_used_again(attic: Attic) -> None:
    attic.add("talk", "2026-11-23 09:00")
    attic.round()
    before = attic.ids()
    attic.now += 7 * 86400
    attic.add("next", "2026-12-23 09:00")
    attic.round()
    assert attic.blocks() == ["11-23 09:00 +60 Busy", "12-23 09:00 +60 Busy"]
    attic.now += 6 * 86400
    attic.add("more", "2026-12-24 09:00")
    attic.round()
    assert attic.blocks() == ["12-23 09:00 +60 Busy", "12-24 09:00 +60 Busy"]
    assert before < attic.ids()
    attic.now += 60 * 86400
    attic.round()
    assert attic.blocks() == []


def test_a_source_that_leaves_takes_along_what_was_of_it_alone(open_attic: Open) -> None:
    accounts = [{"id": "work"}, {"id": "team"}, {"id": "apple"}]
    attic = open_attic({"to": "team/main"}, connections=accounts)
    attic.add("both", "2026-11-23 09:00")
    attic.add("both", "2026-11-23 09:30", connection="apple")
    attic.add("own", "2026-11-24 09:00", connection="apple")
    attic.round()
    assert attic.blocks() == ["11-23 09:00 +90 Busy", "11-24 09:00 +60 Busy"]
    attic.mirror(WORK_TO_TEAM)
    attic.write()
    assert attic.blocks() == ["11-23 09:00 +60 Busy"]


def test_the_target_is_no_source_where_nothing_but_its_busy_times_can_be_read(
    open_attic: Open,
) -> None:
    accounts = [{"id": "work"}, {"id": "team"}, {"id": "spy"}]
    attic = open_attic({"to": "team/main"}, connections=accounts)
    seen = attic.calendar(connection="spy")
    seen.info = replace(seen.info, role=AccessRole.FREE_BUSY)

    class Spied:
        def busy(self, _calendar: CalendarId, _window: Window) -> list[Shown]:
            start = instant_at("2026-11-23 09:00")
            return [Shown(start, start + 3600, ShowAs.BUSY)]

    spying = replace(attic.memory("spy").provider(), busy=Spied())
    attic.accounts.providers["room-a.spy"] = spying
    attic.add("talk", "2026-11-24 09:00")
    attic.round()
    assert len(attic.busy()) == 2
    assert attic.blocks() == ["11-24 09:00 +60 Busy"]
