"""Saying that an account has to be connected first, and where."""

from __future__ import annotations

from flask import g

from bridge.access import authorize
from bridge.model.resource import Access, ConnectionStatus
from bridge.store.connections import ConnectionRow
from bridge.web.context import WebContext
from bridge.web.problem import Problem

_UNCONNECTED = (ConnectionStatus.PENDING, ConnectionStatus.DISCONNECTED)


def refuse_unconnected(context: WebContext, row: ConnectionRow) -> None:
    """Let an account pass that is connected.

    Raises:
        Problem: 409 `connection_pending`. Its `auth_url` is made for keys that may connect the
            account, since whoever has it can.
    """
    if row.status not in _UNCONNECTED:
        return
    more: dict[str, object] = {}
    connecting, invitations = context.connecting, context.invitations
    if (
        connecting is not None
        and invitations is not None
        and connecting.authorizer(row.id) is not None
        and authorize(g.principal, row.resource_id, Access.MANAGE)
    ):
        more["auth_url"], _ = invitations.direct(
            row.resource_id, (row.id, row.provider), f"key:{g.principal.name}"
        )
    detail = f"{row.id} is {row.status.value}: its owner has to connect the account first."
    raise Problem(409, "connection_pending", detail, more=more)
