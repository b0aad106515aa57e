"""Listings: pages, sync tokens, and all the ways in which they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, Program, at, berlin, events


def ids(items: list) -> list[str]:
    return [item["id"] for item in items]


def test_a_token_gives_exactly_what_changed_since(ann: Program) -> None:
    kept, changed = ann.insert()["id"], ann.insert()["id"]
    token = ann.sync_token()
    assert ann.page(syncToken=token)["items"] == []
    ann.ok("PATCH", events("primary", changed), json={"summary": "New"})
    added = ann.insert()["id"]
    assert ids(ann.listed(syncToken=token)) == [changed, added]
    assert kept not in ids(ann.listed(syncToken=token))


def test_the_token_comes_with_the_last_page_alone(ann: Program) -> None:
    for _ in range(5):
        ann.insert()
    pages = ann.pages(maxResults=2)
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert ["nextSyncToken" in page for page in pages] == [False, False, True]


def test_pages_may_be_short_and_empty_although_more_follows(sandbox: Sandbox, ann: Program) -> None:
    made = [ann.insert()["id"] for _ in range(5)]
    sandbox.misbehave(ANN, "short_pages")
    pages = ann.pages()
    assert [len(page["items"]) for page in pages] == [2, 0, 2, 0, 1]
    assert [event["id"] for page in pages for event in page["items"]] == made


def test_a_page_can_be_asked_for_again(ann: Program) -> None:
    for _ in range(4):
        ann.insert()
    token = ann.page(maxResults=2)["nextPageToken"]
    assert ids(ann.page(maxResults=2, pageToken=token)["items"]) == ids(
        ann.page(maxResults=2, pageToken=token)["items"]
    )


def test_an_edit_between_two_pages_comes_with_the_next_sync(ann: Program) -> None:
    made = [ann.insert()["id"] for _ in range(4)]
    first = ann.page(maxResults=2)
    ann.ok("PATCH", events("primary", made[0]), json={"summary": "New"})
    ann.ok("DELETE", events("primary", made[3]))
    last = ann.page(maxResults=2, pageToken=first["nextPageToken"])
    assert ids(ann.listed(syncToken=last["nextSyncToken"])) == [made[0], made[3]]


@pytest.mark.parametrize(
    "params",
    [
        {"timeMin": "2026-03-01T00:00:00Z"},
        {"timeMax": "2026-03-01T00:00:00Z"},
        {"q": "x"},
        {"iCalUID": "x"},
        {"orderBy": "updated"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"updatedMin": "2026-03-01T00:00:00Z"},
        {"showDeleted": "false"},
    ],
    ids=lambda params: next(iter(params)),
)
def test_some_parameters_are_forbidden_beside_a_token(ann: Program, params: dict) -> None:
    token = ann.sync_token()
    asked = {"syncToken": token, **params}
    assert ann.refused("GET", events(), params=asked) == (400, "invalid")


def test_the_other_parameters_are_frozen(ann: Program) -> None:
    token = ann.sync_token(singleEvents="true")
    assert ann.refused("GET", events(), params={"syncToken": token}) == (400, "invalid")
    assert ann.page(syncToken=token, singleEvents="true", maxResults=7)["items"] == []


def test_a_page_token_belongs_to_its_parameters(ann: Program) -> None:
    for _ in range(3):
        ann.insert()
    asked = {"pageToken": ann.page(maxResults=2)["nextPageToken"], "showDeleted": "true"}
    assert ann.refused("GET", events(), params=asked) == (400, "invalid")


@pytest.mark.parametrize(
    "params",
    [{"q": "x"}, {"orderBy": "updated"}, {"iCalUID": "x"}, {"privateExtendedProperty": "a=b"}],
    ids=lambda params: next(iter(params)),
)
def test_a_listing_that_cannot_go_on_ends_without_a_token(ann: Program, params: dict) -> None:
    assert "nextSyncToken" not in ann.pages(**params)[-1]


def test_a_token_remembers_its_window(ann: Program) -> None:
    inside, outside = ann.insert()["id"], ann.insert(**at(10, day=20))["id"]
    window = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-03-10T00:00:00Z"}
    listed = ann.pages(**window)[-1]
    assert ids(listed["items"]) == [inside]
    assert ann.page(syncToken=listed["nextSyncToken"])["items"] == []
    ann.ok("PATCH", events("primary", outside), json=at(12, day=4))
    assert ids(ann.listed(syncToken=listed["nextSyncToken"])) == [outside]


def test_the_bounds_of_a_window_are_exclusive(ann: Program) -> None:
    made = ann.insert()["id"]  # 09:00 to 10:00 UTC
    for low, high, seen in (
        ("10:00", "23:00", False),
        ("09:59", "23:00", True),
        ("01:00", "09:00", False),
        ("01:00", "09:01", True),
    ):
        window = {"timeMin": f"2026-03-03T{low}:00Z", "timeMax": f"2026-03-03T{high}:00Z"}
        assert (made in ids(ann.listed(**window))) is seen


def test_a_time_without_offset_is_refused(ann: Program) -> None:
    asked = {"timeMin": "2026-03-01T00:00:00"}
    assert ann.refused("GET", events(), params=asked) == (400, "invalid")


def test_garbage_is_no_token(ann: Program) -> None:
    for token in ("x", "4711", "WyJhIl0"):
        assert ann.refused("GET", events(), params={"syncToken": token}) == (400, "invalid")


def test_a_token_of_another_calendar_is_refused(sandbox: Sandbox, ann: Program) -> None:
    bob = Program(sandbox, BOB)
    asked = {"syncToken": ann.sync_token()}
    assert bob.refused("GET", events(), params=asked) == (400, "invalid")


@pytest.mark.parametrize("fault", ["sync_gone", "page_gone"])
def test_a_token_is_gone_on_command(sandbox: Sandbox, ann: Program, fault: str) -> None:
    for _ in range(3):
        ann.insert()
    first = ann.page(maxResults=2)
    token = ann.sync_token()
    sandbox.misbehave(ANN, fault)
    asked = {"syncToken": token} if fault == "sync_gone" else {"pageToken": first["nextPageToken"]}
    reason = "fullSyncRequired" if fault == "sync_gone" else "updatedMinTooLongAgo"
    params = {"maxResults": 2, **asked}
    assert ann.refused("GET", events(), params=params) == (410, reason)


def test_a_token_is_gone_after_a_month_and_after_a_change_of_access(
    sandbox: Sandbox, ann: Program
) -> None:
    token = ann.sync_token()
    sandbox.person(ANN).share(BOB, "reader")
    assert ann.refused("GET", events(), params={"syncToken": token}) == (410, "fullSyncRequired")
    old = ann.sync_token()
    sandbox.world.advance(timedelta(days=31))
    later = Program(sandbox)
    assert later.refused("GET", events(), params={"syncToken": old}) == (410, "fullSyncRequired")


def test_changes_of_long_ago_are_not_told(ann: Program) -> None:
    asked = {"updatedMin": "2025-01-01T00:00:00Z"}
    assert ann.refused("GET", events(), params=asked) == (410, "updatedMinTooLongAgo")


def test_a_tombstone_has_no_times(ann: Program) -> None:
    made = ann.insert()["id"]
    token = ann.sync_token()
    ann.ok("DELETE", events("primary", made))
    [gone] = ann.listed(syncToken=token)
    assert gone["id"] == made
    assert gone["status"] == "cancelled"
    assert not gone.keys() & {"start", "end"}


def test_a_tombstone_may_have_nothing_but_its_id(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "bare_tombstones")
    made = ann.insert()["id"]
    token = ann.sync_token()
    ann.ok("DELETE", events("primary", made))
    assert ann.listed(syncToken=token) == [{"id": made, "status": "cancelled"}]


def test_deleted_events_are_listed_on_demand(ann: Program) -> None:
    made = ann.insert()["id"]
    ann.ok("DELETE", events("primary", made))
    assert ann.listed() == []
    assert ids(ann.listed(showDeleted="true")) == [made]


def test_pages_never_end_on_command(sandbox: Sandbox, ann: Program) -> None:
    ann.insert()
    sandbox.misbehave(ANN, "endless_pages")
    page = ann.page()
    for _ in range(10):
        page = ann.page(pageToken=page["nextPageToken"])
        assert "nextSyncToken" not in page


def test_entries_come_twice_on_command(sandbox: Sandbox, ann: Program) -> None:
    made = [ann.insert()["id"] for _ in range(4)]
    sandbox.misbehave(ANN, "duplicate_pages")
    listed = ids(ann.listed(maxResults=2))
    assert set(listed) == set(made)
    assert len(listed) > len(made)


def test_events_are_found_by_property_uid_and_words(ann: Program) -> None:
    wanted = ann.insert(
        summary="Board meeting", extendedProperties={"private": {"bridge": "1", "other": "2"}}
    )
    ann.insert()
    for params in (
        {"privateExtendedProperty": "bridge=1"},
        {"privateExtendedProperty": ["bridge=1", "other=2"]},
        {"iCalUID": wanted["iCalUID"]},
        {"q": "board"},
    ):
        assert ids(ann.listed(**params)) == [wanted["id"]]
    assert ann.listed(privateExtendedProperty=["bridge=1", "other=3"]) == []


def test_the_list_of_calendars_is_incremental_too(sandbox: Sandbox, ann: Program) -> None:
    token = ann.ok("GET", "users/me/calendarList")["nextSyncToken"]
    sandbox.person(BOB).share(ANN, "reader")
    changes = ann.ok("GET", "users/me/calendarList", params={"syncToken": token})
    assert [(each["id"], each["accessRole"]) for each in changes["items"]] == [(BOB, "reader")]
    sandbox.person(BOB).share(ANN, "none")
    token = changes["nextSyncToken"]
    [gone] = ann.ok("GET", "users/me/calendarList", params={"syncToken": token})["items"]
    assert (gone["id"], gone["deleted"]) == (BOB, True)
    asked = {"syncToken": token, "minAccessRole": "owner"}
    assert ann.refused("GET", "users/me/calendarList", params=asked) == (400, "invalid")


def test_what_did_not_change_is_not_sent_again(ann: Program) -> None:
    made = ann.insert()
    answer = ann.send("GET", events("primary", made["id"]), headers={"If-None-Match": made["etag"]})
    assert answer.status_code == 304
    assert answer.content == b""


def test_a_person_and_the_api_see_the_same_calendar(sandbox: Sandbox, ann: Program) -> None:
    token = ann.sync_token()
    made = sandbox.person(ANN).create("Lunch", berlin(3, 12))
    [seen] = ann.listed(syncToken=token)
    assert (seen["id"], seen["summary"]) == (made, "Lunch")
    assert seen["start"] == {"dateTime": "2026-03-03T12:00:00+01:00", "timeZone": "Europe/Berlin"}


def test_what_is_deleted_is_not_found_by_its_uid_on_command(sandbox: Sandbox, ann: Program) -> None:
    made = ann.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    instances = ann.ok("GET", f"{events('primary', made['id'])}/instances")["items"]
    ann.ok("DELETE", events("primary", instances[1]["id"]))
    asked = {"iCalUID": made["iCalUID"], "showDeleted": "true"}
    assert len(ann.listed(**asked)) == 2
    sandbox.misbehave(ANN, "uid_without_deleted")
    assert [each["id"] for each in ann.listed(**asked)] == [made["id"]]
    assert len(ann.listed()) == 2
