"""Proposals: writes that were asked for, claimed with leases, in order for each booking.

queued -> claimed -> settled | refused, or queued again for a retry; queued -> withdrawn, unless it
was claimed once: `started` says that nobody can promise any more that nothing was done. failed: a
human has to look (`bookings list --failed`), and may have it tried again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Update, bindparam, insert, or_, select, update

from bridge.model.interval import Instant
from bridge.store.booking_tables import bookings, proposals

LEASE = 120
"""Seconds after which a claim that is not renewed counts as given up."""
LONGEST_WAIT = 86400
"""Seconds. What is due later than this from now was put off by a clock that ran ahead."""


class Kind(Enum):
    """What is to happen to a booking."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    MEETING = "meeting"
    """Nothing but its meeting: made later, polled, or cancelled after all."""
    TRANSFER = "transfer"
    """It goes to another calendar; see `bridge.bookings.transfers`."""

    @property
    def is_errand(self) -> bool:
        """Whether it changes nothing of what was booked: it waits for all that does."""
        return self in {Kind.MEETING, Kind.TRANSFER}


class State(Enum):
    """How far a proposal is."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SETTLED = "settled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Whether it may still become visible."""
        return self in {State.QUEUED, State.CLAIMED}


class ProposalRow(NamedTuple):
    """One proposal; columns in the table's order, whose comments say what they hold."""

    id: int
    booking_id: str
    kind: Kind
    state: State
    actor: str
    name: str
    text: str
    digest: str
    base: str
    shown: bool
    before: str
    created_at: Instant
    due_at: Instant
    started: bool
    attempts: int
    progress: str
    lease_owner: str
    lease_until: Instant
    fence: int
    error_code: str
    error_message: str
    settled_at: Instant | None


COLUMNS = [proposals.c[name] for name in ProposalRow._fields]
OPEN = tuple(state.value for state in State if state.is_open)
_CLAIMED = State.CLAIMED.value
_GET = select(*COLUMNS).where(proposals.c.id == bindparam("which"))
_OPEN_OF = (
    select(*COLUMNS)
    .where(proposals.c.booking_id == bindparam("which"), proposals.c.state.in_(OPEN))
    .order_by(proposals.c.id)
)


def add(  # noqa: PLR0913 - what a proposal is made of, by name
    conn: Connection,
    booking_id: str,
    kind: Kind,
    now: Instant,
    *,
    actor: str,
    name: str,
    text: str = "",
    digest: str = "",
    base: str = "",
    due_at: Instant | None = None,
    progress: str = "{}",
) -> int:
    """Queue a proposal; the caller holds the resource's lock. Returns its number."""
    statement = insert(proposals).values(
        booking_id=booking_id,
        kind=kind.value,
        state=State.QUEUED.value,
        actor=actor,
        name=name,
        text=text,
        digest=digest,
        base=base,
        created_at=now,
        due_at=now if due_at is None else due_at,
        progress=progress,
    )
    number: int = conn.execute(statement.returning(proposals.c.id)).scalar_one()
    return number


def owe(  # noqa: PLR0913 - what a proposal is made of, by name
    conn: Connection,
    booking_id: str,
    now: Instant,
    *,
    actor: str,
    name: str,
    progress: Mapping[str, object],
    due_at: Instant | None = None,
    kind: Kind = Kind.MEETING,
) -> int:
    """Queue an errand; of a meeting `progress` says what is left to do (`cancel`, `update`)."""
    text = json.dumps(progress, ensure_ascii=False, separators=(",", ":"))
    return add(conn, booking_id, kind, now, actor=actor, name=name, due_at=due_at, progress=text)


def get(conn: Connection, proposal_id: int) -> ProposalRow | None:
    """Find a proposal."""
    row = conn.execute(_GET, {"which": proposal_id}).first()
    return None if row is None else read(row)


def open_of(conn: Connection, booking_id: str) -> list[ProposalRow]:
    """List the open proposals of a booking, the oldest first."""
    return [read(row) for row in conn.execute(_OPEN_OF, {"which": booking_id})]


def of_booking(conn: Connection, booking_id: str) -> list[ProposalRow]:
    """List every proposal of a booking that is kept, the newest first."""
    query = select(*COLUMNS).where(proposals.c.booking_id == booking_id)
    return [read(row) for row in conn.execute(query.order_by(proposals.c.id.desc()))]


def failed(conn: Connection) -> list[ProposalRow]:
    """List what a human has to look at, the oldest first."""
    query = select(*COLUMNS).where(proposals.c.state == State.FAILED.value)
    return [read(row) for row in conn.execute(query.order_by(proposals.c.id))]


def held(conn: Connection, claimed: ProposalRow) -> ProposalRow | None:
    """Find a claimed proposal as it stands; None when the claim is not in force any more.

    Nobody claims it before the transaction ends.
    """
    query = select(*COLUMNS).where(
        proposals.c.id == claimed.id,
        proposals.c.state == _CLAIMED,
        proposals.c.fence == claimed.fence,
    )
    row = conn.execute(query.with_for_update()).first()
    return None if row is None else read(row)


def withdraw(conn: Connection, proposal_id: int, now: Instant) -> bool:
    """Take back what nobody ever began with; False when it is too late.

    One statement decides: `bridge.store.claiming` locks nothing but its rows.
    """
    statement = update(proposals).where(
        proposals.c.id == proposal_id,
        proposals.c.state == State.QUEUED.value,
        ~proposals.c.started,
    )
    values = {"state": State.WITHDRAWN.value, "settled_at": now}
    return bool(conn.execute(statement.values(values)).rowcount)


def renew(conn: Connection, claimed: ProposalRow, lease_until: Instant) -> bool:
    """Keep a claim for longer; False when it is not in force any more, or was given back."""
    statement = _in_force(claimed).where(proposals.c.lease_owner == claimed.lease_owner)
    return bool(conn.execute(statement.values(lease_until=lease_until)).rowcount)


def release(
    conn: Connection,
    claimed: ProposalRow,
    error: tuple[str, str],
    due_at: Instant,
    *,
    touched: bool,
) -> bool:
    """Give a claim back until `due_at`, with code and text of what was wrong.

    Args:
        conn: a write transaction.
        claimed: as it was claimed.
        error: code and text.
        due_at: when it may be claimed again.
        touched: something may have been done; else it counts as never begun, if it was so before.
            The next wait is longer in any case.
    """
    code, message = error
    statement = _in_force(claimed).values(
        state=State.QUEUED.value,
        due_at=due_at,
        attempts=proposals.c.attempts + 1,
        started=touched or claimed.started,
        lease_owner="",
        lease_until=0,
        error_code=code,
        error_message=message,
    )
    return bool(conn.execute(statement).rowcount)


def give_back(conn: Connection, claimed: ProposalRow, now: Instant, *, begun: bool) -> None:
    """Let others claim at once what its process will not finish; it is not renewed any more.

    Args:
        conn: a write transaction.
        claimed: as it was claimed.
        now: the present.
        begun: it was worked on, and what comes of that counts while nobody else has it; else it is
            as if it had not been claimed.
    """
    values: dict[str, Any] = {"lease_owner": "", "lease_until": now}
    if not begun:
        values |= {"state": State.QUEUED.value, "started": claimed.started, "lease_until": 0}
    conn.execute(_in_force(claimed).values(**values))


def note(conn: Connection, claimed: ProposalRow, progress: str) -> bool:
    """Keep what was done already, as JSON; False when the claim is not in force any more."""
    return bool(conn.execute(_in_force(claimed).values(progress=progress)).rowcount)


def forget_progress(conn: Connection, resource_id: str, maker: str) -> None:
    """Forget how far proposals came of a resource's bookings, but for those that write events.

    Of meetings alone nothing is owed any more then. Bookings stay as they are whose meetings were
    made at another account than the maker's.
    """
    own = select(bookings.c.id).where(
        bookings.c.resource_id == resource_id, bookings.c.meeting_maker.in_(["", maker])
    )
    idle = or_(proposals.c.state.not_in(OPEN), proposals.c.kind == Kind.MEETING.value)
    statement = update(proposals).where(proposals.c.booking_id.in_(own), idle)
    conn.execute(statement.values(progress="{}"))


def _in_force(claimed: ProposalRow) -> Update:
    return update(proposals).where(
        proposals.c.id == claimed.id,
        proposals.c.state == _CLAIMED,
        proposals.c.fence == claimed.fence,
    )


def owners(conn: Connection) -> list[str]:
    """Name the processes that hold claims, those included that did not live to end them."""
    query = select(proposals.c.lease_owner).where(proposals.c.lease_owner != "").distinct()
    return sorted(conn.execute(query).scalars())


def end(conn: Connection, owner: str, now: Instant) -> None:
    """End all claims of a process that is known to be dead: they are due now."""
    of_it = (proposals.c.lease_owner == owner, proposals.c.state == _CLAIMED)
    conn.execute(update(proposals).where(*of_it).values(lease_owner="", lease_until=now))


def heal_clock(conn: Connection, now: Instant) -> None:
    """Make due what was put off by a clock that ran ahead."""
    ahead = proposals.c.due_at > now + LONGEST_WAIT
    conn.execute(update(proposals).where(ahead, proposals.c.state.in_(OPEN)).values(due_at=now))


def change(conn: Connection, proposal_id: int, **values: Any) -> None:
    """Set columns of a proposal; the caller holds the resource's lock, or the claim."""
    plain = {key: it.value if isinstance(it, Enum) else it for key, it in values.items()}
    conn.execute(update(proposals).where(proposals.c.id == proposal_id).values(**plain))


def close(conn: Connection, proposal_id: int, state: State, now: Instant, **values: Any) -> None:
    """End a proposal, with its lease; the caller has it `held`."""
    change(conn, proposal_id, state=state, settled_at=now, lease_owner="", lease_until=0, **values)


def forget(conn: Connection, before: Instant) -> int:
    """Delete what ended before an instant; failed ones stay. Returns how many."""
    ended = (State.SETTLED.value, State.REFUSED.value, State.WITHDRAWN.value)
    statement = proposals.delete().where(
        proposals.c.state.in_(ended), proposals.c.settled_at < before
    )
    return conn.execute(statement).rowcount


def holding(conn: Connection, resource_id: str) -> list[ProposalRow]:
    """List the proposals of a resource that hold time: open ones, and those that failed."""
    query = (
        select(*COLUMNS)
        .join(bookings, bookings.c.id == proposals.c.booking_id)
        .where(
            bookings.c.resource_id == resource_id,
            proposals.c.state.in_([*OPEN, State.FAILED.value]),
        )
    )
    return [read(row) for row in conn.execute(query.order_by(proposals.c.id))]


def supersede(conn: Connection, booking_id: str, proposal_id: int, now: Instant) -> None:
    """Close what failed before a later proposal settled: it is not to be tried again."""
    conn.execute(
        update(proposals)
        .where(
            proposals.c.booking_id == booking_id,
            proposals.c.state == State.FAILED.value,
            proposals.c.id < proposal_id,
            proposals.c.kind != Kind.TRANSFER.value,  # half of it may be done
        )
        .values(state=State.WITHDRAWN.value, settled_at=now)
    )


def read(row: Any) -> ProposalRow:
    """Make a proposal of `COLUMNS`."""
    found = ProposalRow(*row)
    return found._replace(kind=Kind(found.kind), state=State(found.state))
