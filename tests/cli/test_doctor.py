"""`doctor`, `sync` and `status` at accounts that do not work: what is wrong, and what helps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.folder import Folder
from tests.connecting.owner import ANN
from tests.connecting.zooming import Zoom
from tests.servers.radicale import radicale_account, start_radicale


def dav(name: str, url: str, **keys: Any) -> dict[str, Any]:
    own = {"id": name, "provider": "caldav", "server_url": url, "username": "ann"}
    return own | {"password_env": "DAV_PASSWORD"} | keys


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A folder with one account that works, and one for each of the usual troubles."""
    server = start_radicale(tmp_path_factory.mktemp("radicale"))
    account = radicale_account(server)
    account.make_calendar("work", displayname="Work \x9b2J")
    account.make_calendar("home", displayname="Home")
    folder = Folder(tmp_path_factory.mktemp("ward"))
    folder.environ |= {"DAV_PASSWORD": account.password, "OLD_PASSWORD": "canary-changed"}
    folder.prepare(
        auth={},
        outbound={"allow_networks": [f"127.0.0.1/32:{server.port}"]},
        resources=[
            {
                "id": "ann",
                "connections": [
                    dav("well", server.url, read_calendars=["Home"]),
                    dav("misspelt", server.url, read_calendars=["Hme"]),
                    dav("changed", server.url, password_env="OLD_PASSWORD"),
                    dav("lost", "https://nowhere.invalid/"),
                    dav("private", "http://10.255.255.1/"),
                    {"id": "gone", "provider": "ics", "path": "gone.ics"},
                ],
            }
        ],
    )
    yield folder
    server.stop()


TROUBLES = {
    "ann.misspelt": "there is no calendar 'Hme'; did you mean Home?",
    "ann.changed": "refuses the login 'ann' (check username and password",
    "ann.lost": "nowhere.invalid could not be resolved (check the spelling of the host name",
    "ann.private": "10.255.255.1 is at a private or special address (to permit it, list its "
    "network in outbound.allow_networks)",
    "ann.gone": "gone.ics does not exist (check path)",
}


def test_doctor_names_each_trouble_and_its_remedy(ward: Folder) -> None:
    done = ward.run("doctor")
    assert (done.code, done.err) == (3, "")
    shown, _, rest = done.out.partition("ann.well: Home, Work \ufffd2J (not read)\n")
    assert rest, shown
    for trouble in TROUBLES.values():
        assert trouble in rest
    assert rest.endswith("5 problems\n")
    assert "canary-changed" not in done.out


def test_doctor_looks_at_one_kind_of_account_by_any_of_its_names(ward: Folder) -> None:
    done = ward.run("doctor", "icalendar", "--json")
    assert done.code == 3
    [told] = done.json["accounts"]
    assert (told["connection"], told["calendars"]) == ("ann.gone", [])
    assert TROUBLES["ann.gone"] in told["problems"][0]


@pytest.mark.covers("S2-06")
def test_doctor_tells_why_googles_permissions_end_after_seven_days(folder: Folder) -> None:
    room = {"id": "room-a", "connections": [{"id": "work", "provider": "google"}]}
    folder.prepare(resources=[room], providers={"google": {"client_id": "1234"}})
    told = folder.run("doctor", "google").out
    for word in (
        '"Testing"',
        "test users",
        "seven days",
        "token_expired",
        "Internal",
        "publish the app",
    ):
        assert told.count(word) == 1, word
    assert "Google Calendar API enabled" in told
    notes = folder.run("doctor", "google", "--json").json["installation"]["notes"]
    assert [note for note in notes if "seven days" in note]
    assert "seven days" not in folder.run("doctor").out, "who did not ask is spared it"
    assert "seven days" not in folder.run("doctor", "caldav").out


def test_doctor_examines_the_installation(ward: Folder) -> None:
    (ward.path / "busybridge.key").chmod(0o604)
    try:
        warnings = ward.run("doctor", "icloud", "--json").ok().json["installation"]["warnings"]
    finally:
        (ward.path / "busybridge.key").chmod(0o600)
    for part in ("chmod 0600", "server.base_url is empty", "the file has no account of apple"):
        assert [it for it in warnings if part in it]


@pytest.mark.covers("S0-32")
def test_a_refused_password_is_told_from_other_failures(ward: Folder) -> None:
    done = ward.run("sync")
    assert done.code == 1
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert lines["ann.well"].split()[1] == "ok"
    assert "check username and password" in lines["ann.changed"]
    told = ward.run("status", "--json")
    assert told.code == 3
    found = {it["id"]: it for it in told.json["connections"]}
    assert {name: it["status"] for name, it in found.items()} == {
        "ann.well": "active",
        "ann.misspelt": "error",
        "ann.changed": "token_expired",
        "ann.lost": "error",
        "ann.private": "error",
        "ann.gone": "error",
    }
    assert "check username and password" in found["ann.changed"]["error"]["hint"]


def test_doctor_sees_whether_the_hosts_of_meetings_are_there(folder: Folder) -> None:
    zoom = Zoom()
    with zoom.sandbox:
        folder.prepare(
            allow_inline_secrets=True,
            outbound={"allow_networks": ["127.0.0.1/32"]},
            providers={"zoom": zoom.section(alone=True)},
            event_defaults={"conference": "zoom"},
            resources=[
                {"id": "hall", "email": ANN},
                {"id": "room", "email": "nobody@example.test"},
                {"id": "desk", "email": "desk@example.test"}
                | {"event_defaults": {"conference": "none"}},
            ],
        )
        done = folder.run("doctor", "zoom")
    assert done.code == 3
    assert "hall (zoom): no calendars" in done.out
    assert "room (zoom): not reached" in done.out
    assert "has no such user (the host is the account_email of the connection" in done.out
    assert "desk" not in done.out, "who has no meetings at Zoom needs no host there"
