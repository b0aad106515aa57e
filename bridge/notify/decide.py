"""What is told, and when: once for each change, again while it lasts, once when all is well. Pure.

What comes and goes is dampened: the end of an error is told when it lasted; and what comes back
within a day has to stay away twice as long each time, until it counts as one trouble that lasts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from bridge.model.interval import Instant
from bridge.notify.troubles import OF_STATUS, PASSING, Look, Trouble
from bridge.store.alerts import AlertRow

_CALM = 300
"""Seconds for which an error has to be gone, a mirror's too; all else when it came back."""
_DAY = 86400
_MOST_DOUBLINGS = 12


class Occasion(Enum):
    """Why something is told; programs read the values."""

    OPENED = "opened"
    REPEATED = "repeated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Told:
    """Something to tell."""

    occasion: Occasion
    troubles: Sequence[Trouble]
    """At least one, the worst first."""
    since: Instant
    alert_id: str
    """The same from the first trouble until all is well."""
    begins: bool
    """This is the first that is told under that id."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is remembered, and what is told."""

    keep: Sequence[AlertRow] = ()
    forget: Sequence[AlertRow] = ()
    told: Told | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.keep or self.forget or self.told)


def decide(
    known: Mapping[Trouble, AlertRow], seen: Look, now: Instant, repeat: int, new_id: str
) -> Decision:
    """Compare what was told with what is seen.

    Args:
        known: what was told of the connection.
        seen: how it is.
        now: the present.
        repeat: seconds after which what lasts is told again.
        new_id: of the alert, should one begin.
    """
    if seen.is_nobodys_trouble:
        return Decision(forget=tuple(known.values()))
    return _Spell(known, seen, now, new_id).decide(repeat)


class _Spell:
    """One connection's troubles, from the first until all are over."""

    def __init__(
        self, known: Mapping[Trouble, AlertRow], seen: Look, now: Instant, new_id: str
    ) -> None:
        self._before = known
        self._seen = seen
        self._now = now
        self._rows = {it: row for it, row in known.items() if not self._is_old(row)}
        open_ = [row for row in known.values() if row.over_at is None]
        self._alert_id, self._begins = (open_[0].alert_id, False) if open_ else (new_id, True)

    def decide(self, repeat: int) -> Decision:
        fresh = self._note_what_is_there()
        self._note_what_is_gone()
        lasting = [it for it in self._open() if self._rows[it].cleared_at is None]
        if fresh:
            return self._tell(Occasion.OPENED, fresh)
        if not lasting and self._open() and all(map(self._is_calm, self._open())):
            return self._tell(Occasion.RESOLVED, self._open(), over_at=self._now)
        repeated = [it for it in lasting if it is not Trouble.DISCONNECTED]
        if repeated and self._now - max(self._rows[it].told_at for it in lasting) >= repeat:
            return self._tell(Occasion.REPEATED, repeated)
        return self._silence()

    def _open(self) -> list[Trouble]:
        rows = self._rows
        return [it for it in Trouble if it in rows and rows[it].over_at is None]

    def _note_what_is_there(self) -> list[Trouble]:
        """Remember what is seen; return what has to be told of it."""
        fresh = []
        for trouble in Trouble:
            since = self._seen.troubles.get(trouble)
            if since is None:
                continue
            row = self._rows.get(trouble)
            if row is None:
                fresh.append(trouble)
                id_ = self._seen.connection.id
                row = AlertRow(id_, trouble.value, "", since, self._now, 1, None, None)
            elif row.over_at is not None or (row.cleared_at is not None and self._is_calm(trouble)):
                fresh.append(trouble)
                row = row._replace(since=since, times=row.times + 1)
            self._rows[trouble] = row._replace(
                alert_id=self._alert_id, cleared_at=None, over_at=None
            )
        return fresh

    def _note_what_is_gone(self) -> None:
        followed = bool(OF_STATUS & self._seen.troubles.keys())
        for trouble in self._open():
            row = self._rows[trouble]
            if trouble in self._seen.troubles:
                continue
            gone = trouble not in OF_STATUS or followed or self._seen.is_well_since(row.since)
            cleared_at = self._now if row.cleared_at is None else row.cleared_at
            self._rows[trouble] = row._replace(cleared_at=cleared_at if gone else None)

    def _is_calm(self, trouble: Trouble) -> bool:
        row = self._rows[trouble]
        if row.cleared_at is None:
            return False
        calm = _CALM * 2 ** min(row.times - 1, _MOST_DOUBLINGS)
        if row.times == 1 and trouble not in PASSING:
            calm = 0
        # A clock that was set back does not make anything wait for longer.
        return not row.cleared_at <= self._now < row.cleared_at + min(calm, _DAY)

    def _tell(
        self, occasion: Occasion, troubles: Sequence[Trouble], *, over_at: Instant | None = None
    ) -> Decision:
        since = min(self._rows[trouble].since for trouble in troubles)
        for trouble in troubles:
            row = self._rows[trouble]
            self._rows[trouble] = row._replace(told_at=self._now, over_at=over_at)
        told = Told(occasion, tuple(troubles), since, self._alert_id, self._begins)
        return replace(self._silence(), told=told)

    def _silence(self) -> Decision:
        before, after = self._before, self._rows
        return Decision(
            keep=[row for trouble, row in after.items() if row != before.get(trouble)],
            forget=[row for trouble, row in before.items() if trouble not in after],
        )

    def _is_old(self, row: AlertRow) -> bool:
        return row.over_at is not None and self._now - row.over_at >= _DAY
