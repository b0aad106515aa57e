"""Radicale's storage on the bridge's store: what stands at a path, for whoever is logged in.

A lock is a snapshot of the database: readers never wait, and nobody writes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from radicale.config import Configuration
from radicale.item import Item
from radicale.storage import BaseCollection, BaseStorage

from radicale_plugin import collection, places, visitor
from radicale_plugin import ground as grounds
from radicale_plugin.collection import READ_ONLY
from radicale_plugin.ground import Ground
from radicale_plugin.places import BOXES, CALENDARS, Kind, Place
from radicale_plugin.properties import Subject
from radicale_plugin.visit import Visit


class Storage(BaseStorage):
    """Every collection of every login."""

    _is_collision_free = True
    _supports_unicode = True
    _supports_trailing_whitespace = True
    _supports_problematic_chars = True

    def __init__(self, configuration: Configuration, ground: Ground | None = None) -> None:
        """Take the ground of a running bridge, or make one."""
        super().__init__(configuration)
        self.ground = ground or grounds.of(configuration)

    def discover(
        self,
        path: str,
        depth: str = "0",
        child_context_manager: Callable[[str, str | None], AbstractContextManager[None]]
        | None = None,
        user_groups: set[str] | None = None,
    ) -> Iterable[BaseCollection | Item]:
        """List what is at a path and, unless depth is "0", what is in it; nothing for nothing."""
        del child_context_manager, user_groups
        principal = visitor.current()
        if principal is None:
            return
        place = places.find(path, principal, self.ground.directory)
        if place is None or place.kind in BOXES:
            return
        if place.kind not in CALENDARS:
            # Before every request Radicale looks for the login's home: nothing is read for it.
            yield collection.make(
                Subject(ground=self.ground, principal=principal, prefix="", place=place)
            )
            if depth == "0" or place.kind is not Kind.HOME:
                return
        with visitor.snapshot(self.ground.database) as conn:
            visit = Visit(
                ground=self.ground,
                principal=principal,
                prefix="",
                path=path,
                environ={},
                conn=conn,
            )
            if place.kind in CALENDARS:
                yield from _calendar(visit, place, depth)
            else:
                for each in places.calendars(principal, self.ground.directory):
                    yield collection.make(visit.subject(each))

    def move(self, item: Item, to_collection: BaseCollection, to_href: str) -> None:
        """Refuse."""
        raise ValueError(READ_ONLY)

    def create_collection(
        self,
        href: str,
        items: Iterable[Item] | None = None,
        props: Mapping[str, str] | None = None,
    ) -> tuple[BaseCollection, dict[str, Item], list[str]]:
        """Refuse."""
        raise ValueError(READ_ONLY)

    @contextmanager
    def acquire_lock(self, mode: str, user: str = "", *args: Any, **kwargs: Any) -> Iterator[None]:
        """Share a snapshot, whatever for; nobody sees anything whom Radicale does not name."""
        del mode, args, kwargs
        if visitor.principal(user) is None:
            visitor.entered(None)
        with visitor.shared():
            yield

    def verify(self) -> bool:
        """Tell whether the database can be read."""
        self.ground.database.revision()
        return True


def _calendar(visit: Visit, place: Place, depth: str) -> Iterator[BaseCollection | Item]:
    subject = visit.subject(place)
    if place.name:
        item = collection.make_item(subject, place)
        if item is not None:
            yield item
        return
    found = collection.make(subject)
    yield found
    if depth != "0":
        yield from found.get_all()
