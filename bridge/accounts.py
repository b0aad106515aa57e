"""Opening accounts: a connection's settings, its secrets in memory only, to a `Provider`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import NamedTuple

from pydantic import BaseModel, SecretStr, ValidationError

from bridge.authorizer import Authorizer, Grant, TokenSource
from bridge.budgets import Budgets
from bridge.config.live import Live
from bridge.config.plan import fingerprint
from bridge.config.settings import Connection, Resource, Settings
from bridge.config.wording import told
from bridge.errors import ConfigError, ConfigProblem
from bridge.model.http import Http, Rates
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import Account, Provider, ProviderKind
from bridge.tokens import Assumed, Authorized, Tokens

_NOBODYS = ConnectionId("(no connection)")
"""Stands for the id of accounts that no connection has."""


class _Wanted(NamedTuple):
    kind: str
    fingerprint: str
    account: Account


class _Opened(NamedTuple):
    wanted: _Wanted
    provider: Provider


class Accounts:
    """Opens each connection's account once, and anew when its settings changed.

    Threads may share it. One that was replaced is closed at the next `open` of any connection.
    """

    def __init__(
        self,
        live: Live,
        http: Http,
        kinds: Mapping[str, ProviderKind],
        tokens: Tokens | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            live: the settings in force.
            http: the way out.
            kinds: by name.
            tokens: without them no kind that needs some can be opened.
            budgets: count what accounts send.
        """
        self._live = live
        self._http = http
        self._kinds = kinds
        self._tokens = tokens
        self._budgets = budgets or Budgets()
        self._lock = Lock()
        self._settings: Settings | None = None
        self._wanted: dict[ConnectionId, _Wanted] = {}
        self._opened: dict[ConnectionId, _Opened] = {}
        self._programs: dict[str, tuple[BaseModel, TokenSource]] = {}
        """By kind: the section, and the token that all accounts under it have together."""

    def open(self, connection_id: ConnectionId, fingerprint: str | None = None) -> Provider:
        """Give the provider of a connection as the settings in force describe it.

        Args:
            connection_id: global id.
            fingerprint: of the account that is meant, if it has to be that one: during a reload
                the store may already speak of another account than the settings in force.

        Raises:
            ConfigError: no connection of this id is configured, or not with that account.
            ProviderError: its kind cannot work with its settings.
        """
        with self._lock:
            self._follow(self._live.current)
            wanted = self._wanted.get(connection_id)
            if wanted is None:
                raise ConfigError([ConfigProblem(f"connection {connection_id} is not configured")])
            if fingerprint not in (None, wanted.fingerprint):
                raise ConfigError([ConfigProblem(f"connection {connection_id} is another account")])
            if connection_id not in self._opened:
                provider = self._kinds[wanted.kind].open(wanted.account)
                self._opened[connection_id] = _Opened(wanted, provider)
            return self._opened[connection_id].provider

    def describe(self, connection_id: ConnectionId) -> tuple[ProviderKind, Account]:
        """Give what a connection's account is opened with; its `http` sends no token by itself.

        Raises:
            ConfigError: no connection of this id is configured.
        """
        with self._lock:
            self._follow(self._live.current)
            wanted = self._wanted.get(connection_id)
        if wanted is None:
            raise ConfigError([ConfigProblem(f"connection {connection_id} is not configured")])
        account = replace(wanted.account, http=self._http, tokens=None)
        return self._kinds[wanted.kind], account

    def unconnected(
        self, provider: str, settings: Mapping[str, object]
    ) -> tuple[ProviderKind, Account]:
        """Give what an account that no connection has is opened with; its `http` sends no token.

        Args:
            provider: name or synonym of a kind.
            settings: keys of a connection of that kind, its secrets in clear.

        Raises:
            ConfigError: there is no such kind, or it does not take these keys, or needs more.
        """
        name = provider.strip().lower()
        kind = next((it for it in self._kinds.values() if name in (it.name, *it.synonyms)), None)
        if kind is None:
            raise ConfigError([ConfigProblem(f"there is no provider {provider!r}")])
        try:
            own = kind.connection_settings.model_validate(dict(settings))
        except ValidationError as err:
            problems = [ConfigProblem(each) for each in told(err, kind.connection_settings)]
            raise ConfigError(problems) from None  # its text may quote a secret
        defaults = _defaults(self._live.current, kind)
        http = self._http
        if kind.rates is not None:
            http = self._budgets.metered(http, kind.name, _NOBODYS, kind.rates(defaults))
        return kind, Account(_NOBODYS, own, defaults, http)

    def serving(self, resource_id: ResourceId) -> list[ConnectionId]:
        """Name the accounts that make meetings for a resource without being its connections."""
        with self._lock:
            self._follow(self._live.current)
            names = [_shared(resource_id, kind) for kind in self._kinds.values()]
            return [name for name in names if name in self._wanted]

    def close(self) -> None:
        """Close every provider; one that is asked for afterwards is opened again."""
        with self._lock:
            for connection_id in list(self._opened):
                self._opened.pop(connection_id).provider.close()

    def kinds(self) -> Iterator[tuple[ProviderKind, Authorizer | None]]:
        """Give each kind with what asks owners for their consent, where it needs that."""
        settings = self._live.current
        for kind in self._kinds.values():
            authorizer = None
            if kind.authorizer is not None:
                defaults = _defaults(settings, kind)
                account = Account("", kind.connection_settings(), defaults, self._http)
                authorizer = kind.authorizer(account)
            yield kind, authorizer

    def _follow(self, settings: Settings) -> None:
        if settings is self._settings:
            return
        self._wanted = dict(self._describe(settings))
        self._settings = settings
        for connection_id, opened in list(self._opened.items()):
            if self._wanted.get(connection_id) != opened.wanted:
                self._opened.pop(connection_id).provider.close()

    def _describe(self, settings: Settings) -> Iterator[tuple[ConnectionId, _Wanted]]:
        for resource in settings.resources:
            for connection in resource.connections:
                connection_id = ConnectionId(f"{resource.id}.{connection.id}")
                yield connection_id, self._want(settings, resource, connection, connection_id)
            own = {connection.provider for connection in resource.connections}
            for kind in self._kinds.values():
                if kind.host is None or kind.name in own:
                    continue
                host = kind.host(_defaults(settings, kind), resource.email)
                if host:
                    name = _shared(resource.id, kind)
                    made = Connection(id="shared", provider=kind.name, acts_for=host)
                    yield name, self._want(settings, resource, made, name)

    def _want(
        self, settings: Settings, resource: Resource, connection: Connection, name: ConnectionId
    ) -> _Wanted:
        kind = self._kinds[connection.provider]
        account = Account(
            connection=name,
            settings=connection.options or kind.connection_settings(),
            defaults=_defaults(settings, kind),
            http=self._http,
            owner=connection.account_email or resource.email,
            direction=connection.direction or resource.direction,
            acts_for=connection.acts_for,
            conference=settings.conference,
        )
        if kind.rates is not None:
            account = replace(account, http=self._metered(kind, kind.rates, account))
        account = self._authorized(name, kind, account)
        return _Wanted(kind.name, fingerprint(connection), account)

    def _metered(
        self, kind: ProviderKind, rates: Callable[[BaseModel], Rates], account: Account
    ) -> Http:
        name = ConnectionId(account.connection)

        def whose() -> str:
            return account.acts_for.lower() or (self._tokens.subject(name) if self._tokens else "")

        allowed = rates(account.defaults)
        return self._budgets.metered(account.http, kind.name, name, allowed, whose)

    def _authorized(
        self, connection_id: ConnectionId, kind: ProviderKind, account: Account
    ) -> Account:
        if kind.refresh is None:
            return account
        refresh = partial(kind.refresh, account)
        source: TokenSource
        if account.acts_for:
            source = self._assumed(kind, account, partial(refresh, Grant(SecretStr(""))))
        elif self._tokens is not None:
            source = self._tokens.source(connection_id, refresh)
        else:
            return account
        return replace(account, http=Authorized(account.http, source), tokens=source)

    def _assumed(
        self, kind: ProviderKind, account: Account, assume: Callable[[], Grant]
    ) -> TokenSource:
        if not kind.is_one_program:
            return Assumed(assume)
        known = self._programs.get(kind.name)
        if known is None or known[0] != account.defaults:
            known = self._programs[kind.name] = account.defaults, Assumed(assume)
        return known[1]


def _defaults(settings: Settings, kind: ProviderKind) -> BaseModel:
    return settings.providers.get(kind.name) or kind.provider_settings()


def _shared(resource_id: str, kind: ProviderKind) -> ConnectionId:
    """Name the account that a resource shares with others; no connection is named so."""
    return ConnectionId(f"{resource_id} ({kind.name})")
