"""A change on its way: what was set by API, and what somebody wants to set. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from bridge.config.settings import Settings
from bridge.config.supplements import Supplement, entry_of, names
from bridge.errors import BridgeError
from bridge.model.resource import ConnectionId, ResourceId


class ManagedByFile(BridgeError):
    """A key or a thing that the configuration file has is changed there.

    Attributes:
        key: which; empty for the whole thing.
    """

    def __init__(self, id_: str, key: str = "") -> None:
        what = f"{key} of {id_}" if key else id_
        super().__init__(f"{what} stands in the configuration file and is changed there")
        self.id = id_
        self.key = key


class Taken(BridgeError):
    """An id that something else has.

    Attributes:
        id: of what is there.
    """

    def __init__(self, id_: str) -> None:
        super().__init__(f"{id_} is there already")
        self.id = id_


class Draft:
    """One resource's supplements as they will be.

    An edit may be made several times, each time on what stands by then.
    """

    def __init__(
        self, settings: Settings, supplements: Iterable[Supplement], resource_id: ResourceId
    ) -> None:
        """Begin with what is set.

        Args:
            settings: in force, made of these supplements and of the file.
            supplements: all there are.
            resource_id: the only resource of which something may be changed.
        """
        self.settings = settings
        self.resource_id = resource_id
        self._before = {each.id: each for each in supplements}
        self._after = dict(self._before)
        self._removed: list[ConnectionId] = []

    @property
    def supplements(self) -> list[Supplement]:
        """All, as they will be."""
        return list(self._after.values())

    @property
    def changed(self) -> list[Supplement]:
        """Those to be written."""
        return [each for id_, each in self._after.items() if self._before.get(id_) != each]

    @property
    def dropped(self) -> list[str]:
        """Those to be deleted."""
        return [id_ for id_ in self._before if id_ not in self._after]

    @property
    def removed(self) -> list[ConnectionId]:
        """Connections that go."""
        return self._removed

    def find(self, id_: str) -> Supplement | None:
        """Give what is set of a resource or connection."""
        return self._after.get(id_)

    def of_key(self, deduplication_key: str) -> Supplement | None:
        """Find the connection with a deduplication key."""
        for each in self._after.values():
            if each.deduplication_key == deduplication_key:
                return each
        return None

    def connections(self) -> list[str]:
        """Name the resource's connections, by file and by API: their ids within it."""
        return [
            connection.id
            for resource in self.settings.resources
            if resource.id == self.resource_id
            for connection in resource.connections
        ]

    def is_known(self, id_: str) -> bool:
        """Tell whether there is a resource or connection of this id."""
        if id_ in self._after and self._after[id_].made:
            return True
        resource_id, _, name = id_.partition(".")
        for resource in self.settings.resources:
            if resource.id == resource_id:
                return not name or any(each.id == name for each in resource.connections)
        return False

    def make(
        self,
        id_: str,
        values: Mapping[str, Any],
        secrets: Mapping[str, SecretStr] | None = None,
        deduplication_key: str | None = None,
    ) -> None:
        """Make a resource or connection.

        Raises:
            Taken: there is one of this id.
        """
        if self.is_known(id_):
            raise Taken(id_)
        self._after[id_] = Supplement(
            id_,
            {name: value for name, value in values.items() if value is not None},
            made=True,
            secrets=secrets or {},
            deduplication_key=deduplication_key,
        )

    def set(
        self,
        id_: str,
        values: Mapping[str, Any],
        secrets: Mapping[str, SecretStr | None] | None = None,
    ) -> None:
        """Set keys; None gives a key back to what it is without.

        What the file says already is not set.

        Raises:
            ManagedByFile: the file has one of them.
        """
        secrets = secrets or {}
        entry = self._entry(id_) or {}
        values = {k: v for k, v in values.items() if v is None or entry.get(k) != v}
        for key in (*values, *secrets):
            if names(entry, key):
                raise ManagedByFile(id_, key)
        before = self._after.get(id_, Supplement(id_))
        keys = {k: v for k, v in {**before.keys, **values}.items() if v is not None}
        kept = {k: v for k, v in {**before.secrets, **secrets}.items() if v is not None}
        after = replace(before, keys=keys, secrets=kept)
        if after.made or after.keys or after.secrets or after.deduplication_key:
            self._after[id_] = after
        else:
            self._after.pop(id_, None)

    def remove(self, id_: str) -> None:
        """Remove what was made by API; a resource with its connections.

        Raises:
            ManagedByFile: the file has it.
        """
        found = self._after.get(id_)
        if found is None or not found.made or self._entry(id_) is not None:
            raise ManagedByFile(id_)
        del self._after[id_]
        if found.name:
            self._removed.append(ConnectionId(id_))
            return
        for each in [each for each in self._after.values() if each.resource_id == id_]:
            del self._after[each.id]

    def _entry(self, id_: str) -> Mapping[str, Any] | None:
        origin = self.settings.origin
        return entry_of(origin.document, id_) if origin else None
