"""One person with a Google, a Microsoft, an Apple-style CalDAV and an ICS calendar: all outputs say
the same, to the minute, of whatever these four have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.sandbox.microsoft.scenario import CLIENT_ID, CLIENT_SECRET
from bridge.sandbox.scenario import CLIENT
from bridge.sandbox.server import Sandbox
from tests.connecting import outlook
from tests.connecting.owner import Browser
from tests.e2e.oracle import utc_midnight
from tests.e2e.quartet import (
    ANN,
    BERLIN,
    BOB,
    BUSY_DAY,
    CID,
    CUSTOM,
    FREE_DAY,
    KINDS,
    LOS_ANGELES,
    MERGED_DAY,
    MONDAYS,
    TABLE_DAY,
    WHOLE_DAYS,
    ZONES,
    ZONES_DAY,
    Quartet,
    written,
)
from tests.e2e.reports import FREE_BUSY_QUERY
from tests.e2e.served import Periods, Served, clipped, get, json_periods, rfc3339
from tests.e2e.sources import CalDavCalendar, IcsUrl
from tests.e2e.town import END, START, Town, busy, days, inside, resource

CONSENTS = ("google", "microsoft")
"""Kinds whose accounts are connected by their owners."""


def world() -> dict[str, Any]:
    """Who has accounts where."""
    people = [{"email": each, "timezone": BERLIN} for each in (ANN, BOB, CID)]
    return {"accounts": people, "microsoft": {"accounts": people}}


def config(quartet: Quartet) -> dict[str, Any]:
    """What an admin writes: Ann with everything, and two rooms far away with the same days."""
    url = quartet.sandbox.url
    login = {"username": quartet.apple.account.username, "password": "secret"}
    google = {"id": "google", "provider": "google", "account_email": ANN}
    microsoft = {"id": "microsoft", "provider": "microsoft", "account_email": ANN}
    apple = {"id": "apple", "provider": "apple", **login}

    def connections(name: str, apple_: CalDavCalendar, ics: IcsUrl) -> Iterator[dict[str, Any]]:
        for each in (google, microsoft):
            yield {**each, "read_calendars": [name]}
        yield {**apple, "account_email": ANN, "read_calendars": [apple_.name]}
        yield {**ics.connection(), "id": "ics", "account_email": ANN}

    custom = {"id": "custom", "provider": "microsoft", "account_email": BOB}
    own = [*connections("primary", quartet.apple, quartet.ics), custom]
    far = list(connections("Days", quartet.apple_days, quartet.ics_days))
    return {
        "outbound": {"allow_networks": ["127.0.0.1/32"]},
        "allow_inline_secrets": True,
        "sync": {"push": "off"},
        "providers": {
            "google": CLIENT.section(url),
            "microsoft": {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "sandbox_url": url,
            },
            "apple": {"server_url": quartet.apple.account.url},
        },
        "resources": [
            resource("ann", *own, timezone=BERLIN),
            *(resource(name, *far, timezone=zone) for name, zone in ZONES.items()),
        ],
    }


def connect(served: Served, key: str, connection: str, email: str) -> None:
    """Go the way of an owner whom an application sends."""
    url = f"{served.url}/api/v1/connections/{connection}/auth-url"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    link = json.loads(get(url, headers, b"{}").body)["auth_url"]
    browser = Browser()
    asked = browser.get(link).headers["Location"]
    consent = outlook.consent if "/oauth2/v2.0/" in asked else Browser.consent
    done = browser.get(consent(browser, asked, email))
    assert "Connected" in done.text, done.text


@pytest.fixture(scope="module")
def quartet(town: Town) -> Iterator[Quartet]:
    with Sandbox(world(), seed=1) as sandbox:
        yield written(town, sandbox)
        assert sandbox.world.defects == []


@pytest.fixture(scope="module")
def served(quartet: Quartet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A bridge whose accounts were all connected by their owners, and read once."""
    with Served(tmp_path_factory.mktemp("quartet"), config(quartet)) as bridge:
        made = bridge.cli("keys", "create", "app", "--scope", "connections:write", "--json")
        waiting = [it["id"] for it in bridge.status()["connections"] if it["provider"] in CONSENTS]
        for each in waiting:
            email = BOB if each.endswith("custom") else ANN
            connect(bridge, json.loads(made)["key"], each, email)

        def all_read() -> bool:
            connections = bridge.status()["connections"]
            done = ((it["status"], it["state"]) == ("active", "idle") for it in connections)
            return all(done) and all(it["last_attempt_at"] for it in connections)

        bridge.wait(all_read, "every connection was read")
        yield bridge


@pytest.fixture(scope="module")
def status(served: Served) -> Any:
    return served.status()


@pytest.fixture(scope="module")
def shown(served: Served) -> dict[str, Periods]:
    """What all outputs say, which is compared here: `Served.periods`."""
    return {name: served.periods(name, START, END) for name in ("ann", *ZONES)}


def wall(instant: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(instant, ZoneInfo(zone)):%H:%M}"


def scenario(quartet: Quartet, name: str) -> Periods:
    return inside(sorted(quartet.expected[name]))


@pytest.mark.covers("A-04")
def test_all_outputs_say_the_same_of_everything_that_the_four_have(
    quartet: Quartet, shown: dict[str, Periods]
) -> None:
    own = ("A-03", "A-05", "A-06", "A-07", "A-09", "A-10")
    assert shown["ann"] == sorted(each for name in own for each in scenario(quartet, name))


@pytest.mark.covers("A-03")
def test_meetings_of_four_calendars_are_two_periods_of_one_vfreebusy(
    quartet: Quartet, served: Served
) -> None:
    start = utc_midnight(MERGED_DAY) + 6 * 3600
    span = start, start + 12 * 3600
    day = f"{MERGED_DAY:%Y%m%d}"
    expected = [
        f"FREEBUSY;FBTYPE=BUSY:{day}T090000Z/{day}T110000Z",
        f"FREEBUSY;FBTYPE=BUSY:{day}T130000Z/{day}T140000Z",
    ]
    for answer in (served.report("ann", FREE_BUSY_QUERY, *span), served.freebusy("ann", *span)):
        lines = answer.body.decode().split("\r\n")
        assert lines.count("BEGIN:VFREEBUSY") == 1
        assert [each for each in lines if each.startswith("FREEBUSY")] == expected
    assert json_periods(served.busy("ann", *span).body) == scenario(quartet, "A-03")
    assert "merged" not in get(served.feed_url("ann", "all")).body.decode()


def of_days(shown: dict[str, Periods], first: date, length: int = 1) -> Periods:
    """What Ann has between the midnights of Berlin that so many days begin and end at."""
    start, end, _ = days(first, length, BERLIN)
    return clipped(shown["ann"], start, end)


@pytest.mark.covers("A-05")
def test_a_series_of_2019_has_its_exact_instances_at_all_four(
    shown: dict[str, Periods],
) -> None:
    usual = [busy(MONDAYS[0], f"{hour}:00", f"{hour}:45", BERLIN) for hour in (8, 10, 12, 14)]
    tuesday = MONDAYS[1] + timedelta(days=1)
    moved = [busy(tuesday, f"{hour}:15", f"{hour}:45", BERLIN) for hour in (8, 10, 12, 14)]
    weeks = [of_days(shown, monday, 2) for monday in MONDAYS[:4]]
    assert weeks == [inside(usual), moved, [], []]
    assert len(of_days(shown, MONDAYS[4])) == len(KINDS)


@pytest.mark.covers("A-06")
def test_series_by_a_windows_name_keep_their_wall_time_when_the_clocks_change(
    quartet: Quartet, shown: dict[str, Periods]
) -> None:
    found = [each for each in shown["ann"] if each in scenario(quartet, "A-06")]
    for hour in (9, 11, 13, 15):
        of_kind = [start for start, *_ in found if wall(start, LOS_ANGELES) == f"{hour:02}:00"]
        assert len(of_kind) >= 52
        assert len({start % 86400 for start in of_kind}) == 2, "in UTC it shifts"
    assert len(found) == len(scenario(quartet, "A-06"))


@pytest.mark.covers("A-07")
def test_odd_zones_are_placed_by_the_stated_order_and_every_guess_shows(
    quartet: Quartet, served: Served, shown: dict[str, Periods], status: Any
) -> None:
    start, end, _ = days(ZONES_DAY, 1, BERLIN)
    assert of_days(shown, ZONES_DAY) == clipped(scenario(quartet, "A-07"), start, end)
    defined, unknown = "is as the calendar defines it", "is unknown: the calendar's is used"
    guesses = {
        "ann.apple": (f"'River Works' {defined}", f"'{CUSTOM}' {defined}"),
        "ann.ics": (f"'River Works' {defined}", f"'Customized Time Zone' {unknown}"),
        "ann.custom": (f"'{CUSTOM}' is unknown",),
    }
    for connection, expected in guesses.items():
        [calendar] = next(it for it in status["connections"] if it["id"] == connection)["calendars"]
        notes = "\n".join(calendar["notes"])
        assert all(each in notes for each in expected), notes
    [told] = served.explain("ann", "--at", rfc3339(start + 6 * 3600))
    assert f"'{CUSTOM}' is unknown" in "\n".join(told["notes"])


@pytest.mark.covers("A-08")
@pytest.mark.parametrize("name", ZONES)
def test_all_day_events_of_all_four_last_from_midnight_to_midnight_where_they_are_shown(
    shown: dict[str, Periods], name: str
) -> None:
    assert shown[name] == [days(day, 1, ZONES[name]) for day in WHOLE_DAYS.values()]
    for day in WHOLE_DAYS.values():
        start, end, _ = days(day + timedelta(days=1), 1, ZONES[name])
        assert clipped(shown[name], start, end) == [], "the next day is free"


@pytest.mark.covers("A-09")
def test_an_all_day_event_that_outlook_shows_as_free_blocks_nothing_and_one_of_google_does(
    shown: dict[str, Periods],
) -> None:
    assert of_days(shown, FREE_DAY) == []
    assert of_days(shown, BUSY_DAY) == [days(BUSY_DAY, 1, BERLIN)]


@pytest.mark.covers("A-10")
def test_the_availability_table_decides_what_the_words_of_each_provider_do(
    quartet: Quartet, served: Served, shown: dict[str, Periods]
) -> None:
    start = utc_midnight(TABLE_DAY)
    assert clipped(shown["ann"], start, start + 24 * 3600) == scenario(quartet, "A-10")
    lines = served.freebusy("ann", start, start + 24 * 3600).body.decode().split("\r\n")
    assert not [line for line in lines if "FBTYPE=FREE" in line]
    assert sum(line.startswith("FREEBUSY") for line in lines) == len(quartet.expected["A-10"])
