"""Connections made, changed and removed by programs."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, g

from bridge import deadline
from bridge.access import Scope
from bridge.amending import Draft
from bridge.config.settings import Settings
from bridge.connecting import RedirectNotAllowed
from bridge.errors import BridgeError, ProviderError
from bridge.model.interval import rfc3339
from bridge.model.resource import Access, ConnectionId, ConnectionStatus
from bridge.provider import CalendarInfo
from bridge.store import connections
from bridge.store.connections import ConnectionRow
from bridge.store.resources import Owner
from bridge.web.api import choosing
from bridge.web.api.answers import answer, provider_problem
from bridge.web.api.changing import amending, explained, owners, trial
from bridge.web.api.documents import ConnectionDocuments
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
    RemovalQuery,
    Removed,
    StatusQuery,
)
from bridge.web.api.wish import (
    ACCOUNT,
    Wish,
    guard_password,
    kind_of,
    refuse_of_file,
    refuse_twice,
    refused,
    take_consent,
)
from bridge.web.context import WebContext
from bridge.web.problem import Problem

_LONGEST = 60.0
"""Seconds for which a request may delete events; the next one goes on."""


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
            documents = ConnectionDocuments(conn, asking().now)
            shown = [
                documents.of(each)
                for each in connections.of_resource(conn, row.id)
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
        refuse_of_file(row, body)
        change = amending(self._context)
        if choosing.chosen(keys):
            keys = choosing.looked_for(self._context, row, keys)

        def edit(draft: Draft) -> None:
            guard_password(draft.find(row.id), body)
            draft.set(row.id, keys, secrets)

        with explained(row.id):
            if secrets or keys.keys() & set(ACCOUNT):
                self._try(change.preview(row.resource_id, edit), row.id)
            change.change(row.resource_id, edit)
        return self.show(row.id)

    def delete_connection(self, path: ConnectionPath, query: RemovalQuery) -> Response:
        """Remove an account: what was granted is given back, and its busy time is gone at once.

        With `purge_written` its events of bookings and its mirrored blocks are deleted first, and
        guests of what is still to come are told. While something of them is left the account is
        stopped and not removed (502, 503): the same request goes on with it.
        """
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        if row.managed_by is Owner.FILE:
            raise managed(row.id)
        change = amending(self._context)
        connecting, _ = owners(self._context)
        more: dict[str, object] = {}

        def purge(connection_id: ConnectionId) -> None:
            more["purged"] = self._purged(connection_id)

        with explained(row.id):
            change.preview(row.resource_id, lambda draft: draft.remove(row.id))
            trouble = connecting.disconnect(row.id, purge=purge if query.purge_written else None)
            change.change(row.resource_id, lambda draft: draft.remove(row.id))
        return answer(removed_json(row.id, [trouble]) | more)

    def _purged(self, id_: ConnectionId) -> int:
        """Delete what was written; give how many events that were."""
        if self._context.purging is None:
            raise BridgeError("this process purges nothing")
        try:
            with deadline.within(_LONGEST):
                return len(self._context.purging.purge_whole(id_).deleted)
        except ProviderError as err:
            raise provider_problem(err) from err

    def show(self, id_: ConnectionId, status: int = 200, **more: object) -> Response:
        """Answer with a connection as it is now."""
        with self._context.database.read() as conn:
            row = connections.get(conn, id_)
            document = ConnectionDocuments(conn, asking().now).of(row) if row else None
        if document is None:
            raise Problem(409, "conflict", "It was removed at this moment.")
        return answer(document | more, status)

    def _make(self, resource: str, body: ConnectionWish) -> Response:
        resource_id = find_resource(self._context, resource, Access.MANAGE).id
        change = amending(self._context)
        wish = Wish(resource_id, body, kind_of(change.kinds, body.provider))
        self._check_redirects(wish)
        if body.has_consent and not wish.consents:
            raise Problem(422, "invalid_request", "This kind of account is not connected so.")
        if body.refresh_token is not None:
            connecting, _ = owners(self._context)
            wish.waiting = connecting.waiting(resource_id, body.refresh_token)
        with explained(lambda: wish.connection_id):
            settings = change.preview(resource_id, wish.make)
            if not wish.exists and not wish.consents:
                refuse_twice(settings, wish.connection_id)
                wish.infos = self._try(settings, wish.connection_id)
            change.change(resource_id, wish.make)
        if body.has_consent:
            self._take(wish)
        return self._made(wish)

    def _take(self, wish: Wish) -> None:
        """Connect the account by what the application has; a new connection stays only then.

        Or when the token that was lent is over, and its successor waits for the same token.
        """
        connecting, _ = owners(self._context)
        try:
            take_consent(connecting, wish)
        except BaseException:
            token = wish.body.refresh_token
            waits = token is not None and connecting.waiting(wish.resource_id, token)
            if not wish.exists and waits != wish.connection_id:
                amending(self._context).change(
                    wish.resource_id, lambda draft: draft.remove(wish.connection_id)
                )
            raise

    def _made(self, wish: Wish) -> Response:
        id_, status = wish.connection_id, 200 if wish.exists else 201
        self._promote(wish)
        with self._context.database.read() as conn:
            row = connections.get(conn, id_)
        if row is None or not wish.consents or row.status is not ConnectionStatus.PENDING:
            return self.show(id_, status, auth_url=None, expires_at=None)
        url = self._auth_url(row, wish.body)
        return self.show(id_, status, **url)

    def _promote(self, wish: Wish) -> None:
        """Let it receive the bookings where that is wanted: now, or once it is connected."""
        promotion = self._context.promotion
        if promotion is not None and (wish.body.set_primary or not wish.exists):
            promotion.note(wish.connection_id, wanted=bool(wish.body.set_primary))
            if not wish.consents or wish.body.has_consent:
                promotion.connected(wish.connection_id)

    def _try(self, settings: Settings, id_: ConnectionId) -> Sequence[CalendarInfo]:
        """Ask the account for its calendars, before anything of it is stored."""
        try:
            return trial(self._context).calendars(settings, id_)
        except ProviderError as err:
            raise refused(err) from err

    def _check_redirects(self, wish: Wish) -> None:
        """Refuse addresses that are not listed, before anything is made."""
        for url in (wish.body.redirect_url, wish.body.redirect_uri):
            if not url:
                continue
            _, invitations = owners(self._context)
            try:
                invitations.check(url)
            except RedirectNotAllowed as err:
                raise Problem(
                    403, "redirect_not_allowed", "List it in auth.oauth.allowed_redirects."
                ) from err

    def _auth_url(self, row: ConnectionRow, wish: ConnectionWish) -> dict[str, str]:
        _, invitations = owners(self._context)
        url, ends = invitations.direct(
            row.resource_id,
            (row.id, row.provider),
            f"key:{g.principal.name}",
            wish.redirect_url,
            popup=wish.response_mode == "popup",
        )
        return {"auth_url": url, "expires_at": rfc3339(ends)}
