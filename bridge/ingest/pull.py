"""Pull one connection: its calendars one after another, each failure noted where it belongs.

Failure is never emptiness: whatever goes wrong is recorded, and what was known stays published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    TemporarilyUnavailable,
)
from bridge.ingest.basis import Basis, Moved, Room, Superseded
from bridge.ingest.choose import Choice, calendar_key, choose
from bridge.ingest.fold import Listing
from bridge.ingest.read import read
from bridge.ingest.report import CalendarPull
from bridge.ingest.settle import Settlement, apply, drop, settle, unreached
from bridge.ingest.take import Take, progress
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.provider import CalendarInfo, Provider
from bridge.store import calendars, listings
from bridge.store.calendars import CalendarRow, NewCalendar
from bridge.store.text import storable

_TRIES = 5
_RESTLESS = "the configuration kept changing during the pull"


@dataclass(frozen=True, slots=True)
class ConnectionPull:
    """One pull of one connection."""

    room: Room
    connection_id: ConnectionId
    now: Instant
    full: bool

    def run(self, basis: Basis, provider: Provider) -> list[CalendarPull]:
        """Pull every chosen calendar.

        Raises:
            ProviderError: nothing could be read, or the account as a whole refuses. What was read
                before that is stored, and what was not is marked.
        """
        try:
            infos = _calendars(provider)
        except ProviderError as err:
            self.mark(basis, err)
            raise
        self._remember(basis, infos)
        settled = self._settle(basis, infos)
        if settled is None:
            return []
        basis, settlement = settled
        pulls = [CalendarPull(name, error=err) for name, err in settlement.errors()]
        failed = missing = len(pulls)
        for choice in choose(basis.plan, infos).choices:
            try:
                pulls.append(self._pull(basis, provider, infos, choice))
            except ProviderError as err:
                failed += 1
                pulls.append(CalendarPull(choice.info.name, error=err))
                self._note(basis, err, [calendar_key(self.connection_id, choice.info.id)])
                if isinstance(err, AuthorizationExpired):
                    self.mark(basis, err)
                if isinstance(err, AuthorizationExpired | RateLimited):
                    raise
        errors = [pull.error for pull in pulls if pull.error]
        if errors and failed == len(pulls):
            raise errors[0]
        if failed == missing and settlement.obsolete:
            self._drop(basis, infos)
        return pulls

    def mark(self, basis: Basis, err: ProviderError) -> None:
        """Note that nothing of the connection could be read."""
        self._note(basis, err, list(basis.calendars), unreached(self.room, basis))

    def _note(
        self,
        basis: Basis,
        err: ProviderError,
        keys: Iterable[str],
        new: Sequence[NewCalendar] = (),
    ) -> None:
        with self.room.database.write() as conn:
            if not self.room.stands(conn, basis.connection):
                return
            calendars.upsert(conn, new)
            for key in [*keys, *(row.id for row in new)]:
                calendars.record_failure(conn, key, self.now, err.code, str(err))

    def _again(self, before: Basis) -> Basis | None:
        """Read anew where the connection stands; None when what was read is of no use there."""
        basis = self.room.basis(self.connection_id)
        severed = basis is None or basis.connection.severed != before.connection.severed
        return None if severed else basis

    def _remember(self, basis: Basis, infos: Sequence[CalendarInfo]) -> None:
        """Keep what calendars there are, for those who choose among them."""
        listing = listings.text(infos)
        with self.room.database.read() as conn:
            known = listings.raw(conn, self.connection_id, basis.plan.fingerprint)
        if known != listing:
            with suppress(Moved), self.room.locked(basis.resource, lasting=False) as conn:
                listings.save(conn, self.connection_id, basis.plan.fingerprint, listing)

    def _settle(
        self, basis: Basis, infos: Sequence[CalendarInfo]
    ) -> tuple[Basis, Settlement] | None:
        """Make rows for what is wanted, note what is missing; None when all is gone meanwhile."""
        for _ in range(_TRIES):
            settlement = settle(self.room, basis, choose(basis.plan, infos), self.now)
            try:
                apply(self.room, basis, settlement, self.now)
            except Moved:
                again = self._again(basis)
            else:
                again = self._again(basis) if settlement.new else basis
                return (again, settlement) if again else None
            if again is None:
                return None
            basis = again
        raise TemporarilyUnavailable(_RESTLESS)

    def _drop(self, before: Basis, infos: Sequence[CalendarInfo]) -> None:
        """Let go of what nothing wants any more, once nothing it could stand for is unread."""
        basis = self._again(before)
        if basis is not None:
            obsolete = settle(self.room, basis, choose(basis.plan, infos), self.now).obsolete
            with suppress(Moved):
                drop(self.room, basis, obsolete, self.now)

    def _pull(
        self, basis: Basis, provider: Provider, infos: Sequence[CalendarInfo], choice: Choice
    ) -> CalendarPull:
        key = calendar_key(self.connection_id, choice.info.id)
        row = basis.calendars[key]
        full = self.full or _is_full_due(basis, row, self.now)
        listing = read(provider, choice.info, None if full else row.token, basis.horizon)
        return self._take(basis, infos, choice, row, listing)

    def _take(
        self,
        basis: Basis,
        infos: Sequence[CalendarInfo],
        choice: Choice,
        row: CalendarRow,
        listing: Listing,
    ) -> CalendarPull:
        nothing = CalendarPull(choice.info.name)
        for _ in range(_TRIES):
            try:
                return Take(self.room, basis, choice, listing, self.now).run(row)
            except Superseded:
                return nothing
            except Moved:
                again = self._again(basis)
                fresh = again.calendars.get(row.id) if again else None
                if again is None or fresh is None or progress(fresh) != progress(row):
                    return nothing
                if again.plan.fingerprint != basis.plan.fingerprint:
                    return nothing  # what was read is of an account that is not meant any more
                chosen = choose(again.plan, infos).choices
                same = next((it for it in chosen if it.info.id == choice.info.id), None)
                if same is None:
                    return nothing
                basis, choice, row = again, same, fresh
        raise TemporarilyUnavailable(_RESTLESS)


def _calendars(provider: Provider) -> Sequence[CalendarInfo]:
    return [
        replace(
            info,
            name=storable(info.name),
            time_zone=storable(info.time_zone),
            color=storable(info.color),
        )
        for info in provider.calendars()
    ]


def _is_full_due(basis: Basis, row: CalendarRow, now: Instant) -> bool:
    """Tell whether everything has to be read: now and then, and to confirm a suspicious listing."""
    every = basis.plan.full_reconcile.total_seconds()
    return bool(row.shrink) or row.full_at is None or now - row.full_at >= every
