"""When in doubt the time stays blocked; what is set otherwise is followed, without a trace left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest

from bridge.budgets import Budgets
from bridge.config.live import Live
from bridge.errors import (
    AuthorizationExpired,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.mirror.writing import MOST
from bridge.model.event import Class, Event
from bridge.provider import AccessRole, Provider
from bridge.scheduler.ground import Ground
from bridge.scheduler.mirroring import Rounds
from bridge.store.database import Database
from bridge.store.wake import Wake
from bridge.web.context import WebContext
from bridge.web.figures import StoreFigures
from tests.dispatch.stage import Stage, event
from tests.engine.house import at
from tests.mirror.attic import TEAM_TO_WORK, WORK_TO_TEAM, Attic

Open = Callable[..., Attic]
TWO = ["11-23 09:00 +60 Busy", "11-24 09:00 +60 Busy"]


@pytest.fixture
def attic(attic: Attic) -> Attic:
    attic.add("talk", "2026-11-23 09:00")
    attic.add("other", "2026-11-24 09:00")
    attic.round()
    assert attic.blocks() == TWO
    return attic


# Sources


def test_blocks_stay_until_every_source_was_read(attic: Attic, empty: Database) -> None:
    """A new database knows no source yet; what it finds in the target is not taken for old."""
    heir = attic.beside(empty, WORK_TO_TEAM, instance=attic.instance)
    heir.calendar().delete("other")
    heir.pull("team")
    heir.write()
    assert heir.blocks() == TWO
    assert heir.row().held == 2
    heir.pull("work")
    heir.now += 60
    heir.write()
    assert heir.blocks() == TWO[:1]
    assert heir.row().held == 0


def test_a_source_that_was_never_read_keeps_no_block_that_is_of_others(open_attic: Open) -> None:
    accounts = [{"id": "work"}, {"id": "team"}, {"id": "late"}]
    attic = open_attic({"to": "team/main"}, connections=accounts)
    attic.add("talk", "2026-11-23 09:00")
    attic.pull("work")
    attic.pull("team")
    attic.write()
    before = attic.ids()
    attic.add("talk", "2026-11-25 09:00")
    attic.pull("work")
    attic.write()
    assert attic.blocks() == ["11-25 09:00 +60 Busy"]
    assert attic.ids() == before


def test_a_source_that_cannot_be_read_keeps_its_blocks(open_attic: Open) -> None:
    for on_stale in ("keep_last", "free", "busy"):
        attic = open_attic(availability={"on_stale": on_stale, "max_stale": "1h"})
        attic.add("talk", "2026-11-23 09:00")
        attic.round()
        attic.now += 7200
        attic.ingest.check_staleness(attic.now)
        attic.pull("team")
        attic.look()
        assert attic.blocks() == TWO[:1], on_stale
        attic.add("talk", "2026-11-23 09:00")
        attic.round()


def test_a_source_that_is_suddenly_empty_has_to_say_so_twice(attic: Attic) -> None:
    for name in ("talk", "other"):
        attic.calendar().delete(name)
    attic.pull(full=True)
    attic.write()
    assert attic.blocks() == TWO
    attic.pull(full=True, later=120)
    attic.write()
    assert attic.blocks() == []


def test_bookings_that_live_in_a_source_are_mirrored(database: Database) -> None:
    stage = Stage(database, more=[{"id": "team"}], mirror=[WORK_TO_TEAM])
    stage.house.calendar(connection="team", role=AccessRole.WRITE)
    attic = stage.house
    from bridge.mirror import Mirroring
    from bridge.store import mirrors

    attic.pull("team")
    stage.done(stage.put(event("20261123T090000Z", "20261123T100000Z")))
    mirroring = Mirroring(
        database=database,
        accounts=attic.accounts,
        instance=attic.publisher.instance,
        clock=lambda: attic.now,
    )
    for _ in range(2):
        attic.pull("work")
        with database.write() as conn:
            claims = mirrors.claim(conn, "engine", attic.now, 1)
        for claimed in claims:
            mirroring.run(claimed)
    (series,) = attic.calendar(connection="team").objects.values()
    master: Event = series.master  # type: ignore[union-attr,assignment]
    assert (master.start, master.summary) == (at("2026-11-23 09:00"), "Busy")
    assert master.classification is Class.PRIVATE
    stage.close()


# Settings


def test_another_title_is_written_into_the_blocks_that_stand(attic: Attic) -> None:
    before = attic.ids()
    attic.mirror({**WORK_TO_TEAM, "title": "Elsewhere"})
    attic.write()
    assert attic.blocks() == [each.replace("Busy", "Elsewhere") for each in TWO]
    assert attic.ids() == before


@pytest.mark.covers("S0-36")
def test_a_mirror_that_leaves_the_settings_takes_its_blocks_along(attic: Attic) -> None:
    attic.add("theirs", "2026-11-23 12:00", connection="team")
    attic.mirror()
    attic.write()
    assert list(attic.events()) == ["theirs"]
    assert attic.rows() == []


def test_a_mirror_that_comes_back_before_that_goes_on(attic: Attic) -> None:
    before = attic.ids()
    attic.mirror()
    attic.mirror(WORK_TO_TEAM)
    attic.write()
    assert attic.blocks() == TWO
    assert attic.ids() == before


def test_a_mirror_of_a_parked_resource_rests_and_goes_on_when_it_is_back(attic: Attic) -> None:
    before, now = attic.ids(), attic.settings
    from bridge import inventory
    from tests.builders import make_settings
    from tests.engine.house import IDENTITY

    inventory.apply(attic.database, make_settings(), attic.now, identity=IDENTITY)
    assert attic.write() == []
    assert attic.ids() == before
    inventory.apply(attic.database, now, attic.now, identity=IDENTITY)
    attic.round()
    assert attic.ids() == before


def test_another_calendar_gets_the_blocks_and_the_first_one_loses_them(attic: Attic) -> None:
    attic.calendar("second", connection="team", role=AccessRole.WRITE)
    attic.pull("team")
    attic.mirror({**WORK_TO_TEAM, "to": "team/second"})
    attic.write()
    assert attic.blocks() == []
    assert len(attic.calendar("second", connection="team").objects) == 2


def test_a_name_that_means_another_calendar_by_now_moves_the_blocks(open_attic: Open) -> None:
    attic = open_attic({**WORK_TO_TEAM, "to": "team/Shared"})
    first = attic.calendar("one", connection="team", role=AccessRole.WRITE, name="Shared")
    attic.add("talk", "2026-11-23 09:00")
    attic.round()
    assert len(first.objects) == 1
    from dataclasses import replace

    second = attic.calendar("two", connection="team", role=AccessRole.WRITE, name="Shared")
    first.info = replace(first.info, name="Old")
    attic.now += 3600
    attic.round()
    assert len(first.objects) == 0
    assert len(second.objects) == 1


def test_a_calendar_that_two_mirrors_mean_is_written_by_one(open_attic: Open) -> None:
    accounts = [{"id": "work"}, {"id": "team"}]
    attic = open_attic(WORK_TO_TEAM, {"to": "team/Main", "from": ["work"]}, connections=accounts)
    attic.add("talk", "2026-11-23 09:00")
    attic.pull_all()
    with pytest.raises(RemoteRejected, match="the same calendar as"):
        attic.write()
    assert attic.blocks() == ["11-23 09:00 +60 Busy"]


# Failures


class Office:
    """An attic with the rounds of one process, and what it counted."""

    def __init__(self, attic: Attic) -> None:
        self.outcomes: list[str] = []
        self.ground = Ground(
            database=attic.database,
            wake=Wake(attic.database),
            live=Live(attic.settings),
            clock=lambda: attic.now,
            random=Random(7),
            budgets=Budgets(lambda: 0.0),
        )
        self.rounds = Rounds(
            self.ground, attic.mirroring, observe=lambda outcome, _: self.outcomes.append(outcome)
        )

    def work(self) -> list[str]:
        while jobs := self.rounds.claim(4):
            for job in jobs:
                self.rounds.run(job)
        found, self.outcomes = self.outcomes, []
        return found


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (TemporarilyUnavailable("no answer"), 1),
        (TemporarilyUnavailable("later", retry_after=timedelta(hours=2)), 7200),
        (RateLimited("too much", retry_after=timedelta(minutes=5)), 300),
        (AuthorizationExpired("connect it again", hint="`busybridge auth url room-a`"), 900),
        (RemoteRejected("you may not"), 900),
    ],
    ids=["down", "later", "limited", "expired", "refused"],
)
def test_a_failure_is_shown_and_waited_for_and_gone_with_the_next_success(
    attic: Attic, error: Exception, least: int
) -> None:
    office = Office(attic)
    attic.add("talk", "2026-11-25 09:00")
    attic.pull()
    orders = attic.memory("team").orders
    orders.give("marked", error, times=None)  # type: ignore[arg-type]
    assert office.work() == ["failed"]
    row = attic.row()
    assert row.error_message == str(error)
    assert row.rest_until - attic.now >= least
    assert (row.failures, row.error_since) == (1, attic.now)
    assert office.work() == [], "it rests"
    orders.forget()
    attic.now = row.rest_until
    assert office.work()[0] == "written"
    assert (attic.row().failures, attic.row().error_message) == (0, "")
    assert attic.blocks() == ["11-24 09:00 +60 Busy", "11-25 09:00 +60 Busy"]


def test_one_block_that_is_refused_does_not_keep_the_others_away(attic: Attic) -> None:
    office = Office(attic)
    attic.add("a", "2026-11-25 09:00")
    attic.add("b", "2026-11-26 09:00")
    attic.pull()
    attic.memory("team").orders.give("put", RemoteRejected("not this one"))
    assert office.work() == ["failed"]
    assert len(attic.blocks()) == 3
    attic.now += 3600
    office.work()
    assert len(attic.blocks()) == 4


@pytest.mark.parametrize(
    ("role", "text"),
    [(AccessRole.READ, "to read"), (AccessRole.FREE_BUSY, "busy times only")],
)
def test_a_calendar_that_cannot_be_written_to_is_said_to_be(
    open_attic: Open, role: AccessRole, text: str
) -> None:
    attic = open_attic({**WORK_TO_TEAM, "to": "team/shared"})
    attic.calendar("shared", connection="team", role=role)
    attic.add("talk", "2026-11-23 09:00")
    attic.pull_all()
    assert Office(attic).work() == ["failed"]
    assert text in attic.row().error_message
    assert attic.row().error_code == "calendar_not_writable"
    assert "share it" in attic.row().error_hint


def test_a_calendar_that_is_not_there_is_named_with_what_there_is(open_attic: Open) -> None:
    attic = open_attic({**WORK_TO_TEAM, "to": "team/mian"})
    attic.pull_all()
    assert Office(attic).work() == ["failed"]
    assert "no calendar 'mian'" in attic.row().error_message
    assert "calendars list room-a.team" in attic.row().error_hint


def test_an_account_that_takes_nothing_is_said_to(attic: Attic) -> None:
    provider = attic.memory("team").provider()
    attic.accounts.providers["room-a.team"] = Provider(source=provider.source)
    attic.add("more", "2026-11-25 09:00")
    attic.pull()
    assert Office(attic).work() == ["failed"]
    assert "nothing can be written to team" in attic.row().error_message


def test_before_its_accounts_were_listed_a_mirror_waits_and_nothing_is_wrong(
    open_attic: Open,
) -> None:
    attic = open_attic()
    assert Office(attic).work() == ["waiting"]
    assert attic.row().error_message == ""


def test_a_round_does_its_share_and_the_next_ones_the_rest(open_attic: Open) -> None:
    attic = open_attic(WORK_TO_TEAM, TEAM_TO_WORK)
    attic.add("often", at("2026-11-23 09:00"), rrules=("FREQ=HOURLY;INTERVAL=2;COUNT=120",))
    attic.add("trip", "2026-11-24 10:00", connection="team")
    attic.pull_all()
    office = Office(attic)
    jobs = office.rounds.claim(1) + office.rounds.claim(1)
    reports = [office.rounds.run(job) for job in jobs]
    assert {each.made for each in reports if each} == {MOST, 1}
    office.work()
    assert len(attic.blocks("team")) == 120
    assert len(attic.blocks("work")) == 1


def test_a_provider_that_allows_no_more_requests_is_left_alone(attic: Attic) -> None:
    office = Office(attic)
    attic.add("talk", "2026-11-25 09:00")
    attic.pull()
    engine = attic.mirroring
    from dataclasses import replace

    allowed = iter([True, False])
    attic.mirroring = replace(engine, admits=lambda _: next(allowed, False))
    attic.add("a", "2026-11-26 09:00")
    attic.pull()
    office = Office(attic)
    assert office.work() == ["written"]
    assert attic.row().waiting == 1
    assert attic.row().rest_until > attic.now
    attic.mirroring = engine
    attic.now += 60
    Office(attic).work()
    assert len(attic.blocks()) == 3


def test_a_calendar_that_goes_in_the_middle_of_a_round_is_not_asked_for_ever(
    open_attic: Open,
) -> None:
    attic = open_attic()
    attic.add("often", at("2026-11-23 09:00"), rrules=("FREQ=HOURLY;INTERVAL=2;COUNT=120",))
    attic.pull_all()
    attic.asked()
    orders = attic.memory("team").orders
    orders.give("put", RemoteNotFound("there is no such calendar"), times=None)
    office = Office(attic)
    (job,) = office.rounds.claim(1)
    office.rounds.run(job)
    assert attic.asked().count("put") == MOST
    orders.forget()
    attic.now += 60
    office.work()
    assert len(attic.blocks()) == 120


def test_an_outage_that_lasts_is_over_within_a_quarter_of_an_hour_of_its_end(attic: Attic) -> None:
    office = Office(attic)
    attic.add("talk", "2026-11-25 09:00")
    attic.pull()
    orders = attic.memory("team").orders
    orders.give("marked", TemporarilyUnavailable("no answer"), times=None)
    for _ in range(12):
        assert office.work() == ["failed"]
        waited = attic.row().rest_until - attic.now
        assert waited <= 900
        attic.now += waited
    assert attic.row().failures == 12
    orders.forget()
    attic.mirror({**WORK_TO_TEAM})
    assert office.work()[0] == "written", "a reload tries at once"


def test_figures_tell_what_each_mirror_has(attic: Attic) -> None:
    context = SimpleNamespace(
        database=attic.database, publisher=attic.publisher, clock=lambda: attic.now
    )
    figures = StoreFigures(cast("WebContext", context))
    found = {each.name: each.samples for each in figures.collect()}
    (blocks,) = found["busybridge_mirror_blocks"]
    (failures,) = found["busybridge_mirror_failures"]
    assert (blocks.labels, blocks.value) == ({"resource": "room-a", "to": "team/main"}, 2)
    assert failures.value == 0
