"""Applications see which kinds of accounts there are, and which calendars accounts have."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bridge.connecting.connecting import AT_ONCE
from bridge.provider import AccessRole, CalendarInfo
from bridge.store import connections, keys
from tests.connecting.document import check
from tests.connecting.home import ROOM, WORK, Home, opened
from tests.connecting.owner import ANN, BOB, Browser

ONE = "/connections/room-a.work/calendars"
READ = "connections:read"
KINDS = ["google", "caldav", "apple", "ics", "other"]


def key(home: Home, *scopes: str, globs: tuple[str, ...] = ("*",)) -> str:
    with home.bridge.database.write() as conn:
        return keys.create_api_key(conn, "tests", scopes=scopes, resources=globs, now=home.now)[1]


def get(home: Home, target: str, with_key: str = "") -> Any:
    """Get what the document promises."""
    answer = home.api(with_key or key(home, READ), target)
    assert answer.status_code == 200, answer.text
    return check(home, "GET", target, answer)


def names(document: Any) -> list[str]:
    return [each["name"] for each in document["calendars"]]


def pull(home: Home) -> None:
    home.bridge.ingest.pull(WORK, home.now)
    with home.bridge.database.write() as conn:
        connections.record_attempt(conn, WORK, home.now)
        connections.record_success(conn, WORK, home.now)


@pytest.fixture
def ann(home: Home) -> Home:
    """A house whose first account is connected, with calendars of every sort."""
    world = home.google.sandbox.world
    with world.lock:
        world.add_calendar(ANN, "Work", calendar_id="work@group.calendar.google.com")
        for name, role in (("Shared", "reader"), ("Hidden", "freeBusyReader")):
            made = world.add_calendar(BOB, name, timezone="Europe/Paris")
            world.share(made, ANN, role)
    assert home.connect().status_code == 200
    return home


# Kinds


def test_an_application_sees_which_kinds_of_accounts_it_can_offer(home: Home) -> None:
    shown = {each["name"]: each for each in get(home, "/providers")["items"]}
    assert sorted(shown) == sorted(KINDS)
    google = shown["google"]
    assert (google["title"], google["needs_consent"]) == ("Google Calendar", True)
    assert {each["purpose"] for each in google["scopes"]} >= {"read and write events"}
    assert all(each["name"].startswith("https://") for each in google["scopes"])
    assert google["capabilities"]["read events"].startswith("done")
    assert (shown["caldav"]["needs_consent"], shown["caldav"]["scopes"]) == (False, [])
    assert shown["apple"]["synonyms"] == ["icloud"]


def test_a_kind_without_its_application_is_not_offered(tmp_path: Path) -> None:
    with opened(tmp_path, providers={}) as home:
        shown = [each["name"] for each in get(home, "/providers")["items"]]
    assert shown == ["caldav", "apple", "ics"]


# Calendars of an account


@pytest.mark.covers("S4-34")
def test_before_an_account_is_connected_it_is_said_where_to(home: Home) -> None:
    may_connect = key(home, READ, "connections:write")
    refused = home.api(may_connect, ONE)
    assert refused.status_code == 409
    document = check(home, "GET", ONE, refused)
    assert document["code"] == "connection_pending"
    browser = Browser()
    start = browser.get(document["auth_url"])
    assert browser.get(browser.consent(start.headers["Location"])).status_code == 200
    assert names(get(home, ONE)) == ["Ann"]


@pytest.mark.covers("T59")
def test_whoever_may_only_read_gets_no_link_that_connects(home: Home) -> None:
    elsewhere = key(home, READ, "connections:write", globs=("room-b",))
    assert home.api(elsewhere, ONE).status_code == 404
    refused = home.api(key(home, READ), ONE)
    assert (refused.status_code, refused.json()["code"]) == (409, "connection_pending")
    assert "auth_url" not in refused.json()


@pytest.mark.covers("S0-41", "S1-29", "S1-30", "S4-13")
def test_a_connected_account_lists_its_calendars_to_choose_among(ann: Home) -> None:
    document = get(ann, ONE)
    assert (document["connection_id"], document["provider"]) == ("room-a.work", "google")
    shown = {each["name"]: each for each in document["calendars"]}
    first = shown["Ann"]
    assert first == {
        "id": ANN,
        "name": "Ann",
        "is_primary": True,
        "access_role": "write",
        "can_edit": True,
        "selected": True,
        "read": True,
        "write": False,
        "color": first["color"],
        "time_zone": "UTC",
    }
    assert first["color"] == "#9fe1e7"
    assert shown["Work"]["id"] == "work@group.calendar.google.com"
    shared, hidden = shown["Shared"], shown["Hidden"]
    assert (shared["access_role"], shared["can_edit"]) == ("read", False)
    assert (hidden["access_role"], hidden["time_zone"]) == ("free_busy", "Europe/Paris")


def test_what_the_configuration_chose_is_marked(tmp_path: Path) -> None:
    resources = [
        {
            "id": "room-a",
            "connections": [
                {
                    "id": "work",
                    "provider": "google",
                    "read_calendars": ["Team"],
                    "write_calendar": "primary",
                }
            ],
        }
    ]
    with opened(tmp_path, resources=resources) as home:
        world = home.google.sandbox.world
        with world.lock:
            world.add_calendar(ANN, "Team")
            world.add_calendar(ANN, "Private")
        home.connect()
        shown = {each["name"]: each for each in get(home, ONE)["calendars"]}
        marks = {
            name: (each["selected"], each["read"], each["write"]) for name, each in shown.items()
        }
        assert marks == {
            "Ann": (True, False, True),
            "Team": (True, True, False),
            "Private": (False, False, False),
        }
        pull(home)
        read = {each["name"]: each for each in get(home, "/calendars")["items"]}
        assert sorted(read) == ["Ann", "Team"], "what nobody chose is not read"
        assert (read["Ann"]["write"], read["Team"]["write"]) == (True, False)


def test_calendars_come_from_the_last_pull_unless_the_provider_is_asked(ann: Home) -> None:
    pull(ann)
    before = names(get(ann, ONE))
    world = ann.google.sandbox.world
    with world.lock:
        world.add_calendar(ANN, "New")
    assert names(get(ann, ONE)) == before
    assert names(get(ann, f"{ONE}?refresh=true")) == [*before, "New"]
    assert names(get(ann, ONE)) == [*before, "New"], "what was seen is remembered"
    with world.lock:
        world.add_calendar(ANN, "Newer")
    pull(ann)
    assert "Newer" in names(get(ann, ONE)), "and so is what a pull saw"


def test_calendars_are_listed_while_the_provider_is_down_and_then_it_is_said(ann: Home) -> None:
    pull(ann)
    before = names(get(ann, ONE))
    ann.google.fault("unavailable")
    assert names(get(ann, ONE)) == before
    refused = ann.api(key(ann, READ), f"{ONE}?refresh=true")
    assert refused.status_code == 502
    document = check(ann, "GET", ONE, refused)
    assert (document["code"], document["reason"]) == ("provider_error", "unavailable")


@pytest.mark.covers("S1-49")
def test_a_provider_that_asks_for_a_pause_is_named_with_its_end(ann: Home) -> None:
    ann.google.fault("too_many_requests")
    refused = ann.api(key(ann, READ), f"{ONE}?refresh=true")
    assert refused.status_code == 503
    document = check(ann, "GET", ONE, refused)
    assert document["code"] == "rate_limited"
    assert document["retry_after"] > 0
    assert refused.headers["Retry-After"] == str(document["retry_after"])


def test_an_account_whose_consent_is_over_says_so(ann: Home) -> None:
    ann.google.fault("invalid_grant")
    ann.google.fault("unauthorized")
    refused = ann.api(key(ann, READ), f"{ONE}?refresh=true")
    assert (refused.status_code, refused.json()["code"]) == (409, "token_expired")


def test_what_an_account_had_is_forgotten_with_it(ann: Home) -> None:
    pull(ann)
    ann.bridge.connecting.disconnect(WORK)
    refused = ann.api(key(ann, READ), ONE)
    assert (refused.status_code, refused.json()["code"]) == (409, "connection_pending")
    with ann.bridge.database.read() as conn:
        row = connections.get(conn, WORK)
    assert row is not None
    assert ann.bridge.listing.known(row) is None
    assert get(ann, "/calendars")["items"] == []


def test_a_provider_that_hangs_holds_few_threads_and_the_others_answer(ann: Home) -> None:
    """Which is why only few may ask at the same time (DESIGN section 1)."""
    reader = key(ann, READ)
    ann.now += 7200  # the access token is over
    ann.google.open.clear()
    with ThreadPoolExecutor(AT_ONCE + 2) as pool:
        try:
            first = [
                pool.submit(ann.api, reader, f"{ONE}?refresh=true") for _ in range(AT_ONCE + 1)
            ]
            ann.until(lambda: any(each.done() for each in first), "one is sent away")
            (away,) = [each.result() for each in first if each.done()]
            assert (away.status_code, away.json()["code"]) == (503, "rate_limited")
            assert int(away.headers["Retry-After"]) > 0
            assert ann.api(reader, "/connections").status_code == 200
        finally:
            ann.google.open.set()
        assert sorted(each.result().status_code for each in first) == [200] * AT_ONCE + [503]


# Calendars that are read


@pytest.fixture
def read(ann: Home) -> Home:
    pull(ann)
    return ann


@pytest.mark.covers("S3-07", "S3-08", "S2-17", "S4-08", "S4-25", "S4-27")
def test_calendars_that_are_read_have_ids_that_stay(read: Home) -> None:
    page = get(read, "/calendars")
    assert page["total"] == len(page["items"]) == 4
    first = next(each for each in page["items"] if each["name"] == "Ann")
    assert first["calendar_id"] == ANN
    assert (first["connection_id"], first["resource_id"]) == ("room-a.work", "room-a")
    assert (first["status"], first["error"]) == ("active", None)
    assert (first["provider"], first["read"], first["write"]) == ("google", True, False)
    assert first["color"] == "#9fe1e7"
    one = get(read, f"/calendars/{first['id']}")
    assert one == first
    assert one["sync"] == {
        "state": "idle",
        "last_sync_at": "2026-09-21T14:13:20Z",
        "next_sync_at": one["sync"]["next_sync_at"],
        "rate_limited": False,
        "rate_limit_resets_at": None,
        "stale": False,
        "error": None,
    }
    pull(read)
    assert get(read, f"/calendars/{first['id']}")["id"] == first["id"]


def test_calendars_come_in_pages_and_can_be_narrowed(read: Home) -> None:
    seen: list[str] = []
    target = "/calendars?limit=3"
    page = get(read, target)
    while True:
        seen += [each["id"] for each in page["items"]]
        assert page["total"] == 4
        if page["next_cursor"] is None:
            break
        page = get(read, f"{target}&cursor={page['next_cursor']}")
    assert len(seen) == len(set(seen)) == 4
    for query, count in (
        ("resource=room-a", 4),
        ("resource=room-b", 0),
        ("connection_id=room-a.work", 4),
        ("connection_id=room-a.other", 0),
        ("provider=google&status=active", 4),
        ("status=error", 0),
        (f"calendar_id={ANN}", 1),
    ):
        assert get(read, f"/calendars?{query}")["total"] == count, query


@pytest.mark.covers("T49")
def test_calendars_of_others_are_as_if_they_did_not_exist(read: Home) -> None:
    stranger = key(read, READ, "connections:write", globs=("room-b",))
    mine = get(read, "/calendars")["items"][0]["id"]
    for own, unknown in (
        (f"/calendars/{mine}", f"/calendars/{'0' * 32}"),
        (ONE, "/connections/room-x.work/calendars"),
        (f"{ONE}?refresh=true", "/connections/room-x.work/calendars?refresh=true"),
    ):
        refused = read.api(stranger, own)
        assert (refused.status_code, refused.json()["code"]) == (404, "resource_not_found")
        assert refused.content == read.api(stranger, unknown).content
    assert get(read, "/calendars", stranger)["items"] == []
    assert ROOM not in read.api(stranger, "/calendars?resource=room-a").text


@pytest.mark.covers("T60")
@pytest.mark.parametrize("target", ["/calendars", ONE, "/connections"])
def test_parameters_that_nobody_knows_are_refused_by_name(home: Home, target: str) -> None:
    refused = home.api(key(home, READ), f"{target}?owner=me")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "owner")


def test_a_calendar_that_was_never_found_has_no_id_of_its_provider(tmp_path: Path) -> None:
    resources = [
        {
            "id": "room-a",
            "connections": [
                {"id": "work", "provider": "google", "read_calendars": ["primary", "Nowhere"]}
            ],
        }
    ]
    with opened(tmp_path, resources=resources) as home:
        home.connect()
        pull(home)
        shown = {each["name"]: each for each in get(home, "/calendars")["items"]}
        assert shown["Ann"]["calendar_id"] == ANN, "`primary` is the account's first calendar"
        assert shown["Nowhere"]["calendar_id"] is None
        assert shown["Nowhere"]["sync"]["error"]["code"] == "calendar_not_found"


def test_a_listing_is_of_one_account_alone(home: Home) -> None:
    """The same connection may name another account tomorrow."""
    info = CalendarInfo(id=ANN, name="Ann", role=AccessRole.FREE_BUSY)  # type: ignore[arg-type]
    from bridge.store import listings

    with home.bridge.database.write() as conn:
        listings.save(conn, WORK, "account", listings.text([info]))
        listings.save(conn, WORK, "account", listings.text([info, info]))
        assert listings.get(conn, WORK, "account") == [info, info]
        assert listings.get(conn, WORK, "another") is None
