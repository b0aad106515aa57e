"""getSchedule: when people are busy, and for whom it cannot be said."""

from __future__ import annotations

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import ANN, BOB, EVE, PAT, Json, Program, at, daily

PATH = "me/calendar/getSchedule"


def asked(*people: str, interval: int = 60, first: str = "08", last: str = "14") -> Json:
    return {
        "schedules": list(people),
        "startTime": {"dateTime": f"2026-03-03T{first}:00:00", "timeZone": "UTC"},
        "endTime": {"dateTime": f"2026-03-03T{last}:00:00", "timeZone": "UTC"},
        "availabilityViewInterval": interval,
    }


def test_a_schedule_says_when_one_is_busy(sandbox: Sandbox, ann: Program) -> None:
    bob = Program(sandbox, BOB)
    bob.create(subject="Secret", **at(10))
    bob.create(showAs="tentative", **at(11))
    bob.create(showAs="free", **at(12))
    bob.create(showAs="oof", **at(13), **daily())
    bob.create(showAs="workingElsewhere", **at(14))
    [found] = ann.ok("POST", PATH, json=asked(BOB))["value"]
    assert found["availabilityView"] == "021034"
    assert [each["status"] for each in found["scheduleItems"]] == [
        *("busy", "tentative", "free", "oof", "workingElsewhere"),
    ]
    first = found["scheduleItems"][0]
    assert first["start"] == {"dateTime": "2026-03-03T09:00:00.0000000", "timeZone": "UTC"}
    assert "subject" not in first
    assert found["workingHours"]["startTime"] == "08:00:00.0000000"


def test_an_error_of_one_is_no_error_of_all(sandbox: Sandbox, ann: Program) -> None:
    ann.create(subject="Mine")
    answer = ann.ok("POST", PATH, json=asked(ANN, "nobody@contoso.example", EVE))
    mine, nobody, foreign = answer["value"]
    assert mine["scheduleItems"][0]["subject"] == "Mine"
    for each in (nobody, foreign):
        assert each["error"]["responseCode"] == "ErrorMailRecipientNotFound"
    sandbox.microsoft.misbehave(ANN, "schedule_errors")
    [failed] = ann.ok("POST", PATH, json=asked(BOB))["value"]
    assert failed["error"]["responseCode"] == "ErrorNoFreeBusyAccess"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (asked(*["x"] * 101), "ErrorMailboxDataArrayTooBig"),
        (asked(), "BadRequest"),
        (asked(ANN, interval=4), "ErrorInvalidMergedFreeBusyInterval"),
        (asked(ANN, first="14", last="08"), "ErrorInvalidParameter"),
        ({**asked(ANN), "endTime": {"dateTime": "2026-06-03T00:00:00", "timeZone": "UTC"}},
         "ErrorTimeIntervalTooBig"),
        ({**asked(ANN), "endTime": None}, "BadRequest"),
    ],
)  # fmt: skip
def test_what_asks_for_too_much_is_refused(ann: Program, body: Json, code: str) -> None:
    assert ann.refused("POST", PATH, json=body) == (400, code)


def test_personal_accounts_have_no_schedules(sandbox: Sandbox) -> None:
    pat = Program(sandbox, PAT)
    assert pat.refused("POST", PATH, json=asked(PAT)) == (403, "ErrorAccessDenied")
