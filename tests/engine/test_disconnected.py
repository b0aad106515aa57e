"""An account is disconnected while it is read: what is still on its way does not come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bridge.accounts import Accounts
from bridge.budgets import Budgets
from bridge.config.live import Live
from bridge.connecting.ending import Ending
from bridge.connecting.keeping import Keeping
from bridge.errors import ProviderError, TemporarilyUnavailable
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.provider import EventSource, Provider
from bridge.store import calendars, connections
from bridge.store.vault import Vault
from bridge.store.wake import Wake
from bridge.tokens import Tokens
from tests.builders import make_settings
from tests.engine.house import ROOM, House, make_series

WORK = ConnectionId("room-a.work")


class Nowhere:
    """A way out that nobody takes."""

    def request(self, *_: Any, **__: Any) -> Any:
        raise AssertionError

    services = texts = request


@dataclass
class Interrupted:
    """A source that has something happen once, before or after what it was asked for."""

    source: EventSource
    listing: Callable[[], None] | None = None
    changing: Callable[[], None] | None = None

    def list_calendars(self) -> Any:
        found = self.source.list_calendars()
        self._happen("listing")
        return found

    def changes(self, *asked: Any) -> Iterator[Any]:
        yield from self.source.changes(*asked)
        self._happen("changing")

    def _happen(self, name: str) -> None:
        happens, _ = getattr(self, name), setattr(self, name, None)
        if happens is not None:
            happens()


@pytest.fixture
def ending(house: House) -> Iterator[Ending]:
    database, wake = house.database, Wake(house.database)
    tokens = Tokens(database, wake, Vault(lambda _: None), lambda: house.now)
    accounts = Accounts(Live(make_settings()), Nowhere(), {}, tokens, Budgets())
    yield Ending(database, tokens, Keeping(database, accounts, tokens, lambda: house.now))
    wake.close()


def interrupted(house: House, **happens: Callable[[], None]) -> None:
    source = house.memory().provider().source
    assert source is not None
    house.accounts.providers[WORK] = Provider(source=Interrupted(source, **happens))


def left(house: House) -> list[str]:
    with house.database.read() as conn:
        return [row.name for row in calendars.of_connection(conn, WORK)]


def connect_again(house: House) -> None:
    with house.database.write() as conn:
        connections.authorized(conn, WORK)


@pytest.mark.covers("T69")
@pytest.mark.parametrize("moment", ["listing", "changing"])
@pytest.mark.parametrize("pulled", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("again", [False, True], ids=["gone", "connected-again"])
def test_what_a_pull_brings_after_its_account_was_disconnected_is_not_taken(
    house: House,
    ending: Ending,
    moment: str,
    pulled: bool,
    again: bool,
) -> None:
    house.calendar().put("a", make_series())
    if pulled:
        house.pull()
        assert len(house.busy()) == 1

    def disconnect() -> None:
        assert ending.end(WORK, None) is None
        if again:
            connect_again(house)

    interrupted(house, **{moment: disconnect})
    report = house.ingest.pull(WORK, house.now + 60)
    house.ingest.rebuild(ROOM, house.now)
    assert report.error is None
    assert left(house) == []
    assert house.busy() == []
    if again:
        house.pull()
        assert len(house.busy()) == 1


def test_what_goes_wrong_after_an_account_was_disconnected_leaves_nothing(
    house: House, ending: Ending
) -> None:
    house.configure(connections=[{"id": "work", "read_calendars": ["Talks"]}])

    def fail() -> None:
        ending.end(WORK, None)
        raise TemporarilyUnavailable("a timeout")

    interrupted(house, listing=fail)
    with pytest.raises(ProviderError):
        house.ingest.pull(WORK, house.now)
    assert left(house) == []


def test_a_disconnected_account_is_not_read_whoever_asks(house: House, ending: Ending) -> None:
    """A server that wants a password would let us in still."""
    house.calendar().put("a", make_series())
    house.pull()
    ending.end(WORK, None)
    report = house.ingest.pull(WORK, house.now + 60, full=True)
    assert report.calendars == ()
    assert left(house) == []
    with house.database.read() as conn:
        row = connections.get(conn, WORK)
    assert row is not None
    assert row.status is ConnectionStatus.DISCONNECTED
