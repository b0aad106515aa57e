"""Adapters of kinds with access tokens: their HTTP carries one, and a new one after a 401."""

from __future__ import annotations

from pydantic import BaseModel

from bridge.accounts import Accounts
from bridge.authorizer import Grant
from bridge.config.live import Live
from bridge.provider import Account, Provider, ProviderKind
from tests.builders import make_connection, make_resource, make_settings
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
