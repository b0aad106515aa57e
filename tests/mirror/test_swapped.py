"""Mirrors of which the calendars change places end in the right ones, with nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bridge.errors import RemoteRejected
from bridge.model.event import EventSeries
from bridge.provider import AccessRole, CalendarId
from bridge.sink import EventSink, Written
from tests.mirror.attic import Attic, shown
from tests.mirror.test_doubt import Office

Open = Callable[..., Attic]
NAMES = ("one", "two", "three")
SOURCES = ("work", "apple", "home")
TITLES = [f"Busy {source}" for source in SOURCES]


@dataclass
class Locked:
    """A sink of a calendar in which somebody locked some events."""

    sink: EventSink
    locked: Collection[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        if base.remote_id in self.locked:
            raise RemoteRejected("it is locked")
        self.sink.delete(calendar, base, notify=notify)


def mirror(to: str, source: int) -> dict[str, Any]:
    return {"to": f"team/{to}", "from": [SOURCES[source]], "title": TITLES[source]}


def furnish(open_attic: Open, number: int, *, by: Callable[[str], str]) -> Attic:
    """Mirror so many accounts, each into a calendar of its own; each has two events."""
    accounts = [{"id": it} for it in (*SOURCES, "team")]
    mirrors = [mirror(by(name), place) for place, name in enumerate(NAMES[:number])]
    attic = open_attic(*mirrors, connections=accounts)
    for name in NAMES:
        attic.calendar(name, connection="team", role=AccessRole.WRITE)
    for place, source in enumerate(SOURCES):
        for day in (23, 24):
            attic.add(f"talk {day}", f"2026-11-{day} {9 + place:02}:00", connection=source)
    attic.pull_all()
    Office(attic).work()
    assert stand(attic) == [expected(place if place < number else None) for place in range(3)]
    return attic


def expected(source: int | None) -> list[str]:
    if source is None:
        return []
    return [f"11-{day} {9 + source:02}:00 +60 {TITLES[source]}" for day in (23, 24)]


def stand(attic: Attic) -> list[list[str]]:
    """What stands in each calendar, whosever it is."""
    found = list[list[str]]()
    for name in NAMES:
        every = attic.calendar(name, connection="team").objects.values()
        found.append(sorted(shown(it.events()[0]) for it in every if isinstance(it, EventSeries)))
    return found


def rename(attic: Attic, names: Sequence[str]) -> None:
    """The owner gives the calendars other names, and the bridge hears of it."""
    for name, other in zip(NAMES, names, strict=False):
        calendar = attic.calendar(name, connection="team")
        calendar.info = replace(calendar.info, name=other)
    attic.now += 3600
    attic.pull_all()


def check(attic: Attic, *sources: int | None) -> None:
    """Each calendar has the blocks of that source; nothing is wrong, nor done any more."""
    assert stand(attic) == [expected(source) for source in sources]
    assert [row.error_message for row in attic.rows()] == [""] * len(attic.rows())
    attic.asked()
    attic.look()
    assert set(attic.asked()) == {"marked"}
    assert len(attic.noted()) == sum(2 for source in sources if source is not None)


def test_two_mirrors_change_places_by_the_names_of_their_calendars(open_attic: Open) -> None:
    attic = furnish(open_attic, 2, by=str.title)
    rename(attic, ["Two", "One"])
    outcomes = Office(attic).work()
    assert set(outcomes) == {"written"}, "neither refuses the other"
    check(attic, 1, 0, None)


def test_three_mirrors_change_places_in_a_ring(open_attic: Open) -> None:
    attic = furnish(open_attic, 3, by=str.title)
    rename(attic, ["Three", "One", "Two"])
    assert set(Office(attic).work()) == {"written"}
    check(attic, 2, 0, 1)


@pytest.mark.parametrize("by", [str, str.title], ids=["id", "name"])
def test_two_mirrors_change_places_in_the_file(open_attic: Open, by: Callable[[str], str]) -> None:
    """By the names that they have, and by other ones of the same calendars."""
    attic = furnish(open_attic, 2, by=str)
    attic.mirror(mirror(by("two"), 0), mirror(by("one"), 1))
    assert set(Office(attic).work()) <= {"written", "gone"}
    check(attic, 1, 0, None)


def test_one_that_cannot_leave_its_calendar_keeps_the_other_out_of_none(open_attic: Open) -> None:
    """What cannot be deleted stays and is told; both write where they are meant to."""
    attic = furnish(open_attic, 2, by=str.title)
    locked = attic.calendar("two", connection="team")
    provider = attic.memory("team").provider()
    assert provider.sink is not None
    sink = Locked(provider.sink, set(locked.objects))
    attic.accounts.providers["room-a.team"] = replace(provider, sink=sink)
    rename(attic, ["Two", "One"])
    office = Office(attic)
    for _ in range(4):
        office.work()
        attic.now += 900
    one, two, _ = stand(attic)
    assert one == expected(1)
    assert two == sorted([*expected(0), *expected(1)])
    assert [row.stays for row in attic.rows() if row.stays] == [
        "2 of its events stay in the calendar two"
    ]


def test_one_that_means_the_calendar_of_another_leaves_its_own_before_it_is_refused(
    open_attic: Open,
) -> None:
    attic = furnish(open_attic, 2, by=lambda name: name if name == "two" else "One")
    rename(attic, ["Old", "One"])
    assert sorted(set(Office(attic).work())) == ["failed", "written"]
    assert stand(attic) == [[], expected(1), []]
    (told,) = [row.error_message for row in attic.rows() if row.error_message]
    assert "team/One is the same calendar as team/two" in told
