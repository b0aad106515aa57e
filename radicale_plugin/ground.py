"""What the plugin stands on: the parts of a running bridge, or those that it makes for itself.

Inside `busybridge serve` the composition root hands its own parts over. Under a stock
`python -m radicale` the plugin reads the bridge's configuration file, named by `bridge_config` in
`[storage]`, and opens the same database for reading.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from radicale.config import Configuration

from bridge.access import Gate
from bridge.access.directory import Directory
from bridge.bookings import Bookings
from bridge.config.keyfile import KeyFile
from bridge.config.live import Live
from bridge.config.load import load
from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.publish import Publisher
from bridge.store.database import Database
from bridge.store.migrations import HEAD

OPTION = "bridge_config"


def read_clock() -> Instant:
    """Return this moment."""
    return int(time.time())  # noqa: TID251 - the plugin is one of the rooms that read a clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Everything that a CalDAV request reaches."""

    database: Database
    publisher: Publisher
    gate: Gate
    live: Live
    instance: str
    """X-BUSYBRIDGE-ORIGIN of everything that is published."""
    clock: Callable[[], Instant] = read_clock
    bookings: Bookings | None = None
    """Takes bookings; None under a stock Radicale, which only reads."""
    directory: Directory = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "directory", Directory(self.live))


def of(configuration: Configuration) -> Ground:
    """Make the ground of a stock Radicale; its storage, auth and rights share one.

    Raises:
        ConfigError: the configuration or the key file cannot be used.
        StoreError: the database cannot be read, or is of another version.
        RuntimeError: `bridge_config` is not set.
    """
    path = configuration.get("storage", OPTION) if _is_set(configuration) else ""
    if not path:
        raise RuntimeError(
            f"[storage] needs type = radicale_plugin and {OPTION}: the path of BusyBridge's "
            "configuration file, busybridge.yaml"
        )
    return _open(Path(str(path)).expanduser().absolute())


def _is_set(configuration: Configuration) -> bool:
    return OPTION in configuration.options("storage")


@lru_cache(maxsize=8)
def _open(path: Path) -> Ground:
    settings = load(path)
    keyfile = KeyFile.read(settings.storage.encryption_key_file)
    storage = settings.storage
    password = storage.database_password
    database = Database(
        storage.database, password=password.get_secret_value() if password else None
    )
    if database.path and not database.path.exists():
        raise StoreError(f"there is no database {database.path} yet; `busybridge serve` makes it")
    if database.revision() != HEAD:
        raise StoreError("the database is not of this version yet; `busybridge serve` upgrades it")
    live = Live(settings)
    return Ground(
        database=database,
        publisher=Publisher(keyfile.identity, keyfile.instance),
        gate=Gate(database, live),
        live=live,
        instance=keyfile.instance,
    )
