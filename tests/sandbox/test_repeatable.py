"""With a seed every answer is the same each time: a run that failed can be repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.sandbox.people import ANN, BOB, Program, berlin, events, opened

HERE = Path(__file__).parents[2]


def talk() -> bytes:
    """Say a bit of everything, and give all that was answered."""
    said = []
    with opened() as sandbox:
        ann, person = Program(sandbox), sandbox.person(ANN)
        series = person.create("Daily", berlin(3), recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
        person.create("Meeting", berlin(4), attendees=[{"email": BOB}, {"email": "x@example.test"}])
        person.create("Meet", berlin(5), conferenceData={"createRequest": {"requestId": "r"}})
        said.append(ann.send("GET", events()).content)
        person.delete(person.instance(series, berlin(5)))
        person.move(person.instance(series, berlin(4)), berlin(4, 15))
        later = person.split(series, berlin(6))
        person.delete(later)
        sandbox.misbehave(ANN, "short_pages")
        asked = {"showDeleted": "true"}
        while True:
            answer = ann.send("GET", events(), params=asked)
            said.append(answer.content)
            if "nextPageToken" not in answer.json():
                return b"\n".join(said)
            asked["pageToken"] = answer.json()["nextPageToken"]


def test_answers_are_the_same_in_every_process() -> None:
    program = f"import sys; from {__name__} import talk; sys.stdout.buffer.write(talk())"
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=HERE,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert b"cancelled" in told.pop()
