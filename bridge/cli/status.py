"""How every connection and calendar fares; exit code 3 when something needs a human."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, Store, command, now, table
from bridge.cli.moments import rfc3339, show_age
from bridge.cli.program import EXIT_UNHEALTHY
from bridge.model.resource import ConnectionStatus

if TYPE_CHECKING:
    from bridge.model.interval import Instant
    from bridge.model.resource import ConnectionId
    from bridge.store.calendars import CalendarRow
    from bridge.store.connections import ConnectionRow
    from bridge.store.database import Transaction

_NEEDS_A_HUMAN = (ConnectionStatus.ERROR, ConnectionStatus.TOKEN_EXPIRED)
_PATIENCE = 3
"""So many failures in a row are no hiccup."""
_MOST_NOTES = 50


@click.command()
@click.argument("resource", required=False)
@command
def status(ground: Ground, resource: str | None) -> None:
    """Show how every connection and calendar fares, with what had to be guessed or repaired.

    Exit code 3 when a connection needs a human, fails again and again, or a calendar is stale.
    """
    with ground.store() as store:
        wanted = store.resource(resource).id if resource else None
        found = look(store, wanted)
    healthy = not any(connection["unwell"] for connection in found)
    ground.show({"healthy": healthy, "connections": found}, lambda: _tell(found))
    if not healthy:
        raise click.exceptions.Exit(EXIT_UNHEALTHY)


def look(store: Store, resource_id: str | None = None) -> list[dict[str, Any]]:
    """Describe the connections of a resource, or of all, for people and programs."""
    from bridge.store import connections, resources, schedule

    with store.database.read() as conn:
        active = {row.id for row in resources.all_active(conn)}
        due = schedule.due_times(conn)
        rows = [
            (row, _calendars(conn, row.id))
            for row in connections.every(conn)
            if row.resource_id in active and resource_id in (None, row.resource_id)
        ]
    return [_connection(row, shown, due.get(row.id)) for row, shown in rows]


def _connection(
    row: ConnectionRow, shown: list[dict[str, Any]], due: Instant | None
) -> dict[str, Any]:
    unwell = (
        row.status in _NEEDS_A_HUMAN
        or row.failures >= _PATIENCE
        or any(calendar["stale"] or calendar["waits_for_confirmation"] for calendar in shown)
    )
    error = None
    if row.error_code:
        error = {
            "code": row.error_code,
            "message": row.error_message,
            "hint": row.error_hint,
            "since": rfc3339(row.error_since),
        }
    return {
        "id": row.id,
        "resource_id": row.resource_id,
        "provider": row.provider,
        "status": row.status.value,
        "state": row.sync_state.value,
        "unwell": unwell,
        "failures": row.failures,
        "last_attempt_at": rfc3339(row.attempt_at),
        "last_sync_at": rfc3339(row.success_at),
        "next_sync_at": rfc3339(due),
        "limited_until": rfc3339(row.limited_until),
        "error": error,
        "calendars": shown,
    }


def _calendars(conn: Transaction, connection_id: ConnectionId) -> list[dict[str, Any]]:
    from bridge.store import calendars, events

    rows = calendars.of_connection(conn, connection_id)
    return [_calendar(row, events.repaired(conn, row.id)) for row in rows]


def _calendar(row: CalendarRow, repaired: Mapping[str, int]) -> dict[str, Any]:
    error = {"code": row.error_code, "message": row.error_message} if row.error_code else None
    notes: list[str] = json.loads(row.notes)
    for note, count in islice(repaired.items(), _MOST_NOTES):
        notes.append(note if count == 1 else f"{note} ({count} events)")
    return {
        "name": row.name,
        "reads": row.reads,
        "time_zone": row.time_zone,
        "last_sync_at": rfc3339(row.success_at),
        "failed_since": rfc3339(row.failed_since),
        "stale": row.stale,
        "waits_for_confirmation": row.shrink is not None,
        "error": error,
        "notes": notes,
    }


def _tell(found: list[dict[str, Any]]) -> None:
    from bridge.web.times import parse_instant

    moment = now()
    rows = [
        {
            "connection": each["id"],
            "provider": each["provider"],
            "status": each["status"],
            "state": each["state"],
            "last sync": show_age(
                parse_instant(each["last_sync_at"]) if each["last_sync_at"] else None, moment
            ),
            "calendars": len(each["calendars"]),
        }
        for each in found
    ]
    table(rows, ("connection", "provider", "status", "state", "last sync", "calendars"))
    for each in found:
        if error := each["error"]:
            hint = f" ({error['hint']})" if error["hint"] else ""
            click.echo(f"{each['id']}: {error['message']}{hint}, since {error['since']}")
        for calendar in each["calendars"]:
            for line in _remarks(calendar):
                click.echo(f"{each['id']}/{calendar['name']}: {line}")


def _remarks(calendar: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if calendar["stale"]:
        lines.append(f"stale; last read {calendar['last_sync_at'] or 'never'}")
    if calendar["waits_for_confirmation"]:
        lines.append("shrank suddenly; what it had stays until a second full listing confirms it")
    if calendar["error"]:
        lines.append(calendar["error"]["message"])
    return [*lines, *calendar["notes"]]
