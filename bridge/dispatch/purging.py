"""Purging: everything that this instance wrote into an account's calendars is deleted.

What is ours the marks of the events say, nothing else: it is found with an empty database, too, and
what people or other instances wrote is never touched. It may be killed and done again at any time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from bridge.dispatch.clearing import Clearing, Due
from bridge.dispatch.makers import Accounts, Makers
from bridge.dispatch.points import PurgePoint
from bridge.dispatch.sweeping import Found, Item, look
from bridge.errors import (
    AuthorizationExpired,
    BridgeError,
    ProviderError,
    RemoteNotFound,
    TemporarilyUnavailable,
)
from bridge.model.conference import ConferenceKind
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.points import reached
from bridge.provider import CalendarInfo, RemoteId
from bridge.sink import ConferenceMaker, EventSink
from bridge.store.bookings import BookingRow

_UNMARKED = "events of bookings stand there without our mark, and are not deleted for that"
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Purged:
    """What came of it."""

    deleted: list[Item] = field(default_factory=list)
    left: list[tuple[CalendarInfo, int | None, ProviderError]] = field(default_factory=list)
    """Calendars in which something is left, how many events, and why; None: nobody knows."""
    meetings: list[str] = field(default_factory=list)
    """Links of meetings that may still be there, made by other providers."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left in any calendar."""
        return not self.left


class WrittenLeft(ProviderError):
    """Something that was written is left."""

    code = "written_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purging:
    """Purges connections; any thread may call."""

    accounts: Accounts
    instance: str
    """Whose marks are looked for."""
    clock: Callable[[], Instant]
    clearing: Clearing | None
    """Brings the store in line; None where there is none."""
    is_silent: Callable[[ConnectionId], bool] = lambda _: False
    """Whether guests of what is written there are told nothing anyway (`notify_attendees`)."""

    def look(self, connection_id: ConnectionId) -> list[Found]:
        """Look what there is to be purged.

        Raises:
            ConfigError: no connection of this id is configured.
            ProviderError: its calendars cannot be listed, or are never written to.
        """
        return look(self.accounts.open(connection_id), self.instance)

    def purge(
        self,
        connection_id: ConnectionId,
        *,
        silent: bool = False,
        own: bool = False,
        tell: Callable[[Item], None] = lambda _: None,
    ) -> Purged:
        """Delete all of it, and end the bookings that it was written for.

        Guests are told of what is still to come, where the provider leaves that to us.

        Args:
            connection_id: whose calendars.
            silent: guests are not told at all.
            own: what the store knows of another connection with the same account is left.
            tell: is told of every event that is deleted.

        Raises:
            ConfigError: no connection of this id is configured.
            ProviderError: its calendars cannot be listed, or are never written to.
            StoreError: the store cannot be brought in line; done again, it does what is left.
        """
        provider = self.accounts.open(connection_id)
        silent = silent or self.is_silent(connection_id)
        purged = Purged()
        with nullcontext() if self.clearing is None else self.clearing.holding(connection_id):
            reached(PurgePoint.HELD)
            since = self.clock()
            meetings = _Meetings(self.accounts, self.clearing, connection_id)
            every = look(provider, self.instance)
            for found in [self._own(connection_id, it) for it in every] if own else every:
                if provider.sink is not None:
                    self._purge(provider.sink, found, purged, silent=silent, tell=tell)
                    self._end(connection_id, provider.sink, found, purged, meetings, since)
            purged.meetings += meetings.left
        return purged

    def purge_whole(self, connection_id: ConnectionId) -> Purged:
        """Purge before an account is given up; one that is never written to has nothing.

        What other connections with the same account wrote is left, as far as the store knows it.

        Raises:
            WrittenLeft: something is left; done again, it does what is left.
            BridgeError: as with `purge`.
        """
        if self.accounts.open(connection_id).sink is None:
            return Purged()
        purged = self.purge(connection_id, own=True)
        for calendar, number, problem in purged.left:
            what = "what was written" if number is None else f"{number} events"
            raise WrittenLeft(
                f"{what} in {calendar.name!r} could not be deleted: {problem}", hint=problem.hint
            ) from problem
        return purged

    def _own(self, connection_id: ConnectionId, found: Found) -> Found:
        """Leave out what is known of another connection."""
        if self.clearing is None:
            return found
        others = self.clearing.of_others(connection_id, [it.marked for it in found.items])
        mine = [it for it in found.items if (it.marked.mirror or it.marked.token) not in others]
        return replace(found, items=mine)

    def _purge(
        self,
        sink: EventSink,
        found: Found,
        purged: Purged,
        *,
        silent: bool,
        tell: Callable[[Item], None],
    ) -> None:
        if found.problem is not None:
            purged.left.append((found.calendar, None, found.problem))
            return
        now = self.clock()
        left, problem = 0, None
        for number, item in enumerate(found.items):
            notify = item.tells(now, silent=silent)
            try:
                sink.delete(found.calendar.id, item.marked.written, notify=notify)
            except RemoteNotFound:  # the calendar went meanwhile
                logger.debug("%s: it was gone already", found.calendar.id)
            except ProviderError as err:
                problem, left = err, left + 1
                if isinstance(err, AuthorizationExpired | TemporarilyUnavailable):
                    left += len(found.items) - number - 1
                    break
                continue
            reached(PurgePoint.DELETED)
            purged.deleted.append(item)
            tell(item)
        if problem is not None:
            purged.left.append((found.calendar, left, problem))

    def _end(
        self,
        connection_id: ConnectionId,
        sink: EventSink,
        found: Found,
        purged: Purged,
        meetings: _Meetings,
        since: Instant,
    ) -> None:
        """End the bookings of a calendar, and their meetings."""
        gone = [it for it in purged.deleted if it.calendar.id == found.calendar.id]
        ids = {str(it.marked.written.remote_id) for it in gone}
        known: frozenset[str] = frozenset()
        if self.clearing is not None:
            calendar = found.calendar
            absent: set[str] = set()
            if found.problem is None:
                left = [it.marked for it in found.items if it.marked.written.remote_id not in ids]
                names = ids | {str(it.written.remote_id) for it in left} | {it.token for it in left}
                rows = self.clearing.unlisted(connection_id, calendar.id, names - {""}, since)
                absent = _absent(sink, calendar, rows, purged)
            ended = self.clearing.cancel(
                connection_id, calendar.id, gone=ids, absent=absent, since=since
            )
            if ended.tokens:
                reached(PurgePoint.CLEARED)
            meetings.cancel(ended.due)
            known = ended.tokens
        meetings.find([it for it in gone if it.link and it.marked.token not in known])


def _absent(
    sink: EventSink, calendar: CalendarInfo, rows: Sequence[BookingRow], purged: Purged
) -> set[str]:
    """Give the ids of those bookings whose events do not stand there, marked or not.

    Where servers and people take marks away, what was not found by them may stand nevertheless: it
    is not deleted, since nobody can tell that it is ours, and its booking goes on.
    """
    absent: set[str] = set()
    left = 0
    problem: ProviderError | None = None
    for number, row in enumerate(rows):
        try:
            if not _stands(sink, calendar, row):
                absent.add(row.id)
                continue
            problem, left = WrittenLeft(_UNMARKED, hint="delete them in the calendar"), left + 1
        except (AuthorizationExpired, TemporarilyUnavailable) as err:
            problem, left = err, left + len(rows) - number
            break
        except ProviderError as err:
            problem, left = err, left + 1
    if problem is not None:
        purged.left.append((calendar, left, problem))
    return absent


def _stands(sink: EventSink, calendar: CalendarInfo, row: BookingRow) -> bool:
    try:
        if not row.remote_id:  # it may have been written without an answer
            return sink.find(calendar.id, row.token) is not None
        sink.read(calendar.id, RemoteId(row.remote_id))
    except RemoteNotFound:
        return False
    return True


@dataclass(slots=True)
class _Meetings:
    """Meetings that were made by themselves, and end with their events."""

    accounts: Accounts
    clearing: Clearing | None
    connection_id: ConnectionId
    left: list[str] = field(default_factory=list)

    def cancel(self, due: Sequence[Due]) -> None:
        """Cancel meetings that the store knows of; what fails is tried again by whoever serves."""
        if self.clearing is None:
            return
        makers = Makers(self.clearing.database, self.accounts)
        for each in due:
            try:
                maker = makers.of(each.resource_id, each.owed.kind, each.owed.maker)
                if maker is not None:
                    maker.cancel(each.owed.reference)
                    self.clearing.done(each)
                    continue
            except BridgeError as err:
                logger.warning("%s: a meeting is not cancelled yet: %s", self.connection_id, err)
            self.left.append(f"{each.owed.kind.value} {each.owed.reference}")

    def find(self, items: Sequence[Item]) -> None:
        """Cancel meetings that nothing but their events tells of; name those that are not found."""
        makers = list(self._makers()) if items else []
        for item in items:
            if not any(_ended(maker, item) for maker in makers):
                self.left.append(item.link)

    def _makers(self) -> Iterator[ConferenceMaker]:
        resource_id = ResourceId(self.connection_id.partition(".")[0])
        if self.clearing is not None:
            makers = Makers(self.clearing.database, self.accounts)
            yield from makers.every(resource_id, ConferenceKind.ZOOM)
            return
        for name in self.accounts.serving(resource_id):
            try:
                maker = self.accounts.open(name).conferences
            except BridgeError:
                continue
            if maker is not None:
                yield maker


def _ended(maker: ConferenceMaker, item: Item) -> bool:
    """Cancel the meeting that was made for an event; tell whether there was one."""
    try:
        found = maker.find(item.marked.token) if item.marked.token else None
        if found is None:
            return False
        maker.cancel(found.reference)
    except BridgeError as err:
        logger.warning("a meeting is not cancelled: %s", err)
        return False
    return True
