"""What people and programs are shown of channels, by the store alone.

Why the configuration lets no provider of a kind tell of changes stands in the store, too: commands
that only look do not read what belongs to providers.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridge.channels.reach import why_not
from bridge.channels.standing import Standing, look
from bridge.config.settings import Settings
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus
from bridge.provider import ProviderKind
from bridge.store import calendars, channels, meta
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database, Transaction

_STOPPED = (ConnectionStatus.PENDING, ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED)


def note(database: Database, settings: Settings, kinds: Mapping[str, ProviderKind]) -> None:
    """Note of each kind that tells of changes why it cannot do so here, if it cannot."""
    wanted = {_key(it.name): why_not(settings, it) for it in kinds.values() if it.notices}
    with database.read() as conn:
        stands = {key: meta.get(conn, key) for key in wanted}
    if wanted != stands:
        with database.write() as conn:
            for key, reason in wanted.items():
                meta.put(conn, key, reason)


def standing(conn: Transaction, row: ConnectionRow, now: Instant) -> Standing:
    """Describe how a connection is told of changes."""
    barred = meta.get(conn, _key(row.provider))
    if barred is None:
        return Standing("unsupported", "")
    if row.status in _STOPPED and not barred:
        return Standing("off", f"the connection is {row.status.value}")
    rows, known = calendars.of_connection(conn, row.id), channels.of_connection(conn, row.id)
    return look(rows, known, barred, now)


def _key(provider: str) -> str:
    return f"push.{provider}"
