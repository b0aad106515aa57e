"""Bring the rows of a connection's calendars in line with its plan, before any of them is read.

A calendar has a row from the moment it is wanted, even if it was never seen: that it is missing,
or that its account was never reached, is then visible and counts as stale like any other failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bridge.config.plan import CalendarPolicy
from bridge.errors import ProviderError, RemoteNotFound
from bridge.ingest.basis import Basis, Room
from bridge.ingest.choose import Chosen, calendar_key, wishes
from bridge.ingest.rules import Rules, Traits, make_rules
from bridge.model.interval import Instant
from bridge.provider import PRIMARY, AccessRole, CalendarId, CalendarInfo
from bridge.store import calendars
from bridge.store.calendars import CalendarRow, NewCalendar

NOT_FOUND = "calendar_not_found"
_REMEDY = "correct the name in read_calendars or write_calendar, or restore the calendar"


@dataclass(slots=True)
class Settlement:
    """What has to happen to the rows of a connection's calendars."""

    new: list[NewCalendar] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)
    """Ids of rows that nothing wants any more; their busy time goes when all else was read."""
    missing: dict[str, str] = field(default_factory=dict)
    """Id -> name of calendars that are wanted and not there; their busy time stays."""

    def errors(self) -> list[tuple[str, ProviderError]]:
        """Say what is missing, by name."""
        return [(name, not_found(name)) for name in self.missing.values()]


def not_found(name: str) -> RemoteNotFound:
    """Say that the account has no such calendar."""
    return RemoteNotFound(
        f"there is no calendar {name!r} in this account", code=NOT_FOUND, hint=_REMEDY
    )


def settle(room: Room, basis: Basis, chosen: Chosen, now: Instant) -> Settlement:
    """Compare what is wanted, and there, with the rows. Pure but for the instance's name."""
    make = _Maker(room, basis)
    settlement = Settlement()
    for choice in chosen.choices:
        key = calendar_key(basis.connection.id, choice.info.id)
        if key not in basis.calendars:
            settlement.new.append(make.row(key, choice.info, choice.policy, writes=choice.writes))
    wanted = {calendar_key(basis.connection.id, it.info.id) for it in chosen.choices}
    unmatched = dict.fromkeys(chosen.missing)
    for key, row in basis.calendars.items():
        if key in wanted:
            continue
        name = _missed(row, unmatched)
        if not row.remote_id:  # it stands for a calendar that was never seen
            if name is None:
                settlement.obsolete.append(key)
        elif _is_other_account(basis, row) or (name is None and not _is_awaited(basis, row, now)):
            settlement.obsolete.append(key)
        else:
            settlement.missing[key] = row.name
            unmatched.pop(name or "", None)
    for name in unmatched:
        place = make.placeholder(name, _policy_of(basis, name))
        settlement.missing[place.id] = name
        if place.id not in basis.calendars:
            settlement.new.append(place)
    return settlement


def unreached(room: Room, basis: Basis) -> list[NewCalendar]:
    """Give rows for the calendars of an account that was never reached."""
    return [] if basis.calendars else placeholders(room, basis, wishes(basis.plan))


def placeholders(room: Room, basis: Basis, names: Iterable[str]) -> list[NewCalendar]:
    """Give rows for calendars that are wanted and were never seen, by the names of the plan."""
    make = _Maker(room, basis)
    return [make.placeholder(name, _policy_of(basis, name)) for name in names]


def apply(room: Room, basis: Basis, settlement: Settlement, now: Instant) -> None:
    """Write a settlement.

    Raises:
        Moved: the plan or the horizon changed since.
    """
    if settlement.new or settlement.missing:
        with room.locked(basis.resource) as conn:
            calendars.upsert(conn, settlement.new)
            for key, name in settlement.missing.items():
                calendars.record_missing(conn, key, now, NOT_FOUND, str(not_found(name)))


def drop(room: Room, basis: Basis, obsolete: list[str], now: Instant) -> None:
    """Delete calendars with everything known of them, now that the wanted ones were read.

    Raises:
        Moved: the plan or the horizon changed since; the next pull sees to it.
    """
    if obsolete:
        with room.locked(basis.resource) as conn:
            calendars.remove(conn, obsolete)
            room.publish(conn, basis.resource.id, [basis.horizon], now)


@dataclass(frozen=True, slots=True)
class _Maker:
    room: Room
    basis: Basis

    def row(
        self, key: str, info: CalendarInfo, policy: CalendarPolicy, *, writes: bool = False
    ) -> NewCalendar:
        traits = Traits(info.name, info.time_zone, info.ignores_busy)
        instance = self.room.publisher.instance
        rules = make_rules(self.basis.resource_plan, self.basis.plan, policy, traits, instance)
        return NewCalendar(
            key,
            self.basis.connection.id,
            info.id,
            info.name,
            info.role,
            info.time_zone,
            info.is_primary,
            reads=rules.blocks,
            writes=writes,
            policy=rules.model_dump_json(),
        )

    def placeholder(self, name: str, policy: CalendarPolicy) -> NewCalendar:
        key = calendar_key(self.basis.connection.id, f"\n{name}")
        info = CalendarInfo(CalendarId(""), name, AccessRole.READ)
        return self.row(key, info, policy)


def _missed(row: CalendarRow, missing: Iterable[str]) -> str | None:
    """Give the missing name that a row answers to."""
    for name in missing:
        if name in (row.remote_id, row.name) or (name == PRIMARY and row.is_primary):
            return name
    return None


def _is_other_account(basis: Basis, row: CalendarRow) -> bool:
    return Rules.parse(row.policy).account != basis.plan.fingerprint


def _is_awaited(basis: Basis, row: CalendarRow, now: Instant) -> bool:
    """Tell whether a calendar of a whole account may come back; after a day it was deleted.

    The day begins with the first listing of the account that lacks it, not with an outage before.
    """
    if basis.plan.read_calendars is not None:
        return False
    if row.error_code != NOT_FOUND or row.failed_since is None:
        return True
    return now - row.failed_since < basis.plan.full_reconcile.total_seconds()


def _policy_of(basis: Basis, name: str) -> CalendarPolicy:
    policies: Mapping[str, CalendarPolicy] = wishes(basis.plan)
    return policies.get(name, basis.plan.policy)
