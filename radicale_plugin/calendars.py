"""What a home's calendars hold at one moment, straight from the index, nothing parsed.

A calendar knows its entity tag and its sync token from the moment it is made, since Radicale asks
for them after it has let go of the storage. Objects are rows; their text is written when somebody
asks for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2s
from typing import NamedTuple, Protocol
from xml.etree.ElementTree import Element

from bridge.access.directory import Entry
from bridge.ical import serialize
from bridge.ical.serialize import FeedBlock
from bridge.model.interval import BusyPeriod, Instant, Window
from bridge.model.resource import Projection
from bridge.privacy import title
from bridge.publish import outlook, rendering
from bridge.publish.outlook import View
from bridge.publish.rendering import Words
from bridge.store import busy, standing
from bridge.store.busy import BlockRow, Mark
from bridge.store.database import Transaction
from radicale_plugin.filters import Filter, compile_filters
from radicale_plugin.ground import Ground
from radicale_plugin.places import Place

FORM = "1"
"""Of the text that an object is written as; raised with every change to it, since clients keep what
they have under the same ETag."""
_NAME = re.compile(r"([0-9a-f]{40})\.ics")
_TOKEN = re.compile(
    r"urn:busybridge:sync:([^.\s]{1,64})\.([a-z]+-[0-9a-f]+)\.([0-9]{1,18})(?:\.([0-9]{1,18}))?"
)


class InvalidSyncToken(ValueError):
    """A sync token that cannot be continued (RFC 6578 section 3.2, DAV:valid-sync-token)."""


class Since(NamedTuple):
    """What a sync token stands for."""

    seq: int
    """The last change that was told."""
    begun: int
    """The last change when the first sync began, which was told in parts: of what was deleted
    before it the client has never heard. 0 when there were no parts, or all were told."""


class Row(Protocol):
    """What tells one object of a calendar, and its state, from another."""

    @property
    def uid(self) -> str:
        """Of the event, where it says who the object is."""
        ...

    @property
    def etag(self) -> str:
        """Of this state; without quotes."""
        ...

    @property
    def changed_at(self) -> Instant:
        """When it came to be."""
        ...


class Changes(NamedTuple):
    """What happened since a sync token."""

    token: str
    changed: Sequence[Row]
    removed: Sequence[str]
    """Names of objects that are gone."""
    truncated: bool = False
    """There is more; `token` continues after what is here."""


class Calendar:
    """A list of objects at one moment. This one is empty: an inbox."""

    invites = False
    """Its objects may be scheduling objects (RFC 6638 section 3.1)."""

    def __init__(self, ground: Ground, place: Place) -> None:
        self.ground = ground
        self.place = place
        self.version = f"{place.kind.value}-{_digest(FORM, place.kind.value)}"
        """Of what is shown to whom, and in which form: changed access makes old tokens invalid."""
        self.epoch = "0"
        self.seq = 0
        self.changed_at: Instant = 0
        self.horizon: Window | None = None

    @property
    def token(self) -> str:
        """The sync token: epoch, version and sequence."""
        return self._token(self.seq)

    @property
    def etag(self) -> str:
        """The entity tag of the whole calendar, quoted; CS:getctag is the same."""
        return f'"{_digest(self.epoch, self.version, str(self.seq), self.title)}"'

    @property
    def title(self) -> str:
        """What a download calls itself."""
        return self.place.kind.value

    def objects(self, _conn: Transaction, _window: Window | None = None) -> Sequence[Row]:
        """List the objects that overlap a window, or all of them, in the order of time.

        Raises:
            NotReadYet: as `look`; an empty list would call the resource free.
        """
        return []

    def compile(self, asked: Iterable[Element]) -> Filter:
        """Compile the filters of a report.

        Raises:
            Refused: they make no sense.
        """
        return compile_filters(asked)

    def query(self, conn: Transaction, wanted: Filter) -> Sequence[Row]:
        """List the objects that match.

        Raises:
            NotReadYet: as `objects`.
            Refused: that would take too long.
        """
        if wanted.never:
            return []
        return wanted.select(self.objects(conn, wanted.window), self.text)

    def marks(self, _conn: Transaction) -> Sequence[Row]:
        """List what tells the state of each object: a third of the time that `objects` takes.

        Raises:
            NotReadYet: as `objects`.
        """
        return []

    def named(self, _conn: Transaction, _names: Collection[str]) -> Mapping[str, Row]:
        """Give those of the named objects that exist.

        Raises:
            NotReadYet: as `look`, where there is none.
        """
        return {}

    def changes(
        self, conn: Transaction, token: str, limit: int | None = None, *, texts: bool = True
    ) -> Changes:
        """Tell what changed since a sync token; of an empty one, everything that is there.

        Args:
            conn: a transaction.
            token: that the client has.
            limit: how many changes at most.
            texts: the text of what changed is asked for as well.

        Raises:
            InvalidSyncToken: it is not one of this calendar, or too old.
        """
        if token:
            self.since(conn, token)
        return Changes(self.token, [], [])

    def name(self, row: Row) -> str:
        """Name an object; only letters, digits and what else needs no encoding in a URL."""
        raise KeyError(row.uid)

    def object_etag(self, row: Row) -> str:
        """Give the entity tag of an object, quoted."""
        return f'"{row.etag}-{self.version}"'

    def text(self, row: Row) -> str:
        """Write an object."""
        raise KeyError(row.uid)

    def span(self, row: Row) -> tuple[Instant, Instant]:
        """Tell when an object begins and ends at the most."""
        raise KeyError(row.uid)

    def schedule_tag(self, row: Row) -> str:
        """Give the schedule tag of an object, quoted; empty for what has none."""
        del row
        return ""

    def expand(self, text: str, window: Window) -> str:
        """Write the occurrences of an object in a window: of one that does not recur, itself."""
        del window
        return text

    def limit(self, text: str, window: Window) -> str:
        """Leave out what was changed of a series outside of a window."""
        del window
        return text

    def since(self, _conn: Transaction, token: str) -> Since:
        """Read a sync token.

        Raises:
            InvalidSyncToken: it is not one of this calendar as this login sees it, or it is of a
                state that a restored database never had.
        """
        match = _TOKEN.fullmatch(token)
        if match is None or match[1] != self.epoch or match[2] != self.version:
            raise InvalidSyncToken(token)
        since = Since(int(match[3]), int(match[4] or 0))
        if max(since) > self.seq:
            raise InvalidSyncToken(token)
        return since

    def _token(self, seq: int, begun: int = 0) -> str:
        part = f".{begun}" if begun > seq else ""
        return f"urn:busybridge:sync:{self.epoch}.{self.version}.{seq}{part}"


class ResourceCalendar(Calendar):
    """A calendar of a resource, which can be asked when it is busy. This one is empty."""

    def __init__(self, ground: Ground, place: Place, entry: Entry) -> None:
        super().__init__(ground, place)
        self.entry = entry

    @property
    def title(self) -> str:
        """The name of the resource."""
        return self.entry.plan.name

    def look(self, conn: Transaction) -> View:
        """Look at how far and how freshly the resource's busy time is known.

        Raises:
            NotReadYet: nothing is known of it.
        """
        ground = self.ground
        return outlook.look(conn, ground.publisher, self.entry, Projection.TIMES, ground.clock())

    def periods(self, _conn: Transaction, _window: Window) -> list[BusyPeriod]:
        """Give the busy time of a window that `look` has clipped."""
        return []

    def stream(self, _conn: Transaction) -> bytes:
        """Write the whole calendar as one iCalendar stream."""
        return serialize.collection([], name=self.title, origin=self.ground.instance)


class BusyCalendar(ResourceCalendar):
    """The busy time of a resource, as much of it as a login may see."""

    def __init__(
        self, ground: Ground, place: Place, entry: Entry, kind: Projection, conn: Transaction
    ) -> None:
        super().__init__(ground, place, entry)
        self.projection = kind
        shown = title(entry.plan.privacy) if kind is Projection.TIMES else ""
        self.version = f"{kind.value}-{_digest(FORM, ground.instance, shown)}"
        state = standing.look(conn, entry.plan.id, kind)
        if state is not None:
            self.epoch, self.seq = state.epoch, state.seq
            self.changed_at = state.changed_at or state.horizon.start
            self.horizon = state.horizon

    def periods(self, conn: Transaction, window: Window) -> list[BusyPeriod]:
        """Give the merged busy time, the same as every other output."""
        return self.ground.publisher.periods(conn, self.entry.plan.id, window)

    def objects(self, conn: Transaction, window: Window | None = None) -> list[BlockRow]:
        """List the objects that overlap a window, or all of them, in the order of time."""
        self.look(conn)
        publisher, resource_id = self.ground.publisher, self.entry.plan.id
        if window is None:
            return busy.all_blocks(conn, resource_id, self.projection.value)
        return publisher.blocks(conn, resource_id, self.projection, window)

    def marks(self, conn: Transaction) -> list[Mark]:
        """List what tells the state of each object."""
        self.look(conn)
        return busy.all_marks(conn, self.entry.plan.id, self.projection.value)

    def named(self, conn: Transaction, names: Collection[str]) -> dict[str, BlockRow]:
        """Give those of the named objects that exist."""
        uids = {f"{match[1]}@busybridge" for match in map(_NAME.fullmatch, names) if match}
        rows = busy.named(conn, self.entry.plan.id, self.projection.value, uids)
        if not rows:
            self.look(conn)  # of what was never read nothing is said to be gone
        return {_name(uid): row for uid, row in rows.items()}

    def changes(
        self, conn: Transaction, token: str, limit: int | None = None, *, texts: bool = True
    ) -> Changes:
        """Tell what changed since a sync token; of an empty one, everything that is there."""
        if not token and limit is None:
            everything = self.objects(conn) if texts else self.marks(conn)
            return Changes(self.token, everything, [])
        since = self.since(conn, token) if token else Since(0, self.seq)
        self.look(conn)
        resource_id, kind = self.entry.plan.id, self.projection.value
        if since.seq == self.seq:
            return Changes(self.token, [], [])
        most = None if limit is None else limit + 1
        logged = busy.changes_since(
            conn, resource_id, kind, since.seq, most=most, buried_before=since.begun
        )
        truncated = limit is not None and len(logged) > limit
        logged = logged[:limit]
        rows = busy.named(conn, resource_id, kind, [row.uid for row in logged if not row.deleted])
        return Changes(
            self._token(logged[-1].seq, since.begun) if truncated else self.token,
            list(rows.values()),
            [_name(row.uid) for row in logged if row.deleted],
            truncated,
        )

    def since(self, conn: Transaction, token: str) -> Since:
        """Read a sync token; one from before what the change log remembers cannot be continued."""
        since = super().since(conn, token)
        if max(since) < busy.floor(conn, self.entry.plan.id, self.projection.value):
            raise InvalidSyncToken(token)
        return since

    def name(self, row: Row) -> str:
        """Name an object by its UID."""
        return _name(row.uid)

    def text(self, row: Row) -> str:
        """Write an object."""
        return serialize.event_text(self._event(row), origin=self.ground.instance)

    def span(self, row: Row) -> tuple[Instant, Instant]:
        """Tell when a block begins and ends."""
        whole = _whole(row)
        return whole.start, whole.end

    def stream(self, conn: Transaction) -> bytes:
        """Write the whole calendar."""
        blocks = map(self._event, self.objects(conn))
        return serialize.collection(blocks, name=self.title, origin=self.ground.instance)

    def _event(self, row: Row) -> FeedBlock:
        whole = _whole(row)
        if whole.details == "{}":
            return rendering.event(whole, self._plain)
        return rendering.event(whole, rendering.words(json.loads(whole.details)))

    @cached_property
    def _plain(self) -> Words:
        return rendering.words({"title": title(self.entry.plan.privacy)})


def _whole(row: Row) -> BlockRow:
    if not isinstance(row, BlockRow):
        raise TypeError("an object's text is written of its whole row")
    return row


def _name(uid: str) -> str:
    return f"{uid.partition('@')[0]}.ics"


def _digest(*parts: str) -> str:
    return blake2s("\0".join(parts).encode(), digest_size=6).hexdigest()
