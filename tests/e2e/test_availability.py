"""What events do to their owner's time: the table of `availability`, its overrides, the choice of
calendars, and what several calendars come to together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.e2e.reports import CALENDAR_QUERY, FREE_BUSY_QUERY
from tests.e2e.served import INSIDER, READER, Periods, Served, get
from tests.e2e.sources import CalDavCalendar, IcsUrl, Source, vevent
from tests.e2e.town import (
    END,
    KINDS,
    START,
    TODAY,
    TOMORROW,
    Town,
    at,
    busy,
    days,
    resource,
    serving,
)
from tests.servers.dav import Dav
from tests.servers.radicale import shared_radicale

ANN = "ann@example.com"
TENTATIVE, UNAVAILABLE = "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"
SHOWN_AS = "X-MICROSOFT-CDO-BUSYSTATUS:"
INTENDED = "X-MICROSOFT-CDO-INTENDEDSTATUS:"


def reply(partstat: str, who: str = ANN) -> tuple[str, str]:
    others = f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@example.com\r\nORGANIZER:mailto:{who[:1]}@b.c"
    return others, f"ATTENDEE;PARTSTAT={partstat}:mailto:{who}"


TABLE: dict[str, tuple[tuple[str, ...], str]] = {
    "plain": ((), "BUSY"),
    "confirmed": (("STATUS:CONFIRMED", "TRANSP:OPAQUE"), "BUSY"),
    "tentative": (("STATUS:TENTATIVE",), TENTATIVE),
    "cancelled": (("STATUS:CANCELLED",), ""),
    "transparent": (("TRANSP:TRANSPARENT",), ""),
    "accepted": (reply("ACCEPTED"), "BUSY"),
    "unanswered": (reply("NEEDS-ACTION"), TENTATIVE),
    "maybe": (reply("TENTATIVE"), TENTATIVE),
    "declined": (reply("DECLINED"), ""),
    "others-decline": (reply("DECLINED", "cid@example.com"), "BUSY"),
    "out-of-office": ((f"{SHOWN_AS}OOF",), UNAVAILABLE),
    "working-elsewhere": ((f"{SHOWN_AS}WORKINGELSEWHERE",), ""),
    "shown-tentative": ((f"{SHOWN_AS}TENTATIVE",), TENTATIVE),
    "shown-free": ((f"{SHOWN_AS}FREE",), ""),
    "shown-busy": ((f"{SHOWN_AS}BUSY", "TRANSP:TRANSPARENT"), "BUSY"),
    "intended-free": ((f"{INTENDED}FREE",), ""),
    "busy-though-intended-free": ((f"{SHOWN_AS}BUSY", f"{INTENDED}FREE"), "BUSY"),
    "cancelled-though-shown-busy": ((f"{SHOWN_AS}BUSY", "STATUS:CANCELLED"), ""),
}
"""Lines of an event, and the FBTYPE of its time by the defaults; empty: free."""


def hour(number: int, day: date = TOMORROW) -> tuple[int, int]:
    start, end, _ = busy(day, f"{number}:00", f"{number}:30", "UTC")
    return start, end


def timed(uid: str, number: int, *lines: str, day: date = TOMORROW) -> tuple[str, str]:
    text = f"{day:%Y%m%d}T{number:02}"
    return uid, vevent(uid, f"DTSTART:{text}0000Z", f"DTEND:{text}3000Z", *lines)


def dated(uid: str, day: date, *lines: str) -> tuple[str, str]:
    return uid, vevent(uid, f"DTSTART;VALUE=DATE:{day:%Y%m%d}", *lines)


def filled(source: Source, *objects: tuple[str, str]) -> dict[str, Any]:
    for uid, text in objects:
        source.put_text(uid, text)
    return source.connection()


def choosing(connection: dict[str, Any], availability: dict[str, str]) -> dict[str, Any]:
    """Give the connection's one calendar rules of its own."""
    [name] = connection.get("read_calendars", ["primary"])
    return {**connection, "read_calendars": [{"calendar": name, "availability": availability}]}


class Street:
    """Resources with one kind of source."""

    def __init__(self, town: Town, kind: str) -> None:
        self.town = town
        self.kind = kind

    def filled(self, *objects: tuple[str, str]) -> dict[str, Any]:
        return filled(self.town.calendar(self.kind), *objects)

    def named(self, name: str, *connections: dict[str, Any], **keys: Any) -> dict[str, Any]:
        return resource(f"{name}-{self.kind}", *connections, **keys)

    def resources(self) -> Iterator[dict[str, Any]]:
        rows = [timed(uid, n, *lines) for n, (uid, (lines, _)) in enumerate(TABLE.items())]
        yield self.named("table", {**self.filled(*rows), "account_email": ANN})
        yield self.named("overridden", *self.overridden(), availability=OF_THE_RESOURCE)
        free = (f"{SHOWN_AS}FREE", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE")
        by_status = [dated("free", TOMORROW, *free), dated("see-through", TODAY, TABLE_FREE)]
        for rule in ("by_status", "busy", "free"):
            whole = self.filled(dated("whole", TOMORROW + timedelta(days=1)))
            connections = self.filled(*by_status), whole
            yield self.named(f"all-day-{rule}", *connections, availability={"all_day": rule})
        yield self.named("buffered", self.filled(timed("plain", 9)), availability=BUFFERS)
        silent = {**self.filled(timed("plain", 9)), "validate_availability": False}
        yield self.named("silent", silent, self.filled(timed("plain", 11)))
        nothing = {**self.filled(timed("plain", 9)), "read_calendars": []}
        yield self.named("nothing", nothing, self.filled(timed("plain", 11)))

    def overridden(self) -> Iterator[dict[str, Any]]:
        """A tentative event for each level that has a say: resource, connection, calendar."""
        yield self.filled(timed("plain", 8), timed("resource", 9, "STATUS:TENTATIVE"))
        connection = self.filled(timed("connection", 11, "STATUS:TENTATIVE"))
        yield {**connection, "availability": {"tentative": "free"}}
        connection = self.filled(timed("calendar", 13, "STATUS:TENTATIVE"))
        chosen = choosing(connection, {"tentative": "busy_unavailable"})
        yield {**chosen, "availability": {"tentative": "free"}}


TABLE_FREE = "TRANSP:TRANSPARENT"
OF_THE_RESOURCE = {"tentative": "busy"}
BUFFERS = {"buffers": {"before": "15m", "after": "10m"}}


def mixed(town: Town) -> Iterator[dict[str, Any]]:
    """Resources whose sources are of several kinds, or of one that can hold several calendars."""

    def clock(uid: str, start: str, end: str) -> tuple[str, str]:
        day = f"{TOMORROW:%Y%m%d}"
        return uid, vevent(uid, f"DTSTART:{day}T{start}00Z", f"DTEND:{day}T{end}00Z")

    times = [("a", "0900", "1000"), ("b", "0930", "1100"), ("c", "1300", "1400")]
    yield resource(
        "three",
        *(
            filled(town.calendar(kind), clock(*time))
            for kind, time in zip(KINDS, times, strict=True)
        ),
    )
    same = clock("invitation@example.com", "0900", "1000")
    yield resource("twice", *(filled(town.calendar(kind), same) for kind in KINDS))
    account = Dav(shared_radicale(town.folder / "radicale").url, "/ben/", "ben", "other")
    work, private = (CalDavCalendar(account, name) for name in ("work", "private"))
    connection = filled(work, clock("work", "0900", "1000"))
    filled(private, clock("private", "1500", "1600"))
    yield resource("chosen", connection)
    yield resource("everything", {**connection, "read_calendars": None})
    feed = IcsUrl(town.origin, "/primary.ics", prologue="X-WR-CALNAME:Closures\r\n")
    connection = filled(feed, clock("feed", "0900", "1000"))
    yield resource("primary", {**connection, "read_calendars": ["primary"]})


@pytest.fixture(scope="module")
def served(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    resources = [it for kind in KINDS for it in Street(town, kind).resources()]
    bridge = serving(tmp_path_factory.mktemp("availability"), [*resources, *mixed(town)])
    yield bridge
    bridge.__exit__()


def periods(served: Served, resource_id: str) -> Periods:
    """What all outputs say; the feed is read once for each case."""
    return served.periods(resource_id, START, END, feed=resource_id.endswith("ics"))


@pytest.mark.covers("A-10")
@pytest.mark.parametrize("kind", KINDS)
def test_the_availability_table_decides_what_each_event_does(served: Served, kind: str) -> None:
    expected = [
        (*hour(number), fbtype) for number, (_, fbtype) in enumerate(TABLE.values()) if fbtype
    ]
    assert periods(served, f"table-{kind}") == expected


@pytest.mark.covers("S4-36")
@pytest.mark.parametrize("kind", KINDS)
def test_explain_names_every_event_with_what_it_does_and_why(served: Served, kind: str) -> None:
    uids = list(TABLE)
    for uid, reason in (("plain", "busy"), ("cancelled", "cancelled"), ("declined", "declined")):
        moment = f"{TOMORROW}T{uids.index(uid):02}:15:00Z"
        [told] = served.explain(f"table-{kind}", "--at", moment)
        assert (told["uid"], told["reason"]) == (uid, reason)
        assert (told["blocks"] or "") == TABLE[uid][1]


@pytest.mark.parametrize("kind", KINDS)
def test_rules_of_a_calendar_win_over_its_connection_s_and_these_over_the_resource_s(
    served: Served, kind: str
) -> None:
    expected = [(*hour(8), "BUSY"), (*hour(9), "BUSY"), (*hour(13), UNAVAILABLE)]
    assert periods(served, f"overridden-{kind}") == expected


@pytest.mark.covers("A-09")
@pytest.mark.parametrize("kind", KINDS)
def test_an_all_day_event_blocks_by_its_status_or_by_the_rule_for_all_day_events(
    served: Served, kind: str
) -> None:
    whole = days(TOMORROW + timedelta(days=1), 1, "UTC")
    three = days(TODAY, 3, "UTC")
    assert periods(served, f"all-day-by_status-{kind}") == [whole]
    assert periods(served, f"all-day-busy-{kind}") == [three]
    assert periods(served, f"all-day-free-{kind}") == []


@pytest.mark.parametrize("kind", KINDS)
def test_buffers_are_added_around_each_event(served: Served, kind: str) -> None:
    expected = [(at(TOMORROW, "8:45", "UTC"), at(TOMORROW, "9:40", "UTC"), "BUSY")]
    assert periods(served, f"buffered-{kind}") == expected


@pytest.mark.covers("S0-15", "S1-26")
@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_does_not_validate_availability_is_read_and_blocks_nothing(
    served: Served, kind: str
) -> None:
    assert periods(served, f"silent-{kind}") == [(*hour(11), "BUSY")]
    [told] = served.explain(f"silent-{kind}", "--at", f"{TOMORROW}T09:00:00Z")
    assert told["blocks"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_of_calendars_means_none_and_never_all(served: Served, kind: str) -> None:
    assert periods(served, f"nothing-{kind}") == [(*hour(11), "BUSY")]


@pytest.mark.covers("A-03", "S0-35", "S1-01")
def test_three_calendars_merge_to_two_busy_periods_in_every_output(served: Served) -> None:
    nine, one = (busy(TOMORROW, *times, "UTC") for times in (("9:00", "11:00"), ("13:00", "14:00")))
    assert served.periods("three", START, END) == [nine, one]
    day = f"{TOMORROW:%Y%m%d}"
    for answer in (
        served.freebusy("three", START, END),
        served.report("three", FREE_BUSY_QUERY, START, END),
    ):
        body = answer.body.decode()
        assert body.count("BEGIN:VFREEBUSY") == 1
        assert [line for line in body.split("\r\n") if line.startswith("FREEBUSY")] == [
            f"FREEBUSY;FBTYPE=BUSY:{day}T090000Z/{day}T110000Z",
            f"FREEBUSY;FBTYPE=BUSY:{day}T130000Z/{day}T140000Z",
        ]
        assert "secret" not in body
    assert "secret" not in get(served.feeds["three"]).body.decode()
    for login in (READER, INSIDER):
        events = served.report("three", CALENDAR_QUERY, START, END, login).body.decode()
        assert events.count("BEGIN:VEVENT") == (2 if login is READER else 3)
        assert "secret" not in events


def test_an_invitation_in_several_calendars_is_one_busy_period(served: Served) -> None:
    assert served.periods("twice", START, END) == [busy(TOMORROW, "9:00", "10:00", "UTC")]
    assert len(served.explain("twice", "--event", "invitation@example.com")) == len(KINDS)


@pytest.mark.covers("S0-16", "S0-42", "S1-25")
def test_a_calendar_that_is_not_listed_does_not_block(served: Served) -> None:
    work, private = (
        busy(TOMORROW, *times, "UTC") for times in (("9:00", "10:00"), ("15:00", "16:00"))
    )
    assert served.periods("chosen", START, END) == [work]
    assert served.periods("everything", START, END) == [work, private]


@pytest.mark.covers("S0-14")
def test_primary_means_the_main_calendar_which_is_then_known_by_its_own_name(
    served: Served,
) -> None:
    assert served.periods("primary", START, END) == [busy(TOMORROW, "9:00", "10:00", "UTC")]
    [connection] = json.loads(served.cli("connections", "list", "primary", "--json"))
    assert [it["name"] for it in connection["calendars"]] == ["Closures"]
