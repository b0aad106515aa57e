"""How a part that is naive about notifications is tried: by what its bridge's users notice.

The bridge, the provider and the way between them are real but for the clock: time passes only
here, and what was posted is heard, and what is due is pulled, at its moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest

from bridge.channels import shown
from bridge.channels.standing import Standing
from bridge.model.http import Response
from bridge.model.interval import utc
from bridge.model.resource import ConnectionStatus
from bridge.store import schedule
from tests.channels import naive
from tests.channels.house import DAY, Pushed, PushedOffice
from tests.channels.naive import Part
from tests.engine.google_owner import GoogleOwner
from tests.engine.microsoft_owner import MicrosoftOwner
from tests.engine.owner import Owner, Place
from tests.engine.process import Line

MINUTE, HOUR = 60, 3600
USUAL = 7 * MINUTE
"""Seconds within which a poll finds a change where nobody tells: sync.interval with its jitter."""
SAFETY = 37 * MINUTE
"""The same where all changes are told: sync.push_poll_interval."""
_ENOUGH = 3
"""Pulls in one moment; who wants more wants them without end."""


@dataclass
class Noted(Line):
    """Notes each request."""

    asked: list[str] = field(default_factory=list)

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.asked.append(f"{method} {url}")
        return super().request(method, url, **options)


class Room:
    """A bridge that reads Ann's calendar and has its provider tell of changes."""

    def __init__(self, owner: Owner, http: Noted, wrong: Mapping[str, Any]) -> None:
        self.owner, self._http, self._wrong = owner, http, wrong
        self.changes = 0

    def misbehave(self) -> None:
        """From now on the provider does, in the trials in which it is to."""
        self.owner.faults.apply(self._wrong)

    def connect(self) -> None:
        self.owner.reconnect()
        self.live(MINUTE)

    def change(self) -> None:
        """Let Ann write something into her calendar, and what is told of it be heard."""
        self.changes += 1
        day = self.owner.now // HOUR + 24 * self.changes
        self.owner.add_news(utc(day * HOUR))
        self._look()

    def live(self, seconds: int, step: int = MINUTE) -> None:
        """Let time pass; what is due is done after each step."""
        ends = self.owner.now + seconds
        while self.owner.now < ends:
            self.owner.now = min(self.owner.now + step, ends)
            self._look()

    def _look(self) -> None:
        owner = self.owner
        owner.running.flush()
        for posted in owner.door.taken():
            owner.bridge.hear(owner.provider, [posted])
            owner.bridge.work()
        for _ in range(_ENOUGH):
            if not owner.bridge.work():
                break
            owner.hear()

    def due_in(self) -> int:
        with self.owner.bridge.database.read() as conn:
            due = schedule.next_due(conn)
        assert due is not None
        return due - self.owner.now

    def shows(self) -> bool:
        """Whether all that Ann wrote is published."""
        return len(self.owner.bridge.periods()) == self.changes

    def status(self) -> ConnectionStatus:
        return self.owner.bridge.row().status

    def standing(self) -> Standing:
        bridge = self.owner.bridge
        with bridge.database.read() as conn:
            return shown.standing(conn, bridge.row(), self.owner.now)

    def pulls(self) -> int:
        listing = {"google": Pushed.is_listing, "microsoft": PushedOffice.is_listing}
        return sum(map(listing[self.owner.provider], self._http.asked))

    def openings(self) -> int:
        """How often the provider was asked for a channel."""
        ends = ("/watch", "/subscriptions")
        return sum(call.startswith("POST") and call.endswith(ends) for call in self._http.asked)


Scenario: TypeAlias = Callable[[Room], None]
Case: TypeAlias = tuple[Part, Mapping[str, Any], Scenario]
"""A naive part, what the provider does wrong, and what its users notice."""


def names(cases: list[Case]) -> list[str]:
    """Name cases."""
    return [f"{part.__name__}-{next(iter(faults))}" for part, faults, _ in cases]


def faults_of(cases: list[Case]) -> frozenset[str]:
    """Name what goes wrong in any of these."""
    return frozenset(fault for _, faults, _ in cases for fault in faults)


@contextmanager
def _room(
    owner: Owner, http: Noted, chosen: Part | None, wrong: Mapping[str, Any]
) -> Iterator[Room]:
    try:
        owner.reconcile = "1d"
        owner.restart()
        bridge = owner.bridge
        for part in (bridge.keeper, bridge.hearing, bridge.pulls):
            if chosen is not None and issubclass(chosen, type(part)):
                part.__class__ = chosen
        yield Room(owner, http, wrong)
        assert owner.running.world.defects == []
    finally:
        if owner.process is not None:
            owner.process.close()
        owner.ends.close()


def catches(
    owner: type[GoogleOwner | MicrosoftOwner],
    places: Callable[[], Place],
    case: Case,
) -> None:
    """Try a naive part: it will do as long as the provider behaves; ours always does."""
    wrong, faults, scenario = case

    def attempt(part: Part | None, *, misbehaving: bool) -> None:
        place = places()
        http = Noted(place.http)
        made = owner(place._replace(http=http))
        with _room(made, http, part, faults if misbehaving else {}) as room:
            scenario(room)

    attempt(wrong, misbehaving=False)
    with pytest.raises(AssertionError) as told:
        attempt(wrong, misbehaving=True)
    assert told.traceback[-1].name == scenario.__name__, "and not for want of something else"
    attempt(None, misbehaving=True)


def what_nobody_told_of_shows_with_the_safety_poll(room: Room) -> None:
    room.connect()
    room.misbehave()
    room.change()
    room.live(SAFETY)
    assert room.shows()


def after_a_loss_changes_show_as_soon_as_without_notifications(room: Room) -> None:
    room.connect()
    room.misbehave()
    room.change()
    room.live(SAFETY)
    room.change()
    room.live(USUAL)
    assert room.shows()


def changes_show_as_soon_as_without_notifications(room: Room) -> None:
    room.misbehave()
    room.connect()
    room.change()
    room.live(USUAL)
    assert room.shows()


def once_it_is_heard_of_again_polls_are_seldom(room: Room) -> None:
    room.connect()
    room.live(room.due_in() - MINUTE)
    room.misbehave()
    room.change()
    room.live(10 * MINUTE)
    before = room.pulls()
    room.live(HOUR)
    assert room.pulls() - before <= 3


def a_channel_is_seldom_asked_for(room: Room) -> None:
    room.misbehave()
    room.connect()
    room.live(20 * MINUTE)
    assert room.openings() <= 2  # of which one may be with another access token


def there_are_no_more_pulls_than_changes(room: Room) -> None:
    room.connect()
    room.live(2 * MINUTE)
    room.misbehave()
    before = room.pulls()
    for _ in range(3):
        room.change()
    room.live(MINUTE)
    assert room.shows()
    assert room.pulls() - before <= 3


def the_account_stays_active_and_polled_and_the_reason_shows(room: Room) -> None:
    room.misbehave()
    room.connect()
    room.change()
    room.live(USUAL)
    assert room.shows()
    assert room.status() is ConnectionStatus.ACTIVE
    state, reason = room.standing()
    assert state == "on" or reason


def once_it_is_permitted_changes_are_told(room: Room) -> None:
    room.misbehave()
    room.connect()
    room.live(75 * MINUTE)
    room.change()
    assert room.shows()


def changes_are_told_all_day(room: Room) -> None:
    room.misbehave()
    room.connect()
    for _ in range(3):
        room.live(20 * MINUTE)
        room.change()
        assert room.shows()


def changes_are_told_all_week(room: Room) -> None:
    room.misbehave()
    room.connect()
    for _ in range(2):
        room.live(3 * DAY, step=DAY // 2)
        room.change()
        assert room.shows()


def alike(*, refused: str, times: int, short: str) -> list[Case]:
    """Give the cases that are the same wherever channels are.

    Args:
        refused: what the provider does wrong where it opens none.
        times: how often that is before a channel was refused once.
        short: what it does where channels end early.
    """
    lost, late, duplicate = {"push_lost": True}, {"push_late": 400}, {"push_duplicate": True}
    refuses, first = {refused: True}, {refused: {"value": True, "times": times}}
    ends = {short: 20 * MINUTE - 30}  # before the next safety poll
    return [
        (naive.NeverPolls, lost, what_nobody_told_of_shows_with_the_safety_poll),
        (naive.NeverDoubts, lost, after_a_loss_changes_show_as_soon_as_without_notifications),
        (naive.DoubtsForGood, late, once_it_is_heard_of_again_polls_are_seldom),
        (naive.PullsForEachMessage, duplicate, there_are_no_more_pulls_than_changes),
        (
            naive.FailsWithItsChannels,
            refuses,
            the_account_stays_active_and_polled_and_the_reason_shows,
        ),
        (naive.AsksAgainAtOnce, refuses, a_channel_is_seldom_asked_for),
        (naive.GivesUpForGood, first, once_it_is_permitted_changes_are_told),
        (naive.TakesItsEndForGranted, ends, changes_are_told_all_day),
        (naive.RenewsWhenItPolls, ends, changes_are_told_all_day),
    ]
