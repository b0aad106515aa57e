"""The calendar that a mirror is written into, and what stands there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bridge.config.plan import ConnectionPlan, MirrorPlan
from bridge.errors import RemoteNotFound, RemoteRejected
from bridge.mirror.blocks import Block, answer_of, block_of, is_titled
from bridge.mirror.pairing import Standing
from bridge.model.interval import FBType, Instant
from bridge.model.resource import ConnectionId
from bridge.provider import AccessRole, CalendarId, CalendarInfo, RemoteId, named
from bridge.sink import EventSink, Written
from bridge.store import connections, listings, mirrors
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.store.mirrored import MirroredRow
from bridge.store.mirrors import MirrorRow

_LAG = 600
"""Seconds by which a provider's listing may lag behind what was written."""


_STUCK = 6 * 3600
"""Seconds for which what was refused is not asked for again."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a mirror is written."""

    connection: ConnectionRow
    plan: ConnectionPlan
    calendar: CalendarId

    @property
    def name(self) -> tuple[str, CalendarId]:
        """Kind of provider and remote id."""
        return self.connection.provider, self.calendar


def find(conn: Transaction, plan: MirrorPlan, row: MirrorRow | None) -> Target | None:
    """Find the calendar that a mirror means; None before its account was listed.

    Raises:
        RemoteNotFound: the account has no such calendar.
        RemoteRejected: nothing can be written into it, or another mirror is. The latter is decided
            when the mirror has left the calendar of before: another one may wait for that.
    """
    listed = _listed(conn, plan)
    if listed is None:
        return None
    connection, settled, infos = listed
    found = named(plan.calendar, infos)
    if not found:
        raise RemoteNotFound(
            f"there is no calendar {plan.calendar!r} in the account {settled.name}",
            code="calendar_not_found",
            hint=f"`busybridge calendars list {connection.id}` shows what there is",
        )
    info = found[0]
    if info.role is not AccessRole.WRITE:
        shown = "busy times only" if info.role is AccessRole.FREE_BUSY else "its events, to read"
        raise RemoteRejected(
            f"the calendar {info.name!r} shows the account {settled.name} {shown}",
            code="calendar_not_writable",
            hint="let its owner share it for changes, or mirror into another one",
        )
    if row is not None and row.calendar in ("", info.id):
        refuse_twice(conn, row, info.id)
    return Target(connection, settled, info.id)


def account_of(conn: Transaction, row: MirrorRow) -> Target | None:
    """Give the calendar that a mirror was written into, whatever it means by now."""
    connection = connections.get(conn, row.connection_id)
    if connection is None:
        return None
    settled = ConnectionPlan.model_validate_json(connection.plan)
    return Target(connection, settled, CalendarId(row.calendar))


def refuse_twice(conn: Transaction, row: MirrorRow, calendar: CalendarId) -> None:
    """Refuse a calendar that another mirror is written into; of two that both were, one goes on.

    One that means another calendar by now is about to leave, and does not count: two that change
    places would wait for each other.

    Raises:
        RemoteRejected: it is the other's.
    """
    for other in mirrors.every(conn, row.resource_id):
        if (
            other.id != row.id
            and not other.leaving
            and (other.connection_id, other.calendar) == (row.connection_id, calendar)
            and (row.calendar != calendar or other.id < row.id)
            and not _means_another(conn, other)
        ):
            raise RemoteRejected(
                f"{row.target} is the same calendar as {other.target}, which is mirrored into",
                code="mirrored_twice",
                hint="leave one of the two mirrors out",
            )


def _means_another(conn: Transaction, row: MirrorRow) -> bool:
    """Tell whether a mirror means another calendar than that in which its blocks stand."""
    plan = MirrorPlan.model_validate_json(row.plan)
    listed = _listed(conn, plan)
    found = named(plan.calendar, listed[2]) if listed else []
    return bool(found) and found[0].id != row.calendar


def _listed(
    conn: Transaction, plan: MirrorPlan
) -> tuple[ConnectionRow, ConnectionPlan, list[CalendarInfo]] | None:
    """Give the account that a mirror is written to, and what calendars it has."""
    connection = connections.get(conn, plan.connection_id)
    if connection is None:
        return None
    settled = ConnectionPlan.model_validate_json(connection.plan)
    infos = listings.get(conn, connection.id, settled.fingerprint)
    return None if infos is None else (connection, settled, infos)


@dataclass(slots=True)
class Seen:
    """What stands in a target."""

    standing: list[Standing] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Tokens of blocks that somebody deleted there."""
    copies: list[Written] = field(default_factory=list)
    """What somebody made of our blocks by copying them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Looks at what stands in a target; writes nothing."""

    sink: EventSink
    instance: str
    mirror_id: str
    title: str
    unread: Collection[ConnectionId]
    now: Instant

    def look(self, calendar: CalendarId, rows: Collection[MirroredRow]) -> Seen:
        """Find the blocks of a mirror: by their marks, and those that were written a moment ago.

        Raises:
            RemoteNotFound: the calendar is gone.
            ProviderError: it cannot be read now.
        """
        known = {row.token: row for row in rows}
        seen = Seen()
        found: dict[str, Written] = {}
        for each in self.sink.marked(calendar, self.instance):
            if each.mirror != self.mirror_id:
                continue
            token, written = each.token, each.written
            if not token:
                continue  # somebody took it for their own
            if token in found and _is_known(known, token, written):
                written, found[token] = found[token], written
            if token not in found:
                found[token] = written
            elif is_titled(written.series, self.title):
                seen.copies.append(written)
        for token, written in found.items():
            seen.standing.append(self._standing(token, written, known.get(token)))
        for token, row in known.items():
            if token not in found:
                self._look_once_more(seen, calendar, row)
        return seen

    def _look_once_more(self, seen: Seen, calendar: CalendarId, row: MirroredRow) -> None:
        """Ask for a block by name: listings may lag behind what was written.

        Of one that was written long before, what they say holds: a calendar that somebody emptied
        would take a request for every block, and no round would come to its end.
        """
        if not row.remote_id:
            seen.standing.append(self._standing(row.token, None, row))
            return
        if abs(self.now - row.written_at) >= _LAG:
            seen.gone.append(row.token)
            return
        try:
            written = self.sink.read(calendar, RemoteId(row.remote_id))
        except RemoteNotFound:
            written = None
        master = written.series.master if written else None
        if written is None or master is None or master.mirror != self.mirror_id:
            seen.gone.append(row.token)
        else:
            seen.standing.append(self._standing(row.token, written, row))

    def _standing(self, token: str, written: Written | None, row: MirroredRow | None) -> Standing:
        sources = row.sources.split() if row else []
        told = Block(row.start, row.end, FBType(row.fbtype)) if row else None
        actual, exact = None, False
        if written is not None:
            actual = block_of(written.series)
            exact = is_titled(written.series, self.title)
            if row is not None and row.answer == answer_of(written.series, self.title):
                actual, exact = told, True
        return Standing(
            token=token,
            written=written,
            actual=actual,
            told=told,
            exact=exact,
            may_go=not (set(sources) & set(self.unread) if sources else self.unread),
            written_at=row.written_at if row else 0,
            refused_at=row.refused_at if row else 0,
            stuck=row is not None and abs(self.now - row.refused_at) < _STUCK,
        )


def remembered(rows: Collection[MirroredRow]) -> Seen:
    """Give what stands in a target as far as it is remembered, where nobody can look."""
    return Seen(
        [
            Standing(token=row.token, actual=block, told=block, exact=True)
            for row in rows
            if (block := Block(row.start, row.end, FBType(row.fbtype)))
        ]
    )


def _is_known(known: Mapping[str, MirroredRow], token: str, written: Written) -> bool:
    return token in known and known[token].remote_id == written.remote_id
