"""Who may set what: keys of programs, and what the configuration file keeps to itself."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bridge.access import Scope
from bridge.app.bridge import Bridge
from bridge.scheduler.errands import Verdict
from tests.connecting.home import Home

ALL = " ".join(scope.value for scope in Scope)
SELECTION = {"read_calendar_ids": [], "write_calendar_id": None}
RESOURCE: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"name": "x"}),
    ("DELETE", "", None),
    ("GET", "/connections", None),
    ("POST", "/connections", {"provider": "google"}),
]
CONNECTION: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"validate_availability": False}),
    ("DELETE", "", None),
    ("PUT", "/selection", SELECTION),
    ("POST", "/set-primary", {}),
]


def rewrite(home: Home, edit: Any) -> Verdict:
    """Edit the file as an admin does, and reload."""
    path = home.bridge.config_path
    config = yaml.safe_load(path.read_text())
    edit(config)
    path.write_text(yaml.safe_dump(config))
    return home.bridge.reload()


def entry(config: Any, resource: str, connection: str = "") -> Any:
    found = next(each for each in config["resources"] if each["id"] == resource)
    if not connection:
        return found
    return next(each for each in found["connections"] if each["id"] == connection)


@pytest.mark.covers("T49", "S4-18")
def test_what_belongs_to_others_is_as_if_it_did_not_exist(home: Home) -> None:
    narrow = home.key("room-b", scope=ALL)
    wide = home.key(scope=ALL)
    before = home.call(wide, "GET", "/connections")[1]
    for method, rest, body in RESOURCE:
        foreign = home.call(narrow, method, f"/resources/room-a{rest}", body)
        assert foreign == home.call(narrow, method, f"/resources/room-z{rest}", body)
        assert (foreign[0], foreign[1]["code"]) == (404, "resource_not_found"), (method, rest)
    for method, rest, body in CONNECTION:
        foreign = home.call(narrow, method, f"/connections/room-a.work{rest}", body)
        assert foreign == home.call(narrow, method, f"/connections/room-z.work{rest}", body)
        assert (foreign[0], foreign[1]["code"]) == (404, "resource_not_found"), (method, rest)
    body = {"resource_id": "room-a", "provider": "google"}
    assert home.call(narrow, "POST", "/connections", body)[0] == 404
    for name in ("room-a", "room-z"):
        status, problem = home.call(narrow, "POST", "/resources", {"id": name})
        assert (status, problem["code"]) == (403, "access_denied"), "nothing is told of either"
    assert [it["id"] for it in home.call(narrow, "GET", "/resources")[1]["items"]] == ["room-b"]
    assert home.call(wide, "GET", "/connections")[1] == before


@pytest.mark.covers("T60", "S1-31")
def test_a_key_that_there_is_not_is_refused_by_its_name(home: Home) -> None:
    key = home.key(scope=ALL)
    for method, target, body in (
        ("POST", "/resources", {"id": "room-x", "managed_by": "file"}),
        ("POST", "/resources", {"id": "room-x", "connections": []}),
        ("PATCH", "/resources/room-a", {"id": "room-z"}),
        ("PATCH", "/resources/room-a", {"state": "active"}),
        ("PATCH", "/connections/room-a.work", {"status": "active"}),
        ("PATCH", "/connections/room-a.work", {"provider": "ics"}),
        ("PATCH", "/connections/room-a.work", {"primary": True}),
        ("PATCH", "/connections/room-a.work", {"options": {}}),
        ("POST", "/resources/room-a/connections", {"provider": "google", "status": "active"}),
        ("POST", "/connections/room-a.work/set-primary", {"force": True}),
    ):
        status, problem = home.call(key, method, target, body)
        named = list(body)[-1]
        assert (status, problem["code"]) == (422, "invalid_request"), target
        assert problem["errors"][0]["field"] == named
    for values, field in (
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"type": "planet"}, "type"),
        ({"email": "nobody"}, "email"),
        ({"availability": {"tentative": "maybe"}}, "availability.tentative"),
        ({"availability": {"colour": "red"}}, "availability.colour"),
        ({"privacy": {"mode": "loud"}}, "privacy.mode"),
        ({"direction": "sideways"}, "direction"),
    ):
        status, problem = home.call(key, "PATCH", "/resources/room-b", values)
        assert (status, problem["code"]) == (422, "invalid_config"), values
        assert problem["errors"][0]["field"] == field, problem
        assert str(home.bridge.config_path.parent) not in str(problem)
    for id_ in ("Room", "a.b", "api", "-x", "x" * 64, "room-a\n"):
        status, problem = home.call(key, "POST", "/resources", {"id": id_})
        assert (status, problem["errors"][0]["field"]) == (422, "id"), problem
    assert home.call(key, "POST", "/resources", {"id": "room-a"})[1]["code"] == "conflict"


def test_what_stands_in_the_file_is_changed_there(home: Home) -> None:
    key = home.key(scope=ALL)
    for method, target, body in (
        ("PATCH", "/resources/room-a", {"name": "Other"}),
        ("DELETE", "/resources/room-a", None),
        ("DELETE", "/connections/room-a.work", None),
    ):
        status, problem = home.call(key, method, target, body)
        assert (status, problem["code"]) == (409, "managed_by_file"), target
    status, same = home.call(key, "PATCH", "/resources/room-a", {"name": "Room <A>"})
    assert (status, same["name"]) == (200, "Room <A>"), "what the file says is no change"
    assert home.call(key, "PATCH", "/resources/room-a", {"type": "room"})[1]["type"] == "room"


def test_a_key_that_the_file_names_by_now_is_the_files(home: Home) -> None:
    key, one = home.key(scope=ALL), "/connections/room-a.work"
    assert home.call(key, "PATCH", one, {"validate_availability": False})[0] == 200
    assert rewrite(home, lambda config: entry(config, "room-a").update(type="room")).ok
    assert not home.call(key, "GET", one)[1]["validate_availability"], "a reload keeps what was set"

    said = {"validate_availability": True}
    assert rewrite(home, lambda config: entry(config, "room-a", "work").update(said)).ok
    assert home.call(key, "GET", one)[1]["validate_availability"]
    status, problem = home.call(key, "PATCH", one, {"validate_availability": False})
    assert (status, problem["code"]) == (409, "managed_by_file")
    assert "validate_availability of room-a.work" in problem["detail"]
    unsaid = "validate_availability"
    assert rewrite(home, lambda config: entry(config, "room-a", "work").pop(unsaid)).ok
    assert not home.call(key, "GET", one)[1]["validate_availability"], "and counts again"


def test_a_half_edited_file_does_not_come_into_force_with_what_is_set(home: Home) -> None:
    key, path = home.key(scope=ALL), home.bridge.config_path
    good = path.read_text()
    path.write_text(good.replace("Room <A>", "Half") + "\nresourc")
    assert home.call(key, "PATCH", "/resources/room-a", {"type": "room"})[0] == 200
    assert home.call(key, "GET", "/resources/room-a")[1]["name"] == "Room <A>"
    assert not home.bridge.reload().ok
    assert home.call(key, "GET", "/resources/room-a")[1]["type"] == "room"


@pytest.mark.covers("S4-32")
def test_the_file_takes_over_what_was_made_by_api_when_it_says_so(home: Home) -> None:
    key = home.key(scope=ALL)
    assert home.call(key, "POST", "/resources", {"id": "room-x", "type": "room"})[0] == 201
    made = home.call(key, "POST", "/resources/room-x/connections", {"provider": "google"})[1]
    assert home.call(key, "PATCH", f"/connections/{made['id']}", {"direction": "inbound"})[0] == 200
    room: dict[str, Any] = {"id": "room-x", "name": "Of the file"}
    ok, text = rewrite(home, lambda config: config["resources"].append(room))
    assert (ok, "room-x was made by API" in text, "adopt: true" in text) == (False, True, True)

    def adopt(config: Any) -> None:
        google = {"id": "google", "provider": "google", "adopt": True}
        entry(config, "room-x").update(adopt=True, connections=[google])

    ok, text = rewrite(home, adopt)
    assert ok, text
    shown = home.call(key, "GET", "/resources/room-x")[1]
    assert (shown["managed_by"], shown["name"], shown["type"]) == ("file", "Of the file", "room")
    after = home.call(key, "GET", f"/connections/{made['id']}")[1]
    assert (after["managed_by"], after["direction"]) == ("file", "inbound"), "keys stay"
    assert home.call(key, "DELETE", f"/connections/{made['id']}")[1]["code"] == "managed_by_file"
    assert home.call(key, "PATCH", "/resources/room-x", {"type": None})[1]["type"] == "individual"


def test_a_login_may_name_a_resource_that_was_made_by_api(home: Home) -> None:
    key = home.key(scope=ALL)
    ann = {"name": "ann", "access": {"room-x": "read"}}
    said = lambda config: config["auth"].update(users=[ann])  # noqa: E731 - as the others
    ok, text = rewrite(home, said)
    assert (ok, "there is no such resource" in text) == (False, True)
    assert home.call(key, "POST", "/resources", {"id": "room-x"})[0] == 201
    assert home.bridge.reload().ok
    status, problem = home.call(key, "DELETE", "/resources/room-x")
    assert (status, problem["code"]) == (422, "invalid_config"), "the file goes on naming it"
    again = Bridge(home.bridge.config_path, environ={}, kinds=home.bridge.kinds)
    try:
        again.open()
        assert [each.id for each in again.settings.resources][-1] == "room-x"
    finally:
        again.close()


def test_what_does_not_go_together_is_not_put_in_force(home: Home) -> None:
    key = home.key(scope=ALL)
    made = home.call(
        key,
        "POST",
        "/resources/room-b/connections",
        {"provider": "google", "write_calendar": "primary"},
    )[1]
    assert made["is_primary"]
    writes = {"write_calendar": "primary", "primary": True}
    assert rewrite(home, lambda config: entry(config, "room-b", "desk").update(writes)).ok
    assert not home.call(key, "GET", f"/connections/{made['id']}")[1]["is_primary"]
    primary = home.call(key, "POST", f"/connections/{made['id']}/set-primary", {})
    assert (primary[0], primary[1]["code"]) == (409, "managed_by_file")

    neither = {"write_calendar": "primary", "primary": False}
    ok, text = rewrite(home, lambda config: entry(config, "room-b", "desk").update(neither))
    assert (ok, "2 write calendars (desk, google), none of them primary" in text) == (False, True)
    assert "set by API: room-b.google.write_calendar" in text
    assert home.call(key, "PATCH", f"/connections/{made['id']}", {"write_calendar": None})[0] == 200
    assert home.bridge.reload().ok
    assert home.call(key, "GET", "/connections/room-b.desk")[1]["is_primary"]


@pytest.mark.covers("T49")
def test_what_clashes_with_somebody_elses_is_refused_without_naming_them(home: Home) -> None:
    theirs = {"id": "tenant-z", "email": "desk@example.com"}
    assert home.call(home.key(scope=ALL), "POST", "/resources", theirs)[0] == 201
    narrow = home.key("tenant-a", scope=ALL)
    mine = {"id": "tenant-a", "email": "desk@example.com"}
    status, problem = home.call(narrow, "POST", "/resources", mine)
    assert (status, problem["code"]) == (422, "invalid_config")
    assert [each["field"] for each in problem["errors"]] == ["email"]
    assert "tenant-z" not in str(problem)


@pytest.mark.covers("T49")
def test_a_resource_that_the_file_names_is_kept_without_naming_others(home: Home) -> None:
    assert home.call(home.key(scope=ALL), "POST", "/resources", {"id": "tenant-z"})[0] == 201
    narrow = home.key("tenant-x", scope=ALL)
    assert home.call(narrow, "POST", "/resources", {"id": "tenant-x"})[0] == 201
    ann = {"name": "ann", "access": {"tenant-x": "read"}}
    assert rewrite(home, lambda config: config["auth"].update(users=[ann])).ok
    status, problem = home.call(narrow, "DELETE", "/resources/tenant-x")
    assert (status, problem["code"]) == (422, "invalid_config")
    assert "there is no such resource" in problem["detail"]
    assert "tenant-z" not in str(problem), "which it may not see"
