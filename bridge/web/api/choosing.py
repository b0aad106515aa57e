"""Calendars that a program chose, as the account has them: ids for names, wrong ones refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.amending import Trial
from bridge.config.settings import Settings
from bridge.errors import Disposition, ProviderError
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.provider import AccessRole, CalendarId, CalendarInfo
from bridge.store import calendars
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.web.api.answers import provider_problem
from bridge.web.problem import Problem

PRIMARY = "primary"


def chosen(keys: dict[str, Any]) -> bool:
    """Tell whether keys of a connection name calendars, which have to be looked for then."""
    return bool(keys.get("read_calendars")) or keys.get("write_calendar") is not None


def known_calendars(
    database: Database, trial: Trial, settings: Settings, row: ConnectionRow
) -> Sequence[CalendarInfo]:
    """List the calendars of an account, asked now; those that are read where it cannot be asked.

    Raises:
        Problem: 409 `connection_pending`, or what the provider said.
    """
    if row.status in (ConnectionStatus.PENDING, ConnectionStatus.DISCONNECTED):
        raise Problem(
            409, "connection_pending", "The account has to be connected by its owner first."
        )
    try:
        return trial.calendars(settings, row.id)
    except ProviderError as err:
        if err.disposition is not Disposition.RETRY:
            raise provider_problem(err) from err
        if not (stored := _stored(database, row.id)):
            raise provider_problem(err) from err
        return stored


def resolved(keys: dict[str, Any], infos: Sequence[CalendarInfo]) -> dict[str, Any]:
    """Write ids for names and `primary`, in keys of a connection.

    Raises:
        Problem: 422 naming the calendars that the account does not have, 409 where bookings
            cannot be written.
    """
    after = dict(keys)
    missing: list[tuple[str, str]] = []
    if keys.get("read_calendars"):
        after["read_calendars"] = [_entry(each, infos, missing) for each in keys["read_calendars"]]
    if (wanted := keys.get("write_calendar")) is not None:
        info = find(wanted, infos)
        if info is None:
            missing.append(("write_calendar", wanted))
        elif info.role is not AccessRole.WRITE:
            raise not_writable(info.name)
        else:
            after["write_calendar"] = info.id
    if missing:
        raise Problem(
            422,
            "invalid_request",
            f"The account has no calendar {', '.join(repr(name) for _, name in missing)}.",
            errors=[
                {"field": field, "message": f"the account has no calendar {name!r}"}
                for field, name in missing
            ],
        )
    return after


def find(name: str, infos: Sequence[CalendarInfo]) -> CalendarInfo | None:
    """Find a calendar by its id, its name where only one has it, or as `primary`."""
    for info in infos:
        if info.id == name:
            return info
    by_name = [info for info in infos if info.name == name]
    if len(by_name) == 1:
        return by_name[0]
    if name != PRIMARY:
        return None
    primary = [info for info in infos if info.is_primary] or list(infos)
    return primary[0] if len(primary) == 1 else None


def not_writable(name: str) -> Problem:
    """Say that bookings cannot go there."""
    return Problem(409, "calendar_not_writable", f"{name} may only be read by this account.")


def _entry(entry: Any, infos: Sequence[CalendarInfo], missing: list[tuple[str, str]]) -> Any:
    name = entry.get("calendar") if isinstance(entry, dict) else entry
    if not isinstance(name, str):
        return entry  # the configuration says what is wrong with it
    info = find(name, infos)
    if info is None:
        missing.append(("read_calendars", name))
        return entry
    return entry | {"calendar": info.id} if isinstance(entry, dict) else info.id


def _stored(database: Database, connection_id: ConnectionId) -> list[CalendarInfo]:
    with database.read() as conn:
        rows = calendars.of_connection(conn, connection_id)
    return [
        CalendarInfo(
            id=CalendarId(row.remote_id), name=row.name, role=row.role, is_primary=row.is_primary
        )
        for row in rows
    ]
