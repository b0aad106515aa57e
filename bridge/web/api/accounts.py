"""Connections made, changed and removed by programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, g
from pydantic import SecretStr

from bridge.access import Scope
from bridge.amending import Draft
from bridge.config.plan import ConnectionPlan, plan
from bridge.config.settings import Settings
from bridge.config.supplements import Supplement
from bridge.connecting import RedirectNotAllowed
from bridge.errors import AuthorizationExpired, Disposition, ProviderError
from bridge.model.interval import rfc3339
from bridge.model.resource import Access, ConnectionId, ConnectionStatus, ResourceId
from bridge.provider import CalendarInfo, ProviderKind
from bridge.store import connections, schedule, supplements
from bridge.store.connections import ConnectionRow
from bridge.store.resources import Owner
from bridge.web.api import choosing
from bridge.web.api.answers import answer, connection_json, provider_problem
from bridge.web.api.changing import amending, explained, owners, trial
from bridge.web.api.finding import find_connection, find_resource
from bridge.web.api.models import Connection, ConnectionPath, ResourcePath
from bridge.web.api.resources import managed, removed_json
from bridge.web.api.routes import Routes, asking
from bridge.web.api.settable import (
    ConnectionKeys,
    ConnectionList,
    ConnectionWish,
    MadeConnection,
    NewConnection,
    Removed,
    StatusQuery,
)
from bridge.web.context import WebContext
from bridge.web.problem import Problem

_ACCOUNT = ("server_url", "username", "url")
"""Keys that say which account is meant."""


class AccountRoutes:
    """Setting connections."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        read, write = Scope.CONNECTIONS_READ, Scope.CONNECTIONS_WRITE
        own, one = "/resources/<resource_id>/connections", "/connections/<connection_id>"
        made = [200, 201]
        routes.add("GET", own, self.get_own, scope=read, answer=ConnectionList)
        routes.add("POST", own, self.post_own, scope=write, answer=MadeConnection, status=made)
        routes.add(
            "POST",
            "/connections",
            self.post_connection,
            scope=write,
            answer=MadeConnection,
            status=made,
        )
        routes.add("PATCH", one, self.patch_connection, scope=write, answer=Connection)
        routes.add("DELETE", one, self.delete_connection, scope=write, answer=Removed)

    def get_own(self, path: ResourcePath, query: StatusQuery) -> Response:
        """Accounts of one resource, in the order in which they count."""
        row = find_resource(self._context, path.resource_id, Access.READ)
        with self._context.database.read() as conn:
            rows = connections.of_resource(conn, row.id)
            due, keys = schedule.due_times(conn), supplements.deduplication_keys(conn)
        shown = [
            connection_json(each, due.get(each.id), asking().now, keys.get(each.id))
            for each in rows
            if query.status in (None, each.status.value)
        ]
        return answer({"items": shown})

    def post_own(self, path: ResourcePath, body: ConnectionWish) -> Response:
        """Give a resource one more account.

        Where its owner has to agree, `auth_url` is where to send them, and the connection is
        `pending` until then. An account with a password is tried before anything is stored.
        """
        return self._make(path.resource_id, body)

    def post_connection(self, body: NewConnection) -> Response:
        """Give a resource one more account; see POST /resources/{resource_id}/connections.

        A `deduplication_key` that an account of this resource has answers with that connection,
        and 200 instead of 201; another account's is refused: 409 `deduplication_key_in_use`.
        """
        return self._make(body.resource_id, body)

    def patch_connection(self, path: ConnectionPath, body: ConnectionKeys) -> Response:
        """Set keys of an account; null gives one back to what it is without.

        Keys that stand in the configuration file are changed there: 409 `managed_by_file`.
        Calendars are looked for in the account; another password is tried first.
        """
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        keys, secrets = body.keys(), body.secrets()
        change = amending(self._context)
        if choosing.chosen(keys):
            keys = self.resolved(row, keys)

        def edit(draft: Draft) -> None:
            draft.set(row.id, keys, secrets)

        with explained(row.id):
            if secrets or keys.keys() & set(_ACCOUNT):
                self._try(change.preview(row.resource_id, edit), row.id)
            change.change(row.resource_id, edit)
        return self.show(row.id)

    def delete_connection(self, path: ConnectionPath) -> Response:
        """Remove an account: what was granted is given back, and its busy time is gone at once."""
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        if row.managed_by is Owner.FILE:
            raise managed(row.id)
        connecting, _ = owners(self._context)
        trouble = connecting.disconnect(row.id)
        with explained(row.id):
            amending(self._context).change(row.resource_id, lambda draft: draft.remove(row.id))
        return answer(removed_json(row.id, [trouble]))

    def resolved(self, row: ConnectionRow, keys: dict[str, Any]) -> dict[str, Any]:
        """Look for the calendars that keys name.

        Raises:
            Problem: some are not there, or the account is not connected.
        """
        settings = self._context.live.current
        context = self._context
        try:
            infos = choosing.known_calendars(context.database, trial(context), settings, row)
        except Problem as err:
            if err.code == "connection_pending":
                err.more["auth_url"] = self._auth_url(row)["auth_url"]
            raise
        return choosing.resolved(keys, infos)

    def show(self, id_: ConnectionId, status: int = 200, **more: object) -> Response:
        """Answer with a connection as it is now."""
        with self._context.database.read() as conn:
            row = connections.get(conn, id_)
            due = schedule.due_times(conn).get(id_)
            key = supplements.deduplication_keys(conn).get(id_)
        if row is None:
            raise Problem(409, "conflict", "It was removed at this moment.")
        return answer(connection_json(row, due, asking().now, key) | more, status)

    def _make(self, resource: str, body: ConnectionWish) -> Response:
        resource_id = find_resource(self._context, resource, Access.MANAGE).id
        self._check_redirect(body.redirect_url)
        wish = _Wish(resource_id, body, _kind(amending(self._context).kinds, body.provider))
        change = amending(self._context)
        with explained(f"{resource_id}.{wish.id}"):
            settings = change.preview(resource_id, wish.make)
            if not wish.exists and not wish.consents:
                _refuse_twice(settings, wish.connection_id)
                wish.infos = self._try(settings, wish.connection_id)
            change.change(resource_id, wish.make)
        return self._made(wish)

    def _made(self, wish: _Wish) -> Response:
        id_, status = wish.connection_id, 200 if wish.exists else 201
        with self._context.database.read() as conn:
            row = connections.get(conn, id_)
        if row is None or not wish.consents or row.status is not ConnectionStatus.PENDING:
            return self.show(id_, status)
        url = self._auth_url(row, wish.body.redirect_url)
        return self.show(id_, status, **url)

    def _try(self, settings: Settings, id_: ConnectionId) -> Sequence[CalendarInfo]:
        """Ask the account for its calendars, before anything of it is stored."""
        try:
            return trial(self._context).calendars(settings, id_)
        except AuthorizationExpired as err:
            raise Problem(422, "access_denied", _told(err), more={"reason": err.code}) from err
        except ProviderError as err:
            if err.disposition is Disposition.REJECT:
                raise Problem(422, "provider_error", _told(err), more={"reason": err.code}) from err
            raise provider_problem(err) from err

    def _check_redirect(self, redirect_url: str) -> None:
        if not redirect_url:
            return
        _, invitations = owners(self._context)
        try:
            invitations.check(redirect_url)
        except RedirectNotAllowed as err:
            raise Problem(
                403, "redirect_not_allowed", "List it in auth.oauth.allowed_redirects."
            ) from err

    def _auth_url(self, row: ConnectionRow, redirect_url: str = "") -> dict[str, str]:
        _, invitations = owners(self._context)
        url, ends = invitations.direct(
            row.resource_id, (row.id, row.provider), f"key:{g.principal.name}", redirect_url
        )
        return {"auth_url": url, "expires_at": rfc3339(ends)}


@dataclass(slots=True)
class _Wish:
    """A connection that somebody wants; `make` may be called several times."""

    resource_id: ResourceId
    body: ConnectionWish
    kind: ProviderKind | None
    id: str = ""
    """Within the resource."""
    exists: bool = False
    """The deduplication key has it already."""
    infos: Sequence[CalendarInfo] = ()
    """Calendars of the account, where it was asked for them."""

    @property
    def connection_id(self) -> ConnectionId:
        return ConnectionId(f"{self.resource_id}.{self.id}")

    @property
    def consents(self) -> bool:
        """Whether the account's owner is asked."""
        return self.kind is not None and self.kind.authorizer is not None

    def make(self, draft: Draft) -> None:
        keys, secrets = self._keys(), _given(self.body.secrets())
        if (key := self.body.deduplication_key) is not None:
            found = draft.of_key(key)
            if found is not None:
                self._join(found, keys, secrets)
                return
        self.exists = False
        self.id = self.body.id or _free(keys["provider"], draft.connections())
        draft.make(self.connection_id, keys, secrets, key)

    def _keys(self) -> dict[str, Any]:
        keys = {k: v for k, v in self.body.keys().items() if v is not None}
        keys["provider"] = self.kind.name if self.kind else self.body.provider
        return choosing.resolved(keys, self.infos) if self.infos else keys

    def _join(
        self, found: Supplement, keys: Mapping[str, Any], secrets: Mapping[str, SecretStr]
    ) -> None:
        """Be content with what has the key, if it is the same account of the same resource."""
        given = {**keys, **secrets}
        has = {**found.keys, **found.secrets}
        names = ("provider", *_ACCOUNT)
        if found.resource_id != self.resource_id or any(
            given.get(name) != has.get(name) for name in names
        ):
            raise Problem(
                409,
                "deduplication_key_in_use",
                "Another account has this deduplication_key.",
            )
        self.id, self.exists = found.name, True


def _kind(kinds: Mapping[str, ProviderKind], name: str) -> ProviderKind | None:
    """Find a kind by its name or a synonym; the configuration refuses what is none."""
    wanted = name.lower()
    for kind in kinds.values():
        if wanted in (kind.name, *kind.synonyms):
            return kind
    return None


def _free(provider: str, taken: Sequence[str]) -> str:
    """Make an id out of the provider's name."""
    number = 1
    while (name := provider if number == 1 else f"{provider}-{number}") in taken:
        number += 1
    return name


def _given(secrets: Mapping[str, SecretStr | None]) -> dict[str, SecretStr]:
    return {name: value for name, value in secrets.items() if value is not None}


def _refuse_twice(settings: Settings, id_: ConnectionId) -> None:
    """Refuse an account that the resource has already."""
    own: dict[ConnectionId, ConnectionPlan] = {
        each.id: each for _, listed in plan(settings) for each in listed
    }
    for each in own.values():
        if (
            each.id != id_
            and each.resource_id == own[id_].resource_id
            and each.fingerprint == own[id_].fingerprint
        ):
            raise Problem(
                409,
                "connection_exists",
                f"{each.id} is this account.",
                more={"connection_id": each.id},
            )


def _told(err: ProviderError) -> str:
    return f"{err} ({err.hint})." if err.hint else f"{err}."
