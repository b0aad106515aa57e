"""Deciding what the admin is told, and telling it; the scheduler runs both as jobs.

A decision and its messages are one transaction under a lock of the whole database, so that two
processes tell nothing twice and a killed one loses nothing. Messages are delivered apart from
that, at least once, with the same id in each try.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from secrets import token_hex
from time import monotonic
from typing import NamedTuple

from bridge.config.live import Live
from bridge.config.plan import ResourcePlan
from bridge.config.settings import Settings
from bridge.errors import BridgeError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.notify.decide import Decision, Told, decide
from bridge.notify.troubles import Look, Trouble, look
from bridge.notify.ways import Way
from bridge.notify.wording import document
from bridge.store import alerts, calendars, connections, mirrors, resources
from bridge.store.alerts import AlertRow, Message
from bridge.store.database import Database, Transaction

logger = logging.getLogger(__name__)

LOOK_EVERY, DELIVER_EVERY = 10, 2
"""Seconds between two runs of the jobs."""
_LEASE = 60
_RESTS = (5, 60, 300, 1800, 3600)
"""Seconds after a failure; the last from then on."""
_GIVEN_UP = 72 * 3600
"""Seconds after which nobody needs to be told any more."""
_REMEMBERED = 7 * 86400
_HOUR = 3600
_RUN = 5.0
"""Seconds after which a run begins no further delivery."""


class _Found(NamedTuple):
    decision: Decision
    seen: Look


class Notifier:
    """Tells the admin; safe in many threads and processes."""

    def __init__(
        self,
        database: Database,
        live: Live,
        ways: Callable[[Settings], Sequence[Way]],
        clock: Callable[[], Instant],
    ) -> None:
        """Do nothing yet.

        Args:
            database: the store.
            live: the settings in force; read at each run.
            ways: gives the ways of settings, the log included.
            clock: tells the present.
        """
        self._database = database
        self._live = live
        self._ways = ways
        self._clock = clock
        self._followed: object = None
        self._clean_at = 0

    def look(self) -> int:
        """Look how connections fare, and decide what is told; returns how much.

        Raises:
            StoreError: the database cannot be used; nothing is decided.
        """
        settings, now = self._live.current, self._clock()
        with self._database.read() as conn:
            found = _survey(conn, settings, now)
        if not found:
            return 0
        names = [way.name for way in self._ways(settings)]
        with self._database.write() as conn:
            alerts.lock(conn)
            found = _survey(conn, settings, now)
            for each in found:
                alerts.keep(conn, each.decision.keep)
                alerts.forget(conn, each.decision.forget)
                if each.decision.told is not None:
                    _post(conn, names, each.decision.told, each.seen, now)
        return sum(each.decision.told is not None for each in found)

    def deliver(self) -> int:
        """Deliver what waits, the oldest first, until a way fails; returns how much arrived.

        Raises:
            StoreError: the database cannot be used; what was delivered may be delivered again.
        """
        settings, now = self._live.current, self._clock()
        ways = self._ways(settings)
        if _shaping(settings) != self._followed or now >= self._clean_at:
            self._follow(settings, [way.name for way in ways], now)
        with self._database.read() as conn:
            waiting = alerts.backlog(conn)
        ends = monotonic() + _RUN
        return sum(self._drain(way, ends) for way in ways if way.name in waiting)

    def _drain(self, way: Way, ends: float) -> int:
        arrived = 0
        while monotonic() < ends:
            now = self._clock()
            with self._database.write() as conn:
                messages = alerts.take(conn, way.name, now, _LEASE, way.most)
            if not messages or not self._try(way, messages, now):
                break
            arrived += len(messages)
        return arrived

    def _try(self, way: Way, messages: Sequence[Message], now: Instant) -> bool:
        error = ""
        try:
            way.deliver([(each.message_id, each.body) for each in messages], now)
        except BridgeError as err:
            hint = getattr(err, "hint", "")
            error = f"{err} ({hint})" if hint else str(err)
        except Exception as err:
            # One message's fault must not keep the others; it is shown with its way.
            logger.exception("an alert could not be sent by a fault of ours")
            error = f"a fault of BusyBridge ({type(err).__name__}); see its log"
        now = self._clock()
        with self._database.write() as conn:
            if not error:
                alerts.delivered(conn, messages, now)
                return True
            alerts.failed(conn, messages, now, _RESTS, error, oldest=now - _GIVEN_UP)
        logger.warning("alerts do not arrive by %s: %s", way.name, error)
        return False

    def _follow(self, settings: Settings, names: Sequence[str], now: Instant) -> None:
        """Tidy up; and try at once what may go well with other settings."""
        with self._database.write() as conn:
            if _shaping(settings) != self._followed:
                alerts.hasten(conn, names, now)
            alerts.clean(conn, now - _REMEMBERED, names)
        self._followed, self._clean_at = _shaping(settings), now + _HOUR


def _shaping(settings: Settings) -> tuple[object, ...]:
    """Pick what decides whether a message arrives: where it goes, and what may be reached."""
    return settings.notify, settings.outbound


def _survey(conn: Transaction, settings: Settings, now: Instant) -> list[_Found]:
    """Decide about every connection that may need somebody; leave out those with nothing new."""
    notify = settings.notify
    after, repeat = int(notify.after.total_seconds()), int(notify.repeat.total_seconds())
    known: dict[ConnectionId, list[AlertRow]] = defaultdict(list)
    for row in alerts.told(conn):
        known[row.connection_id].append(row)
    doubted = defaultdict(list)
    for calendar in calendars.doubted(conn):
        doubted[calendar.connection_id].append(calendar)
    broken = defaultdict(list)
    for mirror in mirrors.wrong(conn):
        broken[mirror.connection_id].append(mirror)
    found = []
    for connection in connections.unwell(conn):
        seen = look(connection, doubted[connection.id], now, after, broken[connection.id])
        rows = _by_trouble(known.pop(connection.id, ()))
        decision = decide(rows, seen, now, repeat, f"msg_{token_hex(12)}")
        if not decision.changes_nothing:
            found.append(_Found(decision, seen))
    return found


def _by_trouble(rows: Iterable[AlertRow]) -> dict[Trouble, AlertRow]:
    return {Trouble(row.trouble): row for row in rows}


def _post(conn: Transaction, ways: Sequence[str], told: Told, seen: Look, now: Instant) -> None:
    resource = resources.get(conn, seen.connection.resource_id)
    name = "" if resource is None else ResourcePlan.model_validate_json(resource.plan).name
    message_id = told.alert_id if told.begins else f"msg_{token_hex(12)}"
    body = document(told, seen, message_id, name or seen.connection.resource_id, now)
    alerts.post(conn, ways, seen.connection.id, (message_id, body), now)
