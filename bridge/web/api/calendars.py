"""Calendars: of an account, to choose among, and those that are read, of all accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flask import Response

from bridge.access import Scope
from bridge.connecting import Crowded, Listing
from bridge.errors import BridgeError, ConfigError, ProviderError
from bridge.model.interval import Instant
from bridge.model.resource import Access
from bridge.provider import CalendarInfo
from bridge.store import calendars, schedule
from bridge.store.calendars import CalendarRow
from bridge.store.connections import ConnectionRow
from bridge.web.api.answers import (
    answer,
    connection_json,
    crowded,
    is_limited,
    moment,
    provider_problem,
    state_of,
    unknown_connection,
)
from bridge.web.api.calendar_models import (
    AccountCalendars,
    Calendar,
    CalendarPath,
    Calendars,
    CalendarsQuery,
    RefreshQuery,
)
from bridge.web.api.finding import find_connection, paged, visible_connections
from bridge.web.api.models import ConnectionPath
from bridge.web.api.pending import refuse_unconnected
from bridge.web.api.routes import Routes, asking
from bridge.web.context import WebContext
from bridge.web.listed import account_calendars_json
from bridge.web.problem import Problem


class CalendarRoutes:
    """Reading calendars."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        read = Scope.CONNECTIONS_READ
        routes.add(
            "GET",
            "/connections/<connection_id>/calendars",
            self.get_account_calendars,
            scope=read,
            answer=AccountCalendars,
        )
        routes.add("GET", "/calendars", self.get_calendars, scope=read, answer=Calendars)
        routes.add(
            "GET", "/calendars/<calendar_id>", self.get_calendar, scope=read, answer=Calendar
        )

    def get_account_calendars(self, path: ConnectionPath, query: RefreshQuery) -> Response:
        """Every calendar of an account, also those that nobody chose.

        As its last pull saw them; with `refresh=true`, or before the first pull, the provider is
        asked. An account that is not connected yet is 409 `connection_pending`, with the
        `auth_url` to send its owner to where the key may connect accounts. GET is the only verb
        here: nothing is changed by looking.
        """
        row = find_connection(self._context, path.connection_id, Access.READ)
        refuse_unconnected(self._context, row)
        listing = self._context.listing
        if listing is None:
            raise BridgeError("this process reaches no accounts")
        known = None if query.refresh else listing.known(row)
        infos = fresh_calendars(listing, row, asking().now) if known is None else known
        return answer(
            {
                "connection_id": row.id,
                "provider": row.provider,
                "calendars": account_calendars_json(row, infos),
            }
        )

    def get_calendars(self, query: CalendarsQuery) -> Response:
        """Calendars that are read, of all accounts that the key may read."""
        shown = [
            each
            for each in self._look()
            if query.resource in (None, each.connection.resource_id)
            and query.connection_id in (None, each.connection.id)
            and query.provider in (None, each.connection.provider)
            and query.status in (None, each.connection.status.value)
            and query.calendar_id in (None, each.row.remote_id)
            and query.raw_calendar_id in (None, each.row.remote_id)
        ]
        now = asking().now
        page = paged(
            shown,
            lambda each: f"{each.connection.id}/{each.row.id}",
            lambda each: self._write(each, now),
            query,
        )
        return answer(page.json())

    def get_calendar(self, path: CalendarPath) -> Response:
        """One calendar, and how its reading goes."""
        for each in self._look():
            if each.row.id == path.calendar_id:
                return answer(self._write(each, asking().now))
        raise Problem(
            404, "resource_not_found", "No such calendar, or none that this key may read."
        )

    def _look(self) -> list[_Seen]:
        with self._context.database.read() as conn:
            due = schedule.due_times(conn)
            seen = {row.id: row for row in visible_connections(conn, Access.READ)}
            return [
                _Seen(row, seen[row.connection_id], due.get(row.connection_id))
                for row in calendars.every(conn)
                if row.connection_id in seen
            ]

    def _write(self, seen: _Seen, now: Instant) -> dict[str, object]:
        listing = self._context.listing
        known = listing.known(seen.connection) if listing else None
        color = next((it.color for it in known or () if it.id == seen.row.remote_id), "")
        return _calendar_json(seen, color, now)


class _Seen(NamedTuple):
    """A calendar that the key may see."""

    row: CalendarRow
    connection: ConnectionRow
    due: Instant | None


def fresh_calendars(listing: Listing, row: ConnectionRow, now: Instant) -> Sequence[CalendarInfo]:
    """Have the provider list an account's calendars.

    Raises:
        Problem: it does not, or wants to be left alone.
    """
    if row.limited_until is not None and is_limited(row, now):
        raise Problem(
            503,
            "rate_limited",
            f"The provider asked for a pause until {moment(row.limited_until)}.",
            headers=[("Retry-After", str(row.limited_until - now))],
            more={"retry_after": row.limited_until - now},
        )
    try:
        return listing.fresh(row)
    except Crowded as err:
        raise crowded() from err
    except ConfigError as err:
        raise unknown_connection() from err
    except ProviderError as err:
        raise provider_problem(err) from err


def _calendar_json(seen: _Seen, color: str, now: Instant) -> dict[str, object]:
    row, connection = seen.row, seen.connection
    whole = connection_json(connection, seen.due, now)
    error = None
    if row.error_code:
        error = {
            "code": row.error_code,
            "message": row.error_message,
            "since": moment(row.failed_since),
        }
    shared = ("resource_id", "provider", "account_email", "status", "error")
    timed = ("next_sync_at", "rate_limited", "rate_limit_resets_at")
    return {
        "id": row.id,
        "calendar_id": row.remote_id or None,
        "connection_id": connection.id,
        **{name: whole[name] for name in shared},
        "name": row.name,
        "is_primary": row.is_primary,
        "access_role": row.role.value,
        "read": row.reads,
        "write": row.writes,
        "color": color or None,
        "time_zone": row.time_zone or None,
        "sync": {
            "state": state_of(connection, now).value,
            "last_sync_at": moment(row.success_at),
            **{name: whole[name] for name in timed},
            "stale": row.stale,
            "error": error,
        },
    }
