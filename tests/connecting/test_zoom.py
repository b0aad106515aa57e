"""A Zoom account is connected by its host, or acted for; it has no calendars and is never busy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from bridge.config.load import load
from bridge.connecting import Asked
from bridge.errors import ConfigError, RemoteRejected
from bridge.model.interval import rfc3339, utc
from bridge.model.resource import ConnectionStatus, ResourceId
from bridge.notifier import MeetingNews
from bridge.registry import KINDS
from bridge.sandbox.zoom.push import signature, webhook
from bridge.sandbox.zoom.scenario import CLIENT_ID
from bridge.sink import ConferenceMaker
from bridge.store import booking_tables, calendars, outbox, schema
from tests.connecting.home import ROOM, WORK, revealed
from tests.connecting.owner import ANN, BOB, Browser, asked
from tests.connecting.zooming import WEBHOOK_SECRET, Studio, Zoom, opened
from tests.contract.maker_contract import START, TOKEN, booking

DAY = 86400


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened(tmp_path) as made:
        yield made


def maker(studio: Studio) -> ConferenceMaker:
    found = studio.bridge.accounts.open(WORK).conferences
    assert found is not None
    return found


def rows(studio: Studio) -> list[Any]:
    with studio.bridge.database.read() as conn:
        return list(calendars.of_resource(conn, ROOM))


@pytest.mark.covers("S0-24")
def test_a_host_connects_an_account_and_takes_it_back(studio: Studio) -> None:
    browser = Browser()
    url = studio.asks(browser)
    wish = asked(url)
    assert url.startswith(f"{studio.zoom.sandbox.url}/oauth/authorize?")
    assert wish["client_id"] == CLIENT_ID
    assert wish["redirect_uri"] == f"{studio.url}/oauth/zoom/callback"
    assert wish["code_challenge_method"] == "S256"
    assert studio.status() is ConnectionStatus.PENDING
    page = studio.connect(browser)
    assert (page.status_code, "Connected" in page.text) == (200, True), page.text
    assert studio.status() is ConnectionStatus.ACTIVE
    made = maker(studio).create(TOKEN, booking())
    assert [str(it.id) for it in studio.zoom.sandbox.zoom.person(ANN).meetings] == [made.reference]
    assert studio.bridge.connecting.disconnect(WORK) is None
    assert not studio.zoom.allows()
    assert studio.status() is ConnectionStatus.DISCONNECTED


def test_a_refresh_token_is_used_once_and_the_next_one_kept(studio: Studio) -> None:
    studio.connect()
    before = revealed(studio.grant())
    for _ in range(3):
        studio.zoom.sandbox.world.advance(timedelta(hours=2))
        studio.now += 7200
        assert studio.pull() == "ok"
    after = revealed(studio.grant())
    assert not {*before} & {*after}
    assert studio.zoom.calls.count("refresh_token") == 3


def test_a_host_who_says_no_is_not_connected(studio: Studio) -> None:
    page = studio.connect(decision="deny")
    assert "Connected" not in page.text
    assert studio.status() is ConnectionStatus.PENDING
    assert studio.zoom.calls == []


def test_an_app_that_lacks_a_scope_is_not_connected(tmp_path: Path) -> None:
    with opened(tmp_path) as studio:
        client = studio.zoom.sandbox.zoom.grants.clients[CLIENT_ID]
        client.scopes = ("user:read:user", "meeting:read:list_meetings")
        page = studio.connect()
        assert "make meetings" in page.text
        assert studio.status() is not ConnectionStatus.ACTIVE
        client.scopes = ("user:read", "meeting:write")
        assert "Connected" in studio.connect().text, "the classic ones permit the same"


@pytest.mark.covers("S0-05")
def test_it_is_seen_to_without_being_read_and_blocks_nothing(studio: Studio) -> None:
    studio.connect()
    for _ in range(3):
        studio.now += DAY
        studio.zoom.sandbox.world.advance(timedelta(days=1))
        assert studio.pull() == "ok"
    row = studio.row()
    assert (row.status, row.failures, row.success_at) == (ConnectionStatus.ACTIVE, 0, studio.now)
    assert rows(studio) == []
    key = studio.key(scope="busy:read connections:read")
    status, told = studio.call(key, "GET", f"/connections/{WORK}/calendars")
    assert (status, told["calendars"]) == (200, []), told


def test_who_lost_the_permission_is_told_and_nothing_counts_as_busy(studio: Studio) -> None:
    studio.connect()
    studio.zoom.sandbox.zoom.person(ANN).remove(CLIENT_ID)
    studio.zoom.sandbox.world.advance(timedelta(hours=2))
    studio.now += 7200
    studio.pull()
    assert studio.status() is ConnectionStatus.TOKEN_EXPIRED
    assert rows(studio) == [], "what is not known of it is nothing to wait for"
    studio.now += 30 * DAY
    assert studio.bridge.ingest.check_staleness(studio.now) == []
    assert studio.connect().status_code == 200
    assert studio.status() is ConnectionStatus.ACTIVE


# Server-to-Server


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Studio]:
    with opened(tmp_path, alone=True) as made:
        yield made


@pytest.mark.covers("S0-24")
def test_a_program_acts_for_a_host_whom_nobody_asks(alone: Studio) -> None:
    assert alone.status() is ConnectionStatus.ACTIVE
    assert alone.pull() == "ok"
    made = maker(alone).create(TOKEN, booking())
    assert [str(it.id) for it in alone.zoom.sandbox.zoom.person(ANN).meetings] == [made.reference]
    assert alone.zoom.calls == ["account_credentials"]
    assert alone.grant() is None, "a token that can be had at any time is not stored"
    with pytest.raises(RemoteRejected, match="nobody has to agree"):
        alone.bridge.connecting.begin(Asked(WORK, "browser", "cli"))


def test_hosts_of_one_program_share_its_token(tmp_path: Path) -> None:
    def adjust(zoom: Zoom, config: Any) -> None:
        zoom.fault("single_token")
        config["resources"].append({"id": "room-b", "email": BOB})

    with opened(tmp_path, adjust, alone=True) as studio:
        accounts = studio.bridge.accounts
        (shared,) = accounts.serving(ResourceId("room-b"))
        other = accounts.open(shared).conferences
        assert other is not None
        maker(studio).create(TOKEN, booking())
        other.create(TOKEN, booking())
        maker(studio).create(TOKEN, booking(START + timedelta(hours=1)))
        assert studio.zoom.calls == ["account_credentials"]
        zoom = studio.zoom.sandbox.zoom
        assert [len(zoom.person(each).meetings) for each in (ANN, BOB)] == [2, 1]


def test_a_program_of_another_account_is_told_what_to_look_at(tmp_path: Path) -> None:
    def adjust(_: Zoom, config: Any) -> None:
        config["providers"]["zoom"]["account_id"] = "another"

    with opened(tmp_path, adjust, alone=True) as studio:
        with pytest.raises(RemoteRejected) as caught:
            maker(studio).create(TOKEN, booking())
        assert "account_id" in caught.value.hint
        assert studio.pull() != "ok"
        assert rows(studio) == []


def wrong(tmp_path: Path, section: dict[str, Any], **connection: Any) -> str:
    own = {"id": "zoom", "provider": "zoom", **connection}
    config = {
        "version": 1,
        "allow_inline_secrets": True,
        "providers": {"zoom": section},
        "resources": [{"id": "room-a", "connections": [own]}],
    }
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "wrong.yaml", KINDS, {})
    return str(caught.value)


def test_a_file_that_cannot_work_is_refused(tmp_path: Path) -> None:
    app = {"client_id": "c", "client_secret": "s"}
    assert "needs an account_id" in wrong(tmp_path, app, account_email=ANN)
    lacking = {"client_id": "c", "account_id": "a"}
    assert "needs a client_secret" in wrong(tmp_path, lacking, account_email=ANN)
    assert "whom it acts for" in wrong(tmp_path, app | {"account_id": "a"})
    user = app | {"auth": "oauth"}
    assert "Zoom has no calendars" in wrong(tmp_path, user, write_calendar="primary")
    assert "Zoom has no calendars" in wrong(tmp_path, user, read_calendars=["primary"])
    assert "is not an https or http URL" in wrong(tmp_path, user | {"api_url": "zoom"})


# What Zoom posts


def post(
    studio: Studio, body: bytes, stamp: int, secret: str = WEBHOOK_SECRET, signed: bytes = b""
) -> httpx2.Response:
    headers = {
        "x-zm-request-timestamp": str(stamp),
        "x-zm-signature": signature(secret, str(stamp), signed or body),
        "Content-Type": "application/json",
    }
    return Browser().http.post(f"{studio.url}/hooks/zoom", content=body, headers=headers)


def test_zoom_tells_of_meetings_that_their_host_changed(studio: Studio) -> None:
    told: list[MeetingNews] = []
    studio.bridge.hearing.followers.append(told.append)
    zoom = studio.zoom.sandbox.zoom
    studio.now = int(studio.zoom.sandbox.world.now.timestamp())
    studio.connect()
    hook = {"url": f"{studio.url}/hooks/zoom", "secret_token": WEBHOOK_SECRET}
    zoom.subscribe(CLIENT_ID, webhook(hook))
    start, host = utc(studio.now + DAY), zoom.person(ANN)
    meeting = host.create("Talk", start)
    host.move(meeting, start + timedelta(hours=1))
    host.delete(meeting)
    studio.until(lambda: len(told) == 2, "the notifications come")
    name = str(meeting)
    assert [(it.reference, it.gone) for it in told] == [(name, False), (name, True)]


def hooked(studio: Studio) -> None:
    """Connect the account, whose app tells of everything."""
    studio.now = int(studio.zoom.sandbox.world.now.timestamp())
    studio.connect()
    hook = {"url": f"{studio.url}/hooks/zoom", "secret_token": WEBHOOK_SECRET}
    studio.zoom.sandbox.zoom.subscribe(CLIENT_ID, webhook(hook))
    studio.zoom.sandbox.world.advance(timedelta(seconds=90))
    studio.now += 90


def book(studio: Studio) -> None:
    """Have bookings whose meetings this account holds, and another one, not yet in line."""
    row: dict[str, object] = dict.fromkeys(
        ["name", "uid", "login", "state", "text", "token", "calendar"], ""
    )
    row |= {"resource_id": ROOM, "connection_id": WORK, "state": "removed"}
    row |= {"created_at": 1, "changed_at": 1}
    row |= {"meeting_kind": "zoom", "meeting_details": "Passcode: 7"}
    with studio.bridge.database.write() as conn:
        for id_, number, maker in (("b", "85", WORK), ("c", "86", "room-a.other")):
            meeting = {"meeting_reference": number, "meeting_url": f"https://z/j/{number}"}
            made = row | meeting | {"id": id_, "meeting_maker": maker}
            conn.execute(booking_tables.bookings.insert(), [made])
            outbox.owe(conn, id_, 1, actor="", name="", progress={"update": f"zoom {number}"})


def known(studio: Studio) -> str:
    """All that is kept of the account and its meetings, but for secrets, which are encrypted."""
    tables = (schema.credentials, booking_tables.bookings, booking_tables.proposals)
    with studio.bridge.database.read() as conn:
        return str([row for table in tables for row in conn.execute(table.select())])


def test_an_owner_who_removes_the_app_is_forgotten_and_the_connection_says_what_to_do(
    studio: Studio,
) -> None:
    hooked(studio)
    book(studio)
    user = studio.zoom.sandbox.zoom.directory.user(ANN)
    assert user.id in known(studio)
    studio.zoom.sandbox.zoom.person(ANN).remove(CLIENT_ID)
    expired = ConnectionStatus.TOKEN_EXPIRED
    studio.until(lambda: studio.status() is expired, "the notification comes")
    row = studio.row()
    assert row.error_message == "its owner took the permission back at the provider"
    assert "`busybridge auth url room-a`" in row.error_hint
    kept = known(studio)
    assert [it for it in (user.id, ANN, "zoom 85", "'85'") if it in kept] == []
    assert kept.count("Passcode") == 1
    assert ("zoom 86" in kept, "'86'" in kept) == (True, True), "what another account made stays"
    assert "https://z/j/85" in kept, "the link stands in the event, and belongs to that"
    assert studio.grant() is None
    studio.pull()
    assert studio.row().error_message == row.error_message, "it says so until it is connected"
    assert "Connected" in studio.connect().text
    assert (studio.status(), studio.pull()) == (ConnectionStatus.ACTIVE, "ok")


def test_who_lets_us_keep_what_we_know_keeps_the_meetings(studio: Studio) -> None:
    hooked(studio)
    book(studio)
    assert left(studio, studio.now, user_data_retention="true").status_code == 204
    assert studio.grant() is None
    assert "zoom 85" in known(studio)


@pytest.mark.covers("T44")
def test_a_farewell_that_comes_again_does_not_end_what_was_granted_later(studio: Studio) -> None:
    hooked(studio)
    assert left(studio, studio.now).status_code == 204
    assert studio.status() is ConnectionStatus.TOKEN_EXPIRED
    studio.now += 10
    studio.connect()
    before = studio.now - 10
    assert left(studio, before).status_code == 204
    assert left(studio, studio.now + 5, client_id="another's").status_code == 204
    assert left(studio, studio.now + 5, user_id="nobody").status_code == 204
    assert left(studio, studio.now, deauthorization_time="yesterday").status_code == 204
    assert studio.status() is ConnectionStatus.ACTIVE
    assert studio.grant() is not None
    assert studio.pull() == "ok"


def left(studio: Studio, at: int, **changes: str) -> httpx2.Response:
    """Post that Ann removed the app."""
    payload = {
        "user_id": studio.zoom.sandbox.zoom.directory.user(ANN).id,
        "client_id": CLIENT_ID,
        "deauthorization_time": rfc3339(at),
        **changes,
    }
    document = {"event": "app_deauthorized", "payload": payload}
    return post(studio, json.dumps(document).encode(), studio.now)


@pytest.mark.covers("T41", "T44")
def test_what_is_not_zooms_is_answered_404(studio: Studio) -> None:
    told: list[MeetingNews] = []
    studio.bridge.hearing.followers.append(told.append)
    body = b'{"event": "meeting.deleted", "payload": {"object": {"id": 5}}}'
    now = studio.now
    assert post(studio, body, now).status_code == 204
    assert len(told) == 1
    forged = [
        post(studio, body, now, "another secret"),
        post(studio, body.replace(b"5", b"6"), now, signed=body),
        post(studio, body, now - 301),
        post(studio, body, now + 301),
        post(studio, b"no JSON", now),
        post(studio, b"[]", now),
        Browser().http.post(f"{studio.url}/hooks/zoom", content=body),
    ]
    assert {each.status_code for each in forged} == {404}
    assert len(told) == 1
    assert post(studio, b'{"event": "meeting.ended", "payload": {}}', now).status_code == 204


@pytest.mark.covers("T44")
def test_the_address_proves_itself_to_zoom_and_signs_no_message(studio: Studio) -> None:
    def ask(plain: str, secret: str = WEBHOOK_SECRET) -> httpx2.Response:
        document = {"event": "endpoint.url_validation", "payload": {"plainToken": plain}}
        return post(studio, json.dumps(document).encode(), studio.now, secret)

    answer = ask("qgg8vlvZRS6UYooatFL8Aw")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["plainToken"] == "qgg8vlvZRS6UYooatFL8Aw"
    assert len(answer.json()["encryptedToken"]) == 64
    assert ask("qgg8vlvZRS6UYooatFL8Aw", "another secret").status_code == 404
    assert ask("v0:1:{}").status_code == 404
    assert ask("").status_code == 404
