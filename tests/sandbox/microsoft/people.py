"""Who the tests are at Microsoft, and a program that speaks to Graph."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2

from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.sandbox.callers import Caller, Json, plain_http

ANN, BOB, EVE = "ann@contoso.example", "bob@contoso.example", "eve@fabrikam.example"
PAT, ROOM = "pat@outlook.example", "room@contoso.example"
BERLIN = "W. Europe Standard Time"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = {
    "microsoft": {
        "accounts": [
            {"email": ANN, "timezone": "Europe/Berlin"},
            {"email": BOB, "timezone": "America/New_York"},
            {"email": EVE},
            {"email": PAT, "personal": True},
            {"email": ROOM, "room": True},
        ]
    }
}
IMMUTABLE = 'IdType="ImmutableId"'


def opened() -> Sandbox:
    """Make a stand-in with four people and a room, on a clock that stands still."""
    return Sandbox(PEOPLE, clock=lambda: START, seed=1)


class Program(Caller):
    """A client of Graph with a person's access token, or on its own."""

    def __init__(
        self, sandbox: Sandbox, email: str = ANN, *scopes: str, token: str | None = None
    ) -> None:
        self.sandbox = sandbox
        token = token or sandbox.microsoft.access_token(email, CLIENT_ID, *scopes)
        self.http = plain_http(f"{sandbox.url}/v1.0/", token)

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        prefer = options.pop("prefer", None)
        if prefer:
            options["headers"] = {**options.get("headers", {}), "Prefer": prefer}
        return super().send(method, path, **options)

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Return status and code of an error."""
        answer = self.send(method, path, **options)
        assert answer.is_error, answer.text
        error = answer.json()["error"]
        assert error["innerError"]["request-id"] == answer.headers["request-id"]
        return answer.status_code, error["code"]

    def create(self, path: str = "me/events", /, **body: Any) -> Json:
        return self.ok("POST", path, json={"subject": "Talk", **at(10), **body})

    def pages(self, path: str, /, prefer: str = "", **params: Any) -> list[Json]:
        """Read a list to its end."""
        found = [self.ok("GET", path, params=params, prefer=prefer)]
        while link := found[-1].get("@odata.nextLink"):
            found.append(self.ok("GET", link, prefer=prefer))
        return found

    def listed(self, path: str = "me/events", /, prefer: str = "", **params: Any) -> list[Json]:
        return [item for page in self.pages(path, prefer, **params) for item in page["value"]]

    def subjects(self, path: str = "me/events", /, **params: Any) -> list[str]:
        return [each["subject"] for each in self.listed(path, **params)]


def at(hour: int, day: int = 3, hours: int = 1) -> Json:
    """Say when, in Berlin in March 2026."""
    start = berlin(day, hour)
    return {"start": timed(start), "end": timed(start + timedelta(hours=hours))}


def berlin(day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo("Europe/Berlin"))


def timed(when: datetime, zone: str = BERLIN) -> Json:
    return {"dateTime": when.replace(tzinfo=None).isoformat(), "timeZone": zone}


def days(first: int, last: int, zone: str = BERLIN) -> Json:
    made = {"start": date(2026, 3, first), "end": date(2026, 3, last)}
    return {
        "isAllDay": True,
        **{name: {"dateTime": f"{day}T00:00:00", "timeZone": zone} for name, day in made.items()},
    }


def march(first: int = 1, last: int = 31) -> Json:
    """Say which window, in days of UTC."""
    return {"startDateTime": f"2026-03-{first:02}T00:00:00Z",
            "endDateTime": f"2026-03-{last:02}T00:00:00Z"}  # fmt: skip


def series(pattern: Json, day: int = 3, **span: Any) -> Json:
    """Say how something recurs from that day on."""
    whole = {"type": "noEnd", "startDate": f"2026-03-{day:02}", **span}
    return {"recurrence": {"pattern": {"interval": 1, **pattern}, "range": whole}}


def daily(number: int = 5, day: int = 3) -> Json:
    return series({"type": "daily"}, day, type="numbered", numberOfOccurrences=number)
