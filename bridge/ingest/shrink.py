"""The brake on mass deletion: what a full listing leaves out must be confirmed by a second one.

Only absence is doubted, never a deletion that a provider names. Only future occurrences count, and
only those in the window that the old and the new listing share, so that a month that rolls out of
the window is no loss. A listing that names nothing is doubted whatever the numbers, unless there
is no occurrence to lose.

Who asks again at once may meet the same half-restored database, so a listing confirms only what an
earlier one missed `confirm_after` ago or more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

from bridge.config.syncing import ShrinkGuard
from bridge.model.interval import Instant, Window, utc


class Held(NamedTuple):
    """A listing that waits for a second one; `to_json` is what `calendars.shrink` keeps."""

    since: Instant
    missing: int
    """Future occurrences that the listing left out."""
    known: int
    """Future occurrences before it."""
    ids: tuple[str, ...]
    """The objects that are missing."""

    def to_json(self) -> str:
        """Write for the store."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str | None) -> Held | None:
        """Read back; None when nothing waits."""
        if not text:
            return None
        return cls(**(json.loads(text) | {"ids": tuple(json.loads(text)["ids"])}))

    def __str__(self) -> str:
        """Say what is waited for."""
        return (
            f"{self.missing} of {self.known} coming occurrences vanished in the listing of "
            f"{utc(self.since).isoformat()}; they stay until a second full listing confirms it, "
            "that of the next pull or a later one"
        )


def at_stake(shared: Window, now: Instant, *, emptied: bool) -> Window:
    """Give the window whose occurrences count: the future, all of it for an empty listing."""
    return shared if emptied else Window(max(shared.start, now), shared.end)


class Judged(NamedTuple):
    """What becomes of the objects that a full listing did not name."""

    gone: list[str]
    held: Held | None


def judge(
    absent: Collection[str],
    *,
    coming: Mapping[str, int],
    emptied: bool,
    before: Held | None,
    guard: ShrinkGuard,
    now: Instant,
) -> Judged:
    """Decide which absent objects are gone.

    Args:
        absent: objects we know and the full listing does not name.
        coming: occurrences at stake of every object we know; see `at_stake`.
        emptied: the listing names nothing at all.
        before: what an earlier listing left waiting; what both miss is gone, where they
            are `guard.confirm_after` apart.
        guard: ratio and least number of occurrences.
        now: the present.
    """
    again = set(before.ids).intersection(absent) if before else set[str]()
    # A clock that was set back does not make anything wait for longer.
    wait = int(guard.confirm_after.total_seconds())
    early = before is not None and before.since <= now < before.since + wait
    confirmed, waiting = (set[str](), again) if early else (again, set[str]())
    fresh = [id_ for id_ in absent if id_ not in again]
    known = sum(coming.values()) - sum(coming.get(id_, 0) for id_ in again)
    missing = sum(coming.get(id_, 0) for id_ in fresh)
    shrunk = known >= guard.min_events and missing > guard.ratio * known
    if fresh and missing and (emptied or shrunk):
        return Judged(
            sorted(confirmed), Held(now, missing, known, tuple(sorted({*fresh, *waiting})))
        )
    held = before._replace(ids=tuple(sorted(waiting))) if before and waiting else None
    return Judged(sorted({*confirmed, *fresh}), held)
