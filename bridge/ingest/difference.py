"""What a pull or a rebuild has to write of one calendar, gathered before its transaction begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bridge.model.interval import Window
from bridge.store import busy, events
from bridge.store.database import Transaction
from bridge.store.events import EventRow, OccurrenceRow


@dataclass(slots=True)
class Difference:
    """Rows to write and to delete, and the spans whose published blocks they touch."""

    calendar_id: str
    events: list[EventRow] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    occurrences: list[OccurrenceRow] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    dirty: list[Window] = field(default_factory=list)
    longest: int = 0

    def touched(self) -> Iterator[str]:
        """Name the objects that are written or deleted."""
        yield from self.gone
        yield from (row.remote_id for row in self.events)

    def compare(self, standing: Iterable[OccurrenceRow], wanted: Iterable[OccurrenceRow]) -> None:
        """Note what makes the standing rows the wanted ones."""
        old = {row.id: row for row in standing}
        for row in wanted:
            before = old.pop(row.id, None)
            if row != before:
                self.occurrences.append(row)
                self.longest = max(self.longest, row.end - row.start)
                self._touch(before, row)
        for row in old.values():
            self.dropped.append(row.id)
            self._touch(row, None)

    def write(self, conn: Transaction, resource_id: str) -> None:
        """Write the rows; publishing the dirty spans is the caller's next step."""
        events.remove(conn, self.calendar_id, self.gone)
        events.remove_occurrences(conn, self.dropped)
        events.save(conn, self.events)
        events.save_occurrences(conn, self.occurrences)
        extents = busy.extents(conn, resource_id)
        if self.longest > extents.occurrence:
            busy.set_extents(conn, resource_id, extents._replace(occurrence=self.longest))

    def _touch(self, before: OccurrenceRow | None, after: OccurrenceRow | None) -> None:
        if before and after and _published(before) == _published(after):
            return
        for row in (before, after):
            if row and row.fbtype:
                self.dirty.append(Window(row.start, row.end))


def _published(row: OccurrenceRow) -> tuple[object, ...] | None:
    return (row.start, row.end, row.fbtype, row.details) if row.fbtype else None
