"""Make the rows of a resource anew from the stored texts: no provider is asked.

What asks for it: another plan, a month that begins, other time zone rules. Blocks that come out as
they were keep their rows, so that a rebuild that changes nothing is seen by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bridge.bookings import anew
from bridge.config.plan import CalendarPolicy, ConnectionPlan, ResourcePlan
from bridge.ingest import notes
from bridge.ingest.basis import Basis, Moved, Room
from bridge.ingest.choose import choose, wishes
from bridge.ingest.crash import CrashMark
from bridge.ingest.difference import Difference
from bridge.ingest.examine import Examiner
from bridge.ingest.expand import CpuBudget, Expander, Target
from bridge.ingest.horizon import horizon
from bridge.ingest.own import Own
from bridge.ingest.rules import Rules, Traits, make_rules
from bridge.ingest.settle import placeholders
from bridge.ingest.stale import NOBODY, is_stale, stand_in
from bridge.ingest.take import progress
from bridge.model.interval import Instant, Window
from bridge.model.resource import ConnectionStatus, ResourceId
from bridge.provider import CalendarInfo
from bridge.store import bookings, busy, calendars, connections, events, resources
from bridge.store.calendars import CalendarRow, NewCalendar
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.store.events import Known
from bridge.store.resources import ResourceRow, ResourceState

_TRIES = 5


def rebuild(room: Room, resource_id: ResourceId, now: Instant) -> int | None:
    """Make occurrences, blocks and horizon of a resource what plan and present ask for.

    Returns:
        How many blocks changed; None when pulls were quicker again and again: nothing was done.
    """
    finished: dict[str, _Made] = {}
    for _ in range(_TRIES):
        with room.database.read() as conn:
            resource = resources.get(conn, resource_id)
            if resource is None or resource.state is not ResourceState.ACTIVE:
                return 0
            rebuilding = _Rebuild(room, resource, now, *_sources(conn, resource_id), finished)
        try:
            return rebuilding.run()
        except Moved:
            continue
    return None


class _Basis(NamedTuple):
    """What the rows of one calendar are made from, beside the texts of its objects."""

    row: CalendarRow
    """Every pull changes it."""
    target: Target
    writes: bool
    stale: bool
    before: Window
    """The horizon of the rows that stand."""


@dataclass(frozen=True, slots=True)
class _Made:
    """One calendar, and what other rules change of it."""

    basis: _Basis
    new: NewCalendar
    mark: CrashMark
    difference: Difference


@dataclass(frozen=True, slots=True)
class _Rebuild:
    room: Room
    resource: ResourceRow
    now: Instant
    connections: list[ConnectionRow]
    rows: list[CalendarRow]
    finished: dict[str, _Made]
    """Calendars that an earlier try worked out: a pull of one does not make it work for all."""

    def run(self) -> int:
        plan = ResourcePlan.model_validate_json(self.resource.plan)
        before, after = self.resource.horizon, horizon(self.now, plan.window)
        made = list(self._made(plan, after))
        booked = anew.work_out(self.room.database, self.resource, plan, after)
        obsolete = {row.id for row in self.rows} - {it.basis.row.id for it in made}
        with self.room.locked(self.resource) as conn:
            self._check(conn)
            resources.set_horizon(conn, self.resource.id, after)
            calendars.remove(conn, sorted(obsolete))
            calendars.upsert(conn, [*(it.new for it in made), *self._unread(plan)])
            for it in made:
                self._write(conn, it)
            dirty = [*(window for it in made for window in it.difference.dirty), after]
            dirty += self._rebook(conn, booked)
            if before.start < before.end:
                dirty.append(before)
            blocks = self.room.publish(conn, self.resource.id, dirty, self.now)
            # Only now: what was published until now is found by its old length.
            extents = busy.extents(conn, self.resource.id)
            longest = max(
                events.longest(conn, self.resource.id), bookings.longest(conn, self.resource.id)
            )
            busy.set_extents(conn, self.resource.id, extents._replace(occurrence=longest))
            return blocks

    def _made(self, plan: ResourcePlan, after: Window) -> Iterator[_Made]:
        """Work out every calendar that is still wanted."""
        with self.room.database.read() as conn:
            known = {row.id: events.known(conn, row.id) for row in self.rows}
        allowance = plan.limits.expand_time.total_seconds()
        budget = CpuBudget(allowance, sum(map(len, known.values())))
        for connection in self.connections:
            source = ConnectionPlan.model_validate_json(connection.plan)
            wanted = _wanted(connection, source, self.rows)
            for row in self.rows:
                if row.id in wanted:
                    policy, writes = wanted[row.id]
                    old = Rules.parse(row.policy)
                    traits = Traits(
                        row.name, row.time_zone, old.ignores_busy, old.account, old.tzdata
                    )
                    rules = make_rules(plan, source, policy, traits, self.room.publisher.instance)
                    stale = is_stale(row, connection, rules, self.now)
                    here = row.connection_id, row.remote_id
                    own = Own(self.room.database, self.resource.id, here)
                    target = Target(self.resource.id, row.id, rules, after, own)
                    basis = _Basis(row, target, writes, stale, self.resource.horizon)
                    made = self.finished.get(row.id)
                    if made is None or made.basis != basis:
                        made = self._calendar(basis, budget, known[row.id])
                        self.finished[row.id] = made
                    yield made

    def _calendar(self, basis: _Basis, budget: CpuBudget, known: Mapping[str, Known]) -> _Made:
        row, target = basis.row, basis.target
        with CrashMark(self.room.database, row.id, self.now) as mark:
            expander = Expander(target, budget, mark, self.now)
            difference = self._difference(expander, known)
        self._stand_in(row, target, difference, stale=basis.stale)
        new = _new(row, target.rules, writes=basis.writes)
        return _Made(basis, new, mark, difference)

    def _unread(self, plan: ResourcePlan) -> list[NewCalendar]:
        """Give rows for what an account is to be read for since the last reload."""
        return [
            new
            for connection in self.connections
            for source in [ConnectionPlan.model_validate_json(connection.plan)]
            for new in placeholders(
                self.room,
                Basis(self.resource, plan, connection, source, {}),
                _unread(connection, source, self.rows),
            )
        ]

    def _difference(self, expander: Expander, known: Mapping[str, Known]) -> Difference:
        difference = Difference(expander.target.calendar_id)
        Examiner(self.room.database, expander, difference).again(list(known), known)
        return difference

    def _stand_in(
        self, row: CalendarRow, target: Target, difference: Difference, *, stale: bool
    ) -> None:
        with self.room.database.read() as conn:
            standing = events.occurrences_of(conn, row.id, [NOBODY])
        wanted = stand_in(row, self.resource.id, target.rules, target.horizon, stale=stale)
        difference.compare(standing, wanted)

    def _rebook(self, conn: Transaction, booked: anew.Anew) -> list[Window]:
        try:
            return booked.write(conn)
        except anew.Overtaken as err:
            raise Moved from err

    def _check(self, conn: Transaction) -> None:
        now = calendars.of_resource(conn, self.resource.id)
        if [(it.id, it.stale, progress(it)) for it in now] != [
            (it.id, it.stale, progress(it)) for it in self.rows
        ]:
            raise Moved

    def _write(self, conn: Transaction, made: _Made) -> None:
        made.mark.remove(conn)
        made.difference.write(conn, self.resource.id)
        row = made.basis.row
        calendars.set_stale(conn, [row.id], stale=made.basis.stale)
        if made.difference.events:
            text = notes.of_calendar(conn, row.id, (), row.notes, examined=True)
            calendars.set_notes(conn, row.id, text)


def _sources(
    conn: Transaction, resource_id: ResourceId
) -> tuple[list[ConnectionRow], list[CalendarRow]]:
    return connections.of_resource(conn, resource_id), calendars.of_resource(conn, resource_id)


def _wanted(
    connection: ConnectionRow, plan: ConnectionPlan, rows: list[CalendarRow]
) -> dict[str, tuple[CalendarPolicy, bool]]:
    """Give policy and write flag of the stored calendars that the connection's plan still wants."""
    if connection.status is ConnectionStatus.DISCONNECTED:
        return {}
    mine = {row.remote_id: row for row in _seen(connection, rows)}
    names = wishes(plan)
    wanted = {
        row.id: (names[row.name], False)
        for row in rows
        if row.connection_id == connection.id and not row.remote_id and row.name in names
    }
    chosen = choose(plan, _infos(mine.values()))
    for choice in chosen.choices:
        wanted[mine[choice.info.id].id] = (choice.policy, choice.writes)
    if chosen.missing:
        # What was read so far may stand for it, under another name: it goes when all was read.
        for row in mine.values():
            wanted.setdefault(row.id, (Rules.parse(row.policy).policy, row.writes))
    return wanted


def _unread(connection: ConnectionRow, plan: ConnectionPlan, rows: list[CalendarRow]) -> list[str]:
    """Name the calendars that the plan wants and that were never seen; not before the first pull.

    The empty name stands for whatever else is in an account of which only a part was read so far.
    A connection that was never pulled counts as unread with all that it has.
    """
    mine = [row for row in rows if row.connection_id == connection.id]
    if connection.status is ConnectionStatus.DISCONNECTED or not mine:
        return []
    known = [(row, Rules.parse(row.policy)) for row in _seen(connection, rows)]
    read = [(row, rules) for row, rules in known if rules.account == plan.fingerprint]
    missing = choose(plan, _infos(row for row, _ in read)).missing
    if plan.read_calendars is None and not (read and all(rules.whole for _, rules in read)):
        return ["", *missing]
    return missing


def _seen(connection: ConnectionRow, rows: list[CalendarRow]) -> list[CalendarRow]:
    return [row for row in rows if row.connection_id == connection.id and row.remote_id]


def _infos(rows: Iterable[CalendarRow]) -> list[CalendarInfo]:
    return [CalendarInfo(row.remote_id, row.name, row.role, row.is_primary) for row in rows]


def _new(row: CalendarRow, rules: Rules, *, writes: bool) -> NewCalendar:
    return NewCalendar(
        row.id,
        row.connection_id,
        row.remote_id,
        row.name,
        row.role,
        row.time_zone,
        row.is_primary,
        reads=rules.blocks,
        writes=writes,
        policy=rules.model_dump_json(),
    )
