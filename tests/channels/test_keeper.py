"""Channels of a provider that is unlike Google: renewed in place, confirmed when opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from bridge import deadline
from bridge.app.bridge import Bridge
from bridge.config.init import write_example
from bridge.errors import RemoteRejected, TemporarilyUnavailable
from bridge.model.resource import ConnectionId
from bridge.notifier import Channel, Notices, Watch
from bridge.provider import Account, CalendarId, CalendarInfo, Provider, ProviderKind
from bridge.providers import memory
from bridge.providers.memory import Memory
from bridge.store import channels, leases, schedule
from bridge.store.channels import ChannelRow
from tests.builders import NOW

WORK = ConnectionId("room-a.work")
LIFE = 3 * 86400


@dataclass
class Subscriptions:
    """Names its channels itself, and makes one last longer under the same name."""

    now: int = NOW
    calls: list[str] = field(default_factory=list)
    trouble: Exception | None = None
    left: list[float | None] = field(default_factory=list)
    """Seconds that each request might take."""

    meanwhile: Callable[[], object] = list
    """What happens while a request to open one is under way."""

    def watch(self, wanted: Watch) -> Channel:
        self._asked("watch")
        self.meanwhile()
        return Channel(wanted.id, wanted.calendar, "subscription", self.now + LIFE, confirmed=True)

    def renew(self, channel: Channel, wanted: Watch) -> Channel:
        assert wanted.calendar == channel.calendar
        self._asked("renew")
        return replace(channel, expires=self.now + LIFE, confirmed=True)

    def stop(self, channel: Channel) -> None:
        self._asked(f"stop {channel.reference}")

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        self.left.append(deadline.remaining())
        if self.trouble is not None:
            raise self.trouble


@dataclass
class Home:
    bridge: Bridge
    there: Subscriptions

    def rows(self) -> list[ChannelRow]:
        with self.bridge.database.read() as conn:
            return channels.of_connection(conn, WORK)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    there, source = Subscriptions(), Memory()
    source.add(CalendarInfo(CalendarId("main"), "Main"))
    own = memory.kind({WORK: source})

    def open_account(account: Account) -> Provider:
        return replace(own.open(account), notifier=there)

    kind: ProviderKind = replace(
        own,
        open=open_account,
        notices=lambda _: Notices(),
        unreachable=lambda _, __: "",
    )
    path, _ = write_example(tmp_path)
    rooms = [{"id": "room-a", "connections": [{"id": "work", "provider": kind.name}]}]
    path.write_text(yaml.safe_dump({"version": 1, "resources": rooms}))
    bridge = Bridge(path, environ={}, clock=lambda: there.now, kinds={kind.name: kind})
    bridge.open()
    bridge.ingest.pull(WORK, there.now)
    yield Home(bridge, there)
    bridge.close()


def test_one_that_was_confirmed_while_it_was_opened_counts_at_once(home: Home) -> None:
    tended = home.bridge.keeper.tend(WORK)
    assert (tended.healthy, tended.fresh) == (True, True)
    assert home.bridge.keeper.tend(WORK) == tended._replace(fresh=False)
    assert home.there.calls == ["watch"]


def test_one_that_lasts_longer_stays_the_same_and_is_not_stopped(home: Home) -> None:
    home.bridge.keeper.tend(WORK)
    (before,) = home.rows()
    home.there.now = before.due_at
    assert home.bridge.keeper.tend(WORK).healthy
    (after,) = home.rows()
    assert home.there.calls == ["watch", "renew"]
    assert (after.id, after.digest) == (before.id, before.digest)
    assert after.expires_at == before.due_at + LIFE


@pytest.mark.covers("F43")
def test_pauses_grow_while_it_cannot_be_opened(home: Home) -> None:
    home.there.trouble = TemporarilyUnavailable("no answer")
    waits = []
    for _ in range(6):
        assert not home.bridge.keeper.tend(WORK).healthy
        (row,) = home.rows()
        waits.append(row.due_at - home.there.now)
        home.bridge.keeper.tend(WORK)
        home.there.now = row.due_at
    assert len(home.there.calls) == 6, "none while it waits"
    assert all(15 * 2**n <= wait <= 30 * 2**n for n, wait in enumerate(waits))
    home.there.trouble = None
    assert home.bridge.keeper.tend(WORK).fresh
    assert len(home.rows()) == 1


def test_what_will_not_be_watched_is_asked_for_once_an_hour(home: Home) -> None:
    home.there.trouble = RemoteRejected("not this one")
    home.bridge.keeper.tend(WORK)
    (row,) = home.rows()
    assert 3200 <= row.due_at - home.there.now <= 3600
    assert row.error_message == "not this one"


def test_one_that_cannot_be_stopped_now_is_stopped_later(home: Home) -> None:
    home.bridge.keeper.tend(WORK)
    with home.bridge.database.write() as conn:
        channels.give_up(conn, [home.rows()[0].id], home.there.now)
    home.there.trouble = TemporarilyUnavailable("no answer")
    home.bridge.keeper.sweep()
    home.bridge.keeper.sweep()
    (row,) = home.rows()
    assert home.there.calls.count("stop subscription") == 1
    home.there.trouble = None
    home.there.now = row.due_at
    home.bridge.keeper.sweep()
    assert home.rows() == []


def test_a_goodbye_takes_no_longer_than_it_may_however_long_its_provider_takes(home: Home) -> None:
    home.bridge.keeper.tend(WORK)
    home.there.left.clear()
    home.bridge.keeper.dismiss(WORK)
    (left,) = home.there.left
    assert left is not None, "a person waits, and so does whoever sets something"
    assert left <= 10
    assert home.rows() == []


def test_who_was_said_goodbye_to_and_stays_after_all_is_polled_soon(home: Home) -> None:
    home.bridge.keeper.tend(WORK)
    now = home.there.now
    with home.bridge.database.write() as conn:
        (claim,) = schedule.claim(conn, "tests", now, 1, 60)
        schedule.release(conn, claim, now + 3600, done=True)
    home.bridge.keeper.dismiss(WORK)  # as a reload does that is refused then
    with home.bridge.database.read() as conn:
        assert leases.due_at(conn, WORK) == now + 60, "nobody tells of its changes any more"


def test_who_was_said_goodbye_to_is_not_pulled_before_it_is_gone(home: Home) -> None:
    home.bridge.keeper.tend(WORK)
    home.bridge.keeper.dismiss(WORK)
    with home.bridge.database.write() as conn:
        claims = schedule.claim(conn, "tests", home.there.now + 59, 9, 60)
    assert WORK not in {each.connection_id for each in claims}, "a pull would open another channel"


def test_a_pull_that_runs_while_goodbye_is_said_leaves_no_channel_behind(home: Home) -> None:
    now = home.there.now
    with home.bridge.database.write() as conn:
        (claim,) = schedule.claim(conn, "tests", now, 1, 60)
    home.bridge.keeper.dismiss(WORK)
    home.bridge.keeper.tend(WORK, claim)
    assert home.there.calls == [], "its lease was taken away"

    home.there.meanwhile = lambda: home.bridge.keeper.dismiss(WORK)
    home.bridge.keeper.tend(WORK)
    assert home.there.calls == ["watch", "stop subscription"], "nobody else could have stopped it"
    assert home.rows() == []
