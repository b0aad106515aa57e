"""Who the tests are: people with accounts at the stand-in, and a program that speaks to its API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bridge.sandbox.server import Sandbox
from tests.sandbox.callers import Caller, Json, plain_http

ANN, BOB, EVE = "ann@example.test", "bob@example.test", "eve@example.test"
ROOM = "room@resource.calendar.google.com"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ALL = "https://www.googleapis.com/auth/calendar"
PEOPLE = {
    "accounts": [
        {"email": ANN, "timezone": "Europe/Berlin"},
        {"email": BOB, "timezone": "America/New_York"},
        {"email": EVE},
    ],
    "rooms": [
        {"summary": "Room", "id": ROOM, "timezone": "Europe/Berlin", "share": {ANN: "reader"}}
    ],
}


def opened() -> Sandbox:
    """Make a stand-in with three people and a room, on a clock that stands still."""
    return Sandbox(PEOPLE, clock=lambda: START, seed=1)


class Program(Caller):
    """A client of the API with a person's access token."""

    def __init__(self, sandbox: Sandbox, email: str = ANN, *scopes: str) -> None:
        self.sandbox = sandbox
        token = sandbox.access_token(email, *scopes)
        self.http = plain_http(f"{sandbox.url}/calendar/v3/", token)

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Return status and reason of an error."""
        answer = self.send(method, path, **options)
        assert answer.is_error, answer.text
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        return answer.status_code, error["errors"][0]["reason"]

    def insert(self, calendar: str = "primary", /, **body: Any) -> Json:
        params = body.pop("params", {})
        whole = {"summary": "Talk", **at(10), **body}
        return self.ok("POST", events(calendar), json=whole, params=params)

    def page(self, calendar: str = "primary", /, **params: Any) -> Json:
        return self.ok("GET", events(calendar), params=params)

    def pages(self, calendar: str = "primary", /, **params: Any) -> list[Json]:
        """Read a listing to its end."""
        found = [self.page(calendar, **params)]
        while token := found[-1].get("nextPageToken"):
            found.append(self.page(calendar, **params, pageToken=token))
        return found

    def listed(self, calendar: str = "primary", /, **params: Any) -> list[Json]:
        return [item for page in self.pages(calendar, **params) for item in page["items"]]

    def sync_token(self, calendar: str = "primary", /, **params: Any) -> str:
        return str(self.pages(calendar, **params)[-1]["nextSyncToken"])


def at(hour: int, day: int = 3, hours: int = 1) -> Json:
    """Say when, in Berlin in March 2026."""
    start, end = berlin(day, hour), berlin(day, hour) + timedelta(hours=hours)
    return {"start": timed(start), "end": timed(end)}


def berlin(day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo("Europe/Berlin"))


def timed(when: datetime) -> Json:
    return {"dateTime": when.isoformat(), "timeZone": "Europe/Berlin"}


def days(first: int, last: int) -> Json:
    return {"start": {"date": f"2026-03-{first:02}"}, "end": {"date": f"2026-03-{last:02}"}}


def events(calendar: str = "primary", event: str = "") -> str:
    path = f"calendars/{quote(calendar, safe='')}/events"
    return f"{path}/{quote(event, safe='')}" if event else path
