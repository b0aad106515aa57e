"""Opening channels, renewing them in good time, and stopping what nobody needs.

`tend` is called at the end of a pull, under its lease: one process at a time has a connection in
its hands. What belongs to connections that nobody pulls is stopped by `sweep`, under leases of its
own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from secrets import token_hex
from time import monotonic

from pydantic import SecretStr

from bridge import deadline
from bridge.accounts import Accounts
from bridge.channels.reach import address, why_not
from bridge.channels.standing import Tended, is_watchable, tells
from bridge.config.live import Live
from bridge.config.plan import ConnectionPlan
from bridge.errors import (
    AuthorizationExpired,
    ConfigError,
    Disposition,
    ProviderError,
    StoreError,
)
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.notifier import Channel, Notifier, Watch
from bridge.provider import ProviderKind
from bridge.store import calendars, channels, connections, leases, schedule
from bridge.store.calendars import CalendarRow
from bridge.store.channels import ChannelRow, ChannelState, Trouble
from bridge.store.database import Database, Transaction
from bridge.store.keys import digest
from bridge.store.schedule import Claim

logger = logging.getLogger(__name__)

_SOON, _LATE = 0.5, 0.8
"""Shares of a channel's life between which it is renewed: not all at the same moment."""
_LEASE = 120
_AT_ONCE = 8
"""Channels that are stopped under one lease."""
_GRACE = 60
"""Seconds after a notification in which what a pull finds may be what it told of."""
_SWEEP = 60.0
"""Seconds after which a sweep leaves the rest to the next one."""
_REFUSED = 3600
"""Least seconds before a calendar is asked for again that the provider will not watch."""
_ORPHANED = 8 * 86400
"""Seconds after which a channel that may never have been opened has ended by itself."""
_GONE_BY = 60
"""Seconds after which what was said goodbye to and is still there is polled."""
_GOODBYE = 10.0
"""Seconds that stopping channels may take where a person waits for it."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One connection, as it was when the work on it began."""

    connection_id: ConnectionId
    notifier: Notifier
    address: str
    now: Instant
    claim: Claim | None

    def stands(self, conn: Transaction) -> bool:
        return self.claim is None or leases.stands(conn, self.claim)


class Keeper:
    """Keeps the channels of all connections; safe in many threads and processes."""

    def __init__(
        self,
        database: Database,
        live: Live,
        accounts: Accounts,
        kinds: Mapping[str, ProviderKind],
        *,
        clock: Callable[[], Instant],
        random: Random | None = None,
    ) -> None:
        self._database = database
        self._live = live
        self._accounts = accounts
        self._kinds = kinds
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - spreads renewals, hides nothing

    def begin(self) -> None:
        """Have watched connections polled soon: nobody was here to hear what was told meanwhile.

        Raises:
            StoreError: the database cannot be used.
        """
        now = self._clock()
        with self._database.read() as conn:
            watched = {row.connection_id for row in channels.every(conn)}
            rows = [row for row in connections.every(conn) if row.id in watched]
        if rows:
            with self._database.write(lasting=False) as conn:
                for row in rows:
                    interval = ConnectionPlan.model_validate_json(row.plan).interval
                    latest = now + int(interval.total_seconds() * self._random.random())
                    schedule.sooner(conn, [row.id], latest)

    def tend(
        self, connection_id: ConnectionId, claim: Claim | None = None, *, surprised: bool = False
    ) -> Tended:
        """Open, renew and stop what has to be; to be called by who holds the connection's lease.

        A channel that cannot be opened costs nothing but itself: it is noted, and tried again by a
        later pull.

        Args:
            connection_id: global id.
            claim: that lease; nothing is opened when it was taken away.
            surprised: something had changed of which nobody told. Notifications get lost, then, and
                the connection is polled as if there were none, until one arrives.

        Raises:
            StoreError: the database cannot be used.
        """
        settings, now = self._live.current, self._clock()
        with self._database.read() as conn:
            row = connections.get(conn, connection_id)
            kind = self._kinds.get(row.provider) if row else None
            if row is None or kind is None or kind.notices is None:
                return Tended()
            rows = calendars.of_connection(conn, connection_id)
            known = channels.of_connection(conn, connection_id)
        notifier = self._notifier(connection_id)
        if notifier is None or row.status in connections.STOPPED:
            return Tended()
        barred = why_not(settings, kind)
        work = _Work(connection_id, notifier, address(settings, kind), now, claim)
        wanted = [] if barred else [each for each in rows if is_watchable(each)]
        fresh = [self._watch(work, each, known) for each in wanted]
        with self._database.read() as conn:
            known = channels.of_connection(conn, connection_id)
        spare = _surplus(known, wanted, work)
        self._stop_all(notifier, spare)
        known = [each for each in known if each not in spare]
        if surprised and _is_overdue(known, now):
            with self._database.write(lasting=False) as conn:
                channels.doubt(conn, connection_id)
                known = channels.of_connection(conn, connection_id)
        return _judge(rows, known, now, barred)._replace(fresh=any(fresh))

    def sweep(self) -> None:
        """Stop what nobody needs any more; safe to call at any time.

        Raises:
            StoreError: the database cannot be used.
        """
        settings, now = self._live.current, self._clock()
        with self._database.read() as conn:
            standing = channels.every(conn)
            kinds = {row.id: self._kinds.get(row.provider) for row in connections.every(conn)}
        if not standing:
            return
        barred = [
            row
            for row in standing
            if row.state is not ChannelState.STOPPING
            and ((kind := kinds.get(row.connection_id)) is None or why_not(settings, kind))
        ]
        with self._database.write(lasting=False) as conn:
            channels.give_up(conn, [row.id for row in barred], now)
            # They wait for a poll that only was to be there for safety.
            schedule.sooner(conn, sorted({row.connection_id for row in barred}), now)
        ends = monotonic() + _SWEEP
        while monotonic() < ends:
            with self._database.write(lasting=False) as conn:
                rows = channels.claim_stops(conn, now, _LEASE, _AT_ONCE)
            if not rows:
                return
            for row in rows:
                self._stop(self._notifier(row.connection_id), row)

    def dismiss(self, *connection_ids: ConnectionId) -> None:
        """Stop every channel of connections whose grants are about to end, in 10 s at most.

        What could not be stopped is forgotten all the same, and ends by itself within days.
        """
        try:
            with self._database.write(lasting=False) as conn:
                # A pull that runs, or comes before they are gone, would open others. Whoever stays
                # after all, of a reload that is refused, say, is told nothing.
                schedule.abandon(conn, connection_ids)
                schedule.move(conn, connection_ids, self._clock() + _GONE_BY)
                rows = [row for it in connection_ids for row in channels.of_connection(conn, it)]
            with deadline.within(_GOODBYE):
                for row in rows:
                    notifier = self._notifier(row.connection_id) if row.reference else None
                    if notifier is not None and deadline.remaining():
                        self._say_stop(notifier, row)
            if rows:
                with self._database.write() as conn:
                    channels.remove(conn, [row.id for row in rows])
        except StoreError as err:
            logger.warning("notifications go on for some days: %s", err)

    def _notifier(self, connection_id: ConnectionId) -> Notifier | None:
        try:
            return self._accounts.open(connection_id).notifier
        except (ConfigError, ProviderError):
            return None

    def _watch(self, work: _Work, row: CalendarRow, known: Sequence[ChannelRow]) -> bool:
        """See to it that a calendar is watched; True when, up to now, it may not have been."""
        own = [each for each in known if each.calendar == row.remote_id]
        standing = [each for each in own if each.is_open(work.now) and each.address == work.address]
        latest = standing[-1] if standing else None
        if latest is not None and work.now < latest.due_at:
            return False
        failed = next((each for each in own if each.state is ChannelState.FAILED), None)
        if failed is not None and work.now < failed.due_at:
            return False
        opened = self._open(work, row.remote_id, latest, failed)
        return opened is not None and (latest is None or opened.is_late)

    def _open(
        self, work: _Work, calendar: str, latest: ChannelRow | None, failed: ChannelRow | None
    ) -> Channel | None:
        """Open a channel, or renew one that is open; None when that failed."""
        token = token_hex(32)
        wanted = Watch(token_hex(16), calendar, work.address, SecretStr(token), work.now)
        row = ChannelRow(
            id=wanted.id,
            connection_id=work.connection_id,
            calendar=calendar,
            address=work.address,
            reference="",
            digest=digest(token),
            state=ChannelState.OPENING,
            made_at=work.now,
            expires_at=work.now + _ORPHANED,
            due_at=work.now + _ORPHANED,
            failures=failed.failures if failed else 0,
        )
        with self._database.write() as conn:
            if not work.stands(conn):
                return None
            if failed is not None:
                channels.remove(conn, [failed.id])
            channels.add(conn, row)
        try:
            if latest is None:
                opened = work.notifier.watch(wanted)
            else:
                opened = work.notifier.renew(_channel(latest), wanted)
        except ProviderError as err:
            logger.warning("%s: %s", work.connection_id, err)
            due_at = work.now + self._pause(err, row.failures)
            trouble = Trouble(err.code, str(err), err.hint)
            with self._database.write(lasting=False) as conn:
                channels.failed(conn, row.id, ChannelState.FAILED, trouble, due_at)
            return None
        if self._keep(row, latest, opened):
            return opened
        # Somebody said goodbye meanwhile, and could not stop what was not there yet.
        self._say_stop(work.notifier, row._replace(id=opened.id, reference=opened.reference))
        return None

    def _keep(self, row: ChannelRow, latest: ChannelRow | None, opened: Channel) -> bool:
        """Note an opened channel, or one that lives on under its old id."""
        now = self._clock()
        kept = row if latest is None or opened.id == row.id else latest
        life = opened.expires - now
        kept = kept._replace(
            reference=opened.reference,
            expires_at=opened.expires,
            due_at=now + int(life * self._random.uniform(_SOON, _LATE)),
            confirmed_at=now if opened.confirmed else None,
        )
        with self._database.write() as conn:
            if kept.id != row.id:
                channels.remove(conn, [row.id])
            return channels.opened(conn, kept)

    def _pause(self, err: ProviderError, failures: int) -> int:
        backoff = self._live.current.sync.backoff
        most = backoff.max.total_seconds()
        bound = min(backoff.initial.total_seconds() * 2.0 ** min(failures, 40), most)
        pause = bound * self._random.uniform(0.5, 1)
        if err.disposition is Disposition.REJECT:
            pause = max(pause, min(_REFUSED, most) * self._random.uniform(0.9, 1))
        asked = getattr(err, "retry_after", None) or timedelta()
        return max(1, round(max(pause, min(asked.total_seconds(), most))))

    def _stop_all(self, notifier: Notifier, rows: Sequence[ChannelRow]) -> None:
        if rows:
            now = self._clock()
            with self._database.write(lasting=False) as conn:
                channels.give_up(conn, [row.id for row in rows], now + _LEASE)
            for row in rows:
                self._stop(notifier, row)

    def _stop(self, notifier: Notifier | None, row: ChannelRow) -> None:
        """Stop one channel and forget it, or note that it has to be tried again."""
        now = self._clock()
        trouble = None
        if row.expires_at > now and row.state is not ChannelState.FAILED:
            if not row.reference:
                # It may not exist. If it does, its next notification says what is missing.
                with self._database.write(lasting=False) as conn:
                    lost = Trouble("unknown", "it is not known whether this was opened")
                    channels.failed(conn, row.id, ChannelState.STOPPING, lost, row.expires_at)
                return
            trouble = self._say_stop(notifier, row) if notifier is not None else None
        with self._database.write(lasting=False) as conn:
            if trouble is None:
                channels.remove(conn, [row.id])
            else:
                told = Trouble(trouble.code, str(trouble), trouble.hint)
                due_at = now + self._pause(trouble, row.failures)
                channels.failed(conn, row.id, ChannelState.STOPPING, told, due_at)

    def _say_stop(self, notifier: Notifier, row: ChannelRow) -> ProviderError | None:
        try:
            notifier.stop(_channel(row))
        except AuthorizationExpired:
            return None  # who has no grant cannot stop it, now or later
        except ProviderError as err:
            logger.info("%s: a channel was not stopped: %s", row.connection_id, err)
            return err
        return None


def _is_overdue(known: Sequence[ChannelRow], now: Instant) -> bool:
    """Tell whether channels are believed that have told of nothing lately."""
    believed = any(row.is_open(now) and row.confirmed_at is not None for row in known)
    return believed and all(now - (row.last_at or 0) > _GRACE for row in known)


def _surplus(
    known: Sequence[ChannelRow], wanted: Sequence[CalendarRow], work: _Work
) -> list[ChannelRow]:
    """Name what nothing needs: of calendars that are not read, replaced, or given up."""
    needed: dict[str, ChannelRow] = {}
    for row in known:  # the oldest first: of two the later one stays
        if row.is_open(work.now) and row.address == work.address:
            needed[row.calendar] = row
    names = {each.remote_id for each in wanted}
    keep = {row.id for row in needed.values() if row.calendar in names}
    failed = {row.id for row in known if row.state is ChannelState.FAILED and row.calendar in names}
    stopping = {
        row.id for row in known if row.state is ChannelState.STOPPING and row.due_at > work.now
    }
    # Until another one is open, one with an old address is better than none.
    covered = needed.keys()
    spare = {row.id for row in known if row.is_open(work.now) and row.calendar in names - covered}
    return [row for row in known if row.id not in keep | failed | stopping | spare]


def _judge(
    rows: Sequence[CalendarRow], known: Sequence[ChannelRow], now: Instant, barred: str
) -> Tended:
    read = [row for row in rows if row.reads or row.writes]
    healthy = bool(read) and not barred and not any(tells(row, known, now) for row in read)
    standing = [row for row in known if row.is_open(now)]
    return Tended(
        healthy=healthy,
        due_at=min((row.due_at for row in standing), default=None) if healthy else None,
        heard_at=max((row.last_at for row in known if row.last_at), default=None),
    )


def _channel(row: ChannelRow) -> Channel:
    return Channel(row.id, row.calendar, row.reference, row.expires_at)
