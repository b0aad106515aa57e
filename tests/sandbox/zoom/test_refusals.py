"""What goes wrong on command, answers that get lost, and limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import httpx2
import pytest

from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.quotas import Limits
from tests.sandbox.zoom.people import ANN, BOB, Program, at


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("unauthorized", 401, 124),
        ("forbidden", 403, 200),
        ("insufficient_scopes", 400, 4711),
        ("user_gone", 404, 1001),
        ("too_many_requests", 429, 429),
        ("server_error", 500, 5010),
        ("unavailable", 503, 5030),
    ],
)
def test_an_account_refuses_on_command(
    sandbox: Sandbox, ann: Program, fault: str, status: int, code: int
) -> None:
    sandbox.zoom.misbehave(ANN, fault, times=2)
    assert ann.refused("GET", ann.path) == (status, code)
    assert ann.refused("POST", ann.path, json={"topic": "Talk"}) == (status, code)
    assert ann.listed() == []
    assert Program(sandbox, BOB).listed() == []


def test_a_program_on_its_own_meets_what_its_host_does_wrong(sandbox: Sandbox) -> None:
    sandbox.zoom.misbehave(ANN, "server_error")
    program = Program(sandbox, ANN, alone=True)
    assert program.refused("GET", program.path) == (500, 5010)
    number = Program(sandbox, BOB, alone=True).create()["id"]
    assert program.get(number)["topic"] == "Talk"


def test_meetings_are_gone_on_command(sandbox: Sandbox, ann: Program) -> None:
    number = ann.create()["id"]
    sandbox.zoom.misbehave(ANN, "meeting_gone")
    for method, body in (("GET", None), ("PATCH", {"topic": "x"}), ("DELETE", None)):
        assert ann.refused(method, f"meetings/{number}", json=body) == (404, 3001)
    assert ann.topics() == ["Talk"]
    sandbox.zoom.behave()
    assert ann.get(number)["topic"] == "Talk"


def test_a_meeting_that_is_in_progress_on_command_stays(sandbox: Sandbox, ann: Program) -> None:
    number = ann.create()["id"]
    sandbox.zoom.misbehave(ANN, "in_progress", times=1)
    assert ann.refused("DELETE", f"meetings/{number}") == (400, 3002)
    assert ann.send("DELETE", f"meetings/{number}").status_code == 204


def test_an_answer_to_a_creation_gets_lost_and_the_meeting_is_there(
    sandbox: Sandbox, ann: Program
) -> None:
    sandbox.zoom.misbehave(ANN, "create_lost", times=1)
    with pytest.raises(httpx2.TransportError):
        ann.create(agenda="booking b-1")
    assert [each["agenda"] for each in ann.listed()] == ["booking b-1"]
    assert ann.create()["topic"] == "Talk"


def test_answers_to_changes_and_deletions_get_lost(sandbox: Sandbox, ann: Program) -> None:
    number = ann.create()["id"]
    sandbox.zoom.misbehave(ANN, "update_lost", times=1)
    with pytest.raises(httpx2.TransportError):
        ann.send("PATCH", f"meetings/{number}", json={"topic": "Walk"})
    assert ann.get(number)["topic"] == "Walk"
    sandbox.zoom.misbehave(ANN, "delete_lost", times=1)
    with pytest.raises(httpx2.TransportError):
        ann.send("DELETE", f"meetings/{number}")
    assert ann.refused("GET", f"meetings/{number}") == (404, 3001)


def test_an_error_may_be_answered_to_what_was_done(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.misbehave(ANN, "create_error", times=1)
    assert ann.refused("POST", ann.path, json={"topic": "Talk"}) == (500, 5010)
    [made] = ann.listed()
    sandbox.zoom.misbehave(ANN, "delete_gone", times=1)
    assert ann.refused("DELETE", f"meetings/{made['id']}") == (404, 3001)
    assert ann.listed() == []
    kinds = [each.kind for each in sandbox.zoom.person(ANN).deeds()]
    assert kinds == ["created", "deleted"]


def test_a_refused_request_is_not_lost_but_refused(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.misbehave(ANN, "create_lost", times=1)
    assert ann.wrong("POST", ann.path, json={"duration": 0}) == "duration"
    with pytest.raises(httpx2.TransportError):
        ann.create()


@pytest.mark.parametrize("is_write", [False, True])
def test_half_a_body_and_a_page_instead_of_one(
    sandbox: Sandbox, ann: Program, *, is_write: bool
) -> None:
    def ask() -> httpx2.Response:
        return ann.send("POST", ann.path, json={}) if is_write else ann.send("GET", ann.path)

    sandbox.zoom.misbehave(ANN, "cut", times=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        ask()
    sandbox.zoom.misbehave(ANN, "html", times=1)
    answer = ask()
    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")
    assert ask().is_success
    assert len(ann.listed()) == (3 if is_write else 0)


def test_a_gateway_answers_a_page_and_errors_may_be_xml(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.misbehave(ANN, "bad_gateway", times=1)
    answer = ann.send("GET", ann.path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    sandbox.zoom.misbehave(ANN, "xml_errors")
    answer = ann.send("GET", "meetings/1")
    assert answer.status_code == 404
    assert "<code>3001</code>" in answer.text


def test_a_slow_answer_takes_its_time_and_nobody_elses(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.misbehave(ANN, "slow", 3600, times=1)
    faults, pause = sandbox.zoom.directory.user(ANN).faults, Event()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ann.send, "GET", ann.path, timeout=120)
        while faults.is_on("slow"):
            pause.wait(0.01)
        assert ann.listed() == []
        assert not slow.done()
        sandbox.zoom.api.stop()
        assert slow.result().is_success


def test_a_day_has_a_hundred_meetings_made_and_changed(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.limit(Limits(daily=3))
    number = ann.create()["id"]
    ann.create()
    ann.ok("PATCH", f"meetings/{number}", json={"topic": "Walk"})
    answer = ann.send("PATCH", f"meetings/{number}", json={"topic": "Run"})
    assert (answer.status_code, answer.json()["code"]) == (429, 429)
    assert "daily rate limit (3)" in answer.json()["message"]
    assert answer.headers["Retry-After"] == "2026-03-03T00:00:00Z"
    assert answer.headers["X-RateLimit-Type"] == "Daily-limit"
    assert ann.refused("POST", ann.path, json={}) == (429, 429)
    assert ann.send("DELETE", f"meetings/{number}").status_code == 204
    Program(sandbox, BOB).create()
    sandbox.world.advance(timedelta(hours=15))
    Program(sandbox).create()


def test_zooms_own_limit_is_a_hundred(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.limit(Limits(medium=1_000))
    for _ in range(100):
        sandbox.zoom.quotas.write(sandbox.zoom.directory.user(ANN), "Medium", sandbox.world.now)
    assert ann.refused("POST", ann.path, json={}) == (429, 429)


def test_a_second_has_so_many_requests(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.limit(Limits(light=2, medium=1))
    assert ann.listed() == []
    answer = ann.send("GET", ann.path)
    assert answer.status_code == 429
    assert "per-second" in answer.json()["message"]
    assert answer.headers["X-RateLimit-Type"] == "QPS"
    assert answer.headers["X-RateLimit-Category"] == "Medium"
    assert "Retry-After" not in answer.headers
    # The same account shares it, other kinds of requests have their own.
    assert Program(sandbox, BOB).refused("GET", ann.path) == (429, 429)
    assert ann.ok("GET", "users/me")["email"] == ANN
    sandbox.world.advance(timedelta(seconds=1))
    assert ann.listed() == []


def test_limits_are_reached_on_command(sandbox: Sandbox, ann: Program) -> None:
    sandbox.zoom.misbehave(ANN, "daily_limit")
    assert ann.refused("POST", ann.path, json=at(10)) == (429, 429)
    assert ann.listed() == []
    sandbox.zoom.misbehave(ANN, "bare_limits")
    answer = ann.send("POST", ann.path, json=at(10))
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    assert "X-RateLimit-Type" not in answer.headers


def test_what_is_no_method_is_not_there(ann: Program) -> None:
    assert ann.refused("GET", "webinars/1") == (404, 2300)
    assert ann.refused("PUT", "meetings/1", json={}) == (404, 2300)
    assert ann.send("GET", ann.path).headers["x-zm-trackingid"]
