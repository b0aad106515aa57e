"""Errors on command and errors earned: limits, three kinds of 403, broken answers."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest

from bridge.sandbox.faults import FAULTS
from bridge.sandbox.google.quotas import Limits
from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, PEOPLE, START, Program, at, events


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("rate_limited", (403, "rateLimitExceeded")),
        ("user_rate_limited", (403, "userRateLimitExceeded")),
        ("too_many_requests", (429, "rateLimitExceeded")),
        ("forbidden", (403, "forbidden")),
        ("insufficient_permissions", (403, "insufficientPermissions")),
        ("not_configured", (403, "accessNotConfigured")),
        ("server_error", (500, "backendError")),
        ("unavailable", (503, "backendError")),
        ("unauthorized", (401, "authError")),
        ("calendar_gone", (404, "notFound")),
    ],
)
def test_requests_are_refused_on_command_and_for_one_account_alone(
    sandbox: Sandbox, ann: Program, fault: str, answer: tuple[int, str]
) -> None:
    sandbox.misbehave(ANN, fault, times=1)
    assert Program(sandbox, BOB).listed() == []
    assert ann.refused("GET", events()) == answer
    assert ann.listed() == []


def test_whoever_has_to_wait_is_told_how_long(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "too_many_requests", 7)
    assert ann.send("GET", events()).headers["Retry-After"] == "7"


def test_a_page_comes_instead_of_json_on_command(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "html")
    answer = ann.send("GET", events())
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_half_an_answer_comes_on_command(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "cut")
    with pytest.raises(httpx2.RemoteProtocolError):
        ann.send("GET", events())


def test_a_slow_answer_holds_up_nobody_else_and_ends_with_the_server(sandbox: Sandbox) -> None:
    slow, quick = Program(sandbox), Program(sandbox, BOB)
    sandbox.misbehave(ANN, "slow", 600)
    slow.http.timeout = httpx2.Timeout(0.2)
    with pytest.raises(httpx2.ReadTimeout):
        slow.send("GET", events())
    assert quick.listed() == []


def test_an_unknown_token_is_a_wrong_credential(ann: Program) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert ann.refused("GET", events(), headers=wrong) == (401, "authError")
    del ann.http.headers["Authorization"]
    assert ann.refused("GET", events()) == (401, "required")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(user=3), "userRateLimitExceeded"),
        (Limits(project=3), "rateLimitExceeded"),
    ],
    ids=["user", "project"],
)
def test_there_are_so_many_requests_in_a_sliding_minute(limits: Limits, reason: str) -> None:
    with Sandbox(PEOPLE, clock=lambda: START, limits=limits) as sandbox:
        ann = Program(sandbox)
        for _ in range(3):
            ann.page()
            sandbox.world.advance(timedelta(seconds=10))
        assert ann.refused("GET", events()) == (403, reason)
        other = {"quotaUser": "somebody"}
        assert ann.send("GET", events(), params=other).is_success is (limits.user == 3)
        sandbox.world.advance(timedelta(seconds=60))
        ann.page()


def test_what_the_stand_in_lacks_it_says(ann: Program) -> None:
    assert ann.refused("GET", "colors") == (501, "notImplemented")


def test_a_defect_of_the_stand_in_is_no_answer(sandbox: Sandbox, ann: Program) -> None:
    made = ann.insert()["id"]
    sandbox.world.calendar(ANN).records[made].event["summary"] = 7
    assert ann.refused("GET", events("primary", made))[0] == 500
    assert len(sandbox.world.defects) == 1
    sandbox.world.defects.clear()


def test_every_misbehaviour_says_what_it_is() -> None:
    assert all(FAULTS.values())


def test_the_answer_to_a_write_may_get_lost_and_the_write_stays(
    sandbox: Sandbox, ann: Program
) -> None:
    sandbox.misbehave(ANN, "lost_answers", times=1)
    assert ann.refused("POST", events(), json=at(9)) == (503, "backendError")
    assert len(ann.listed()) == 1
