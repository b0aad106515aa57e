"""Sync tokens and page tokens: what a listing was, where it goes on."""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.sandbox.google.errors import ApiError, invalid
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import World

_LIFE = timedelta(days=30)
_CURSORS = 2_000
_FREE = frozenset({"syncToken", "pageToken", "maxResults"})
"""Parameters that may differ between the requests of one listing."""


def frozen(query: Json) -> Json:
    """Return the parameters that have to stay the same."""
    return {name: value for name, value in query.items() if name not in _FREE}


def issue(world: World, scope: str, change: int, query: Json) -> str:
    """Make a sync token: everything up to that change is known.

    Args:
        world: where it is good.
        scope: the list that it belongs to.
        change: number of the last change that was seen.
        query: parameters of the listing.
    """
    seconds = int(world.now.timestamp())
    document = [world.name, scope, change, seconds, frozen(query)]
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def redeem(world: World, scope: str, token: str, query: Json) -> tuple[int, Json]:
    """Read a sync token.

    Returns:
        The change up to which everything is known, and the parameters of the first listing.

    Raises:
        ApiError: 400 where it is no token of this list, or a parameter differs; 410 where it is
            too old.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        name, of, change, seconds, first = json.loads(base64.urlsafe_b64decode(padded))
        when = datetime.fromtimestamp(seconds, world.now.tzinfo)
    except (ValueError, TypeError) as err:
        raise invalid("Invalid sync token value.") from err
    if name != world.name or of != scope:
        raise invalid("Invalid sync token value.")
    if world.now - when > _LIFE:
        raise ApiError(410, "fullSyncRequired")
    given = frozen(query)
    different = {key for key, value in given.items() if first.get(key) != value}
    forgotten = first.keys() - given.keys() - _REMEMBERED
    if different or forgotten:
        names = ", ".join(sorted(different | forgotten))
        raise invalid(f"Sync token cannot be used with other values of: {names}")
    return int(change), dict(first)


_REMEMBERED = frozenset({"timeMin", "timeMax", "showDeleted", "showHidden"})
"""Parameters that the token keeps for the client."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A listing half-way."""

    scope: str
    query: Json
    """Of the first page."""
    items: tuple[Json, ...]
    change: int
    """Number of the last change before the first page."""
    position: int = 0
    page: int = 0


class Cursors:
    """The listings that are half-way; the oldest are forgotten."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Cursor] = OrderedDict()

    def keep(self, world: World, cursor: Cursor) -> str:
        """Remember one and name it."""
        name = world.token(40)
        self._open[name] = cursor
        while len(self._open) > _CURSORS:
            self._open.popitem(last=False)
        return name

    def resume(self, name: str, scope: str, query: Json) -> Cursor:
        """Go on with a listing; the same page can be asked for again.

        Raises:
            ApiError: 400: no such page, or another parameter than for the first one.
        """
        cursor = self._open.get(name)
        if cursor is None or cursor.scope != scope:
            raise invalid("Invalid page token value.")
        first = {**frozen(cursor.query), "syncToken": cursor.query.get("syncToken")}
        if first != {**frozen(query), "syncToken": query.get("syncToken")}:
            raise invalid("A page token belongs to the parameters of its first page.")
        return replace(cursor)
