"""The parts of one process without its server: a configuration, a database, an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.calendars import NOW
from bridge.app.bridge import Bridge
from bridge.config.keyfile import KeyFile
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import ProviderKind
from bridge.registry import KINDS

ROOM = ResourceId("room-a")
WORK = ConnectionId("room-a.work")


@contextmanager
def engine(
    resources: list[dict[str, Any]],
    kinds: Mapping[str, ProviderKind] = KINDS,
    clock: Callable[[], Instant] = lambda: NOW,
    **sections: Any,
) -> Iterator[Bridge]:
    """Open a bridge over a new SQLite database; unless told otherwise its clock stands still."""
    with TemporaryDirectory(prefix="busybridge-") as folder:
        path = Path(folder, "busybridge.yaml")
        path.write_text(yaml.safe_dump({"version": 1, "resources": resources, **sections}))
        KeyFile.create(Path(folder, "busybridge.key"))
        bridge = Bridge(path, kinds=kinds, clock=clock)
        try:
            bridge.open()
            yield bridge
        finally:
            bridge.close()


def one_room(**connection: Any) -> list[dict[str, Any]]:
    """Configure `room-a` with the one connection `work`."""
    return [{"id": ROOM, "connections": [{"id": "work", **connection}]}]
