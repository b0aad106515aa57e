"""The engine: one round of one mirror, from what is wanted to what stands."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import blake2b

from bridge.config.plan import MirrorPlan
from bridge.errors import BridgeError, RemoteNotFound, RemoteRejected, StoreError
from bridge.mirror import sources, target
from bridge.mirror.blocks import Block
from bridge.mirror.pairing import Standing, Steps, pair
from bridge.mirror.report import WELL, Foreseen, Report, stuck, wrong
from bridge.mirror.sources import Sources
from bridge.mirror.target import Looking, Seen, Target
from bridge.mirror.turns import PAUSE, Turns, in_turn
from bridge.mirror.writing import Lost, Writer
from bridge.model.interval import FBType, Instant, Window
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import CalendarId, Opener
from bridge.sink import EventSink
from bridge.store import mirrored, mirrors, resources
from bridge.store.database import Database
from bridge.store.mirrored import MirroredRow
from bridge.store.mirrors import MirrorRow
from bridge.store.resources import ResourceRow

LOOK_EVERY = 1800
"""Seconds after which a target is looked at though no source changed: people touch blocks, too."""
_SOON = 60
"""Seconds after which sources are looked at again that were not read yet."""
_AGAIN = 5
"""Seconds after which a mirror is looked at again whose accounts were not listed yet."""
_PATIENCE = 2
"""Failures in a row after which blocks in a calendar that is not meant any more are left."""
_KEPT = 7 * 86400
"""Seconds for which a block stays that is over."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the store says, at the begin of a round."""

    resource: ResourceRow
    plan: MirrorPlan
    target: Target
    sources: Sources
    rows: list[MirroredRow]
    refused: dict[Block, Instant]
    """When its provider last refused to make a block."""

    @property
    def digest(self) -> str:
        """Name what is to stand, and what may go: equal ones mean that nothing has to be done."""
        said = [self.target.calendar, self.plan.title, sorted(self.sources.unread)]
        text = json.dumps([*said, [each.block for each in self.sources.wanted]])
        return blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirroring:
    """Carries out rounds; any thread may call."""

    database: Database
    accounts: Opener
    instance: str
    """X-BUSYBRIDGE-ORIGIN of what is written."""
    clock: Callable[[], Instant]
    admits: Callable[[str], bool] = lambda _: True
    """Tells whether a provider allows more requests of a connection now."""

    def run(self, claimed: MirrorRow, *, look: bool = False) -> Report:
        """Carry out a round of a claimed mirror, and give the claim back with what came of it.

        Args:
            claimed: as it was claimed.
            look: look at the target although nothing changed since the last round.

        Raises:
            BridgeError: it has to be tried again; the claim is still held. What was written by
                then is recorded.
        """
        try:
            return self._run(claimed, look=look)
        except Lost:
            return _lost(claimed)

    def _run(self, claimed: MirrorRow, *, look: bool) -> Report:
        if claimed.leaving:
            return self._sweep(claimed)
        ground = self._read(claimed)
        if ground is None:
            return self._wait(claimed)
        if claimed.calendar and claimed.calendar != ground.target.calendar:
            return self._sweep(claimed)  # it means another calendar by now
        if not look and self._is_as_written(claimed, ground):
            return self._end(
                claimed,
                Report("unchanged"),
                seq=ground.resource.change_seq,
                due_at=self._next_look(ground, claimed.written_at or 0),
            )
        sink = self._open(ground.target)
        looking = self._looking(sink, claimed.id, ground.plan.title, ground.sources.unread)
        seen = looking.look(ground.target.calendar, ground.rows)
        steps = pair(ground.sources.wanted, _recent(seen, ground.sources.window))
        writer = self._writer(claimed, sink, ground.target.calendar, ground.plan.title)
        writer.begin(seen, steps)
        # A person who asks for a round put right what was refused, perhaps.
        turns = in_turn(steps.made, ground.refused, self.clock(), rest=not look)
        writer.carry_out(seen, steps, turns)
        return self._record(claimed, ground, writer, steps, turns)

    def foresee(
        self, resource_id: ResourceId, plan: MirrorPlan, *, leaving: bool = False
    ) -> Foreseen:
        """Tell what a round would do; nothing is written.

        Raises:
            StoreError: the database cannot be used.
        """
        told = Foreseen(plan.to, plan.title, leaving=leaving)
        id_ = mirrors.mirror_id(resource_id, plan.to)
        with self.database.read() as conn:
            row = mirrors.get(conn, id_)
            rows = mirrored.of_mirror(conn, id_)
        if leaving:
            return told._replace(dropped=sum(bool(each.remote_id) for each in rows))
        try:
            ground = self._ground(resource_id, plan, row)
        except BridgeError as err:
            return _unforeseen(told, err)
        if ground is None:
            return told._replace(problem="its accounts were not read yet")
        wanted, window = ground.sources.wanted, ground.sources.window
        try:
            sink = self._open(ground.target)
            looking = self._looking(sink, id_, plan.title, ground.sources.unread)
            seen = looking.look(ground.target.calendar, ground.rows)
        except BridgeError as err:
            told, seen = _unforeseen(told, err), target.remembered(ground.rows)
        steps = pair(wanted, _recent(seen, window))
        return told._replace(
            made=len(steps.made),
            moved=len(steps.moved),
            dropped=len(steps.dropped),
            kept=len(steps.kept),
            held=len(steps.held),
        )

    # What is to be done

    def _read(self, claimed: MirrorRow) -> _Ground | None:
        plan = MirrorPlan.model_validate_json(claimed.plan)
        return self._ground(claimed.resource_id, plan, claimed)

    def _ground(
        self, resource_id: ResourceId, plan: MirrorPlan, row: MirrorRow | None
    ) -> _Ground | None:
        """Read what is to be done; None before the accounts were listed for the first time."""
        with self.database.read() as conn:
            resource = resources.get(conn, resource_id)
            place = target.find(conn, plan, row)
            if resource is None or place is None:
                return None
            found = sources.read(conn, resource, plan, place.name, self.clock())
            id_ = mirrors.mirror_id(resource_id, plan.to)
            rows, refused = mirrored.of_mirror(conn, id_), mirrored.refused(conn, id_)
        never = {Block(it.start, it.end, FBType(it.fbtype)): it.refused_at for it in refused}
        return _Ground(resource, plan, place, found, rows, never)

    def _open(self, place: Target) -> EventSink:
        provider = self.accounts.open(place.connection.id, place.plan.fingerprint)
        if provider.sink is None:
            raise RemoteRejected(
                f"nothing can be written to {place.plan.name}",
                code="calendar_not_writable",
                hint="mirror into another connection",
            )
        return provider.sink

    def _is_as_written(self, claimed: MirrorRow, ground: _Ground) -> bool:
        """Tell whether nothing changed since the last round, nor is it time to look again."""
        since = claimed.written_at
        # A clock that ran ahead may have noted it.
        fresh = since is not None and 0 <= self.clock() - since < LOOK_EVERY
        return fresh and claimed.digest == ground.digest

    def _next_look(self, ground: _Ground, written_at: Instant) -> Instant:
        """Say when to come back though no source changes; what was never read may be by then."""
        due = max(written_at + LOOK_EVERY, self.clock() + 1)
        return min(due, self.clock() + _SOON) if ground.sources.unread else due

    def _looking(
        self, sink: EventSink, mirror_id: str, title: str, unread: Collection[ConnectionId]
    ) -> Looking:
        return Looking(
            sink=sink,
            instance=self.instance,
            mirror_id=mirror_id,
            title=title,
            unread=unread,
            now=self.clock(),
        )

    def _writer(
        self, claimed: MirrorRow, sink: EventSink, calendar: CalendarId, title: str
    ) -> Writer:
        return Writer(
            database=self.database,
            clock=self.clock,
            admits=self.admits,
            sink=sink,
            claimed=claimed,
            calendar=calendar,
            instance=self.instance,
            title=title,
        )

    # What becomes of it

    def _sweep(self, claimed: MirrorRow) -> Report:
        """Delete all that a mirror wrote, where it left or means another calendar."""
        report = Report("gone" if claimed.leaving else "written")
        if claimed.calendar:
            try:
                writer = self._swept(claimed)
            except RemoteRejected as err:
                if claimed.leaving or claimed.failures < _PATIENCE:
                    raise
                return self._give_up(claimed, err)
            if writer is None:
                return _lost(claimed)
            report = report._replace(dropped=writer.dropped)
            if writer.left:
                again = report._replace(outcome="written", again_at=writer.again_at)
                return self._end(
                    claimed, again, waiting=writer.left, due_at=writer.again_at or self.clock()
                )
        if claimed.leaving:
            with self.database.write() as conn:
                if mirrors.remove(conn, claimed):
                    return report
            # It came back meanwhile.
        return self._end(claimed, report, calendar="", digest="", waiting=0, due_at=self.clock())

    def _swept(self, claimed: MirrorRow) -> Writer | None:
        """Delete what a mirror wrote, as far as a round comes; None where its account is gone.

        Raises:
            RemoteRejected: nothing of what is left can be deleted.
        """
        calendar = CalendarId(claimed.calendar)
        with self.database.read() as conn:
            place = target.account_of(conn, claimed)
            rows = mirrored.of_mirror(conn, claimed.id)
        if place is None:
            return None
        sink = self._open(place)
        title = MirrorPlan.model_validate_json(claimed.plan).title
        looking = self._looking(sink, claimed.id, title, ())
        try:
            seen = looking.look(calendar, rows)
        except RemoteNotFound:  # the calendar is gone, and all that stood in it
            seen = Seen(gone=[row.token for row in rows])
        steps = pair((), seen.standing)
        writer = self._writer(claimed, sink, calendar, "")
        writer.begin(seen, steps)
        writer.carry_out(seen, steps)
        if writer.problem is not None and (not writer.dropped or writer.left == writer.refused):
            raise writer.problem
        if steps.stuck and not writer.left:
            raise RemoteRejected(**stuck(steps))
        return writer

    def _give_up(self, claimed: MirrorRow, err: RemoteRejected) -> Report:
        """Leave what stands in the calendar of before, so that the one that is meant has its turn.

        What feeds of the old one show of it is known as ours for as long as of other blocks.
        """
        now = self.clock()
        with self.database.write() as conn:
            rows = mirrored.of_mirror(conn, claimed.id)
            stays = f"{len(rows)} of its events stay in the calendar {claimed.calendar}"
            values = {"calendar": "", "digest": "", "waiting": 0, "due_at": now, "stays": stays}
            if not mirrors.end(conn, claimed, **values, **WELL):
                return _lost(claimed)
            mirrored.bury(conn, claimed.id, [row.token for row in rows], now)
        logger.warning(
            "%s: mirror to %s: %s", claimed.resource_id, claimed.target, f"{stays}: {err}"
        )
        return Report("written")

    def _wait(self, claimed: MirrorRow) -> Report:
        """Come back when the accounts were listed."""
        at = self.clock() + _AGAIN
        return self._end(claimed, Report("waiting", again_at=at), due_at=at, rest_until=at, **WELL)

    def _record(
        self, claimed: MirrorRow, ground: _Ground, writer: Writer, steps: Steps, turns: Turns
    ) -> Report:
        # What stands shows that the calendar takes blocks: some are refused for themselves.
        nothing = not writer.done and (writer.gave_up or not steps.kept)
        if writer.problem is not None and nothing:
            raise writer.problem
        now = self.clock()
        left = writer.left - writer.refused
        due = (writer.again_at or now) if left else self._next_look(ground, now)
        if not left and (writer.problem is not None or writer.resting):
            due = min(due, now + PAUSE, turns.until or due)
        if writer.problem is not None:
            logger.warning(
                "%s: %d writes of the mirror to %s were refused: %s",
                claimed.resource_id,
                writer.refused,
                claimed.target,
                writer.problem,
            )
        outcome = "written" if writer.problem is None else "failed"
        report = Report(
            outcome,
            writer.made,
            writer.moved,
            writer.dropped,
            error=writer.problem,
            again_at=due,
        )
        return self._end(
            claimed,
            report,
            seq=ground.resource.change_seq,
            digest="" if writer.left or writer.resting else ground.digest,
            due_at=due,
            rest_until=due if left else 0,
            written_at=now,
            waiting=left,
            held=len(steps.held),
            **wrong(claimed, writer.problem, steps, now, resting=writer.resting),
        )

    def _end(self, claimed: MirrorRow, report: Report, **values: object) -> Report:
        with self.database.write(lasting=False) as conn:
            held = mirrors.end(conn, claimed, **values)
        return report if held else _lost(claimed)


def _unforeseen(told: Foreseen, err: BridgeError) -> Foreseen:
    if isinstance(err, StoreError):
        raise err
    return told._replace(problem=str(err))


def _lost(claimed: MirrorRow) -> Report:
    logger.info("%s: somebody else writes the mirror to %s", claimed.resource_id, claimed.target)
    return Report("lost")


def _recent(seen: Seen, window: Window) -> list[Standing]:
    """Leave out blocks that are over and may stay for a while, as a calendar's past does."""
    over = range(window.start - _KEPT + 1, window.start + 1)
    return [
        each
        for each in seen.standing
        if not (
            each.actual is not None
            and each.actual.end in over
            and (each.told is None or each.told.end <= window.start)
        )
    ]
