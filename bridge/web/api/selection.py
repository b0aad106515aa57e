"""Which calendars of an account count, and which account of a resource receives the bookings."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response

from bridge.access import Scope
from bridge.amending.primary import Undecided, let_receive, select
from bridge.config.plan import ConnectionPlan
from bridge.model.resource import Access
from bridge.store import connections
from bridge.store.connections import ConnectionRow
from bridge.web.api import choosing
from bridge.web.api.accounts import AccountRoutes
from bridge.web.api.changing import amending, explained
from bridge.web.api.finding import find_connection
from bridge.web.api.models import Connection, ConnectionPath, Nothing
from bridge.web.api.routes import Routes
from bridge.web.api.settable import Selection
from bridge.web.context import WebContext
from bridge.web.problem import Problem


class SelectionRoutes:
    """Choosing calendars."""

    def __init__(self, context: WebContext, accounts: AccountRoutes) -> None:
        self._context = context
        self._accounts = accounts

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        write, one = Scope.CONNECTIONS_WRITE, "/connections/<connection_id>"
        routes.add("PUT", f"{one}/selection", self.put_selection, scope=write, answer=Connection)
        routes.add(
            "POST", f"{one}/set-primary", self.post_set_primary, scope=write, answer=Connection
        )

    def put_selection(self, path: ConnectionPath, body: Selection) -> Response:
        """Choose the calendars that block time, and the one that bookings go to; both at once.

        Ids are those of GET /connections/{connection_id}/calendars; `primary` is understood.
        """
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        keys: dict[str, Any] = {
            "read_calendars": list(dict.fromkeys(body.read_calendar_ids)),
            "write_calendar": body.write_calendar_id,
        }
        keys = choosing.looked_for(self._context, row, keys)
        keys["read_calendars"] = list(dict.fromkeys(keys["read_calendars"]))

        edit = partial(select, connection_id=row.id, keys=keys)
        try:
            with explained(row.id):
                amending(self._context).change(row.resource_id, edit)
        except Undecided as err:
            raise Problem(
                409,
                "multiple_write_calendars",
                f"Bookings go to {err.other}; "
                f"POST /connections/{row.id}/set-primary lets them go here.",
            ) from err
        return self._accounts.show(row.id)

    def post_set_primary(self, path: ConnectionPath, body: Nothing) -> Response:
        """Let an account's write calendar receive the bookings; the one before stops at once.

        An account without one takes its primary calendar for that.
        """
        del body
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        chosen = None
        if self._write_calendar(row) is None:
            wanted = choosing.looked_for(self._context, row, {"write_calendar": choosing.PRIMARY})
            chosen = str(wanted["write_calendar"])
        with explained(row.id):
            amending(self._context).change(
                row.resource_id,
                partial(let_receive, connection_id=row.id, write_calendar=chosen),
            )
        return self._accounts.show(row.id)

    def _write_calendar(self, row: ConnectionRow) -> str | None:
        with self._context.database.read() as conn:
            now = connections.get(conn, row.id) or row
        return ConnectionPlan.model_validate_json(now.plan).write_calendar
