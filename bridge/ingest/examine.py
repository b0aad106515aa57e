"""Compare what a calendar's objects say now with what is stored of them, some at a time.

No transaction is open while anything is parsed or expanded, and only differences are kept in
memory: a rebuild of 100,000 objects needs no more than a pull of a thousand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bridge.errors import InvalidCalendarObject
from bridge.ingest.crash import QUARANTINED, RETRY
from bridge.ingest.difference import Difference
from bridge.ingest.expand import Expander, Found, Made, found_series, stored_series
from bridge.ingest.fold import Listing, Zones, assemble, lay_over
from bridge.provider import RemoteId, Unreadable
from bridge.store import events
from bridge.store.bulk import chunks
from bridge.store.database import Database
from bridge.store.events import EventRow, Known, OccurrenceRow

UNREAD = "?"
"""Digest of an object that could not be read when last seen: whatever comes next differs."""
_CHUNK = 1000


class _Stored(NamedTuple):
    """What the store has of one object."""

    remote_id: str
    row: EventRow | None
    standing: list[OccurrenceRow]


@dataclass(frozen=True, slots=True)
class Examiner:
    """Fills a `Difference` with the objects of one calendar."""

    database: Database
    expander: Expander
    into: Difference

    def changed(self, listing: Listing, known: Mapping[str, Known]) -> dict[str, Found]:
        """Give the whole objects of a listing whose text is not the stored one."""
        changed: dict[str, Found] = {}
        for key, item in listing.series.items():
            if key in listing.parts:
                continue
            try:
                found = found_series(key, item.series, text=item.text, etag=item.etag)
            except InvalidCalendarObject as err:
                listing.unreadable[key] = Unreadable(key, str(err), item.etag)
                continue
            if key not in known or known[key].digest != found.digest:
                changed[key] = found
        return changed

    def whole(self, changed: Mapping[str, Found], known: Mapping[str, Known]) -> None:
        """Take over changed objects."""
        for stored in self._stored(list(changed), known, rows=False):
            self._take(self.expander.make(changed[stored.remote_id], stored.standing), stored)

    def partial(self, listing: Listing, known: Mapping[str, Known], anew: Collection[str]) -> None:
        """Take over single occurrences, and note what could not be read.

        Args:
            listing: what was read.
            known: every object that is stored and named here.
            anew: objects that have to be expanded even if their texts are the stored ones.
        """
        parted = {*listing.parts, *(key for key, it in listing.unreadable.items() if it.remains)}
        for stored in self._stored(sorted(parted), known):
            self._assemble(listing, stored, anew=stored.remote_id in anew)
        alone = [key for key in listing.unreadable if key not in parted]
        for stored in self._stored(alone, known):
            item = listing.unreadable[RemoteId(stored.remote_id)]
            self._keep_unread(item, stored, anew=stored.remote_id in anew)

    def again(self, remote_ids: Sequence[str], known: Mapping[str, Known]) -> None:
        """Expand objects anew from their stored texts."""
        for stored in self._stored(remote_ids, known):
            if stored.row and stored.row.text:
                self._take(self._expanded_again(stored.row, stored.standing), stored)

    def gone(self, remote_ids: Sequence[str], known: Mapping[str, Known]) -> None:
        """Drop objects with their occurrences."""
        for stored in self._stored(remote_ids, known, rows=False):
            self._drop(stored)

    def _stored(
        self, remote_ids: Sequence[str], known: Collection[str], *, rows: bool = True
    ) -> Iterator[_Stored]:
        calendar_id = self.expander.target.calendar_id
        for chunk in chunks(remote_ids, _CHUNK):
            here = [remote_id for remote_id in chunk if remote_id in known]
            texts: dict[str, EventRow] = {}
            standing: dict[str, list[OccurrenceRow]] = defaultdict(list)
            if here:
                with self.database.read() as conn:
                    texts = events.of_calendar(conn, calendar_id, here) if rows else {}
                    for row in events.occurrences_of(conn, calendar_id, here):
                        standing[row.remote_id].append(row)
            for remote_id in chunk:
                yield _Stored(remote_id, texts.get(remote_id), standing[remote_id])

    def _take(self, made: Made, stored: _Stored) -> None:
        before = stored.row
        if before is None or made.event._replace(changed_at=before.changed_at) != before:
            self.into.events.append(made.event)
        self.into.compare(stored.standing, made.occurrences)

    def _drop(self, stored: _Stored) -> None:
        self.into.compare(stored.standing, ())
        self.into.gone.append(stored.remote_id)

    def _assemble(self, listing: Listing, stored: _Stored, *, anew: bool) -> None:
        key, rules = RemoteId(stored.remote_id), self.expander.target.rules
        item, base = listing.series.get(key), None
        try:
            if item is not None:
                base = item.series
            elif stored.row and stored.row.text and _stands(listing, key):
                base = stored_series(stored.row, rules.owner).series
        except InvalidCalendarObject:
            base = None  # its changed occurrences can still be understood
        unread, zones = listing.unreadable.get(key), Zones(*rules.zones())
        try:
            if unread and unread.remains:
                base = lay_over(base, unread.remains, zones)
            series = assemble(key, base, listing.parts.get(key, ()), zones)
            found = series and found_series(key, series, etag=item.etag if item else None)
        except (InvalidCalendarObject, ValueError, OverflowError) as err:
            unread, found = Unreadable(key, str(err), item.etag if item else None), None
        if unread and not found:
            self._keep_unread(unread, stored, anew=anew)
        elif not found:
            self._drop(stored)
        elif unread:  # its changed occurrences are known, the rest of its newer form is not
            made = self.expander.make(found, stored.standing)
            self._take(made._replace(event=self._unread(unread, made.event)), stored)
        elif anew or stored.row is None or stored.row.digest != found.digest:
            self._take(self.expander.make(found, stored.standing), stored)

    def _unread(self, item: Unreadable, row: EventRow) -> EventRow:
        return row._replace(
            etag=item.etag,
            digest=UNREAD,
            problem=f"cannot be read: {item.reason}",
            changed_at=self.expander.now,
        )

    def _keep_unread(self, item: Unreadable, stored: _Stored, *, anew: bool) -> None:
        calendar_id = self.expander.target.calendar_id
        empty = EventRow(calendar_id, stored.remote_id, "", None, "", "", "", "[]", 0)
        row = self._unread(item, stored.row or empty)
        if anew and row.text:
            self._take(self._expanded_again(row, stored.standing), stored)
        else:
            self._take(self.expander.unchanged(row, stored.standing), stored)

    def _expanded_again(self, row: EventRow, standing: Sequence[OccurrenceRow]) -> Made:
        if row.problem == QUARANTINED and self.expander.now - row.changed_at < RETRY:
            return self.expander.unchanged(row, standing)
        try:
            found = stored_series(row, self.expander.target.rules.owner)
        except InvalidCalendarObject as err:
            return self.expander.unchanged(row._replace(problem=f"cannot be read: {err}"), standing)
        made = self.expander.make(found, standing)
        if row.digest == UNREAD:  # the newer form is the one that could not be read
            return made._replace(event=row)
        # What was repaired in the original is not seen in the canonical text.
        return made._replace(event=made.event._replace(notes=_joined(row.notes, made.event.notes)))


def _stands(listing: Listing, key: RemoteId) -> bool:
    """Tell whether a series that a listing does not name as a whole is still what it was."""
    if listing.full:  # single occurrences may be all that is left of it
        return key in listing.unchanged or key in listing.unreadable
    return key not in listing.removed


def _joined(*notes: str) -> str:
    lines = dict.fromkeys(line for text in notes for line in json.loads(text))
    return json.dumps(list(lines), ensure_ascii=False, separators=(",", ":"))
