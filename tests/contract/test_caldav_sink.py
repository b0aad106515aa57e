"""The CalDAV sink keeps the contract on real servers; the preset for iCloud is the same sink."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.model.http import Http
from bridge.provider import CalendarId, Provider
from tests.contract.caldav_sink_world import CaldavSinkWorld
from tests.contract.google_world import transport
from tests.contract.sink_contract import SinkContract, calendar
from tests.servers.dav import Dav
from tests.servers.radicale import radicale_account, shared_radicale
from tests.servers.xandikos import shared_xandikos, xandikos_account

__all__ = ["calendar"]


@pytest.fixture
def http() -> Iterator[Http]:
    made = transport()
    yield made
    made.close()


class KeptOpen(CaldavSinkWorld):
    """Its account stays open, as in a bridge that runs: what it remembers is what is there."""

    opened: Provider | None = None

    def open(self, calendar: CalendarId) -> Provider:
        self.opened = self.opened or super().open(calendar)
        return self.opened


def _world(account: Dav, http: Http, kind: type[CaldavSinkWorld]) -> Iterator[CaldavSinkWorld]:
    world = kind(account, http)
    yield world
    world.clean_up()


class TestRadicale(SinkContract):
    most_requests = 1
    world: type[CaldavSinkWorld] = CaldavSinkWorld

    @pytest.fixture
    def place(
        self, http: Http, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[CaldavSinkWorld]:
        server = shared_radicale(tmp_path_factory.getbasetemp() / "radicale")
        yield from _world(radicale_account(server), http, self.world)


@pytest.mark.soak
class TestXandikos(SinkContract):
    most_requests = 1
    world: type[CaldavSinkWorld] = CaldavSinkWorld

    @pytest.fixture
    def place(
        self, http: Http, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[CaldavSinkWorld]:
        server = shared_xandikos(tmp_path_factory.getbasetemp() / "xandikos")
        yield from _world(xandikos_account(server), http, self.world)


@pytest.mark.soak
class TestRadicaleKeptOpen(TestRadicale):
    world = KeptOpen


class TestXandikosKeptOpen(TestXandikos):
    world = KeptOpen
