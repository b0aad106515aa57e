"""Watch channels: what arrives at the address, and what does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, START, Program, events

WEEK = timedelta(days=7)


class Hook:
    """Somebody's address: keeps the headers of what is posted there."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.answers: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hook.bodies.append(body)
                names = [name for name in self.headers if name.startswith("X-Goog-")]
                hook.got.append({name[7:]: self.headers[name] for name in names})
                self.send_response(hook.answers.pop(0) if hook.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks/google"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def states(self) -> list[tuple[str, str]]:
        return [(each["Message-Number"], each["Resource-State"]) for each in self.got]


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


def watch(program: Program, hook: Hook, name: str = "channel-1", **more: object) -> dict:
    body = {"id": name, "type": "web_hook", "address": hook.url, **more}
    return program.ok("POST", f"{events()}/watch", json=body)


def expires(channel: dict) -> datetime:
    return datetime.fromtimestamp(int(channel["expiration"]) / 1000, UTC)


def test_a_channel_begins_with_sync_and_tells_of_every_change(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    channel = watch(ann, hook, token="t0ken")
    assert channel["kind"] == "api#channel"
    assert expires(channel) == START + WEEK
    made = ann.insert()["id"]
    sandbox.person(ANN).delete(made)
    sandbox.flush()
    assert hook.states() == [("1", "sync"), ("2", "exists"), ("3", "exists")]
    headers = hook.got[1]
    assert headers["Channel-ID"] == "channel-1"
    assert headers["Channel-Token"] == "t0ken"
    assert headers["Resource-ID"] == channel["resourceId"]
    assert headers["Resource-URI"] == channel["resourceUri"]
    assert parsedate_to_datetime(headers["Channel-Expiration"]) == START + WEEK
    assert set(hook.bodies) == {b""}


def test_only_the_watched_calendar_tells(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    watch(ann, hook)
    Program(sandbox, BOB).insert()
    sandbox.flush()
    assert hook.states() == [("1", "sync")]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"params": {"ttl": "3600"}}, timedelta(hours=1)),
        ({"params": {"ttl": "99999999"}}, WEEK),
        ({"expiration": str(int((START + timedelta(days=1)).timestamp() * 1000))}, WEEK / 7),
    ],
    ids=["ttl", "too long", "expiration"],
)
def test_a_channel_lives_as_long_as_asked_and_never_over_a_week(
    sandbox: Sandbox, ann: Program, hook: Hook, asked: dict, given: timedelta
) -> None:
    assert expires(watch(ann, hook, **asked)) == START + given
    sandbox.world.advance(given)
    sandbox.person(ANN).create("Lunch", START)
    sandbox.flush()
    assert hook.states() == [("1", "sync")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"address": "http://bridge.example/hooks"}, "push.webhookUrlNotHttps"),
        ({"address": ""}, "push.webhookUrlNotHttps"),
        ({"id": "x" * 65}, "invalid"),
        ({"id": ""}, "invalid"),
        ({"type": "mail"}, "invalid"),
        ({"token": "x" * 257}, "invalid"),
        ({"expiration": "1000"}, "invalid"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(
    ann: Program, hook: Hook, body: dict, reason: str
) -> None:
    whole = {"id": "c", "type": "web_hook", "address": hook.url, **body}
    assert ann.refused("POST", f"{events()}/watch", json=whole) == (400, reason)


def test_an_id_names_one_channel(ann: Program, hook: Hook) -> None:
    watch(ann, hook)
    whole = {"id": "channel-1", "type": "web_hook", "address": hook.url}
    assert ann.refused("POST", f"{events()}/watch", json=whole) == (400, "channelIdNotUnique")


def test_a_stopped_channel_is_silent_and_cannot_be_stopped_twice(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    channel = watch(ann, hook)
    body = {"id": channel["id"], "resourceId": channel["resourceId"]}
    bob = Program(sandbox, BOB)
    assert bob.refused("POST", "channels/stop", json=body) == (404, "notFound")
    wrong = {**body, "resourceId": "x"}
    assert ann.refused("POST", "channels/stop", json=wrong) == (404, "notFound")
    assert ann.send("POST", "channels/stop", json=body).status_code == 204
    assert ann.refused("POST", "channels/stop", json=body) == (404, "notFound")
    ann.insert()
    sandbox.flush()
    assert hook.states() == [("1", "sync")]


def test_two_channels_on_one_calendar_both_tell(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    first, second = watch(ann, hook), watch(ann, hook, "channel-2")
    assert first["resourceId"] == second["resourceId"]
    ann.insert()
    sandbox.flush()
    assert sorted(each["Channel-ID"] for each in hook.got) == ["channel-1"] * 2 + ["channel-2"] * 2


def test_messages_get_lost_late_and_doubled_on_command(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    faults = sandbox.world.account(ANN).faults
    watch(ann, hook)
    faults.switch("push_lost")
    ann.insert()
    faults.switch("push_lost", False)
    faults.switch("push_late", 60)
    ann.insert()
    faults.switch("push_late", False)
    faults.switch("push_duplicate")
    ann.insert()
    sandbox.flush()
    assert [number for number, _ in hook.states()] == ["1", "4", "4"]
    sandbox.world.advance(timedelta(seconds=60))
    sandbox.flush()
    assert [number for number, _ in hook.states()] == ["1", "4", "4", "3"]


def test_a_late_message_arrives_after_the_channel_was_stopped(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    channel = watch(ann, hook)
    sandbox.misbehave(ANN, "push_late", 60)
    ann.insert()
    ann.ok(
        "POST",
        "channels/stop",
        json={"id": channel["id"], "resourceId": channel["resourceId"]},
    )
    sandbox.world.advance(timedelta(minutes=2))
    sandbox.flush()
    assert hook.states() == [("1", "sync"), ("2", "exists")]


def test_watching_is_refused_and_cut_short_on_command(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    faults = sandbox.world.account(ANN).faults
    faults.switch("push_refused", times=1)
    body = {"id": "c", "type": "web_hook", "address": hook.url}
    refused = ann.refused("POST", f"{events()}/watch", json=body)
    assert refused == (401, "push.webhookUrlUnauthorized")
    faults.switch("push_short", 30)
    assert expires(watch(ann, hook)) == START + timedelta(seconds=30)


def test_a_busy_address_is_tried_again(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    hook.answers = [503]
    watch(ann, hook)
    sandbox.flush()
    sandbox.world.advance(timedelta(seconds=5))
    sandbox.flush()
    assert hook.states() == [("1", "sync"), ("1", "sync")]
    assert len(sandbox.google.push.delivered) == 1
