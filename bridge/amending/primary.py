"""Which connection of a resource receives its bookings: one, and the others stop at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge.amending.amending import Amending
from bridge.amending.draft import Draft
from bridge.config.settings import Connection, Resource
from bridge.connecting import Listing
from bridge.errors import BridgeError, StoreError
from bridge.model.resource import ConnectionId
from bridge.provider import AccessRole, CalendarInfo
from bridge.store import connections, meta
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database

logger = logging.getLogger(__name__)


def resource_of(draft: Draft) -> Resource:
    """Give the resource that a draft is of, as it is in force."""
    found = [each for each in draft.settings.resources if each.id == draft.resource_id]
    if not found:
        raise StoreError(f"{draft.resource_id} was removed meanwhile", busy=True)
    return found[0]


def connection_of(draft: Draft, connection_id: ConnectionId) -> Connection:
    """Give a connection of that resource, as it is in force."""
    name = connection_id.partition(".")[2]
    found = [each for each in resource_of(draft).connections if each.id == name]
    if not found:
        raise StoreError(f"{connection_id} was removed meanwhile", busy=True)
    return found[0]


def let_receive(draft: Draft, connection_id: ConnectionId, write_calendar: str | None) -> None:
    """Let a connection receive the bookings.

    Args:
        draft: of its resource.
        connection_id: global id.
        write_calendar: where it has none yet.

    Raises:
        ManagedByFile: the file says that another one does.
    """
    for each in resource_of(draft).connections:
        other = ConnectionId(f"{draft.resource_id}.{each.id}")
        if each.primary and other != connection_id:
            draft.set(other, {"primary": None})
    own = connection_of(draft, connection_id)
    keys: dict[str, Any] = {} if own.primary else {"primary": True}
    if own.write_calendar is None:
        keys["write_calendar"] = write_calendar
    draft.set(connection_id, keys)


class Undecided(BridgeError):
    """A second calendar would be written to, and nothing says which one receives the bookings.

    Attributes:
        other: the connection that receives them.
    """

    def __init__(self, other: ConnectionId) -> None:
        super().__init__(f"bookings go to {other}")
        self.other = other


def select(draft: Draft, connection_id: ConnectionId, keys: Mapping[str, Any]) -> None:
    """Choose calendars.

    Args:
        draft: of the connection's resource.
        connection_id: global id.
        keys: `read_calendars`, `write_calendar` or both; None gives up what there is.

    Raises:
        Undecided: see there.
        ManagedByFile: the file has one of them.
    """
    changed = dict(keys)
    own = connection_of(draft, connection_id)
    if keys.get("write_calendar") is not None:
        others = [
            each
            for each in resource_of(draft).connections
            if each.write_calendar is not None and each.id != own.id
        ]
        if others and not any(each.primary for each in (*others, own)):
            raise Undecided(ConnectionId(f"{draft.resource_id}.{others[0].id}"))
    elif "write_calendar" in keys and own.primary:
        changed["primary"] = None  # it receives nothing any more
    draft.set(connection_id, changed)


def writable_primary(infos: Sequence[CalendarInfo]) -> CalendarInfo | None:
    """Find the calendar that an account's bookings go to when nobody chose one."""
    writable = [info for info in infos if info.role is AccessRole.WRITE]
    primary = [info for info in writable if info.is_primary]
    return next(iter(primary or (writable if len(writable) == 1 else ())), None)


@dataclass(frozen=True, slots=True)
class Promotion:
    """Lets a connection receive the bookings as soon as its owner connected it."""

    database: Database
    amending: Amending
    listing: Callable[[], Listing]

    def note(self, connection_id: ConnectionId, *, wanted: bool) -> None:
        """Note whether it is to happen."""
        with self.database.write() as conn:
            if wanted:
                meta.put(conn, connections.PRIMARY_WISH + connection_id, "")
            else:
                meta.drop(conn, connections.PRIMARY_WISH + connection_id)

    def connected(self, connection_id: ConnectionId) -> None:
        """Do it, where it was wanted; an account that cannot be written to stays connected."""
        try:
            with self.database.read() as conn:
                row = connections.get(conn, connection_id)
                wanted = meta.get(conn, connections.PRIMARY_WISH + connection_id) is not None
            if row is None or not wanted:
                return
            self.note(connection_id, wanted=False)
            self._promote(row)
        except BridgeError as err:  # the account is connected all the same
            logger.warning("%s does not receive the bookings: %s", connection_id, err)

    def _promote(self, row: ConnectionRow) -> None:
        info = writable_primary(self.listing().fresh(row))
        if info is None:
            raise BridgeError("none of its calendars can be written to")
        edit = partial(let_receive, connection_id=row.id, write_calendar=info.id)
        self.amending.change(row.resource_id, edit)
