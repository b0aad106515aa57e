"""The CalDAV adapter keeps the contract against real servers, with and without their best sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from bridge.model.http import Http
from tests.contract.google_world import transport
from tests.contract.provider_contract import Mirror, Planned, ProviderContract, mirror
from tests.contract.worlds import CaldavWorld
from tests.servers.faultproxy import FaultProxy, without, without_sync
from tests.servers.radicale import radicale_account, shared_radicale
from tests.servers.xandikos import shared_xandikos, xandikos_account

__all__ = ["mirror"]


@pytest.fixture
def http() -> Iterator[Http]:
    made = transport()
    yield made
    made.close()


@pytest.fixture
def radicale(http: Http, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaldavWorld]:
    account = radicale_account(shared_radicale(tmp_path_factory.getbasetemp() / "radicale"))
    with FaultProxy(account.url) as proxy, CaldavWorld(account, proxy, http).running() as world:
        yield world


@pytest.fixture
def xandikos(http: Http, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaldavWorld]:
    account = xandikos_account(shared_xandikos(tmp_path_factory.getbasetemp() / "xandikos"))
    login = f"{account.username}:{account.password}"
    with (
        FaultProxy(account.url, login=login) as proxy,
        CaldavWorld(account, proxy, http).running() as world,
    ):
        yield world


class TestRadicale(ProviderContract):
    def fill_at_once(self, mirror: Mirror, plans: Mapping[str, Planned]) -> None:
        """Radicale takes a whole calendar in one PUT and names objects by their UIDs."""
        lines = [line for uid, plan in plans.items() for line in plan.lines(uid)]
        text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//contract//EN", *lines, "END:VCALENDAR"]
        assert isinstance(mirror.world, CaldavWorld)
        mirror.world.account.send(
            "PUT", mirror.calendar, "\r\n".join(text), {"Content-Type": "text/calendar"}
        )

    @pytest.fixture
    def world(self, radicale: CaldavWorld) -> CaldavWorld:
        return radicale


class TestXandikos(ProviderContract):
    many = 100

    @pytest.fixture
    def world(self, xandikos: CaldavWorld) -> CaldavWorld:
        return xandikos


class TestWithCtagAndETags(ProviderContract):
    """What is left of Xandikos without sync-collection."""

    many = 100

    @pytest.fixture
    def world(self, xandikos: CaldavWorld) -> Iterator[CaldavWorld]:
        with xandikos.proxy.fault(without_sync()):
            yield xandikos


@pytest.mark.covers("F69")
class TestWithoutETags(ProviderContract):
    """What is left of Radicale without sync-collection, ctag and ETags: the content alone."""

    many = 100

    @pytest.fixture
    def world(self, radicale: CaldavWorld) -> Iterator[CaldavWorld]:
        with (
            radicale.proxy.fault(without_sync()),
            radicale.proxy.fault(without("getctag", "getetag")),
        ):
            yield radicale
