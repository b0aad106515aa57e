"""What a provider posts: believed when its token is right, and turned into a due mark.

Nothing here waits for anybody, and nobody is asked anything: all that a request claims is looked up
at once, and no more is compared after a hundred claims that are not true. A request that is not
believed leaves no trace in the store (T41).
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import NamedTuple

from bridge.channels.coalescing import Coalescing, Wish
from bridge.config.live import Live
from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.notifier import Delivery, Farewell, MeetingNews, News, Notice, Notices
from bridge.provider import ProviderKind
from bridge.store import channels, connections, schedule
from bridge.store.channels import ChannelRow, ChannelState, Heard
from bridge.store.database import Database, Transaction
from bridge.store.keys import digest
from bridge.store.wake import Wake

logger = logging.getLogger(__name__)

_MOST_REFUSED = 100
"""Claims of one request; of one that holds more that are not true the rest is not looked at."""
_BREATH = 60
"""Least seconds between two pulls of a connection that fails."""
_NOBODY = digest("nobody has this token")
_DEAF = (ChannelState.STOPPING, ChannelState.FAILED)


class Answer(NamedTuple):
    """What a request is answered."""

    status: int
    body: bytes = b""
    media_type: str = ""
    """Of the body."""
    taken: int = 0
    """Notifications that were believed."""
    refused: int = 0


class Hearing:
    """Takes what is posted to `/hooks/<kind>`; any number of threads may share it."""

    def __init__(
        self,
        database: Database,
        wake: Wake,
        kinds: Mapping[str, ProviderKind],
        *,
        clock: Callable[[], Instant],
        tick: Callable[[], float] = monotonic,
        live: Live | None = None,
    ) -> None:
        """Hear nothing yet; without settings nothing that is signed is believed."""
        self._database = database
        self._wake = wake
        self._kinds = kinds
        self._clock = clock
        self._tick = tick
        self._coalescing = Coalescing()
        self._live = live
        self.followers: list[Callable[[MeetingNews], object]] = []
        """Told of each meeting that its maker says was changed; they return soon, and may raise
        StoreError."""
        self.partings: list[Callable[[str, Farewell], object]] = []
        """The same for accounts that left; the first argument is the kind's name."""

    def hear(self, kind_name: str, delivery: Delivery) -> Answer:
        """Take one request.

        Raises:
            StoreError: it could not be noted; whoever sent it may send it again.
        """
        kind = self._kinds.get(kind_name)
        found = None if kind is None else self._read(kind, delivery)
        if kind is None or found is None:
            return Answer(404)
        if found.handshake or found.taken:
            self._pass_on(kind.name, found)
            return Answer(found.status, found.body, found.media_type, int(found.taken))
        if not found.claims:
            return Answer(404, refused=1)
        believed, refused = [], 0
        with self._database.read() as conn:
            known = channels.named(conn, {claim.channel for claim in found.claims}, kind.name)
        for claim in found.claims:
            row = known.get(claim.channel)
            if _is_true(claim, row) and row is not None:
                believed.append((row, claim))
            elif (refused := refused + 1) == _MOST_REFUSED:
                break
        taken = sum([self._take(row, claim) for row, claim in believed])
        if not taken:
            # One answer to all that is not good, and to what is good for nothing any more (F45).
            return Answer(404, refused=max(1, refused))
        return Answer(found.status, found.body, found.media_type, taken, refused)

    def _pass_on(self, kind_name: str, found: Notices) -> None:
        for news in found.meetings:
            for follower in self.followers:
                follower(news)
        for farewell in found.farewells:
            for parting in self.partings:
                parting(kind_name, farewell)

    def _read(self, kind: ProviderKind, delivery: Delivery) -> Notices | None:
        if kind.signed is None:
            return kind.notices(delivery) if kind.notices else None
        section = None if self._live is None else self._live.current.providers.get(kind.name)
        return None if section is None else kind.signed(delivery, section, self._clock())

    def _take(self, row: ChannelRow, claim: Notice) -> bool:
        """Do what a true notification asks for; False when the channel is to be no more."""
        now = self._clock()
        if row.state in _DEAF or row.expires_at <= now:
            self._stop_again(row, claim, now)
            return False
        if claim.number is not None and claim.number <= row.last_number:
            return True  # a copy, or one that was overtaken: what it tells was answered
        told = Heard(
            claim.reference,
            claim.number or 0,
            changed=claim.news is not News.CONFIRMED,
            ended=claim.news is News.ENDED,
        )
        if claim.news is News.CONFIRMED:
            with self._database.write(lasting=False) as conn:
                channels.heard(conn, row.id, told, now)
            return True
        wish = self._coalescing.hear(row.connection_id, (row.id, claim.number), now, self._tick())
        if wish is None and claim.news is News.CHANGED:
            return True
        try:
            with self._database.write(lasting=False) as conn:
                channels.heard(conn, row.id, told, now)
                self._mark(conn, row.connection_id, wish or Wish(now), now)
        except StoreError:
            self._coalescing.forget(row.connection_id)
            raise
        self._wake.notify("schedule")
        return True

    def _mark(
        self, conn: Transaction, connection_id: ConnectionId, wish: Wish, now: Instant
    ) -> None:
        row = connections.get(conn, connection_id)
        # Only a person can help one that was refused, and notifications must not hammer another.
        if row is None or row.status is ConnectionStatus.TOKEN_EXPIRED:
            return
        at, was = wish
        if row.failures and row.attempt_at is not None and row.attempt_at <= now:
            at = max(at, row.attempt_at + _BREATH)
        # What was to be put off may have begun meanwhile: then this is the next one.
        if was is None or not schedule.postpone(conn, connection_id, was, at):
            schedule.mark(conn, [connection_id], at)

    def _stop_again(self, row: ChannelRow, claim: Notice, now: Instant) -> None:
        """Learn from a channel that should be silent how it is stopped."""
        if row.expires_at <= now or (row.reference and row.state is ChannelState.STOPPING):
            return  # it is over, or its next try is set
        with self._database.write(lasting=False) as conn:
            channels.heard(conn, row.id, Heard(claim.reference), now)
            channels.give_up(conn, [row.id], now)


def _is_true(claim: Notice, row: ChannelRow | None) -> bool:
    # Compared whether there is one or not, and always in the same time.
    said = digest(claim.token.get_secret_value())
    same = hmac.compare_digest(said, row.digest if row else _NOBODY)
    if row is None or not same:
        return False
    return not row.reference or hmac.compare_digest(
        row.reference.encode(), claim.reference.encode("utf-8", "surrogatepass")
    )
