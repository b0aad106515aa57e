"""Finding a resource by what people call it: its id or its mail address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from bridge.config.live import Live
from bridge.config.plan import ConnectionPlan, ResourcePlan, plan
from bridge.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource as the settings in force describe it."""

    plan: ResourcePlan
    digest: str
    """Changes with the plan: part of every ETag, since answers show the name and the address."""
    max_stale: int
    """Seconds after which none of its calendars may go unread without being called stale."""


class Directory:
    """The resources of the settings in force; follows a reload by itself."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._built: tuple[Settings, Mapping[str, Entry], Mapping[str, Entry]] | None = None

    def find(self, name: str) -> Entry | None:
        """Return the resource of this id or mail address; addresses know no case."""
        _, by_id, by_address = self._current()
        name = name.lower()
        return by_id.get(name) or by_address.get(name)

    def get(self, resource_id: str) -> Entry | None:
        """Return the resource of this id."""
        return self._current()[1].get(resource_id)

    def ids(self) -> Iterable[str]:
        """Name every resource, in the order of the file."""
        return self._current()[1]

    def _current(self) -> tuple[Settings, Mapping[str, Entry], Mapping[str, Entry]]:
        built, current = self._built, self._live.current
        if built is None or built[0] is not current:
            built = self._built = (current, *_index(current))
        return built


def _index(settings: Settings) -> tuple[Mapping[str, Entry], Mapping[str, Entry]]:
    entries = [
        Entry(
            resource,
            sha256(resource.model_dump_json().encode()).hexdigest(),
            max(map(_max_stale, connections), default=_seconds(settings.availability.max_stale)),
        )
        for resource, connections in plan(settings)
    ]
    by_address = {entry.plan.email.lower(): entry for entry in entries if entry.plan.email}
    return {str(entry.plan.id): entry for entry in entries}, by_address


def _max_stale(connection: ConnectionPlan) -> int:
    chosen = [each.policy for each in connection.read_calendars or ()]
    spans = [each.availability.max_stale for each in (connection.policy, *chosen)]
    return _seconds(max(spans))


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
