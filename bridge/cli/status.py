"""How connections and calendars fare: the `status` command, and what others show of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import alerting, mirroring
from bridge.cli.ground import Ground, NothingStored, Store, command, not_in_force, now
from bridge.cli.moments import rfc3339, show_age
from bridge.cli.names import complete_resource
from bridge.cli.printing import count, say, table
from bridge.cli.program import EXIT_UNHEALTHY
from bridge.model.resource import ConnectionStatus

if TYPE_CHECKING:
    from bridge.model.interval import Instant
    from bridge.model.resource import ConnectionId
    from bridge.store.calendars import CalendarRow
    from bridge.store.connections import ConnectionRow
    from bridge.store.database import Transaction

_NEEDS_A_HUMAN = (ConnectionStatus.ERROR, ConnectionStatus.TOKEN_EXPIRED)
_NOT_PULLED = (ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED, ConnectionStatus.PENDING)
_STOPPED = tuple(status.value for status in _NOT_PULLED)
_PATIENCE = 3
"""So many failures in a row are no hiccup."""
_LATE = 300
"""Seconds after which a pull that is due is not about to begin: nobody serves."""
_MOST_NOTES = 50


@click.command()
@click.argument("resource", required=False, shell_complete=complete_resource)
@command
def status(ground: Ground, resource: str | None) -> None:
    """Show how every connection and calendar fares, with what had to be guessed or repaired.

    Exit code 3 when a connection needs a human, fails again and again, is not pulled though it is
    due, a calendar is stale, a mirror is not written, a resource of the file is not in force, or
    alerts do not arrive.
    """
    found: list[dict[str, Any]] = []
    ways: list[dict[str, Any]] = []
    mirrors: list[dict[str, Any]] = []
    try:
        with ground.store() as store:
            wanted = store.resource(resource).id if resource else None
            found = look(store, wanted)
            waiting = [] if resource else _waiting(store)
            ways = [] if resource else alerting.ways(store)
            with store.database.read() as conn:
                mirrors = mirroring.look(conn, wanted)
    except NothingStored:
        from bridge.config.load import load

        waiting = [each.id for each in load(ground.config_path, whole=False).resources]
    unwell = [each for each in (*found, *mirrors, *ways) if each["unwell"]]
    data = {
        "healthy": not waiting and not unwell,
        "not_in_force": waiting,
        "connections": found,
        "mirrors": mirrors,
        "alerts": ways,
    }
    ground.show(data, lambda: _tell(found, waiting, mirrors, ways))
    if not data["healthy"]:
        raise click.exceptions.Exit(EXIT_UNHEALTHY)


def look(store: Store, resource_id: str | None = None) -> list[dict[str, Any]]:
    """Describe the connections of a resource, or of all, for people and programs."""
    from bridge.channels import shown
    from bridge.store import connections, resources, schedule

    with store.database.read() as conn:
        active = {row.id for row in resources.all_active(conn)}
        due = schedule.due_times(conn)
        return [
            _connection(row, _calendars(conn, row.id), due.get(row.id))
            | {"push": shown.standing(conn, row, now())._asdict()}
            for row in connections.every(conn)
            if row.resource_id in active and resource_id in (None, row.resource_id)
        ]


def polled(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say in a line for each reason which connections are only polled that need not be."""
    reasons: dict[str, list[str]] = {}
    for each in found:
        push = each["push"]
        if push["state"] in ("off", "partial") and each["status"] not in _STOPPED:
            reasons.setdefault(push["reason"], []).append(each["id"])
    for reason, names in reasons.items():
        yield f"polled, not told of changes: {', '.join(names)}; {reason}"


def remarks(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say in a line each what is wrong with connections and calendars, and what was guessed."""
    for each in found:
        said = ""
        if each["status"] == ConnectionStatus.PENDING.value:
            resource = each["resource_id"]
            yield f"{each['id']}: not connected yet; `busybridge auth url {resource}` prints a link"
        if error := each["error"]:
            said = error["message"]
            hint = f" ({error['hint']})" if error["hint"] else ""
            yield f"{each['id']}: {said}{hint}, since {error['since']}"
        if each["rate_limited"]:
            yield f"{each['id']}: not pulled before {each['rate_limit_resets_at']}, as it was asked"
        if each["overdue"]:
            due = each["next_sync_at"]
            yield f"{each['id']}: due since {due} and not pulled; is a server running?"
        for calendar in each["calendars"]:
            for line in _of_calendar(calendar):
                if line != said:
                    yield f"{label(each, calendar)}: {line}"


def label(connection: Mapping[str, Any], calendar: Mapping[str, Any]) -> str:
    """Name a calendar; one that was never seen has no name of its own yet."""
    return "/".join(filter(None, (connection["id"], calendar["name"])))


def in_words(connection: Mapping[str, Any]) -> dict[str, Any]:
    """Say to people what null says to programs: every calendar of the account is read."""
    chosen = connection.get("read_calendars", ())
    return {**connection, **({"read_calendars": "all"} if chosen is None else {})}


def _waiting(store: Store) -> list[str]:
    from bridge.store import resources

    with store.database.read() as conn:
        return store.waiting([row.id for row in resources.all_active(conn)])


def _connection(
    row: ConnectionRow, shown: list[dict[str, Any]], due: Instant | None
) -> dict[str, Any]:
    """Describe a connection with the API's words, and with what only an admin wants to know."""
    from bridge.config.plan import ConnectionPlan

    overdue = row.status not in _NOT_PULLED and due is not None and due < now() - _LATE
    unwell = (
        row.status in _NEEDS_A_HUMAN
        or row.failures >= _PATIENCE
        or overdue
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
    plan = ConnectionPlan.model_validate_json(row.plan)
    chosen = plan.read_calendars
    limited = row.limited_until is not None and row.limited_until > now()
    if due is not None and limited:
        due = max(due, row.limited_until or due)
    return {
        "id": row.id,
        "resource_id": row.resource_id,
        "provider": row.provider,
        "account_email": plan.account_email,
        "is_primary": plan.is_primary,
        "read_calendars": None if chosen is None else [each.calendar for each in chosen],
        "write_calendar": plan.write_calendar,
        "validate_availability": plan.validate_availability,
        "cancel_if_declined_or_deleted": plan.cancel_if_declined_or_deleted,
        "notify_attendees": plan.notify_attendees,
        "managed_by": row.managed_by.value,
        "status": row.status.value,
        "state": row.sync_state.value,
        "unwell": unwell,
        "overdue": overdue,
        "failures": row.failures,
        "last_attempt_at": rfc3339(row.attempt_at),
        "last_sync_at": rfc3339(row.success_at),
        "next_sync_at": None if row.status in _NOT_PULLED else rfc3339(due),
        "rate_limited": limited,
        "rate_limit_resets_at": rfc3339(row.limited_until) if limited else None,
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
    for note, number in islice(repaired.items(), _MOST_NOTES):
        notes.append(note if number == 1 else f"{note} ({number} events)")
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


def _tell(
    found: list[dict[str, Any]],
    waiting: list[str],
    mirrors: list[dict[str, Any]],
    ways: list[dict[str, Any]],
) -> None:
    from bridge.web.times import parse_instant

    moment = now()

    def age(text: str | None) -> str:
        return show_age(parse_instant(text) if text else None, moment)

    rows = [
        each | {"last sync": age(each["last_sync_at"]), "calendars": len(each["calendars"])}
        for each in found
    ]
    columns = ("id", "provider", "status", "state", "last sync", "calendars")
    table(rows, columns, empty="no connections")
    for line in (*remarks(found), *polled(found), *mirroring.remarks(mirrors)):
        say(line)
    if waiting:
        say(not_in_force(waiting))
    for line in alerting.remarks(ways):
        say(line)
    unwell = sum(each["unwell"] for each in found)
    failed = sum(each["error"] is not None and each["status"] not in _STOPPED for each in found)
    pending = sum(each["status"] == ConnectionStatus.PENDING.value for each in found)
    if unwell:
        say(f"{unwell} of {count(len(found), 'connection')} unwell")
    elif failed:
        say(f"{failed} of {count(len(found), 'connection')} could not be read and is tried again")
    elif pending:
        say(f"{pending} of {count(len(found), 'connection')} not connected yet")
    elif found and not any(each["unwell"] for each in (*mirrors, *ways)):
        say("all is well")


def _of_calendar(calendar: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    if calendar["stale"]:
        lines.append(f"stale; last read {calendar['last_sync_at'] or 'never'}")
    if calendar["waits_for_confirmation"]:
        lines.append("shrank suddenly; what it had stays until a second full listing confirms it")
    if calendar["error"]:
        lines.append(calendar["error"]["message"])
    return [*lines, *calendar["notes"]]
