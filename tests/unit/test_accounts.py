"""Accounts are opened once, and anew when their settings changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from bridge.accounts import Accounts
from bridge.config.booking import Conferences
from bridge.config.live import Live
from bridge.config.settings import Settings
from bridge.errors import ConfigError
from bridge.model.http import Http
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import Account, Provider, ProviderKind
from tests.builders import make_connection, make_resource, make_settings

WORK, HOME = ConnectionId("room-a.work"), ConnectionId("room-a.home")


class Options(BaseModel):
    url: str = "https://a.example/"
    password: SecretStr = SecretStr("canary")


class Defaults(BaseModel):
    timeout: int = 20


GIVEN = Defaults(timeout=60)


class Kind:
    """A kind that notes what it opened and closed."""

    def __init__(self) -> None:
        self.opened: list[Account] = []
        self.closed: list[str] = []
        self.kind = ProviderKind("memory", "In this process", Options, Defaults, open=self._open)

    def _open(self, account: Account) -> Provider:
        self.opened.append(account)
        return Provider(close=lambda: self.closed.append(account.connection))


def settings(word: str = "canary", *, home: bool = True, **sections: Any) -> Settings:
    work = make_connection("work", options=Options(password=SecretStr(word)))
    connections = (work, make_connection("home", account_email="h@example.com"))
    room = make_resource(connections=connections[: 1 + home], email="room-a@example.com")
    return make_settings(resources=[room], **sections)


@pytest.fixture
def kind() -> Kind:
    return Kind()


@pytest.fixture
def live() -> Live:
    return Live(settings())


@pytest.fixture
def accounts(live: Live, kind: Kind, http: Http) -> Accounts:
    return Accounts(live, http, {"memory": kind.kind})


@pytest.fixture
def http() -> Http:
    class NoNetwork:
        request = services = texts = None

    return NoNetwork()  # type: ignore[return-value] # no kind of these tests speaks HTTP


def test_a_kind_is_given_its_settings_with_secrets_and_the_owners_address(
    accounts: Accounts, kind: Kind, http: Http
) -> None:
    accounts.open(WORK)
    accounts.open(HOME)
    assert kind.opened == [
        Account(WORK, Options(), Defaults(), http, "room-a@example.com", conference=Conferences()),
        Account(HOME, Options(), Defaults(), http, "h@example.com", conference=Conferences()),
    ]
    assert "canary" not in repr(kind.opened)


def test_an_account_is_opened_once_however_many_threads_ask(accounts: Accounts, kind: Kind) -> None:
    with ThreadPoolExecutor(8) as pool:
        providers = list(pool.map(accounts.open, [WORK] * 40))
    assert len(kind.opened) == 1
    assert len({id(provider) for provider in providers}) == 1


def test_a_reload_that_changes_nothing_of_a_connection_keeps_its_account(
    accounts: Accounts, live: Live, kind: Kind
) -> None:
    before = accounts.open(WORK)
    live.swap(settings(home=False))
    assert accounts.open(WORK) is before
    assert kind.closed == []


def test_a_new_secret_opens_the_account_anew_and_closes_the_old_one(
    accounts: Accounts, live: Live, kind: Kind
) -> None:
    before = accounts.open(WORK)
    accounts.open(HOME)
    live.swap(settings("another"))
    assert accounts.open(WORK) is not before
    assert kind.closed == [WORK]


def test_new_defaults_of_the_kind_open_its_accounts_anew(
    accounts: Accounts, live: Live, kind: Kind
) -> None:
    accounts.open(WORK)
    live.swap(settings(providers={"memory": Defaults(timeout=5)}))
    accounts.open(WORK)
    assert [account.defaults for account in kind.opened] == [Defaults(), Defaults(timeout=5)]


def test_the_account_of_a_connection_that_left_is_closed(
    accounts: Accounts, live: Live, kind: Kind
) -> None:
    accounts.open(HOME)
    live.swap(settings(home=False))
    with pytest.raises(ConfigError, match=r"room-a\.home is not configured"):
        accounts.open(HOME)
    assert kind.closed == [HOME]


def test_closing_closes_every_account(accounts: Accounts, kind: Kind) -> None:
    accounts.open(WORK)
    accounts.open(HOME)
    accounts.close()
    assert sorted(kind.closed) == [HOME, WORK]


def test_an_account_of_a_section_alone_serves_every_resource(kind: Kind, http: Http) -> None:
    serving = replace(
        kind.kind, name="maker", host=lambda section, email: email if section == GIVEN else ""
    )
    room = ResourceId("room-a")
    live = Live(settings(providers={"maker": GIVEN}))
    accounts = Accounts(live, http, {"memory": kind.kind, "maker": serving})
    (name,) = accounts.serving(room)
    accounts.open(name)
    accounts.open(name)
    (opened,) = kind.opened
    assert (opened.connection, opened.defaults) == (name, GIVEN)
    assert opened.acts_for == "room-a@example.com"
    assert accounts.serving(ResourceId("room-b")) == []
    live.swap(settings(providers={"maker": Defaults()}))
    assert accounts.serving(room) == []
    assert kind.closed == [name], "it is not needed any more"
    with pytest.raises(ConfigError):
        accounts.open(name)


def test_a_resource_with_an_account_of_its_own_needs_no_other(kind: Kind, http: Http) -> None:
    serving = replace(kind.kind, host=lambda _section, email: email)
    live = Live(settings(providers={"memory": GIVEN}))
    accounts = Accounts(live, http, {"memory": serving})
    assert accounts.serving(ResourceId("room-a")) == []
