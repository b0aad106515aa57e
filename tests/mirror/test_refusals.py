"""Blocks that a provider refuses to change or delete keep no others from being written."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bridge.errors import RemoteRejected
from bridge.mirror.engine import LOOK_EVERY
from bridge.model.conference import ConferenceKind
from bridge.provider import CalendarId
from bridge.sink import Desired, EventSink, Written
from tests.mirror.attic import Attic
from tests.mirror.test_doubt import Office

Open = Callable[..., Attic]
MAILS = "Outlook mails every guest of a change, and cannot be told not to"
DAYS = range(23, 30)


@dataclass
class Guarded:
    """A sink of a provider that changes some events only with a mail to their guests."""

    sink: EventSink
    guests: Collection[str]
    deletes: bool
    natively: Collection[ConferenceKind] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        if base is not None and base.remote_id in self.guests:
            raise RemoteRejected(MAILS)
        return self.sink.put(calendar, desired, base)

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        if base.remote_id in self.guests and not self.deletes:
            raise RemoteRejected(MAILS)
        self.sink.delete(calendar, base, notify=notify)


def invite(attic: Attic, *, deletes: bool) -> set[str]:
    """Somebody invites guests to the first four blocks. Returns their names."""
    guests = set(sorted(attic.events(), key=lambda it: str(attic.events()[it].start))[:4])
    provider = attic.memory("team").provider()
    assert provider.sink is not None
    sink = Guarded(provider.sink, guests, deletes)
    attic.accounts.providers["room-a.team"] = replace(provider, sink=sink)
    return guests


def days(hour: int, days: Collection[int] = DAYS) -> list[str]:
    return [f"11-{day} {hour:02}:00 +60 Busy" for day in days]


@pytest.fixture
def attic(attic: Attic) -> Attic:
    """A week of blocks, whose events are moved after somebody invited guests to some."""
    for day in DAYS:
        attic.add(f"talk {day}", f"2026-11-{day} 09:00")
    attic.round()
    assert attic.blocks() == days(9)
    return attic


def move(attic: Attic) -> None:
    for day in DAYS:
        attic.add(f"talk {day}", f"2026-11-{day} 15:00")
    attic.pull_all()


def test_blocks_that_cannot_be_changed_are_replaced(attic: Attic) -> None:
    guests = invite(attic, deletes=True)
    before = attic.ids()
    move(attic)
    assert Office(attic).work() == ["written"]
    assert attic.blocks() == days(15)
    assert before - attic.ids() == guests
    assert attic.row().error_message == ""


def test_blocks_that_can_be_neither_changed_nor_deleted_are_told_and_the_others_go_on(
    attic: Attic,
) -> None:
    guests = invite(attic, deletes=False)
    office = Office(attic)
    move(attic)
    for _ in range(2):
        office.work()
        assert attic.row().rest_until <= attic.now, "what changes next is written at once"
        attic.now += LOOK_EVERY
        attic.pull_all()
    assert guests < attic.ids()
    assert attic.blocks() == sorted(days(15) + days(9, DAYS[:4]))
    office.work()
    row = attic.row()
    assert (row.error_code, row.error_message[:2], row.waiting) == ("block_refused", "4 ", 0)
    attic.asked()
    attic.look()
    assert set(attic.asked()) == {"marked"}, "what was refused lately is not asked for again"
    attic.add("more", "2026-12-01 09:00")
    attic.pull_all()
    office.work()
    assert "12-01 09:00 +60 Busy" in attic.blocks()
    for name in guests:  # as the hint says
        attic.calendar(connection="team").delete(name)
    attic.look()
    assert attic.row().error_message == ""
    assert attic.blocks() == [*days(15), "12-01 09:00 +60 Busy"]
