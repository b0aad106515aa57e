"""A booking as Outlook is to have it, and the steps that are left until its series has it. Pure.

An occurrence is named by its original start; a day is its midnight in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from bridge.errors import InvalidCalendarObject, RemoteRejected
from bridge.ical.foreign import Unclear, at
from bridge.model.event import Attendee, Event, EventTime
from bridge.model.interval import Instant, Window, rfc3339
from bridge.providers.microsoft.sayable import check, is_dropped
from bridge.providers.microsoft.series import Times, by_rule, moved_to, original_start
from bridge.providers.microsoft.standing import Standing
from bridge.sink import Desired

_DAY = 86400


class Step(NamedTuple):
    """What is left to be done to one occurrence."""

    key: Instant
    there: Event
    """As it stands."""
    wanted: Event | None
    """None: it is not to take place."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A booking, its occurrences sorted out."""

    master: Event
    changed: Mapping[Instant, Event]
    dropped: frozenset[Instant]
    """Those that the series leaves out."""

    @property
    def has_occurrences(self) -> bool:
        """Tell whether the series alone does not say it all."""
        return bool(self.changed or self.dropped)

    def without_guests(self) -> Wanted:
        """Give the same, as nobody is invited yet."""
        changed = {key: replace(each, attendees=()) for key, each in self.changed.items()}
        return Wanted(replace(self.master, attendees=()), changed, self.dropped)

    def rule(self, keys: Iterable[Instant]) -> Mapping[Instant, Times]:
        """Give the occurrences that the rule has around some of them."""
        known = sorted(keys)
        if not known or not self.master.is_recurring:
            return {}
        return by_rule(self.master, Window(known[0] - 2 * _DAY, known[-1] + 2 * _DAY))

    def back(self, standing: Standing) -> list[Instant]:
        """Name the occurrences that were deleted and are to take place again."""
        rule = self.rule(standing.deleted)
        return [key for key in standing.deleted if key in rule and key not in self.dropped]

    def steps(self, standing: Standing) -> list[Step]:
        """Say what is left to be done, in an order in which no occurrence is in another's way."""
        gone = [key for key in sorted(self.dropped) if key not in standing.deleted]
        other = [*self.changed, *(key for key in standing.changed if key not in self.changed)]
        rule = self.rule([*gone, *other])
        there = dict(self._there(standing, rule, [*gone, *other]))
        made: list[Step] = []
        for key in other:
            if key in self.dropped or key not in there:
                continue
            wanted = self.changed.get(key) or moved_to(self.master, rule[key], rule[key])
            made.append(Step(key, there[key], wanted))
        later = [each for each in made if _goes_later(each)]
        earlier = [each for each in made if not _goes_later(each)]
        return [
            *(Step(key, there[key], None) for key in gone if key in there),
            *sorted(later, reverse=True, key=lambda each: each.key),
            *sorted(earlier, key=lambda each: each.key),
        ]

    def _there(
        self, standing: Standing, rule: Mapping[Instant, Times], keys: Iterable[Instant]
    ) -> Iterator[tuple[Instant, Event]]:
        for key in keys:
            if key not in rule:
                continue
            if key in standing.changed:
                yield key, on_clock_of(self.master, standing.changed[key].event)
            else:
                yield key, moved_to(standing.master, rule[key], rule[key])


def wanted(desired: Desired, owner: str) -> Wanted:
    """Take what is desired.

    Args:
        desired: in the words of its client.
        owner: mail address of the account, which organizes and is no guest.

    Raises:
        RemoteRejected: Outlook cannot say it; why.
    """
    check(desired)
    master = desired.series.master
    assert master is not None  # noqa: S101 - `check` refuses it
    whole = _ours(replace(master, exdates=()), desired, owner)
    try:
        dropped = {_key(whole, each) for each in master.exdates}
        changed: dict[Instant, Event] = {}
        for each in desired.series.overrides:
            key = _key(whole, each.recurrence_id)
            if is_dropped(each):
                dropped.add(key)
            else:
                changed[key] = on_clock_of(whole, _ours(each, desired, owner))
        changed = {key: each for key, each in changed.items() if key not in dropped}
        made = Wanted(whole, changed, frozenset(dropped))
        rule = made.rule([*dropped, *changed, *(at(each.start) for each in changed.values())])
    except (Unclear, InvalidCalendarObject) as err:
        raise RemoteRejected(str(err)) from err
    _check_order(made, rule)
    return Wanted(whole, changed, frozenset(dropped & rule.keys()))


def on_clock_of(master: Event, event: Event) -> Event:
    """Say the times of an occurrence on the clock of its series."""
    zone = master.start.tzinfo if isinstance(master.start, datetime) else None

    def shown(moment: EventTime) -> EventTime:
        return moment.astimezone(zone) if zone and isinstance(moment, datetime) else moment

    return replace(event, start=shown(event.start), end=shown(event.end))


def _ours(event: Event, desired: Desired, owner: str) -> Event:
    guests: tuple[Attendee, ...] = tuple(
        each for each in event.attendees if each.address != f"mailto:{owner.lower()}"
    )
    return replace(event, origin=desired.origin, mirror=desired.mirror, attendees=guests)


def _key(master: Event, moment: EventTime | None) -> Instant:
    return at(original_start(master, moment))


def _check_order(made: Wanted, rule: Mapping[Instant, Times]) -> None:
    """Refuse occurrences that the series does not have, and those that overtake another one.

    Outlook keeps the order of a series, and one occurrence a day: it answers
    ErrorOccurrenceCrossingBoundary.
    """
    strange = next((key for key in made.changed if key not in rule), None)
    if strange is not None:
        raise RemoteRejected(
            f"the series has no occurrence at {rfc3339(strange)} that could be changed "
            "(RECURRENCE-ID), and Outlook cannot add one"
        )
    before: date | None = None
    for key in sorted(key for key in rule if key not in made.dropped):
        event = made.changed.get(key)
        day = _day(event.start if event else moved_to(made.master, rule[key], rule[key]).start)
        if before is not None and day <= before:
            raise RemoteRejected(
                f"Outlook cannot move the occurrence of {rfc3339(key)} to the day of its neighbour "
                "or beyond: occurrences of a series keep their order, one a day"
            )
        before = day


def _day(start: EventTime) -> date:
    return start.date() if isinstance(start, datetime) else start  # type: ignore[return-value]


def _goes_later(step: Step) -> bool:
    return step.wanted is not None and at(step.wanted.start) > at(step.there.start)
