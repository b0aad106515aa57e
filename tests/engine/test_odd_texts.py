"""Texts and names that databases refuse, and objects of which only parts can be understood."""

from __future__ import annotations

import time

import pytest

from bridge.errors import TemporarilyUnavailable
from bridge.ingest.fold import Zones, assemble, key_of
from bridge.model.interval import FBType
from bridge.provider import (
    CalendarId,
    CalendarInfo,
    OccurrenceRemoved,
    Override,
    Page,
    Provider,
    RemoteId,
    Series,
    SyncToken,
    Unreadable,
)
from bridge.providers.caldav.translate import calendar_object
from tests.engine.house import BERLIN, House, at, instant_at, make_event, make_series

NINE = ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")


class Says:
    """A source that says one thing of one calendar."""

    def __init__(self, *items: object, name: str = "Main", notes: tuple[str, ...] = ()) -> None:
        self.page = Page(items, SyncToken("one"), full=True, notes=notes)
        self.name = name

    def list_calendars(self):
        return [CalendarInfo(CalendarId(self.name), self.name)]

    def changes(self, *_: object):
        yield self.page


def say(house: House, source: Says) -> None:
    house.accounts.providers["room-a.work"] = Provider(source=source)
    house.pull()


def test_names_of_a_thousand_letters_are_stored_and_found_again(house: House) -> None:
    names = ["会" * 1000 + tail for tail in "ab"]
    items = [Series(RemoteId(it), make_series(uid=it)) for it in names]
    say(house, Says(*items))
    assert house.busy() == [NINE]
    say(house, Says(*items))
    assert len({key_of(name) for name in names}) == 2
    assert all(len(key_of(name).encode()) <= 1000 for name in names)
    assert house.pull().objects == 0
    say(house, Says(items[0], Series(RemoteId("x"), make_series("2026-11-24 09:00", uid="x"))))
    assert len(house.busy()) == 2


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"])
def test_what_no_database_stores_is_left_out(house: House, odd: str) -> None:
    source = Says(
        Series(RemoteId(odd), make_series(uid="a", summary=odd)),
        Unreadable(RemoteId("c"), odd),
        name=odd,
        notes=(odd,),
    )
    say(house, source)
    say(house, source)
    assert house.busy() == [NINE]
    house.accounts.errors["room-a.work"] = TemporarilyUnavailable(odd)
    with pytest.raises(TemporarilyUnavailable):
        house.pull()
    (row,) = house.calendar_rows().values()
    assert (row.error_message[0], row.error_message[-1]) == ("a", "b")


def test_an_object_that_cannot_be_read_and_has_parts_is_stored_once(house: House) -> None:
    part = make_event("2026-11-24 12:00", uid="a", recurrence_id=at("2026-11-24 09:00"))
    say(house, Says(Unreadable(RemoteId("a"), "no zone"), Override(RemoteId("a"), part)))
    assert [start for start, _, _ in house.busy()] == ["2026-11-24 12:00"]
    assert "cannot be read: no zone" in house.calendar_rows().popitem()[1].notes


DAILY = "UID:a\nDTSTART:20261123T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"
BROKEN = "UID:a\nDTSTART:never\nRRULE:FREQ=DAILY;COUNT=3"
MOVED = (
    "UID:a\nSUMMARY:Moved\nRECURRENCE-ID:20261124T090000Z\nDTSTART:20261124T120000Z\nDURATION:PT1H"
)


class Writes:
    """A source of one calendar that is iCalendar text, as the adapters read it."""

    def __init__(self, *events: str) -> None:
        self.events = events

    def list_calendars(self):
        return [CalendarInfo(CalendarId("Main"), "Main")]

    def changes(self, *_: object):
        inner = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in self.events)
        text = f"BEGIN:VCALENDAR\nVERSION:2.0\n{inner}END:VCALENDAR\n"
        item = calendar_object(RemoteId("a.ics"), None, text, owner="")
        yield Page([item], SyncToken("one"), full=True)


def test_changed_occurrences_of_a_broken_series_block_and_explain_as_themselves(
    house: House,
) -> None:
    say(house, Writes(BROKEN, MOVED))
    assert [start for start, _, _ in house.busy()] == ["2026-11-24 12:00"]
    (told,) = house.explain(at=instant_at("2026-11-24 12:30"))[:1]
    assert (told.summary, told.blocks) == ("Moved", FBType.BUSY)
    assert "cannot be read: 'never' is not a date or time" in told.notes[0]

    state = house.state()
    say(house, Writes(BROKEN, MOVED))
    assert house.state() == state, "the same text again changes nothing"
    say(house, Writes(DAILY, MOVED))
    assert [start[8:] for start, _, _ in house.busy()] == ["23 09:00", "24 12:00", "25 09:00"]
    assert house.calendar_rows()["Main"].notes == "[]"


def test_what_was_known_of_a_series_stays_beside_the_occurrences_that_can_be_read(
    house: House,
) -> None:
    say(house, Writes(DAILY))
    say(house, Writes(BROKEN, MOVED))
    moved = ["23 09:00", "24 12:00", "25 09:00"]
    assert [start[8:] for start, _, _ in house.busy()] == moved
    house.configure(connections=[{"id": "work", "account_email": "ann@example.com"}])
    assert [start[8:] for start, _, _ in house.busy()] == moved, "also when it is made anew"
    say(house, Writes(BROKEN, MOVED.replace("T120000Z", "T150000Z")))
    assert [start[8:] for start, _, _ in house.busy()] == ["23 09:00", "24 15:00", "25 09:00"]


def test_a_second_event_of_a_uid_blocks_although_the_first_one_is_broken(house: House) -> None:
    other = "UID:a\nDTSTART:20261201T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2"
    broken = BROKEN.partition("\nRRULE")[0]
    say(house, Writes(broken, other))
    assert [start[5:10] for start, _, _ in house.busy()] == ["12-01", "12-02"]
    say(house, Writes(DAILY))
    say(house, Writes(broken, other))
    days = ["11-23", "11-24", "11-25", "12-01", "12-02"]
    assert [start[5:10] for start, _, _ in house.busy()] == days


def test_many_changed_occurrences_cost_as_much_as_there_are() -> None:
    series = make_series(uid="a", rrules=("FREQ=DAILY",))
    starts = [instant_at("2026-11-23 09:00") + number * 86400 for number in range(8000)]
    parts = [OccurrenceRemoved(RemoteId("a"), start) for start in starts]
    began = time.thread_time()
    made = assemble(RemoteId("a"), series, parts, Zones(BERLIN, BERLIN))
    assert time.thread_time() - began < 2
    assert made is not None
    assert made.master is not None
    assert len(made.master.exdates) == 8000
