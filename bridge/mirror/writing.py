"""Writing blocks: each noted before its provider is asked, none by two processes at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b

from bridge import deadline
from bridge.errors import ProviderError, RemoteChanged, RemoteNotFound, RemoteRejected
from bridge.mirror.blocks import Wanted, answer_of, series_of, uid_of
from bridge.mirror.pairing import Standing, Steps
from bridge.mirror.points import Point
from bridge.mirror.target import Seen, refuse_twice
from bridge.mirror.turns import Turns
from bridge.model.interval import Instant
from bridge.points import reached
from bridge.provider import CalendarId
from bridge.sink import Desired, EventSink, Written
from bridge.store import mirrored, mirrors, resources
from bridge.store.database import Database, Transaction
from bridge.store.mirrored import MirroredRow
from bridge.store.mirrors import LEASE, MirrorRow

MOST = 50
"""Writes of one round; other mirrors have their turn before the rest."""
_LEAST = 15.0
"""Seconds that have to be left for one more write."""
_WRITING = 45.0
"""Seconds that are left for writing, however long looking took: less than a lease."""
_CROWDED = 30
"""Seconds after which a provider is asked again that allows no more requests now."""
_CHANGED = 15
"""Seconds after which is written what somebody changed under our hands."""
_ENOUGH = 3
"""Refusals in a row after which it is tried once more, at the other end: where that is refused as
well, it is not these blocks that the calendar does not take, but any."""
logger = logging.getLogger(__name__)


class Lost(Exception):
    """The claim is not in force any more: whoever has it now goes on."""


class _Pause(Exception):
    """The rest is left to the next round."""


@dataclass(slots=True, kw_only=True)
class Writer:
    """Carries out the steps of one round."""

    database: Database
    clock: Callable[[], Instant]
    admits: Callable[[str], bool]
    sink: EventSink
    claimed: MirrorRow
    calendar: CalendarId
    instance: str
    title: str
    made: int = 0
    moved: int = 0
    dropped: int = 0
    left: int = 0
    """Steps that are left to the next round, those that were refused among them."""
    refused: int = 0
    """Steps that were refused."""
    again_at: Instant | None = None
    """When to go on with them; None: at once."""
    problem: ProviderError | None = None
    """Why a step was refused."""
    gave_up: bool = False
    """One step after the other was refused, of those that were not refused before."""
    resting: int = 0
    """Blocks that were refused before, and that this round did not ask for."""
    _tried: int = 0
    _in_a_row: int = 0
    _serial: int = field(init=False)
    _taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Go on where the last round ended."""
        self._serial = self.claimed.serial

    @property
    def done(self) -> int:
        """Steps that were done."""
        return self.made + self.moved + self.dropped

    def begin(self, seen: Seen, steps: Steps) -> None:
        """Note what was found: blocks that nobody knew, what is gone, and whose time is kept.

        Raises:
            RemoteRejected: another mirror began to write into the calendar meanwhile.
        """
        self._taken = {each.token for each in seen.standing} | set(seen.gone)
        rows = [self._row(each, wanted) for each, wanted in steps.kept]
        # Those that are changed or deleted next stand as they are until then.
        pending = [each for each, _ in steps.moved] + steps.dropped + steps.held
        rows += [row for each in pending if each.told is None and (row := self._found(each))]
        with self.database.write() as conn:
            if self.claimed.calendar != self.calendar:
                resources.lock(conn, self.claimed.resource_id)
                refuse_twice(conn, self.claimed, self.calendar)
            self._hold(conn)
            mirrored.bury(conn, self.claimed.id, seen.gone, self.clock())
            mirrored.save(conn, rows)
            if self.claimed.calendar != self.calendar:
                mirrors.change(conn, self.claimed, calendar=self.calendar)

    def carry_out(self, seen: Seen, steps: Steps, turns: Turns | None = None) -> None:
        """Do what is to be done, what makes time busy first; stop where the next round goes on.

        Args:
            seen: what stands in the calendar.
            steps: what is to be done.
            turns: what is made when, where some of it was refused before.
        """
        first, last, resting, _ = turns or Turns(steps.made, [], [])
        dropped = [partial(self._drop, each) for each in steps.dropped]
        copies = [partial(self._delete, each) for each in seen.copies]
        with _time_to_write():
            left = self._work(
                deque(partial(self._make, each) for each in first),
                deque(partial(self._move, *each) for each in steps.moved),
                deque([*dropped, *copies]),
            )
            self.gave_up = self._in_a_row > _ENOUGH
            untried = self._work(deque(partial(self._make, each) for each in last))
        self.left += left
        self.resting = len(resting) + untried

    def _work(self, *kinds: deque[Callable[[], None]]) -> int:
        """Do one kind of steps after the other. Returns how many are left."""
        for todo in kinds:
            while todo:
                try:
                    self._look_at_limits()
                except _Pause:
                    return sum(len(each) for each in kinds)
                self._step(todo.pop() if self._in_a_row == _ENOUGH else todo.popleft())
        return 0

    def _step(self, step: Callable[[], None]) -> None:
        self._tried += 1
        try:
            step()
            self._in_a_row = 0
        except (RemoteChanged, RemoteNotFound) as err:
            logger.debug("%s: a block was changed meanwhile: %s", self.claimed.resource_id, err)
            self.left += 1
            self.again_at = self.clock() + _CHANGED
        except RemoteRejected as err:
            self.problem = self.problem or err
            self._in_a_row += 1
            self.refused += 1
            self.left += 1

    def _look_at_limits(self) -> None:
        """Stop where this round has done its share.

        Raises:
            _Pause: it has.
        """
        remaining = deadline.remaining()
        if self._in_a_row > _ENOUGH or self._tried >= MOST:
            raise _Pause
        # One is tried in any case: a round that writes nothing would be followed by others like it.
        if self._tried and remaining is not None and remaining < _LEAST:
            raise _Pause
        if not self.admits(self.claimed.connection_id):
            self.again_at = self.clock() + _CROWDED
            raise _Pause

    # One block each

    def _make(self, wanted: Wanted) -> None:
        token = self._new_token(wanted)
        row = MirroredRow(
            self.claimed.id, token, "", "", *wanted.block, wanted.sources, written_at=self.clock()
        )
        with self.database.write() as conn:
            self._hold(conn, serial=self._serial)
            mirrored.save(conn, [row])
        reached(Point.BLOCK_NOTED)
        self._write(token, None, wanted)
        self.made += 1

    def _move(self, standing: Standing, wanted: Wanted) -> None:
        with self.database.write(lasting=False) as conn:
            self._hold(conn)
        try:
            self._write(standing.token, standing.written, wanted)
        except RemoteRejected:
            if standing.written is None:
                raise
            # Somebody made something of it that nobody else may change: guests are in it, perhaps.
            self._refuse(standing.token)
            self._make(wanted)
            self._drop(standing)
            return
        self.moved += 1

    def _drop(self, standing: Standing) -> None:
        written = standing.written
        if written is None:  # it was asked for, and may have come to be since
            written = self.sink.find(self.calendar, standing.token)
        try:
            if written is not None:
                self._delete(written)
        except RemoteRejected:
            self._refuse(standing.token)
            raise
        self._forget(standing.token)

    def _delete(self, written: Written) -> None:
        with self.database.write(lasting=False) as conn:
            self._hold(conn)
        self.sink.delete(self.calendar, written, notify=False)
        reached(Point.BLOCK_DELETED)
        self.dropped += 1

    def _write(self, token: str, base: Written | None, wanted: Wanted) -> None:
        try:
            written = self._put(token, base, wanted)
        except (RemoteRejected, RemoteNotFound) as err:
            if base is None:  # nothing came of it, and under that name nothing will
                refused_at = self.clock() if isinstance(err, RemoteRejected) else 0
                self._forget(token, refused_at)
            raise
        reached(Point.BLOCK_WRITTEN)
        self._note(token, written, wanted)

    def _put(self, token: str, base: Written | None, wanted: Wanted) -> Written:
        uid = base.series.uid if base else uid_of(token)
        desired = Desired(
            token=token,
            origin=self.instance,
            mirror=self.claimed.id,
            series=series_of(wanted.block, uid, self.title),
            notify=False,
        )
        return self.sink.put(self.calendar, desired, base)

    # What is noted of it

    def _hold(self, conn: Transaction, **values: int) -> None:
        """Keep the claim for as long as the next step may take.

        Raises:
            Lost: somebody else writes the mirror.
        """
        until = self.clock() + LEASE
        if not mirrors.change(conn, self.claimed, lease_until=until, **values):
            raise Lost

    def _note(self, token: str, written: Written, wanted: Wanted) -> None:
        row = MirroredRow(
            self.claimed.id,
            token,
            written.remote_id,
            written.uid or written.series.uid,
            *wanted.block,
            wanted.sources,
            answer_of(written.series, self.title),
            self.clock(),
        )
        with self.database.write(lasting=False) as conn:
            mirrored.save(conn, [row])

    def _forget(self, token: str, refused_at: Instant = 0) -> None:
        with self.database.write(lasting=False) as conn:
            mirrored.bury(conn, self.claimed.id, [token], self.clock())
            if refused_at:
                mirrored.refuse_new(conn, self.claimed.id, token, refused_at)

    def _refuse(self, token: str) -> None:
        with self.database.write(lasting=False) as conn:
            mirrored.refuse(conn, self.claimed.id, token, self.clock())

    def _row(self, standing: Standing, wanted: Wanted) -> MirroredRow:
        written = standing.written
        return MirroredRow(
            self.claimed.id,
            standing.token,
            written.remote_id if written else "",
            (written.uid or written.series.uid) if written else "",
            *wanted.block,
            wanted.sources,
            answer_of(written.series, self.title) if written else "",
            standing.written_at,
            standing.refused_at,
        )

    def _found(self, standing: Standing) -> MirroredRow | None:
        """Take over a block that this database does not know."""
        if standing.actual is None:
            return None
        return self._row(standing, Wanted(standing.actual, ""))._replace(answer="")

    def _new_token(self, wanted: Wanted) -> str:
        """Name a block that no other one is, or was, named like as far as that is known.

        The same name comes out wherever the same mirror is that far and wants the same: what was
        asked for by another process, or with a database that was restored, is found under it.
        """
        while True:
            self._serial += 1
            start, end, _ = wanted.block
            name = f"{self.instance}\n{self.claimed.id}\n{self._serial}\n{start}/{end}"
            token = blake2b(name.encode(), digest_size=16).hexdigest()
            if token not in self._taken:
                return token


@contextmanager
def _time_to_write() -> Iterator[None]:
    """Have some time left for writing, where looking took long: the lease was renewed since."""
    remaining = deadline.remaining()
    if remaining is None or remaining >= _WRITING:
        yield
        return
    with deadline.within(_WRITING):
        yield
