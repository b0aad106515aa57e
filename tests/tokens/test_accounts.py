"""Adapters of kinds with access tokens: their HTTP carries one, and a new one after a 401."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from bridge.accounts import Accounts
from bridge.authorizer import Grant
from bridge.config.live import Live
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http, Rates, Response
from bridge.model.resource import ConnectionId
from bridge.provider import Account, Provider, ProviderKind
from tests.builders import make_connection, make_resource, make_settings, store_resource
from tests.servers.authorization import AuthorizationServer, refresh
from tests.tokens.ground import WORK, Process


class Settings(BaseModel):
    token_url: str = ""


def test_an_opened_account_refreshes_its_own_token(
    process: Process, server: AuthorizationServer
) -> None:
    opened: list[Account] = []

    def open_account(account: Account) -> Provider:
        opened.append(account)
        return Provider()

    def renew(account: Account, grant: Grant) -> Grant:
        assert isinstance(account.defaults, Settings)
        return refresh(account.http, account.defaults.token_url, grant)

    kind = ProviderKind("memory", "", Settings, Settings, open=open_account, refresh=renew)
    room = make_resource(connections=[make_connection()])
    sections = {
        "resources": [room],
        "providers": {"memory": Settings(token_url=server.token_url)},
    }
    live = Live(make_settings(**sections))
    accounts = Accounts(live, process.http, {"memory": kind}, process.tokens)
    accounts.open(WORK)
    (account,) = opened
    assert account.tokens is not None
    assert account.tokens.token() == "CANARY-access-1"
    server.end_access_token()
    assert account.http.request("GET", server.api_url).status == 200
    assert server.calls == 1
    live.swap(make_settings(**sections))
    accounts.open(WORK)
    assert len(opened) == 1, "a reload that changes nothing of it keeps it"
    assert "CANARY" not in repr(opened)
    accounts.close()


@dataclass
class Meanwhile:
    """An `Http` that does something else before it answers."""

    does: Callable[[], object] = lambda: None

    def request(self, *_: Any, **__: Any) -> Response:
        does, self.does = self.does, lambda: None
        does()
        return Response(200, {}, b"", "https://example.com/")

    def services(self, _name: str) -> list[Any]:
        return []

    def texts(self, _name: str) -> list[Any]:
        return []


@pytest.mark.covers("A-30")
def test_connections_to_one_account_send_no_more_at_once_than_it_takes(
    process: Process, server: AuthorizationServer
) -> None:
    """Wherever their owners were when they agreed; another account's are not held up."""
    names = ("work", "home", "other")
    ids = [ConnectionId(f"room-b.{name}") for name in names]
    store_resource(process.database, "room-b", names=names)
    for name, subject in zip(ids, ("1179", "1179", "4711"), strict=True):
        process.tokens.connect(name, replace(server.grant(), subject=subject))
    opened: list[Http] = []

    def open_account(account: Account) -> Provider:
        opened.append(account.http)
        return Provider()

    kind = ProviderKind(
        *("memory", "", Settings, Settings),
        open=open_account,
        refresh=lambda _account, grant: grant,
        rates=lambda _: Rates(1000, 1000, at_once=2),
    )
    room = make_resource("room-b", connections=[make_connection(name) for name in names])
    http = Meanwhile()
    live = Live(make_settings(resources=[room]))
    accounts = Accounts(live, http, {"memory": kind}, process.tokens)
    for name in ids:
        accounts.open(name)
    work, home, other = opened
    told: list[object] = []

    def send(over: Http) -> None:
        try:
            answer = over.request("GET", "https://a.example/", timeout=timedelta(milliseconds=1))
        except TemporarilyUnavailable as err:
            told.append(str(err))
        else:
            told.append(answer.status)

    def while_two_are_under_way() -> None:
        send(home)
        send(other)

    def while_one_is() -> None:
        http.does = while_two_are_under_way
        send(work)

    http.does = while_one_is
    send(home)
    refusal, *answers = told
    assert "2 requests to the same account" in str(refusal)
    assert answers == [200, 200, 200]
    send(home)
    assert told[-1] == 200
