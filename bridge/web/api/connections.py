"""Accounts of resources: how they fare, and links by which their owners connect them."""

from __future__ import annotations

from flask import Response, g

from bridge.access import Scope, authorize
from bridge.connecting import Connecting, Crowded, Invitations, RedirectNotAllowed
from bridge.errors import BridgeError, ProviderError
from bridge.model.interval import rfc3339
from bridge.model.resource import Access, ResourceId
from bridge.store import connections, resources
from bridge.store.connections import ConnectionRow
from bridge.store.resources import ResourceState
from bridge.web.api.answers import (
    answer,
    crowded,
    provider_problem,
    unknown_connection,
)
from bridge.web.api.documents import ConnectionDocuments
from bridge.web.api.finding import find_connection, paged, visible_connections
from bridge.web.api.models import (
    AuthUrl,
    AuthUrlQuery,
    Connection,
    ConnectionPath,
    Connections,
    ConnectionsQuery,
    Nothing,
    ProviderPath,
    ReconnectWish,
)
from bridge.web.api.routes import ACTING, Routes, asking
from bridge.web.api.wish import kind_of
from bridge.web.context import WebContext
from bridge.web.problem import Problem


class ConnectionRoutes:
    """Reading connections, and asking their owners."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        read, write = Scope.CONNECTIONS_READ, Scope.CONNECTIONS_WRITE
        one = "/connections/<connection_id>"
        routes.add("GET", "/connections", self.get_connections, scope=read, answer=Connections)
        routes.add("GET", one, self.get_connection, scope=read, answer=Connection)
        routes.add("GET", "/auth/<provider>/url", self.get_auth_url, scope=write, answer=AuthUrl)
        routes.add("POST", f"{one}/auth-url", self.post_auth_url, scope=write, answer=AuthUrl)
        routes.add("POST", f"{one}/refresh", self.post_refresh, scope=write, answer=Connection)

    def get_connections(self, query: ConnectionsQuery) -> Response:
        """Accounts of all resources that the key may read, or of one."""
        with self._context.database.read() as conn:
            rows = [
                row
                for row in visible_connections(conn, Access.READ)
                if query.resource in (None, row.resource_id)
                and query.provider in (None, row.provider)
                and query.status in (None, row.status.value)
            ]
            documents = ConnectionDocuments(conn, asking().now)
            page = paged(rows, lambda row: row.id, documents.of, query)
        return answer(page.json())

    def get_connection(self, path: ConnectionPath) -> Response:
        """One account."""
        row = find_connection(self._context, path.connection_id, Access.READ)
        with self._context.database.read() as conn:
            document = ConnectionDocuments(conn, asking().now).of(row)
        return answer(document)

    def get_auth_url(self, path: ProviderPath, query: AuthUrlQuery) -> Response:
        """Address to send an owner to, who then connects an account of a resource.

        It is good once, for a while, in one browser. Afterwards the browser goes to `redirect_url`,
        which has to be listed in the configuration letter by letter, with `success=true`,
        `provider` and `connectionId`, or with `error` (a code), `message`, and these two. With
        `response_mode=popup` the page that opened the window gets these as a message of the type
        `calendar-connected`, with `success` true or false.
        """
        named = self._named(path.provider)
        rows = [
            row
            for row in self._of(_acting(query))
            if row.provider == named and query.connection_id in (None, row.id)
        ]
        if not rows:
            raise unknown_connection()
        if len(rows) > 1:
            names = ", ".join(row.id for row in rows)
            raise Problem(422, "invalid_request", f"Say which connection_id: {names}.")
        return self._url(rows[0], query)

    def post_auth_url(self, path: ConnectionPath, body: ReconnectWish) -> Response:
        """Address to send the owner of an account to, who then connects it, or connects it again.

        As with GET /auth/{provider}/url. Its id and its calendars stay; another account than the
        connected one is refused (`account_mismatch`), unless `allow_account_change` says that it
        may take its place.
        """
        return self._url(find_connection(self._context, path.connection_id, Access.MANAGE), body)

    def post_refresh(self, path: ConnectionPath, body: Nothing) -> Response:
        """Ask the provider for a new access token of an account now, to see whether that works."""
        del body
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        connecting, _ = self._parts()
        try:
            connecting.refresh(row.id)
        except Crowded as err:
            raise crowded() from err
        except ProviderError as err:
            raise provider_problem(err) from err
        return self.get_connection(path)

    def _named(self, provider: str) -> str:
        """Give the name of a kind for its name or a synonym."""
        kinds = self._context.amending.kinds if self._context.amending else {}
        kind = kind_of(kinds, provider)
        return kind.name if kind else provider.lower()

    def _url(self, row: ConnectionRow, wish: ReconnectWish) -> Response:
        connecting, invitations = self._parts()
        if connecting.authorizer(row.id) is None:
            raise Problem(422, "invalid_request", "This kind of account is not connected so.")
        try:
            url, ends = invitations.direct(
                row.resource_id,
                (row.id, row.provider),
                f"key:{g.principal.name}",
                wish.redirect_url,
                popup=wish.response_mode == "popup",
                replaces=wish.allow_account_change,
            )
        except RedirectNotAllowed as err:
            raise Problem(
                403, "redirect_not_allowed", "List it in auth.oauth.allowed_redirects."
            ) from err
        if self._context.promotion is not None and wish.set_primary is not None:
            self._context.promotion.note(row.id, wanted=wish.set_primary)
        return answer(
            {
                "auth_url": url,
                "provider": row.provider,
                "connection_id": row.id,
                "expires_at": rfc3339(ends),
            }
        )

    def _parts(self) -> tuple[Connecting, Invitations]:
        connecting, invitations = self._context.connecting, self._context.invitations
        if connecting is None or invitations is None:
            raise BridgeError("this process connects no accounts")
        return connecting, invitations

    def _of(self, resource_id: str) -> list[ConnectionRow]:
        """List the accounts of a resource that the key may connect (T49)."""
        if not authorize(g.principal, resource_id, Access.MANAGE):
            return []
        with self._context.database.read() as conn:
            resource = resources.get(conn, ResourceId(resource_id))
            if resource is None or resource.state is not ResourceState.ACTIVE:
                return []
            return connections.of_resource(conn, resource.id)


def _acting(query: AuthUrlQuery) -> str:
    """Tell for which resource somebody acts.

    Raises:
        Problem: 422, nobody said so, or said two things.
    """
    header = asking().header(ACTING)
    named = {name for name in (query.resource, header) if name}
    if len(named) != 1:
        message = f"name one resource, here or in the header {ACTING}"
        raise Problem(
            422,
            "invalid_request",
            f"resource: {message}.",
            errors=[{"field": "resource", "message": message}],
        )
    return named.pop()
