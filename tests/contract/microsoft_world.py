"""Calendars of Microsoft 365 in a stand-in that speaks HTTP, as their owner edits them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from bridge.model.http import Bearer, Http, Response
from bridge.model.interval import utc
from bridge.provider import Account, CalendarId, EventSource, Provider
from bridge.providers.microsoft import MicrosoftConnection, MicrosoftDefaults
from bridge.providers.microsoft.adapter import open_account
from bridge.providers.microsoft.client import Client
from bridge.sandbox.microsoft import series, times
from bridge.sandbox.microsoft.editing import Editor
from bridge.sandbox.microsoft.mailbox import Calendar, Found, Item, event_id
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.microsoft.server import Microsoft
from bridge.sandbox.server import Sandbox
from bridge.transport import where
from tests.contract.google_world import transport
from tests.contract.provider_contract import NOW, Mirror, Planned
from tests.flawless import flawless

ANN, BOB = "ann@contoso.test", "bob@contoso.test"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def sandbox() -> Sandbox:
    """Make a stand-in of two people; its clock stands still where the suite is."""
    people = {"accounts": [{"email": ANN, "timezone": "Europe/Berlin"}, {"email": BOB}]}
    return Sandbox({"microsoft": people}, clock=lambda: utc(NOW), seed=1)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        yield started


@dataclass
class Signed:
    """An `Http` that adds an access token, and remembers what was asked for."""

    http: Http
    token: str
    asked: list[str] = field(default_factory=list, repr=False)
    spoilt: set[str] = field(default_factory=set)
    """Ids of events of which nonsense is told."""

    def request(self, method: str, url: str, **options: Any) -> Response:
        prefer = options["headers"]["Prefer"]
        assert 'outlook.timezone="UTC"' in prefer
        assert 'IdType="ImmutableId"' in prefer
        self.asked.append(f"{method} {urlsplit(url).path}?{urlsplit(url).query}")
        answer = self.http.request(method, url, **options, auth=Bearer(self.token))
        return replace(answer, body=self._spoilt(answer.body)) if self.spoilt else answer

    def services(self, name: str) -> Any:
        return self.http.services(name)

    def texts(self, name: str) -> Any:
        return self.http.texts(name)

    def _spoilt(self, body: bytes) -> bytes:
        page = json.loads(body)
        for item in page.get("value", [page]):
            if item.get("id") in self.spoilt:
                item["start"] = {"dateTime": "when", "timeZone": "UTC"}
        return json.dumps(page).encode()

    @property
    def listings(self) -> int:
        """How many rounds were begun."""
        return sum("/delta?" in each and "skiptoken" not in each for each in self.asked)


def signed(running: Sandbox, http: Http, email: str = ANN) -> Signed:
    return Signed(http, running.microsoft.access_token(email, CLIENT_ID))


def account(running: Sandbox, http: Http) -> Account:
    defaults = MicrosoftDefaults(sandbox_url=where(running.url))
    return Account("r.c", MicrosoftConnection(), defaults, http, owner=ANN)


@dataclass
class MicrosoftWorld:
    """Ann's calendars; `adapter` may put another source before them."""

    running: Sandbox
    http: Signed
    adapter: Callable[[Client], EventSource] | None = None
    uids: dict[str, str] = field(default_factory=dict)
    """By the keys of the items, which have UIDs of Outlook's own."""

    def open(self, _calendar: CalendarId) -> Provider:
        api_url = f"{self.running.url}/v1.0"
        if self.adapter is not None:
            return Provider(source=self.adapter(Client(self.http, api_url)))
        return open_account(account(self.running, self.http), api_url)

    def new_calendar(self) -> CalendarId:
        with self.running.world.lock:
            box = self.microsoft.directory.mailbox(ANN)
            return CalendarId(self.microsoft.directory.add_calendar(box, "A calendar").id)

    def put(self, calendar: CalendarId, uid: str, plan: Planned) -> None:
        """Create or change an event, then each occurrence that is not where the plan has it."""
        with self.running.world.lock:
            there, item = self._found(calendar, uid)
            rule = _recurrence(plan) if plan.rrule else None
            body = {"subject": plan.summary, **_span(plan.start, plan.end), "recurrence": rule}
            if item is None:
                item = self._editor.create(there, body)
                self.uids[item.key] = uid
            elif changes := _changes(item, body):
                self._editor.patch(Found(there, item, None), changes)
            if plan.rrule:
                self._move(there, item, plan)
            self.http.spoilt.discard(event_id(there, item, None, immutable=True))

    def delete(self, calendar: CalendarId, uid: str) -> None:
        with self.running.world.lock:
            there, item = self._found(calendar, uid)
            assert item is not None
            self._editor.delete(Found(there, item, None))

    def drop(self, calendar: CalendarId, uid: str, original: int) -> None:
        """Delete one occurrence of a series."""
        with self.running.world.lock:
            there, item = self._found(calendar, uid)
            assert item is not None
            self._editor.delete(Found(there, item, utc(original).date()))

    def mirror(self, calendar: CalendarId) -> Mirror:
        """Make a mirror that says what it finds as the suite plans it."""
        return Renamed(self, calendar)

    def spoil(self, calendar: CalendarId, uid: str) -> None:
        """Outlook would not store nonsense: what it says of the event is spoilt on the way."""
        with self.running.world.lock:
            there, item = self._found(calendar, uid)
            assert item is not None
            self._editor.patch(Found(there, item, None), {"categories": ["Spoilt"]})
        self.http.spoilt.add(self.event_id(calendar, uid))

    def expire(self, _calendar: CalendarId) -> None:
        """Let the next link be one that Exchange has forgotten."""
        with self.running.world.lock:
            self.faults.switch("sync_gone", times=1)

    @contextmanager
    def refusing_tokens(self) -> Iterator[None]:
        with self.fault("sync_gone"):
            yield

    @contextmanager
    def cutting(self) -> Iterator[None]:
        with self.fault("cut"):
            yield

    @contextmanager
    def fault(self, name: str, value: Any = True) -> Iterator[None]:
        with self.running.world.lock:
            self.faults.switch(name, value)
        yield
        with self.running.world.lock:
            self.faults.switch(name, value=False)

    @property
    def listings(self) -> int:
        return self.http.listings

    @property
    def microsoft(self) -> Microsoft:
        return self.running.microsoft

    @property
    def faults(self) -> Any:
        return self.microsoft.directory.mailbox(ANN).faults

    def event_id(self, calendar: CalendarId, uid: str) -> str:
        with self.running.world.lock:
            there, item = self._found(calendar, uid)
            assert item is not None
            return event_id(there, item, None, immutable=True)

    def summary(self, name: str) -> str:
        """Give the title of an event back where none was told."""
        if not self.faults.is_on("null_fields"):
            return ""
        with self.running.world.lock:
            found = self.microsoft.directory.mailbox(ANN).find(name)
            return str(found.item.event["subject"]) if found else ""

    def _move(self, calendar: Calendar, item: Item, plan: Planned) -> None:
        length = plan.end - plan.start
        moved = {original: (start, end) for original, start, end in plan.moved}
        for day in item.overrides:
            original = int(series.original_start(item, day).timestamp())
            moved.setdefault(original, (original, original + length))
        for original, (start, end) in moved.items():
            day = utc(original).date()
            entry = series.occurrence(item, day)
            if times.span(entry.event) != (utc(start), utc(end)):
                self._editor.patch(Found(calendar, item, day), _span(start, end))

    def _found(self, calendar: CalendarId, uid: str) -> tuple[Calendar, Item | None]:
        there = self.microsoft.directory.mailbox(ANN).calendars[calendar]
        found = (each for each in there.items.values() if self.uids.get(each.key) == uid)
        return there, next(found, None)

    @property
    def _editor(self) -> Editor:
        return Editor(self.microsoft.directory, self.microsoft.directory.mailbox(ANN))


class Renamed(Mirror):
    """Shows events by the names that they were planned under, and rules as they were planned."""

    @property
    def plans(self) -> Mapping[str, Planned]:
        assert isinstance(self.world, MicrosoftWorld)
        world = self.world
        with world.running.world.lock:
            box = world.microsoft.directory.mailbox(ANN)
            named = {
                event_id(there, item, None, immutable=True): world.uids.get(key, key)
                for there in box.calendars.values()
                for key, item in there.items.items()
            }
        ids = {series.uid: remote_id for remote_id, series in self.objects.items()}
        return {
            named.get(ids[uid], uid): replace(
                plan,
                rrule=_plain(plan.rrule),
                summary=plan.summary or world.summary(ids[uid]),
            )
            for uid, plan in super().plans.items()
        }


def _recurrence(plan: Planned) -> dict[str, Any]:
    parts = dict(part.split("=") for part in plan.rrule.split(";"))
    first = utc(plan.start).date()
    pattern: dict[str, Any] = {"type": "daily", "interval": int(parts.get("INTERVAL", 1))}
    if parts["FREQ"] == "WEEKLY":
        days = [_DAYS[first.weekday()]]
        pattern |= {"type": "weekly", "daysOfWeek": days, "firstDayOfWeek": "monday"}
    span: dict[str, Any] = {"type": "noEnd"}
    if "COUNT" in parts:
        span = {"type": "numbered", "numberOfOccurrences": int(parts["COUNT"])}
    span |= {"startDate": first.isoformat(), "recurrenceTimeZone": "UTC"}
    return {"pattern": pattern, "range": span}


def _changes(item: Item, body: dict[str, Any]) -> dict[str, Any]:
    """Give what of an event is another: times that are sent again make a series forget."""
    return {name: value for name, value in body.items() if item.event.get(name) != value}


def _plain(rule: str) -> str:
    """Leave out what says no more than the start does."""
    parts = [part for part in rule.split(";") if not part.startswith(("BYDAY=", "WKST="))]
    return ";".join([*parts[:1], *sorted(parts[1:])])


def _span(start: int, end: int) -> dict[str, Any]:
    return {
        name: {"dateTime": f"{utc(when):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
        for name, when in (("start", start), ("end", end))
    }


__all__ = ["ANN", "BOB", "MicrosoftWorld", "Signed", "account", "sandbox", "signed", "transport"]
