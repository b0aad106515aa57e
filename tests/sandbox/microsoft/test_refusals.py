"""What goes wrong on command, batches, and limits."""

from __future__ import annotations

import threading
from datetime import timedelta

import httpx2
import pytest

from bridge.sandbox.microsoft.quotas import MailboxLimits
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import ANN, BOB, Program, at


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("unauthorized", 401, "InvalidAuthenticationToken"),
        ("forbidden", 403, "ErrorAccessDenied"),
        ("mailbox_gone", 404, "MailboxNotEnabledForRESTAPI"),
        ("calendar_gone", 404, "ErrorItemNotFound"),
        ("too_many_requests", 429, "TooManyRequests"),
        ("concurrency", 503, "ApplicationThrottled"),
        ("server_error", 500, "ErrorInternalServerError"),
        ("transient_error", 500, "ErrorInternalServerTransientError"),
        ("unavailable", 503, "serviceNotAvailable"),
        ("gateway_timeout", 504, "UnknownError"),
    ],
)
def test_a_mailbox_refuses_on_command(
    sandbox: Sandbox, ann: Program, fault: str, status: int, code: str
) -> None:
    value = 7 if status in (429, 503) and fault != "unavailable" else True
    sandbox.microsoft.misbehave(ANN, fault, value, times=1)
    answer = ann.send("GET", "me/events")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == ("7" if value == 7 else None)
    assert ann.send("GET", "me/events").status_code == 200


def test_answers_are_broken_on_command(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.misbehave(ANN, "html", times=1)
    assert ann.send("GET", "me/events").headers["Content-Type"].startswith("text/html")
    sandbox.microsoft.misbehave(ANN, "bad_gateway", times=1)
    answer = ann.send("GET", "me/events")
    assert (answer.status_code, answer.text[:6]) == (502, "<html>")
    sandbox.microsoft.misbehave(ANN, "cut", times=1)
    with pytest.raises(httpx2.HTTPError):
        ann.send("GET", "me/events")


def test_fields_may_be_null(sandbox: Sandbox, ann: Program) -> None:
    ann.create()
    sandbox.microsoft.misbehave(ANN, "null_fields")
    [event] = ann.listed()
    assert (event["subject"], event["body"], event["organizer"]) == (None, None, None)


def test_lists_may_have_short_empty_and_endless_pages(sandbox: Sandbox, ann: Program) -> None:
    for hour in range(3):
        ann.create(**at(hour))
    sandbox.microsoft.misbehave(ANN, "short_pages")
    assert [len(page["value"]) for page in ann.pages("me/events")] == [2, 0, 1]
    sandbox.microsoft.misbehave(ANN, "endless_pages")
    link = "me/events"
    for _ in range(6):
        link = ann.ok("GET", link)["@odata.nextLink"]


def part(identity: str, method: str, url: str, **more: object) -> dict:
    return {"id": identity, "method": method, "url": url, **more}


def test_a_batch_answers_each_part_on_its_own(sandbox: Sandbox, ann: Program) -> None:
    body = {"subject": "Talk", **at(10)}
    parts = [
        part("1", "POST", "/me/events", body=body, headers={"Content-Type": "application/json"}),
        part("2", "GET", "/me/events?$select=subject", dependsOn=["1"]),
        part("3", "GET", "/me/events/AAMkADnone"),
        part("4", "GET", "/me/calendar", dependsOn=["3"]),
        part("5", "GET", f"/users/{BOB}/events"),
    ]
    answer = ann.ok("POST", "$batch", json={"requests": parts})
    found = {each["id"]: each for each in answer["responses"]}
    statuses = {name: each["status"] for name, each in found.items()}
    assert statuses == {"1": 201, "2": 200, "3": 404, "4": 424, "5": 404}
    assert found["2"]["body"]["value"][0]["subject"] == "Talk"
    assert found["3"]["body"]["error"]["code"] == "ErrorItemNotFound"


def test_a_part_of_a_batch_is_throttled_alone(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.misbehave(ANN, "too_many_requests", 9, times=1)
    sandbox.microsoft.misbehave(ANN, "bad_gateway", times=1)
    parts = [part(str(number), "GET", "/me/events") for number in range(3)]
    answer = ann.ok("POST", "$batch", json={"requests": parts})
    found = {each["status"]: each for each in answer["responses"]}
    assert found[429]["headers"]["Retry-After"] == "9"
    assert found[502]["body"].startswith("<html>")
    assert 200 in found


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [part(str(number), "GET", "/me") for number in range(21)],
        [part("1", "GET", "/me"), part("1", "GET", "/me")],
        [part("1", "GET", "/me", dependsOn=["2"])],
        [{"id": "1"}],
        "everything",
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(ann: Program, requests: object) -> None:
    refused = ann.refused("POST", "$batch", json={"requests": requests})
    assert refused == (400, "BadRequest")


def test_a_batch_needs_a_token(sandbox: Sandbox) -> None:
    stranger = Program(sandbox, token="none")
    assert stranger.refused("POST", "$batch", json={"requests": []})[0] == 401


def test_four_requests_at_once_are_enough(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.limit(MailboxLimits())
    sandbox.microsoft.misbehave(ANN, "slow", 120, times=4)
    box = sandbox.microsoft.directory.mailbox(ANN)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ann.send("GET", "me/events").status_code))
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    running = sandbox.microsoft.quotas.most
    waiting = threading.Event()
    for _ in range(3000):
        if running[CLIENT_ID, box.id] == 4:
            break
        waiting.wait(0.01)
    answer = ann.send("GET", "me/events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["error"]["code"] == "ApplicationThrottled"
    assert Program(sandbox, BOB).send("GET", "me/events").status_code == 200
    sandbox.microsoft.api.stop()
    for each in threads:
        each.join()
    assert answers == [200] * 4
    assert ann.send("GET", "me/events").status_code == 200


def test_a_mailbox_has_so_many_requests_in_ten_minutes(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.limit(MailboxLimits(requests=2))
    for _ in range(2):
        ann.ok("GET", "me/events")
    answer = ann.send("GET", "me/events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "601")
    sandbox.world.advance(timedelta(minutes=10))
    assert ann.send("GET", "me/events").status_code == 200
