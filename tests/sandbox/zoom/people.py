"""Who the tests are at Zoom, and a program that speaks to its API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.scenario import CLIENT_ID, SERVER_ID
from tests.sandbox.callers import Caller, Json, plain_http

ANN, BOB, EVE = "ann@example.test", "bob@example.test", "eve@elsewhere.test"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
OTHER = "another-account-id"
PEOPLE = {
    "zoom": {
        "accounts": [
            {"email": ANN, "timezone": "Europe/Berlin"},
            {"email": BOB, "timezone": "America/New_York"},
            {"email": EVE, "account_id": OTHER},
        ]
    }
}


def opened() -> Sandbox:
    """Make a stand-in with three people, on a clock that stands still."""
    return Sandbox(PEOPLE, clock=lambda: START, seed=1)


class Program(Caller):
    """A client of the API, let in by a person or acting for an account."""

    def __init__(
        self, sandbox: Sandbox, email: str = ANN, *scopes: str, alone: bool = False
    ) -> None:
        self.sandbox = sandbox
        self.user = email if alone else "me"
        zoom = sandbox.zoom
        token = zoom.app_token(SERVER_ID) if alone else zoom.access_token(email, CLIENT_ID, *scopes)
        self.http = plain_http(f"{sandbox.url}/v2/", token)

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, int]:
        """Return status and code of an error."""
        answer = self.send(method, path, **options)
        assert answer.is_error, answer.text
        document = answer.json()
        assert document["message"]
        return answer.status_code, document["code"]

    def wrong(self, method: str, path: str, **options: Any) -> str:
        """Return which field of a body is refused."""
        answer = self.send(method, path, **options)
        assert (answer.status_code, answer.json()["code"]) == (400, 300), answer.text
        [error] = answer.json()["errors"]
        return str(error["field"])

    @property
    def path(self) -> str:
        return f"users/{self.user}/meetings"

    def create(self, **body: Any) -> Json:
        return self.ok("POST", self.path, json={"topic": "Talk", **at(10), **body})

    def get(self, meeting: int, **params: Any) -> Json:
        return self.ok("GET", f"meetings/{meeting}", params=params)

    def pages(self, **params: Any) -> list[Json]:
        """Read a listing to its end."""
        found = [self.ok("GET", self.path, params=params)]
        while token := found[-1]["next_page_token"]:
            following = {**params, "next_page_token": token}
            found.append(self.ok("GET", self.path, params=following))
        return found

    def listed(self, **params: Any) -> list[Json]:
        return [each for page in self.pages(**params) for each in page["meetings"]]

    def topics(self, **params: Any) -> list[str]:
        return [each["topic"] for each in self.listed(**params)]


def at(hour: int, day: int = 3) -> Json:
    """Say when, in UTC in March 2026."""
    return {"start_time": f"2026-03-{day:02}T{hour:02}:00:00Z"}


def series(day: int = 3, **recurrence: Any) -> Json:
    """Say how something recurs from that day on, at ten."""
    return {"type": 8, **at(10, day), "recurrence": recurrence}


def daily(number: int = 5, day: int = 3) -> Json:
    return series(day, type=1, end_times=number)
