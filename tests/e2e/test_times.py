"""When events take place: series, zones, changes of the clocks, whole days.

Every case is written to a calendar of its own at Radicale, at Xandikos and behind an ICS URL, and
must come out as the same instants in free-busy URL and JSON; the feed is read once for each case.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple

import pytest

from tests.e2e.served import Periods, Served
from tests.e2e.sources import vevent
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
    inside,
    resource,
    serving,
    weekly,
)

BERLIN = "Europe/Berlin"
CUSTOM = "tzone://Microsoft/Custom"
MONDAYS, WEDNESDAYS = weekly(0), weekly(2)


class Case(NamedTuple):
    """What stands in a calendar, and the busy time that it makes."""

    objects: dict[str, str]
    """UID -> its VTIMEZONE, if any, and its VEVENTs."""
    expected: Periods
    zone: str = BERLIN
    """Of the resource."""
    calendar_zone: str = ""
    guess: str = ""
    """Note that must show in `status` and `explain`."""


def vtimezone(tzid: str, offset: str, *more: str) -> str:
    rules = ("BEGIN:STANDARD", "DTSTART:19700101T000000", f"TZOFFSETFROM:{offset}")
    lines = ("BEGIN:VTIMEZONE", f"TZID:{tzid}", *more, *rules, f"TZOFFSETTO:{offset}")
    return "\r\n".join((*lines, "END:STANDARD", "END:VTIMEZONE", ""))


def since_2019() -> Case:
    """Weekly since 2019: the second coming one moved, the third deleted, the fourth set to free."""
    moved, deleted, free = MONDAYS[1:4]
    times = ("DTSTART;TZID=Europe/Berlin:20190107T100000", "DTEND;TZID=Europe/Berlin:20190107T1130")
    series = vevent(
        "weekly",
        times[0],
        f"{times[1]}00",
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
        f"EXDATE;TZID=Europe/Berlin:{deleted:%Y%m%d}T100000",
    )
    tuesday = moved + timedelta(days=1)
    series += vevent(
        "weekly",
        f"RECURRENCE-ID;TZID=Europe/Berlin:{moved:%Y%m%d}T100000",
        f"DTSTART;TZID=Europe/Berlin:{tuesday:%Y%m%d}T151500",
        f"DTEND;TZID=Europe/Berlin:{tuesday:%Y%m%d}T160000",
    )
    series += vevent(
        "weekly",
        f"RECURRENCE-ID;TZID=Europe/Berlin:{free:%Y%m%d}T100000",
        f"DTSTART;TZID=Europe/Berlin:{free:%Y%m%d}T100000",
        f"DTEND;TZID=Europe/Berlin:{free:%Y%m%d}T113000",
        "TRANSP:TRANSPARENT",
    )
    kept = [busy(day, "10:00", "11:30", BERLIN) for day in (MONDAYS[0], *MONDAYS[4:])]
    return Case({"weekly": series}, sorted([*kept, busy(tuesday, "15:15", "16:00", BERLIN)]))


def by_windows_name(name: str, iana: str, definition: str = "") -> Case:
    """Nine o'clock every Wednesday, summer and winter, in a zone as Windows calls it."""
    text = definition + vevent(
        "windows",
        f"DTSTART;TZID={name}:20240103T090000",
        f"DTEND;TZID={name}:20240103T100000",
        "RRULE:FREQ=WEEKLY",
    )
    expected = [busy(day, "9:00", "10:00", iana) for day in WEDNESDAYS]
    guess = "" if definition else f"'{name}' is read as {iana}"
    return Case({"windows": text}, expected, zone="Asia/Tokyo", guess=guess)


OUTLOOK = "\r\n".join(
    (
        "BEGIN:VTIMEZONE",
        "TZID:Pacific Standard Time",
        "BEGIN:STANDARD",
        "DTSTART:16010101T020000",
        "TZOFFSETFROM:-0700",
        "TZOFFSETTO:-0800",
        "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11",
        "END:STANDARD",
        "BEGIN:DAYLIGHT",
        "DTSTART:16010101T020000",
        "TZOFFSETFROM:-0800",
        "TZOFFSETTO:-0700",
        "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3",
        "END:DAYLIGHT",
        "END:VTIMEZONE",
        "",
    )
)


def single(day: str, tzid: str = "") -> tuple[str, str]:
    parameter = f";TZID={tzid}" if tzid else ""
    return f"DTSTART{parameter}:{day}T120000", f"DTEND{parameter}:{day}T130000"


def noon(expected_zone: str, **keys: str) -> Case:
    """One event at noon of tomorrow that the case's way of saying it puts into a zone."""
    definition, tzid = keys.pop("definition", ""), keys.pop("tzid", "")
    text = definition + vevent("noon", *single(f"{TOMORROW:%Y%m%d}", tzid))
    return Case({"noon": text}, [busy(TOMORROW, "12:00", "13:00", expected_zone)], **keys)


def whole_days(zone: str) -> Case:
    """One day without an end, two days with an exclusive one, and free days between them."""
    second = TODAY + timedelta(days=4)
    after = second + timedelta(days=2)
    return Case(
        {
            "one": vevent("one", f"DTSTART;VALUE=DATE:{TOMORROW:%Y%m%d}"),
            "two": vevent(
                "two", f"DTSTART;VALUE=DATE:{second:%Y%m%d}", f"DTEND;VALUE=DATE:{after:%Y%m%d}"
            ),
        },
        [days(TOMORROW, 1, zone), days(second, 2, zone)],
        zone=zone,
    )


DEFINED = "is as the calendar defines it"
CASES = {
    "since-2019": since_2019(),
    "windows": by_windows_name("W. Europe Standard Time", BERLIN),
    "outlook": by_windows_name("Pacific Standard Time", "America/Los_Angeles", OUTLOOK),
    "floating": noon("America/New_York", zone="America/New_York"),
    "calendar-zone": noon("Asia/Tokyo", zone="America/New_York", calendar_zone="Asia/Tokyo"),
    "custom": noon(
        "Etc/GMT-5",
        tzid="River Works",
        definition=vtimezone("River Works", "+0500"),
        guess=f"'River Works' {DEFINED}",
    ),
    "located": noon(
        "Asia/Kolkata",
        tzid="Tea Garden",
        definition=vtimezone("Tea Garden", "+0530", "X-LIC-LOCATION:Asia/Kolkata"),
        guess="'Tea Garden' is read as Asia/Kolkata",
    ),
    "microsoft": noon(
        "Etc/GMT+3",
        tzid=f'"{CUSTOM}"',
        definition=vtimezone(CUSTOM, "-0300"),
        guess=f"'{CUSTOM}' {DEFINED}",
    ),
    "undefined": noon(
        "Asia/Tokyo",
        tzid="Customized Time Zone",
        calendar_zone="Asia/Tokyo",
        zone="America/New_York",
        guess="'Customized Time Zone' is unknown: the calendar's is used",
    ),
    "west": whole_days("America/Los_Angeles"),
    "east": whole_days("Pacific/Tongatapu"),
}


@pytest.fixture(scope="module")
def served(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    resources = []
    for kind in KINDS:
        for name, case in CASES.items():
            source = town.calendar(kind, name)
            if case.calendar_zone:
                source.set_zone(case.calendar_zone)
            for uid, text in case.objects.items():
                # Exchange leaves the quotes out; Radicale stores nothing without them.
                bare = text.replace(f'"{CUSTOM}"', CUSTOM)
                source.put_text(uid, bare if kind == "ics" else text)
            connection = {**source.connection(), "id": "source"}
            resources.append(resource(f"{name}-{kind}", connection, timezone=case.zone))
    bridge = serving(tmp_path_factory.mktemp("times"), resources)
    yield bridge
    bridge.__exit__()


def shown(served: Served, name: str, kind: str) -> Periods:
    """What the outputs say, which must be what the case expects; and no event may be dropped."""
    found = served.periods(f"{name}-{kind}", START, END, feed=kind == "ics")
    assert found == inside(CASES[name].expected)
    return found


@pytest.fixture(scope="module")
def status(served: Served) -> Any:
    return served.status()


def guesses(served: Served, status: Any, name: str, kind: str) -> None:
    """The guess must be visible with the calendar and with the event."""
    case = CASES[name]
    own = next(it for it in status["connections"] if it["id"] == f"{name}-{kind}.source")
    [calendar] = own["calendars"]
    (uid,) = case.objects
    told = served.explain(f"{name}-{kind}", "--event", uid)
    assert told, "the event was dropped"
    assert all(case.guess in "\n".join(each["notes"]) for each in told)
    assert case.guess in "\n".join(calendar["notes"])
    if case.calendar_zone:
        assert calendar["time_zone"] == case.calendar_zone


@pytest.mark.covers("A-05")
@pytest.mark.parametrize("kind", KINDS)
def test_a_series_of_2019_has_its_exact_instances_with_one_moved_deleted_and_free(
    served: Served, kind: str
) -> None:
    shown(served, "since-2019", kind)
    four_weeks = at(TODAY + timedelta(days=28), "0:00", "UTC")
    expected = [period for period in CASES["since-2019"].expected if period[1] <= four_weeks]
    assert served.periods(f"since-2019-{kind}", START, four_weeks, feed=False) == expected


@pytest.mark.covers("A-06")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["windows", "outlook"])
def test_a_series_keeps_its_wall_time_across_changes_of_the_clocks(
    served: Served, status: Any, name: str, kind: str
) -> None:
    found = shown(served, name, kind)
    assert len({start % 86400 for start, *_ in found}) == 2, "in UTC it shifts"
    guesses(served, status, name, kind)


@pytest.mark.covers("A-07")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *product(("floating", "calendar-zone", "custom", "microsoft", "undefined"), KINDS),
        *product(["located"], ("xandikos", "ics")),  # Radicale forgets X-LIC-LOCATION
    ],
)
def test_times_without_a_known_zone_are_placed_by_the_stated_order_and_every_guess_shows(
    served: Served, status: Any, name: str, kind: str
) -> None:
    shown(served, name, kind)
    guesses(served, status, name, kind)


@pytest.mark.covers("A-08")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["west", "east"])
def test_all_day_events_last_from_midnight_to_midnight_of_the_resource_and_the_next_day_is_free(
    served: Served, name: str, kind: str
) -> None:
    shown(served, name, kind)
    zone = CASES[name].zone
    next_day = TOMORROW + timedelta(days=1)
    midnights = at(next_day, "0:00", zone), at(next_day + timedelta(days=1), "0:00", zone)
    assert served.periods(f"{name}-{kind}", *midnights, feed=False) == []
