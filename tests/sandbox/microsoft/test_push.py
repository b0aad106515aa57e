"""Subscriptions: who is asked, what arrives, and what does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import ANN, BOB, IMMUTABLE, START, Json, Program, at

WEEK = timedelta(minutes=10_070)


class Hook:
    """Somebody's address: proves that it wants notifications, and keeps them."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Json]] = []
        self.validated: list[str] = []
        self.proof: Callable[[str], tuple[int, str, str]] = lambda token: (200, "text/plain", token)
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                token = parse_qs(parts.query).get("validationToken")
                status, kind, text = 202, "text/plain", ""
                if token:
                    hook.validated.append(parts.path)
                    status, kind, text = hook.proof(token[0])
                else:
                    hook.got.append((parts.path, json.loads(body)))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks/microsoft"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def notes(self) -> list[Json]:
        return [note for _, document in self.got for note in document["value"]]

    def changes(self) -> list[str]:
        return [note["changeType"] for note in self.notes()]


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


def wanted(hook: Hook, life: timedelta = WEEK, **more: Any) -> Json:
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": hook.url,
        "resource": "me/events",
        "expirationDateTime": (START + life).isoformat().replace("+00:00", "Z"),
        "clientState": "s3cret",
        **more,
    }


def subscribe(program: Program, hook: Hook, prefer: str = "", **more: Any) -> Json:
    return program.ok("POST", "subscriptions", json=wanted(hook, **more), prefer=prefer)


def ends(subscription: Json) -> datetime:
    return datetime.fromisoformat(subscription["expirationDateTime"])


def test_both_addresses_are_asked_while_the_call_lasts(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    lifecycle = f"{hook.url}/lifecycle?x=1"
    # Whoever is asked may ask the stand-in before it answers.
    other = Program(sandbox, BOB)
    plain = hook.proof

    def proof(token: str) -> tuple[int, str, str]:
        assert other.ok("GET", "me/events")["value"] == []
        assert ann.ok("GET", "me/events")["value"] == []
        return plain(token)

    hook.proof = proof
    made = subscribe(ann, hook, lifecycleNotificationUrl=lifecycle)
    assert hook.validated == ["/hooks/microsoft", "/hooks/microsoft/lifecycle"]
    assert (made["resource"], made["clientState"]) == ("me/events", "s3cret")
    assert made["applicationId"] == CLIENT_ID
    assert ends(made) == START + WEEK
    [listed] = ann.ok("GET", "subscriptions")["value"]
    assert (listed["id"], listed["clientState"]) == (made["id"], None)


@pytest.mark.parametrize(
    "proof",
    [
        lambda _: (200, "text/plain", "something"),
        lambda token: (200, "application/json", token),
        lambda token: (202, "text/plain", token),
        lambda _: (500, "text/plain", ""),
        lambda token: (200, "text/plain", token.replace("+", " ")),
        lambda token: (200, "text/plain", quote(token)),
    ],
)
def test_an_address_that_does_not_prove_itself_is_refused(
    ann: Program, hook: Hook, proof: Any
) -> None:
    hook.proof = proof
    refused = ann.refused("POST", "subscriptions", json=wanted(hook))
    assert refused == (400, "InvalidRequest")
    assert ann.ok("GET", "subscriptions")["value"] == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"notificationUrl": "http://bridge.example/hook"}, 400),
        ({"notificationUrl": None}, 400),
        ({"changeType": "renamed"}, 400),
        ({"resource": "me/messages"}, 400),
        ({"resource": "me/calendars/none/events"}, 404),
        ({"resource": f"users/{BOB}/events"}, 403),
        ({"resource": "users/nobody/events"}, 404),
        ({"life": timedelta(days=7)}, 400),
        ({"life": timedelta(minutes=-1)}, 400),
        ({"expirationDateTime": None}, 400),
        ({"clientState": "x" * 129}, 400),
        ({"colour": "red"}, 400),
    ],
)
def test_what_cannot_be_subscribed_is_refused(
    ann: Program, hook: Hook, more: Json, status: int
) -> None:
    assert ann.refused("POST", "subscriptions", json=wanted(hook, **more))[0] == status
    assert hook.validated == []


def test_every_change_is_told(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    made = subscribe(ann, hook)
    event = ann.create()
    ann.ok("PATCH", f"me/events/{event['id']}", json={"subject": "New"})
    sandbox.microsoft.person(ANN).delete(event["id"])
    sandbox.flush()
    assert hook.changes() == ["created", "updated", "deleted"]
    box = sandbox.microsoft.directory.mailbox(ANN)
    note = hook.notes()[0]
    assert note["subscriptionId"] == made["id"]
    assert (note["clientState"], note["tenantId"]) == ("s3cret", box.tenant)
    assert note["resource"] == f"Users/{box.id}/Events/{event['id']}"
    assert note["resourceData"]["id"] == event["id"]
    assert note["resourceData"]["@odata.etag"] == event["@odata.etag"]


def test_only_what_was_asked_for_is_told(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    box = sandbox.microsoft.directory.mailbox(ANN)
    other = sandbox.microsoft.directory.add_calendar(box, "Other")
    subscribe(ann, hook, changeType="created", resource=f"/me/calendars/{other.id}/events")
    event = ann.create(f"me/calendars/{other.id}/events")
    ann.send("DELETE", f"me/events/{event['id']}")
    ann.create()
    Program(sandbox, BOB).create()
    sandbox.flush()
    assert hook.changes() == ["created"]


def test_several_subscriptions_share_a_post(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    first, second = subscribe(ann, hook), subscribe(ann, hook, clientState="other")
    ann.create()
    sandbox.flush()
    [(_, document)] = hook.got
    told = {each["subscriptionId"]: each["clientState"] for each in document["value"]}
    assert told == {first["id"]: "s3cret", second["id"]: "other"}


def test_ids_are_of_the_form_that_the_subscription_preferred(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    subscribe(ann, hook, IMMUTABLE)
    made = ann.create()
    sandbox.flush()
    identity = hook.notes()[0]["resourceData"]["id"]
    assert identity != made["id"]
    assert ann.ok("GET", f"me/events/{identity}", prefer=IMMUTABLE)["id"] == identity


def test_a_subscription_ends_unless_it_is_renewed(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    first, second = (subscribe(ann, hook, life=timedelta(hours=2))["id"] for _ in range(2))
    later = {"expirationDateTime": "2026-03-08T09:00:00Z"}
    assert ends(ann.ok("PATCH", f"subscriptions/{first}", json=later)) == START + timedelta(days=6)
    sandbox.world.advance(timedelta(hours=3))
    ann = Program(sandbox)
    ann.create()
    sandbox.flush()
    assert [note["subscriptionId"] for note in hook.notes()] == [first]
    for method in ("GET", "PATCH", "DELETE"):
        path = f"subscriptions/{second}"
        assert ann.refused(method, path, json=later) == (404, "ResourceNotFound")


def test_a_deleted_subscription_is_silent(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    made = subscribe(ann, hook)
    assert Program(sandbox, BOB).refused("DELETE", f"subscriptions/{made['id']}")[0] == 404
    assert ann.send("DELETE", f"subscriptions/{made['id']}").status_code == 204
    ann.create()
    sandbox.flush()
    assert hook.got == []


def test_lifecycle_events_have_their_own_address(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    made = subscribe(ann, hook, lifecycleNotificationUrl=f"{hook.url}/lifecycle")
    path = f"subscriptions/{made['id']}"
    sandbox.microsoft.tell(ANN, "missed")
    sandbox.microsoft.tell(ANN, "reauthorizationRequired")
    ann.create()
    sandbox.flush()
    seen = [(place, note["lifecycleEvent"]) for place, doc in hook.got for note in doc["value"]]
    assert seen == [
        ("/hooks/microsoft/lifecycle", "missed"),
        ("/hooks/microsoft/lifecycle", "reauthorizationRequired"),
    ]
    assert hook.notes()[0]["clientState"] == "s3cret"
    assert ann.send("POST", f"{path}/reauthorize").status_code == 204
    ann.create()
    sandbox.flush()
    assert hook.got[-1][1]["value"][0]["changeType"] == "created"
    sandbox.microsoft.tell(ANN, "subscriptionRemoved")
    sandbox.flush()
    assert hook.notes()[-1]["lifecycleEvent"] == "subscriptionRemoved"
    assert ann.refused("GET", path)[0] == 404


def test_renewing_authorises_again(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    made = subscribe(ann, hook)
    sandbox.microsoft.tell(ANN, "reauthorizationRequired")
    ann.create()
    ann.ok("PATCH", f"subscriptions/{made['id']}",
           json={"expirationDateTime": "2026-03-05T09:00:00Z"})  # fmt: skip
    ann.create(**at(12))
    sandbox.flush()
    assert len(hook.got) == 1


def test_a_program_on_its_own_subscribes_for_a_user(sandbox: Sandbox, hook: Hook) -> None:
    robot = Program(sandbox, token=sandbox.microsoft.app_token(CLIENT_ID, "contoso.example"))
    box = sandbox.microsoft.directory.mailbox(ANN)
    subscribe(robot, hook, resource=f"users/{box.id}/events")
    Program(sandbox).create()
    sandbox.flush()
    assert hook.changes() == ["created"]
    assert robot.refused("POST", "subscriptions", json=wanted(hook))[0] == 404


def test_notifications_are_lost_late_or_doubled(sandbox: Sandbox, ann: Program, hook: Hook) -> None:
    subscribe(ann, hook)
    sandbox.microsoft.misbehave(ANN, "push_lost", times=1)
    ann.create()
    sandbox.flush()
    assert hook.got == []
    sandbox.microsoft.misbehave(ANN, "push_duplicate", times=1)
    ann.create()
    sandbox.flush()
    assert len(hook.got) == 2
    sandbox.microsoft.misbehave(ANN, "push_late", 60, times=1)
    ann.create()
    sandbox.flush()
    assert len(hook.got) == 2
    sandbox.world.advance(timedelta(minutes=2))
    sandbox.flush()
    assert len(hook.got) == 3


def test_subscribing_may_be_refused_or_cut_short(
    sandbox: Sandbox, ann: Program, hook: Hook
) -> None:
    for fault, status in (("subscription_conflict", 409), ("subscription_limit", 400)):
        sandbox.microsoft.misbehave(ANN, fault)
        assert ann.refused("POST", "subscriptions", json=wanted(hook))[0] == status
        sandbox.microsoft.behave()
    sandbox.microsoft.misbehave(ANN, "subscription_short", 60)
    made = subscribe(ann, hook)
    assert ends(made) == START + timedelta(minutes=1)
    sandbox.world.advance(timedelta(seconds=30))
    later = {"expirationDateTime": wanted(hook)["expirationDateTime"]}
    renewed = ann.ok("PATCH", f"subscriptions/{made['id']}", json=later)
    assert ends(renewed) == START + timedelta(seconds=90), "nor is it given more when renewed"
