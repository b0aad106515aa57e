"""Which calendars of an account a connection reads, by what its plan names. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from bridge.config.plan import CalendarChoice, CalendarPolicy, ConnectionPlan
from bridge.model.resource import ConnectionId
from bridge.provider import CalendarInfo, named


class Choice(NamedTuple):
    """One calendar that is pulled."""

    info: CalendarInfo
    policy: CalendarPolicy
    writes: bool
    """Bookings go here."""


class Chosen(NamedTuple):
    """What a plan comes to in an account."""

    choices: list[Choice]
    missing: list[str]
    """Names of the plan that no calendar answers to."""


def choose(plan: ConnectionPlan, infos: Sequence[CalendarInfo]) -> Chosen:
    """Match the plan's names with the calendars of an account.

    Of two calendars with one name both block. The write calendar is read as well; of a connection
    that only writes, no other is.
    """
    chosen: dict[str, Choice] = {}
    missing: list[str] = []
    if _read(plan) is None:
        chosen = {info.id: Choice(info, plan.policy, writes=False) for info in infos}
    for entry in _read(plan) or ():
        found = named(entry.calendar, infos)
        if not found:
            missing.append(entry.calendar)
        for info in found:
            chosen.setdefault(info.id, Choice(info, entry.policy, writes=False))
    if plan.write_calendar is not None:
        found = named(plan.write_calendar, infos)
        if not found and plan.write_calendar not in missing:
            missing.append(plan.write_calendar)
        for info in found[:1]:
            policy = chosen[info.id].policy if info.id in chosen else plan.policy
            chosen[info.id] = Choice(info, policy, writes=True)
    return Chosen(list(chosen.values()), missing)


def wishes(plan: ConnectionPlan) -> dict[str, CalendarPolicy]:
    """Give the names that a plan uses, each with its policy; one empty name for all calendars."""
    entries = _read(plan)
    if entries is None:
        named = {"": plan.policy}
    else:
        named = {entry.calendar: entry.policy for entry in entries}
    if plan.write_calendar is not None:
        named.setdefault(plan.write_calendar, plan.policy)
    return named


def calendar_key(connection_id: ConnectionId, remote_id: str) -> str:
    """Name a calendar within the whole database."""
    name = f"{connection_id}\n{remote_id}".encode("utf-8", "surrogatepass")
    return blake2b(name, digest_size=16).hexdigest()


def _read(plan: ConnectionPlan) -> Sequence[CalendarChoice] | None:
    """Give the calendars that a plan reads; None for all."""
    return plan.read_calendars if plan.direction.reads else ()
