"""Failure is never emptiness: what was known stays, and it is visible that it is old."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteNotFound,
    SyncTokenExpired,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.ingest import notes
from bridge.ingest.expand import WAITING
from bridge.model.event import ShowAs
from bridge.model.interval import Window
from bridge.provider import (
    AccessRole,
    CalendarId,
    CalendarInfo,
    Page,
    Provider,
    RemoteId,
    Series,
    Shown,
    SyncToken,
)
from bridge.store import calendars, events
from tests.engine.house import House, instant_at, make_series

NINE = [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


@dataclass
class Scripted:
    """A source that plays what a test says; each listing takes the next script."""

    scripts: list[Callable[[SyncToken | None], Iterator[Page]]] = field(default_factory=list)
    asked: list[SyncToken | None] = field(default_factory=list)

    def list_calendars(self) -> Sequence[CalendarInfo]:
        return [CalendarInfo(CalendarId("main"), "Main")]

    def changes(
        self, _calendar: CalendarId, since: SyncToken | None, _window: Window
    ) -> Iterator[Page]:
        self.asked.append(since)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        return script(since)


def play(house: House, *scripts: Callable[[SyncToken | None], Iterator[Page]]) -> Scripted:
    source = Scripted(list(scripts))
    house.accounts.providers["room-a.work"] = Provider(source=source)
    return source


def event(name: str = "a", start: str = "2026-11-23 09:00") -> Series:
    return Series(RemoteId(name), make_series(start, uid=name))


def full(*items: Series) -> Callable[[SyncToken | None], Iterator[Page]]:
    return lambda _: iter([Page(items, SyncToken("one"), full=True)])


def expired(_: SyncToken | None) -> Iterator[Page]:
    raise SyncTokenExpired("410")
    yield


FAILURES = [
    TemporarilyUnavailable("503"),
    RateLimited("429"),
    AuthorizationExpired("401"),
    UnreadableAnswer("an HTML page instead of a calendar"),
    RemoteNotFound("404"),
]


@pytest.mark.covers("A-31", "F21", "F14")
@pytest.mark.parametrize("error", FAILURES, ids=lambda it: type(it).__name__)
@pytest.mark.parametrize("pages_before", [0, 1])
def test_a_listing_that_fails_keeps_what_was_known_and_says_so(
    house: House, error: ProviderError, pages_before: int
) -> None:
    house.calendar().put("a", make_series())
    house.pull()
    token = house.calendar_rows()["Main"].token
    house.calendar().delete("a")
    house.memory().page_size = 1
    house.calendar().put("b", make_series("2026-11-24 09:00", uid="b"))
    house.memory().fail(error, after_pages=pages_before)
    with pytest.raises(type(error)):
        house.pull()
    row = house.calendar_rows()["Main"]
    assert house.busy() == NINE
    assert (row.token, row.error_code, row.failed_since) == (token, error.code, house.now)
    assert house.freshness()[:2] == (house.now - 60, 1)

    house.memory().fail(None)
    house.pull()
    row = house.calendar_rows()["Main"]
    assert house.busy() == [("2026-11-24 09:00", "2026-11-24 10:00", "BUSY")]
    assert (row.error_code, row.failed_since) == ("", None)
    assert house.freshness()[:2] == (house.now, 0)


@pytest.mark.covers("A-29", "F16")
def test_an_expired_token_costs_one_full_listing_and_no_flapping(house: House) -> None:
    house.calendar().put("a", make_series())
    house.calendar().put("b", make_series("2026-11-24 09:00", uid="b"))
    house.pull()
    first, _ = house.blocks()
    seq = house.state().seq
    house.calendar().delete("b")
    house.calendar().expire()
    report = house.pull()
    assert report.calendars[0].full
    assert house.busy() == NINE
    assert house.blocks() == [first]
    assert [change.deleted for change in house.changes(seq)] == [True]


def test_a_provider_that_calls_every_token_expired_is_asked_twice(house: House) -> None:
    play(house, full(event()))
    house.pull()
    source = play(house, expired)
    with pytest.raises(TemporarilyUnavailable):
        house.pull()
    assert source.asked == ["one", None]
    assert house.busy() == NINE


@pytest.mark.covers("F6")
def test_a_token_is_stored_with_its_rows_or_not_at_all(house: House) -> None:
    play(house, full(event()))
    house.pull()

    def breaks_off(_: SyncToken | None) -> Iterator[Page]:
        yield Page([event("b", "2026-11-24 09:00")], SyncToken("two"), full=False)
        raise TemporarilyUnavailable("the connection broke")

    source = play(house, breaks_off, lambda _: iter([Page([], SyncToken("three"))]))
    with pytest.raises(TemporarilyUnavailable):
        house.pull()
    assert house.busy() == NINE
    house.pull()
    assert source.asked == ["one", "one"]


@pytest.mark.covers("F25")
def test_a_listing_that_names_an_event_on_two_pages_has_it_once(house: House) -> None:
    pages = [
        Page([event("a"), event("b", "2026-11-24 09:00")], full=True),
        Page([event("b", "2026-11-25 09:00"), event("a")], SyncToken("one"), full=True),
    ]
    play(house, lambda _: iter(pages))
    house.pull()
    assert house.busy() == [*NINE, ("2026-11-25 09:00", "2026-11-25 10:00", "BUSY")]


def test_an_account_that_was_never_reached_is_stale_and_not_free_of_blame(house: House) -> None:
    house.accounts.errors["room-a.work"] = AuthorizationExpired("no such password")
    with pytest.raises(AuthorizationExpired):
        house.pull()
    assert house.freshness()[:2] == (None, 1)
    del house.accounts.errors["room-a.work"]
    house.calendar().put("a", make_series())
    house.pull()
    assert house.freshness()[:2] == (house.now, 0)
    assert set(house.calendar_rows()) == {"Main"}


def test_an_unreadable_event_keeps_its_time_and_costs_the_others_nothing(house: House) -> None:
    house.calendar().put("a", make_series())
    house.calendar().spoil("c", "DTSTART is missing")
    house.pull()
    house.calendar().spoil("a", "the zone says nothing")
    house.calendar().put("b", make_series("2026-11-24 09:00", uid="b"))
    house.pull()
    assert house.busy() == [*NINE, ("2026-11-24 09:00", "2026-11-24 10:00", "BUSY")]
    assert house.explain(uid="event")[0].notes == ("cannot be read: the zone says nothing",)
    assert [it.uid for it in house.explain(at=0)] == ["event", "c"], "any of them might be meant"
    notes = house.calendar_rows()["Main"].notes
    assert "event c: cannot be read: DTSTART is missing" in notes

    house.calendar().put("a", make_series())
    house.calendar().delete("c")
    house.pull()
    assert house.explain(uid="event")[0].notes == ()
    assert house.calendar_rows()["Main"].notes == "[]"


@pytest.mark.covers("A-34", "F62")
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY",
        "FREQ=DAILY;INTERVAL=0",
    ],
)
def test_a_hostile_rule_blocks_what_it_names_outright_and_the_rest_is_served(
    house: House, rule: str
) -> None:
    house.calendar().put("bad", make_series("2026-11-25 09:00", uid="bad", rrules=(rule,)))
    house.calendar().put("a", make_series())
    house.pull()
    assert house.busy() == [*NINE, ("2026-11-25 09:00", "2026-11-25 10:00", "BUSY")]
    assert "event bad: cannot be expanded" in house.calendar_rows()["Main"].notes
    assert "cannot be expanded" in house.explain(uid="bad")[0].notes[0]


def test_an_event_that_becomes_hostile_keeps_its_last_times(house: House) -> None:
    house.calendar().put("a", make_series(rrules=("FREQ=DAILY;COUNT=3",)))
    house.pull()
    busy = house.busy()
    house.calendar().put("a", make_series(rrules=("FREQ=SECONDLY",)))
    house.pull()
    assert house.busy() == busy
    assert len(busy) == 3


def test_what_a_pull_had_no_time_for_is_continued_by_the_next(house: House) -> None:
    house.calendar().put("a", make_series(rrules=("FREQ=DAILY;COUNT=3",)))
    house.calendar().put("b", make_series("2026-11-23 12:00", uid="b"))
    house.pull()
    busy, row = house.busy(), house.calendar_rows()["Main"]
    with house.database.write() as conn:
        (event,) = events.of_calendar(conn, row.id, ["a"]).values()
        late = [it.id for it in events.occurrences_of(conn, row.id, ["a"])][1:]
        events.save(conn, [event._replace(digest="", problem=WAITING)])
        events.remove_occurrences(conn, late)
        said = notes.of_calendar(conn, row.id, (), "[]", examined=True)
        calendars.set_notes(conn, row.id, said)
    assert f"{WAITING} (1 events)" in said
    house.pull()
    with house.database.read() as conn:
        assert len(events.occurrences_of(conn, row.id, ["a"])) == 3
    assert house.busy() == busy
    assert house.calendar_rows()["Main"].notes == "[]"
    assert house.explain(uid="event")[0].notes == ()


def test_a_calendar_that_only_shares_busy_times_is_read_as_such(house: House) -> None:
    info = CalendarInfo(CalendarId("main"), "Main", role=AccessRole.FREE_BUSY)
    periods = [
        Shown(instant_at("2026-11-23 09:00"), instant_at("2026-11-23 10:00"), ShowAs.BUSY),
        Shown(
            instant_at("2026-11-24 09:00"),
            instant_at("2026-11-24 10:00"),
            ShowAs.OUT_OF_OFFICE,
        ),
    ]

    class Shared:
        def list_calendars(self) -> Sequence[CalendarInfo]:
            return [info]

        def changes(self, *_: object) -> Iterator[Page]:
            raise AssertionError("its events cannot be read")

        def busy(self, _calendar: CalendarId, _window: Window) -> Sequence[Shown]:
            return periods

    shared = Shared()
    house.accounts.providers["room-a.work"] = Provider(source=shared, busy=shared)
    house.pull()
    assert house.busy() == [*NINE, ("2026-11-24 09:00", "2026-11-24 10:00", "BUSY-UNAVAILABLE")]
    del periods[1]
    house.pull()
    assert house.busy() == NINE
