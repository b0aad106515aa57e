"""Mirrors between real protocols: stand-ins for Google and Microsoft, and a real CalDAV server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.config.settings import Outbound
from bridge.mirror.blocks import Block, block_of, is_titled, series_of, uid_of
from bridge.model.event import Class, Event
from bridge.model.interval import FBType
from bridge.provider import CalendarId
from bridge.sink import Desired
from bridge.store.database import Database
from bridge.transport import Transport
from tests.contract import microsoft_world
from tests.contract.caldav_sink_world import CaldavSinkWorld
from tests.contract.google_world import ANN, GoogleWorld, Signed, sandbox
from tests.contract.microsoft_world import MicrosoftWorld
from tests.contract.provider_contract import DAY, HOUR, NOW, Planned, mirrored
from tests.engine.house import INSTANCE
from tests.mirror.attic import Attic, shown
from tests.servers.radicale import radicale_account, shared_radicale

PAIRS = [
    pytest.param(("google", "microsoft"), id="google-microsoft"),
    pytest.param(("caldav", "google"), id="caldav-google"),
    pytest.param(("microsoft", "caldav"), id="microsoft-caldav", marks=pytest.mark.soak),
]


class Radicale(CaldavSinkWorld):
    """The calendars of one login, which its owner edits with a program of theirs."""

    def put(self, calendar: CalendarId, uid: str, plan: Planned) -> None:
        self.account.put(calendar, f"{uid}.ics", plan.ics(uid))

    def delete(self, calendar: CalendarId, uid: str) -> None:
        self.account.delete(calendar, f"{uid}.ics")


@pytest.fixture(scope="module")
def http() -> Iterator[Transport]:
    outbound = Outbound.model_validate({"allow_networks": ["127.0.0.1/32"]})
    opened = Transport(outbound, user_agent="BusyBridge/test")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def google(http: Transport) -> Iterator[Any]:
    with sandbox() as running:
        yield GoogleWorld(running, Signed(http, running.access_token(ANN)))
        assert running.world.defects == []


@pytest.fixture(scope="module")
def microsoft(http: Transport) -> Iterator[Any]:
    with microsoft_world.sandbox() as running:
        yield MicrosoftWorld(running, microsoft_world.signed(running, http))
        assert running.world.defects == []


@pytest.fixture(scope="module")
def caldav(http: Transport, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    server = shared_radicale(tmp_path_factory.getbasetemp() / "radicale")
    world = Radicale(radicale_account(server), http)
    yield world
    world.clean_up()


class Town:
    """Two accounts at two providers, mirrored into each other."""

    def __init__(self, database: Database, work: Any, team: Any) -> None:
        self.worlds = {"work": work, "team": team}
        self.ids = {name: world.new_calendar() for name, world in self.worlds.items()}
        self.attic = Attic(database, *self.mirrors, connections=self.connections)
        for name, world in self.worlds.items():
            provider = world.open(self.ids[name])
            self.attic.accounts.providers[f"room-a.{name}"] = provider

    @property
    def connections(self) -> list[dict[str, Any]]:
        return [{"id": name, "read_calendars": [key]} for name, key in self.ids.items()]

    @property
    def mirrors(self) -> list[dict[str, Any]]:
        return [
            {"to": f"team/{self.ids['team']}", "from": ["work"]},
            {"to": f"work/{self.ids['work']}", "from": ["team"]},
        ]

    def plan(self, name: str, uid: str, day: int, hour: int = 0) -> None:
        """Somebody saves an event, or moves it."""
        start = NOW + day * DAY + hour * HOUR
        self.worlds[name].put(self.ids[name], uid, Planned(start, start + HOUR, uid))

    def delete(self, name: str, uid: str) -> None:
        self.worlds[name].delete(self.ids[name], uid)

    def events(self, name: str) -> dict[str, Event]:
        """What stands there, as a pull from nothing brings it."""
        seen = mirrored(self.worlds[name], self.ids[name])
        seen.pull()
        return {str(key): it.master for key, it in seen.objects.items() if it.master}

    def blocks(self, name: str, origin: str = "") -> dict[str, str]:
        return {
            key: shown(it)
            for key, it in self.events(name).items()
            if it.mirror and origin in ("", it.origin)
        }


@pytest.mark.parametrize("fbtype", [FBType.BUSY, FBType.BUSY_TENTATIVE])
@pytest.mark.parametrize("provider", ["google", "microsoft", "caldav"])
def test_a_block_is_read_back_as_it_was_written(
    request: pytest.FixtureRequest, provider: str, fbtype: FBType
) -> None:
    world = request.getfixturevalue(provider)
    calendar = world.new_calendar()
    sink = world.open(calendar).sink
    assert sink is not None
    block, title = Block(NOW + DAY, NOW + 3 * DAY + 1800, fbtype), "Busy (Room  Ä)"
    token = f"{fbtype:032x}"
    desired = Desired(
        token=token,
        origin=INSTANCE,
        mirror="c" * 32,
        series=series_of(block, uid_of(token), title),
        notify=False,
    )
    written = sink.put(calendar, desired, None)
    (marked,) = sink.marked(calendar, INSTANCE)
    for seen in (written, marked.written):
        assert block_of(seen.series) == block
        assert is_titled(seen.series, title)
        assert seen.series.master is not None
        unsaid = None if provider == "caldav" else ()
        assert seen.series.master.alarms == unsaid, "nobody is reminded"
        assert seen.series.master.classification is Class.PRIVATE
        assert seen.conference is None
    assert (marked.mirror, marked.token) == ("c" * 32, token)


def on(day: int, hour: int = 0) -> str:
    return f"{datetime.fromtimestamp(NOW + day * DAY + hour * HOUR, UTC):%m-%d %H:%M} +60 Busy"


@pytest.fixture(params=PAIRS)
def town(request: pytest.FixtureRequest, sqlite_database: Database) -> Town:
    work, team = (request.getfixturevalue(name) for name in request.param)
    return Town(sqlite_database, work, team)


@pytest.mark.covers("A-11", "S0-36", "S0-39", "F54")
def test_ten_rounds_each_way_write_each_block_once_and_move_it_in_place(
    town: Town, empty: Database
) -> None:
    attic = town.attic
    town.plan("work", "talk", 3)
    town.plan("work", "visit", 4)
    town.plan("team", "trip", 5)
    for number in range(10):
        reports = [*attic.round(), *attic.look()]
        changes = sum(each.made + each.moved + each.dropped for each in reports)
        assert changes == (0 if number else 3), "it comes to rest at once"
        assert sorted(town.blocks("team").values()) == [on(3), on(4)]
        assert list(town.blocks("work").values()) == [on(5)]
    assert len(town.events("team")) == 3
    assert len(attic.busy()) == 3, "what is mirrored is busy once"
    before = town.blocks("team")
    # In place: the event of a block stays the same one when its source moves.
    town.plan("work", "talk", 10, 2)
    attic.round()
    after = town.blocks("team")
    assert sorted(after.values()) == [on(4), on(10, 2)]
    assert after.keys() == before.keys()
    # Another instance mirrors the same calendars into each other.
    other = attic.beside(empty, *town.mirrors, connections=town.connections)
    for _ in range(3):
        for each in (attic, other):
            each.round()
            each.look()
    for origin in (attic.instance, other.instance):
        assert sorted(town.blocks("team", origin).values()) == [on(4), on(10, 2)]
        assert list(town.blocks("work", origin).values()) == [on(5)]
    assert len(attic.busy()) == len(other.busy()) == 3
    # Nobody remembers anything: what is there is found by its marks.
    town.delete("work", "talk")
    town.delete("team", "trip")
    for each in (attic, other):
        each.pull("work", full=True)
        each.pull("work", full=True, later=120)
        each.pull("team", full=True)
        each.pull("team", full=True, later=120)
        each.write(look=True)
    assert sorted(town.blocks("team").values()) == [on(4), on(4)]
    assert town.blocks("work") == {}


def test_a_mirror_that_was_killed_or_lost_its_database_doubles_nothing(
    town: Town, empty: Database
) -> None:
    attic = town.attic
    town.plan("work", "talk", 3)
    attic.round()
    before = town.blocks("team")
    assert list(before.values()) == [on(3)]
    heir = attic.beside(empty, *town.mirrors, connections=town.connections, instance=attic.instance)
    heir.round()
    heir.look()
    assert town.blocks("team") == before
    town.plan("work", "talk", 6)
    heir.round()
    assert town.blocks("team").keys() == before.keys()
    heir.configure(connections=town.connections, mirror=[])
    # What `heir` took over it takes away again.
    heir.write()
    assert town.blocks("team") == {}
    # And back: its blocks are named as they were, and providers remember names for ever.
    heir.configure(connections=town.connections, mirror=town.mirrors)
    for _ in range(2):
        heir.write()
        heir.now += 60
    assert list(town.blocks("team").values()) == [on(6)]
