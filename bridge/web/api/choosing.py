"""Calendars that a program chose, as the account has them: ids for names, wrong ones refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.errors import BridgeError
from bridge.provider import AccessRole, CalendarInfo
from bridge.store.connections import ConnectionRow
from bridge.web.api.calendars import fresh_calendars
from bridge.web.api.pending import refuse_unconnected
from bridge.web.api.routes import asking
from bridge.web.context import WebContext
from bridge.web.problem import Problem

PRIMARY = "primary"


def chosen(keys: dict[str, Any]) -> bool:
    """Tell whether keys of a connection name calendars, which have to be looked for then."""
    return bool(keys.get("read_calendars")) or keys.get("write_calendar") is not None


def looked_for(context: WebContext, row: ConnectionRow, keys: dict[str, Any]) -> dict[str, Any]:
    """Look for the calendars that keys name; see `resolved`.

    The provider is asked for those that were not there when it listed them last.

    Raises:
        Problem: 409 `connection_pending`, or what the provider said.
    """
    refuse_unconnected(context, row)
    listing = context.listing
    if listing is None:
        raise BridgeError("this process reaches no accounts")
    known: Sequence[CalendarInfo] | None = listing.known(row)
    if known is None or not all(find(name, known) for name in _named(keys)):
        known = fresh_calendars(listing, row, asking().now)
    return resolved(keys, known)


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


def _named(keys: dict[str, Any]) -> list[str]:
    entries = [*(keys.get("read_calendars") or ()), keys.get("write_calendar")]
    names = [it.get("calendar") if isinstance(it, dict) else it for it in entries]
    return [name for name in names if isinstance(name, str)]
