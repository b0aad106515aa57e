"""Google calendars in a stand-in that speaks HTTP, as their owner edits them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from bridge.config.settings import Outbound
from bridge.model.http import Bearer, Http, Response
from bridge.model.interval import Window, utc
from bridge.provider import Account, CalendarId, EventSource, Page, Provider, SyncToken
from bridge.providers.google import KIND, GoogleConnection, GoogleDefaults
from bridge.providers.google.client import Client
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.google.times import Json
from bridge.sandbox.server import Sandbox
from bridge.transport import Transport
from tests.contract.provider_contract import HOUR, NOW, WINDOW, Mirror, Planned, stamp
from tests.flawless import flawless

ANN, BOB = "ann@example.test", "bob@example.test"
SPOILT = "SPOILT"


def sandbox() -> Sandbox:
    """Make a stand-in of two people; its clock stands still where the suite is."""
    people = {"accounts": [{"email": ANN, "timezone": "Europe/Berlin"}, {"email": BOB}]}
    return Sandbox(people, clock=lambda: utc(NOW), seed=1)


def transport() -> Transport:
    outbound = Outbound.model_validate({"allow_networks": ["127.0.0.1/32"]})
    return Transport(outbound, user_agent="BusyBridge/test")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """The stand-in; what it says is what its description allows."""
    with flawless(sandbox()) as started:
        yield started


@pytest.fixture
def signed(running: Sandbox) -> Iterator[Signed]:
    """What Ann's program sends requests with."""
    http = transport()
    yield Signed(http, running.access_token(ANN))
    http.close()
    running.behave()


@dataclass
class Signed:
    """An `Http` that adds an access token, and remembers what was asked for."""

    http: Http
    token: str
    asked: list[str] = field(default_factory=list)

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.asked.append(f"{method} {urlsplit(url).path}?{urlsplit(url).query}")
        answer = self.http.request(method, url, **options, auth=Bearer(self.token))
        return replace(answer, body=_spoilt(answer.body))

    def services(self, name: str) -> Any:
        return self.http.services(name)

    def texts(self, name: str) -> Any:
        return self.http.texts(name)

    @property
    def listings(self) -> int:
        """How many listings of events were begun, those of one series alone left out."""
        return sum(
            "/events?" in each and "pageToken" not in each and "iCalUID" not in each
            for each in self.asked
        )


def account(running: Sandbox, http: Http) -> Account:
    defaults = GoogleDefaults.model_validate({"api_url": f"{running.url}/calendar/v3"})
    return Account("r.c", GoogleConnection(), defaults, http, owner=ANN)


@dataclass
class GoogleWorld:
    """Ann's calendars; `adapter` may put another source before them."""

    running: Sandbox
    http: Signed
    adapter: Callable[[Client], EventSource] | None = None

    def open(self, _calendar: CalendarId) -> Provider:
        if self.adapter is not None:
            api_url = f"{self.running.url}/calendar/v3"
            return Provider(source=self.adapter(Client(self.http, api_url)))
        return KIND.open(account(self.running, self.http))

    def new_calendar(self) -> CalendarId:
        with self.running.world.lock:
            made = self.running.world.add_calendar(ANN, "A calendar", timezone="Europe/Berlin")
        return CalendarId(made.id)

    def put(self, calendar: CalendarId, uid: str, plan: Planned) -> None:
        """Create or change an event, then each occurrence that is not where the plan has it."""
        with self.running.world.lock:
            editor = self._editor(calendar)
            body: Json = {"iCalUID": uid, "summary": plan.summary, **_span(plan.start, plan.end)}
            if plan.rrule:
                body["recurrence"] = [f"RRULE:{plan.rrule}"]
            master = editor.take_in(body).id
            moved = {original: (start, end) for original, start, end in plan.moved}
            for record in editor.calendar.exceptions(master):
                original, *now = (
                    int(datetime.fromisoformat(record.event[name]["dateTime"]).timestamp())
                    for name in ("originalStartTime", "start", "end")
                )
                there = moved.setdefault(original, (original, original + plan.end - plan.start))
                if there == tuple(now) and not record.is_cancelled:
                    del moved[original]
            for original, (start, end) in moved.items():
                editor.patch(f"{master}_{stamp(original)}", _span(start, end))

    def delete(self, calendar: CalendarId, uid: str) -> None:
        with self.running.world.lock:
            self._editor(calendar).delete(self.event_id(calendar, uid))

    def invite(self, calendar: CalendarId, uid: str, plan: Planned, *guests: str) -> None:
        """Create an event to which others are invited."""
        body = {"iCalUID": uid, "summary": plan.summary, **_span(plan.start, plan.end)}
        with self.running.world.lock:
            guests_ = [{"email": email} for email in guests]
            self._editor(calendar).insert({**body, "attendees": guests_})

    def mirror(self, calendar: CalendarId) -> Mirror:
        """Make a mirror of a calendar whose events may end before they begin."""
        inverted = self.running.world.account(ANN).faults.is_on("inverted_times")
        return Lengthened(self, calendar) if inverted else Mirror(self, calendar)

    def lengthened(self, calendar: CalendarId, uid: str, plan: Planned) -> Planned:
        """Give an event that lasts the half hour of one without an end its length back."""
        with self.running.world.lock:
            records = self.running.world.calendar(calendar).records.values()
            every = [each.event for each in records if each.event["iCalUID"] == uid]
        ends = {
            _second(each.get("originalStartTime", {"dateTime": ""})): _second(each["end"])
            for each in every
        }
        (master,) = (each for each in every if "recurringEventId" not in each)
        length = _second(master["end"]) - _second(master["start"])
        spans = [(plan.start, plan.end), *(moved[1:] for moved in plan.moved)]
        assert all(end - start == HOUR // 2 for start, end in spans)
        moved = tuple((original, start, ends[original]) for original, start, _ in plan.moved)
        return replace(plan, end=plan.start + length, moved=moved)

    def over(self, calendar: CalendarId, since: int) -> dict[str, Planned]:
        """Give the single events that were over by then if they lasted half an hour."""
        with self.running.world.lock:
            records = self.running.world.calendar(calendar).records.values()
            every = [each.event for each in records if not each.is_cancelled]
        plans = {
            each["iCalUID"]: Planned(_second(each["start"]), _second(each["end"]), each["summary"])
            for each in every
            if "recurrence" not in each and "recurringEventId" not in each
        }
        return {uid: plan for uid, plan in plans.items() if plan.start + HOUR // 2 <= since}

    def spoil(self, calendar: CalendarId, uid: str) -> None:
        """Google would not store nonsense: what it says of the event is spoilt on the way."""
        self.put(calendar, uid, Planned(summary=SPOILT))

    def expire(self, calendar: CalendarId) -> None:
        """Let somebody else use the calendar: with that the tokens end."""
        with self.running.world.lock:
            self.running.world.share(self.running.world.calendar(calendar), BOB, "reader")

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
        faults = self.running.world.account(ANN).faults
        with self.running.world.lock:
            faults.switch(name, value)
        yield
        with self.running.world.lock:
            faults.switch(name, value=False)

    @property
    def listings(self) -> int:
        return self.http.listings

    def event_id(self, calendar: CalendarId, uid: str) -> str:
        with self.running.world.lock:
            records = self.running.world.calendar(calendar).records.values()
            return next(
                each.id
                for each in records
                if each.event["iCalUID"] == uid and "recurringEventId" not in each.event
            )

    def _editor(self, calendar: CalendarId) -> Editor:
        return Editor(self.running.world, self.running.world.calendar(calendar), ANN)


class Lengthened(Mirror):
    """Shows events as long as they are, although nobody can know."""

    window = WINDOW

    def pages(self, token: SyncToken | None, window: Window = WINDOW) -> list[Page]:
        self.window = window
        return super().pages(token, window)

    @property
    def plans(self) -> Mapping[str, Planned]:
        assert isinstance(self.world, GoogleWorld)
        known = self.world.lengthened
        shown = {uid: known(self.calendar, uid, plan) for uid, plan in super().plans.items()}
        return self.world.over(self.calendar, self.window.start) | shown


def _second(when: Json) -> int:
    return int(datetime.fromisoformat(when["dateTime"]).timestamp()) if when["dateTime"] else 0


def _span(start: int, end: int) -> Json:
    return {
        name: {"dateTime": utc(when).isoformat(), "timeZone": "UTC"}
        for name, when in (("start", start), ("end", end))
    }


def _spoilt(body: bytes) -> bytes:
    if SPOILT.encode() not in body:
        return body
    page = json.loads(body)
    for item in page["items"]:
        if item.get("summary") == SPOILT:
            item["start"] = {"dateTime": "when"}
    return json.dumps(page).encode()
