"""Delta rounds: a client that follows the links knows what there is, and what it may meet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import (
    ANN,
    BOB,
    IMMUTABLE,
    Json,
    Program,
    at,
    berlin,
    daily,
    march,
    series,
)

PATH = "me/calendarView/delta"


def begun(program: Program, prefer: str = "", **window: str) -> tuple[list[Json], str]:
    return followed(program, PATH, prefer, params=window or march())


def followed(
    program: Program, link: str, prefer: str = "", **options: Any
) -> tuple[list[Json], str]:
    """Read a round to its end: what came, and where the next one begins."""
    found: list[Json] = []
    page = program.ok("GET", link, prefer=prefer, **options)
    while True:
        found += page["value"]
        assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
        if "@odata.deltaLink" in page:
            return found, page["@odata.deltaLink"]
        page = program.ok("GET", page["@odata.nextLink"], prefer=prefer)


def kinds(lines: list[Json]) -> list[str]:
    return ["removed" if "@removed" in each else each["type"] for each in lines]


def test_the_first_round_is_everything_in_the_window(ann: Program) -> None:
    single = ann.create(subject="One")
    ann.create(**at(10, 20))
    window = {"startDateTime": "2026-03-03T00:00:00Z", "endDateTime": "2026-03-05T00:00:00Z"}
    made = ann.create(**daily())
    lines, link = begun(ann, **window)
    assert kinds(lines) == ["singleInstance", "seriesMaster", "occurrence", "occurrence"]
    assert (lines[0]["id"], lines[0]["subject"]) == (single["id"], "One")
    assert lines[1]["recurrence"]["range"]["numberOfOccurrences"] == 5
    stub = {"@odata.type", "@odata.etag", "id", "type", "start", "end", "seriesMasterId"}
    assert lines[2].keys() == stub
    assert lines[2]["seriesMasterId"] == made["id"]
    assert followed(ann, link)[0] == []


def test_the_next_round_is_what_changed(sandbox: Sandbox, ann: Program) -> None:
    kept, changed, gone, moved = (ann.create(subject=name)["id"] for name in "abcd")
    _, link = begun(ann)
    ann.ok("PATCH", f"me/events/{changed}", json={"subject": "B"})
    ann.send("DELETE", f"me/events/{gone}")
    ann.ok("PATCH", f"me/events/{moved}", json=_april())
    new = ann.create(subject="e")["id"]
    lines, later = followed(ann, link)
    assert [(each["id"], each["subject"]) for each in lines[:2]] == [(changed, "B"), (new, "e")]
    removed = [each for each in lines if "@removed" in each]
    assert removed == [
        {"id": gone, "@removed": {"reason": "deleted"}},
        {"id": moved, "@removed": {"reason": "changed"}},
    ]
    assert kept not in {each["id"] for each in lines}
    assert followed(ann, link)[0] == lines
    assert followed(ann, later)[0] == []


def test_the_window_belongs_to_the_link(sandbox: Sandbox, ann: Program) -> None:
    _, link = begun(ann)
    sandbox.world.advance(timedelta(days=20))
    ann = Program(sandbox)
    ann.create(subject="April", **_april())
    ann.create(subject="March")
    lines, _ = followed(ann, link)
    assert [each["subject"] for each in lines] == ["March"]


def test_a_deleted_series_is_told_by_one_id(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(**daily())
    lines, link = begun(ann)
    assert len(lines) == 6
    ann.send("DELETE", f"me/events/{made['id']}")
    assert followed(ann, link)[0] == [{"id": made["id"], "@removed": {"reason": "deleted"}}]
    sandbox.microsoft.misbehave(ANN, "occurrence_tombstones")
    sandbox.microsoft.misbehave(ANN, "typed_tombstones")
    told, _ = followed(ann, link)
    assert {each["id"] for each in told} == {each["id"] for each in lines}
    assert {each["@odata.type"] for each in told} == {"#microsoft.graph.event"}


def test_a_changed_occurrence_brings_its_whole_series(sandbox: Sandbox, ann: Program) -> None:
    ann.create(**daily())
    ann.create()
    lines, link = begun(ann)
    second, third = lines[2]["id"], lines[3]["id"]
    ann.ok("PATCH", f"me/events/{second}", json={"subject": "Other"})
    ann.send("DELETE", f"me/events/{third}")
    told, _ = followed(ann, link)
    assert kinds(told) == ["seriesMaster", *["occurrence"] * 3, "exception"]
    assert (told[-1]["id"], told[-1]["subject"]) == (second, "Other")
    assert third not in {each["id"] for each in told}
    sandbox.microsoft.misbehave(ANN, "single_occurrences")
    told, _ = followed(ann, link)
    assert kinds(told) == ["exception", "removed"]
    assert (told[0]["id"], told[1]["id"]) == (second, third)


def test_nothing_is_said_of_occurrences_that_a_series_lost(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(**daily())
    _, link = begun(ann)
    ann.ok("PATCH", f"me/events/{made['id']}", json=daily(3))
    assert kinds(followed(ann, link)[0]) == ["seriesMaster", *["occurrence"] * 3]
    sandbox.microsoft.misbehave(ANN, "occurrence_tombstones")
    told, _ = followed(ann, link)
    assert kinds(told) == ["seriesMaster", *["occurrence"] * 3, "removed", "removed"]
    sandbox.microsoft.behave()
    sandbox.microsoft.misbehave(ANN, "lone_masters")
    assert kinds(followed(ann, link)[0]) == ["seriesMaster"]


def test_ids_are_of_the_form_that_each_request_prefers(ann: Program) -> None:
    made = ann.create(**daily(2))
    lines, link = begun(ann, IMMUTABLE)
    kept = {each["id"] for each in lines}
    assert made["id"] not in kept
    ann.send("DELETE", f"me/events/{made['id']}")
    assert followed(ann, link)[0][0]["id"] == made["id"]
    assert followed(ann, link, IMMUTABLE)[0][0]["id"] in kept


def test_a_moved_event_leaves_one_calendar_for_the_other(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create()
    box = sandbox.microsoft.directory.mailbox(ANN)
    other = sandbox.microsoft.directory.add_calendar(box, "Other")
    _, here = begun(ann)
    there_path = f"me/calendars/{other.id}/calendarView/delta()"
    _, there = followed(ann, there_path, params=march())
    sandbox.microsoft.person(ANN).move_to(made["id"], other.id)
    assert followed(ann, here)[0] == [{"id": made["id"], "@removed": {"reason": "deleted"}}]
    assert kinds(followed(ann, there)[0]) == ["singleInstance"]


def test_pages_are_as_large_as_preferred(ann: Program) -> None:
    for hour in range(5):
        ann.create(**at(hour))
    page = ann.ok("GET", PATH, params=march(), prefer="odata.maxpagesize=2")
    assert len(page["value"]) == 2
    again = ann.ok("GET", page["@odata.nextLink"])
    assert len(again["value"]) == 3
    assert (
        ann.ok("GET", page["@odata.nextLink"], prefer="odata.maxpagesize=1")["value"]
        == (again["value"][:1])
    )


@pytest.mark.parametrize("option", ["$select=subject", "$filter=isAllDay eq true", "$top=5"])
def test_a_round_takes_no_query_options(ann: Program, option: str) -> None:
    name, _, value = option.partition("=")
    refused = ann.refused("GET", PATH, params={**march(), name: value})
    assert refused == (400, "ErrorInvalidUrlQuery")


def test_a_link_of_something_else_is_refused(sandbox: Sandbox, ann: Program) -> None:
    _, link = begun(ann)
    assert ann.refused("GET", link.replace("deltatoken=", "deltatoken=x"))[0] == 400
    assert Program(sandbox, BOB).refused("GET", link)[0] == 400
    assert ann.refused("GET", PATH) == (400, "ErrorInvalidParameter")


def test_a_link_that_is_too_old_is_gone(sandbox: Sandbox, ann: Program) -> None:
    _, link = begun(ann)
    sandbox.world.advance(timedelta(days=31))
    assert Program(sandbox).refused("GET", link) == (410, "SyncStateNotFound")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("sync_gone", 410, "SyncStateNotFound"),
        ("resync_required", 410, "resyncRequired"),
        ("bad_token", 400, "BadRequest"),
    ],
)
def test_a_link_may_be_no_more(
    sandbox: Sandbox, ann: Program, fault: str, status: int, code: str
) -> None:
    _, link = begun(ann)
    sandbox.microsoft.misbehave(ANN, fault, times=1)
    answer = ann.send("GET", link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ("Location" in answer.headers) is (fault == "resync_required")
    assert ann.send("GET", link).status_code == 200
    assert ann.ok("GET", PATH, params=march())


def test_a_page_may_be_no_more(sandbox: Sandbox, ann: Program) -> None:
    ann.create(**daily())
    page = ann.ok("GET", PATH, params=march(), prefer="odata.maxpagesize=2")
    sandbox.microsoft.misbehave(ANN, "page_gone")
    assert ann.refused("GET", page["@odata.nextLink"]) == (410, "SyncStateNotFound")


def test_pages_may_be_short_and_empty(sandbox: Sandbox, ann: Program) -> None:
    ann.create(**daily(3))
    whole, _ = begun(ann)
    sandbox.microsoft.misbehave(ANN, "short_pages")
    page = ann.ok("GET", PATH, params=march())
    sizes = [len(page["value"])]
    while link := page.get("@odata.nextLink"):
        page = ann.ok("GET", link)
        sizes.append(len(page["value"]))
    assert sizes == [2, 0, 2]
    assert [each["id"] for each in begun(ann)[0]] == [each["id"] for each in whole]


def test_the_same_may_come_twice_and_older_the_second_time(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(subject="Old")
    _, link = begun(ann)
    sandbox.world.advance(timedelta(minutes=1))
    ann.ok("PATCH", f"me/events/{made['id']}", json={"subject": "New"})
    sandbox.microsoft.misbehave(ANN, "duplicates")
    assert [each["subject"] for each in followed(ann, link)[0]] == ["New", "New"]
    sandbox.microsoft.directory.mailbox(ANN).faults.clear()
    sandbox.microsoft.misbehave(ANN, "stale_duplicates")
    new, old = followed(ann, link)[0]
    assert (new["subject"], old["subject"]) == ("New", "Old")
    assert new["lastModifiedDateTime"] > old["lastModifiedDateTime"]


def test_a_series_without_an_end_may_take_too_long(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.misbehave(ANN, "endless_series_times_out")
    ann.create(**daily())
    assert ann.send("GET", PATH, params=march()).status_code == 200
    ann.create(**series({"type": "daily"}))
    answer = ann.send("GET", PATH, params=march())
    assert (answer.status_code, answer.json()["error"]["message"]) == (504, "")


@pytest.mark.parametrize(
    "fault",
    [
        *("", "short_pages", "duplicates", "stale_duplicates"),
        *("occurrence_tombstones", "single_occurrences"),
    ],
)
def test_random_edits_and_rounds_agree_with_the_calendar(
    sandbox: Sandbox, ann: Program, fault: str
) -> None:
    """Whoever follows the links, takes the latest state, and forgets of a series what did not come
    with its master, knows it all.
    """
    if fault:
        sandbox.microsoft.misbehave(ANN, fault)
    person, random = sandbox.microsoft.person(ANN), sandbox.world.random
    known: dict[str, Json] = {}
    made: list[str] = []
    lines, link = begun(ann, IMMUTABLE)
    for number in range(60):
        sandbox.world.advance(timedelta(seconds=1))
        edit = random.choice(("new", "new", "series", "move", "delete", "one", "drop"))
        name = random.choice(made) if made else ""
        day = random.randrange(3, 25)
        if edit in ("new", "series") or not made:
            made.append(person.create(f"No. {number}", berlin(day)))
            if edit == "series":
                person.make_recurring(made[-1], {"type": "daily", "interval": 2})
        elif edit == "move":
            person.move(name, berlin(day, 7))
        elif edit == "delete":
            person.delete(made.pop(made.index(name)))
        elif series_of(ann, name):
            _edit_one(person, ann, name, edit)
        if not number % 5:
            lines, link = followed(ann, link, IMMUTABLE)
            _apply(known, lines)
            assert {k: _when(v) for k, v in known.items() if v["type"] != "seriesMaster"} == {
                each["id"]: _when(each)
                for each in ann.listed("me/calendarView", IMMUTABLE, **march())
            }


def series_of(program: Program, name: str) -> bool:
    return bool(program.ok("GET", f"me/events/{name}")["type"] == "seriesMaster")


def _edit_one(person: Any, program: Program, name: str, edit: str) -> None:
    path = f"me/events/{name}/instances"
    every = program.listed(path, IMMUTABLE, **march())
    if not every:
        return
    if edit == "one":
        person.change(every[0]["id"], subject="Other")
    else:
        person.delete(every[-1]["id"])


def _apply(known: dict[str, Json], lines: list[Json]) -> None:
    for each in lines:
        if "@removed" not in each:
            old = known.get(each["id"], each).get("lastModifiedDateTime", "")
            if each.get("lastModifiedDateTime", old) >= old:
                known[each["id"]] = each
            continue
        known.pop(each["id"], None)
    came = {each["id"] for each in lines}
    for each in lines:
        for name in [k for k, v in known.items() if v.get("seriesMasterId") == each["id"]]:
            if name not in came or "@removed" in each:
                del known[name]


def _when(event: Json) -> tuple[str, str]:
    return event["start"]["dateTime"], event["end"]["dateTime"]


def _april() -> Json:
    return {
        "start": {"dateTime": "2026-04-10T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-04-10T11:00:00", "timeZone": "UTC"},
    }
