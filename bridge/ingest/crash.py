"""Find the event whose expansion kills the process, and leave it alone after a restart.

Expansion is bounded, so this should never be needed; memory and interpreters have bounds as well.
The first recurring event of a pull leaves a mark in the store, the end of the pull removes it. Who
finds a mark at the start knows that the process died in between, and marks each recurring event
by name before it is expanded; whose name is found next is quarantined until its text changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.store import meta
from bridge.store.database import Database, Transaction

QUARANTINED = "not expanded: BusyBridge died twice over it; it is tried again when it changes"
_SOME_EVENT = "*"


@dataclass(slots=True)
class CrashMark:
    """The mark of one calendar; used by one pull."""

    database: Database
    key: str
    culprit: str
    """Remote id of the event that must not be expanded; empty when there is none."""
    careful: bool
    _set: bool = False

    @classmethod
    def find(cls, database: Database, calendar_id: str) -> CrashMark:
        """Look for a mark that a dead process left."""
        key = f"expanding.{calendar_id}"
        with database.read() as conn:
            found = meta.get(conn, key)
        culprit = "" if found in (None, _SOME_EVENT) else str(found)
        return cls(database, key, culprit, careful=found is not None, _set=found is not None)

    def expanding(self, remote_id: str) -> None:
        """Say that a recurring event is about to be expanded."""
        if self.careful or not self._set:
            with self.database.write() as conn:
                meta.put(conn, self.key, remote_id if self.careful else _SOME_EVENT)
            self._set = True

    def remove(self, conn: Transaction) -> None:
        """Say, in the transaction that writes the rows, that all went well."""
        if self._set:
            meta.drop(conn, self.key)
