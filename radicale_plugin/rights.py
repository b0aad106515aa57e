"""Radicale's rights: what `bridge.access` lets a login see, as letters. Reading only."""

from __future__ import annotations

from radicale.config import Configuration
from radicale.rights import BaseRights

from radicale_plugin import ground as grounds
from radicale_plugin import places, visitor
from radicale_plugin.ground import Ground
from radicale_plugin.places import CALENDARS

_COLLECTION = "R"
_CALENDAR = "r"


class Rights(BaseRights):
    """The same decision as everywhere, in memory."""

    def __init__(self, configuration: Configuration, ground: Ground | None = None) -> None:
        """Take the ground of a running bridge, or make one."""
        super().__init__(configuration)
        self._ground = ground or grounds.of(configuration)

    def authorization(self, user: str, user_groups: set[str], path: str) -> str:
        """Return letters: `R` may list a collection, `r` may read a calendar, none is no."""
        del user_groups
        principal = visitor.principal(user)
        place = places.find(path, principal, self._ground.directory) if principal else None
        if place is None or place.name:
            return ""
        return _CALENDAR if place.kind in CALENDARS else _COLLECTION
