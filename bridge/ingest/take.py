"""Take one listing over into the store: work out the difference, then write it at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bridge.bookings.echo import Calendar, heed, is_behind
from bridge.ingest import notes, shrink
from bridge.ingest.basis import Basis, Moved, Room, Superseded
from bridge.ingest.choose import Choice
from bridge.ingest.crash import QUARANTINED, RETRY, CrashMark
from bridge.ingest.difference import Difference
from bridge.ingest.examine import Examiner
from bridge.ingest.expand import CpuBudget, Expander, Target
from bridge.ingest.fold import Listing
from bridge.ingest.own import Own
from bridge.ingest.report import CalendarPull
from bridge.ingest.rules import Rules, Traits, make_rules
from bridge.ingest.stale import NOBODY
from bridge.model.interval import Instant, Window
from bridge.store import calendars, events, resources
from bridge.store.calendars import CalendarRow, NewCalendar, Pull
from bridge.store.database import Transaction
from bridge.store.events import Known


@dataclass(frozen=True, slots=True)
class Take:
    """The listing of one calendar on its way into the store."""

    room: Room
    basis: Basis
    choice: Choice
    listing: Listing
    now: Instant

    def run(self, row: CalendarRow) -> CalendarPull:
        """Store the listing.

        Args:
            row: the calendar as it was before the listing was read.

        Raises:
            Moved: plan or horizon changed; try again with the new ones.
            Superseded: the calendar was pulled by somebody else since.
        """
        rules = self._rules(row)
        if self._is_as_before(row, rules):
            return self._confirm(row)
        with self.room.turn(len(self.listing.named())):
            return self._store(row, rules)

    def _store(self, row: CalendarRow, rules: Rules) -> CalendarPull:
        known, waiting = self._known(row, rules)
        gone, held = self._gone(row, known)
        here = row.connection_id, row.remote_id
        own = Own(self.room.database, self.basis.resource.id, here)
        target = Target(self.basis.resource.id, row.id, rules, self.basis.horizon, own)
        with CrashMark(self.room.database, row.id, self.now) as mark:
            difference = self._difference(target, mark, known, gone, waiting)
        with self.room.locked(self.basis.resource) as conn:
            fresh = self._check(conn, row)
            mark.remove(conn)
            calendars.upsert(conn, [self._calendar(row.id, rules)])
            blocks = self._write(conn, fresh, difference, known)
            if held:
                calendars.set_shrink(conn, row.id, held.to_json())
        return CalendarPull(
            self.choice.info.name,
            objects=len(difference.events) + len(difference.gone),
            blocks=blocks,
            full=self.listing.full,
        )

    def _is_as_before(self, row: CalendarRow, rules: Rules) -> bool:
        """Tell whether nothing but the time of the pull has to be written, as after most pulls."""
        listing, told = self.listing, self._calendar(row.id, rules)
        return not (
            (listing.full or listing.named() or listing.removed or listing.notes)
            or (row.stale or row.shrink or notes.waits(row.notes))
            or (row.window_start, row.window_end) != self.basis.horizon
            or row[: len(told)] != told
            or self._is_behind(row)
        )

    def _is_behind(self, row: CalendarRow) -> bool:
        """Tell whether bookings have not followed yet: they were being written meanwhile."""
        if not self.choice.writes:
            return False
        with self.room.database.read() as conn:
            return is_behind(conn, self._written(row.id))

    def _confirm(self, row: CalendarRow) -> CalendarPull:
        token = self.listing.token or row.token
        with self.room.locked(self.basis.resource, lasting=False) as conn:
            if self._check(conn, row).stale:
                raise Moved  # it became stale a moment ago: what stands in for it has to go
            pull = Pull(token, self.basis.horizon, full=False, notes=row.notes)
            calendars.record_pull(conn, row.id, self.now, pull)
        return CalendarPull(self.choice.info.name)

    def _rules(self, row: CalendarRow) -> Rules:
        info = self.choice.info
        zone = self.listing.time_zone or info.time_zone
        if not zone and not self.listing.full:
            zone = row.time_zone  # only the head of the data says it, and an answer may have none
        tzdata = Rules.parse(row.policy).tzdata
        traits = Traits(info.name, zone, info.ignores_busy, tzdata=tzdata)
        return make_rules(
            self.basis.resource_plan,
            self.basis.plan,
            self.choice.policy,
            traits,
            self.room.publisher.instance,
        )

    def _known(self, row: CalendarRow, rules: Rules) -> tuple[dict[str, Known], list[str]]:
        """Give the stored objects that matter here, and those that have to be expanded again."""
        key = row.id
        anew = row.policy != rules.model_dump_json()
        listing = self.listing
        with self.room.database.read() as conn:
            if not (listing.full or anew):
                touched = listing.named().union(listing.removed)
                known = events.known_of(conn, key, touched)
            else:
                known = events.known(conn, key)
            waiting = events.waiting(conn, key) if notes.waits(row.notes) else []
            if listing.full:
                waiting += events.retriable(conn, key, QUARANTINED, self.now - RETRY)
            if waiting:
                known |= events.known_of(conn, key, waiting)
        return known, list(known) if anew else waiting

    def _gone(
        self, row: CalendarRow, known: Collection[str]
    ) -> tuple[list[str], shrink.Held | None]:
        """Name the objects that do not exist any more, and those whose absence is not believed."""
        listing = self.listing
        named = listing.named()
        removed = [str(remote_id) for remote_id in listing.removed if remote_id in known]
        removed = [remote_id for remote_id in removed if remote_id not in named]
        absent = [remote_id for remote_id in known if remote_id not in named]
        absent = [remote_id for remote_id in absent if remote_id not in listing.removed]
        before = shrink.Held.from_json(row.shrink)
        if not listing.full:
            return removed, before
        if not absent:
            return removed, None
        with self.room.database.read() as conn:
            window = shrink.at_stake(_shared(row, self.basis.horizon), self.now, emptied=not named)
            coming = events.counts_in(conn, row.id, window)
        coming.pop(NOBODY, None)
        judged = shrink.judge(
            absent,
            coming=coming,
            emptied=not named,
            before=before,
            guard=self.basis.resource_plan.shrink_guard,
            now=self.now,
        )
        return removed + judged.gone, judged.held

    def _difference(
        self,
        target: Target,
        mark: CrashMark,
        known: dict[str, Known],
        gone: list[str],
        waiting: list[str],
    ) -> Difference:
        allowance = self.basis.resource_plan.limits.expand_time.total_seconds()
        listing = self.listing
        difference = Difference(target.calendar_id)
        budget = CpuBudget(allowance, len(listing.named()) + len(waiting))
        expander = Expander(target, budget, mark, self.now)
        examiner = Examiner(self.room.database, expander, difference)
        changed = examiner.changed(listing, known)
        handled = {*changed, *listing.parts, *listing.unreadable, *gone}
        examiner.gone(gone, known)
        examiner.again([it for it in waiting if it not in handled], known)
        examiner.whole(changed, known)
        examiner.partial(listing, known, set(waiting))
        return difference

    def _calendar(self, key: str, rules: Rules) -> NewCalendar:
        info = self.choice.info
        return NewCalendar(
            key,
            self.basis.connection.id,
            info.id,
            info.name,
            info.role,
            rules.zone,
            info.is_primary,
            reads=rules.blocks,
            writes=self.choice.writes,
            policy=rules.model_dump_json(),
        )

    def _check(self, conn: Transaction, row: CalendarRow) -> CalendarRow:
        """Give the row as it stands now, under the lock."""
        rows = {it.id: it for it in calendars.of_connection(conn, self.basis.connection.id)}
        if row.id not in rows or progress(rows[row.id]) != progress(row):
            raise Superseded
        return rows[row.id]

    def _write(
        self,
        conn: Transaction,
        row: CalendarRow,
        difference: Difference,
        known: dict[str, Known],
    ) -> int:
        key, horizon, listing = difference.calendar_id, self.basis.horizon, self.listing
        if row.stale:  # whatever stood in for it goes
            calendars.set_stale(conn, [key], stale=False)
            difference.compare(events.occurrences_of(conn, key, [NOBODY]), ())
            difference.dirty.append(horizon)
        difference.write(conn, self.basis.resource.id)
        examined = any(it.problem for it in difference.events) or any(
            known[it].problem for it in difference.touched() if it in known
        )
        said = [note[:300] for note in listing.notes]
        text = notes.of_calendar(conn, key, said, row.notes, examined=examined)
        token = listing.token or (None if listing.full else row.token)
        whole = listing.full and not listing.unchanged
        calendars.record_pull(conn, key, self.now, Pull(token, horizon, whole, text))
        self._heed_bookings(conn, key)
        return self.room.publish(conn, self.basis.resource.id, difference.dirty, self.now)

    def _heed_bookings(self, conn: Transaction, key: str) -> None:
        """Let bookings follow what became of their events in this calendar."""
        resource = resources.get(conn, self.basis.resource.id)
        if resource is not None:
            heed(conn, self.room.publisher, resource, self._written(key), self.now)

    def _written(self, key: str) -> Calendar:
        return Calendar(
            self.basis.connection.id,
            self.choice.info.id,
            key,
            cancels=self.basis.plan.cancel_if_declined_or_deleted,
            window=self.basis.horizon,
            full=self.listing.full,
            removed=self.listing.removed - self.listing.named(),
        )


def _shared(row: CalendarRow, horizon: Window) -> Window:
    """Give what the last listing and this one both speak of."""
    start = horizon.start if row.window_start is None else max(horizon.start, row.window_start)
    end = horizon.end if row.window_end is None else min(horizon.end, row.window_end)
    return Window(start, max(start, end))


def progress(row: CalendarRow) -> tuple[object, ...]:
    """Give what every pull changes; equal ones mean that nobody pulled in between."""
    return row.token, row.success_at, row.full_at, Rules.parse(row.policy).account
