"""A person who edits a Google calendar."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, TypeAlias

import hypothesis.strategies as st
from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.model.interval import utc
from bridge.sandbox.faults import FAULTS, Faults
from bridge.sandbox.google import series
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.grants import ACCESS_LIFE, Asked
from bridge.sandbox.google.person import Person
from bridge.sandbox.google.times import Json
from bridge.sandbox.scenario import CLIENT
from tests.engine import google_reckoning as reckoning
from tests.engine.owner import (
    AHEAD,
    ANN,
    BERLIN,
    BOB,
    DAY,
    MOST,
    NOW,
    Owner,
    Place,
    Wrongs,
    are_all_done,
    thing,
)
from tests.engine.reckoning import Spans, stored

_SCOPES = ("https://www.googleapis.com/auth/calendar",)
_REDIRECT = "http://127.0.0.1:1/callback"
RULES = [
    "RRULE:FREQ=DAILY;COUNT=5",
    "RRULE:FREQ=WEEKLY;COUNT=6",
    "RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20261220T220000Z",
    "RRULE:FREQ=DAILY;UNTIL=20261212",
    "RRULE:FREQ=WEEKLY",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TH;COUNT=5",  # most starts are off these
    "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=WE,SA",
    "RRULE:FREQ=MONTHLY",
    "RRULE:FREQ=MONTHLY;BYDAY=2TU;COUNT=4",
    "RRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24",
]
LISTS = ["EXDATE;VALUE=DATE:20261201,20261207", "RDATE;VALUE=DATE:20261205"]
TIMED_LISTS = ["EXDATE;TZID=Europe/Berlin:20261201T100000", "RDATE:20261205T090000Z"]

WRONGS = Wrongs(
    harmless=(
        *("short_pages", "duplicate_pages", "bare_tombstones", "lone_masters"),
        *("invalid_recurrence", "attendees_omitted", "sync_gone", "meet_pending", "meet_fails"),
        *("expired_tokens", "testing_app", "slow", "push_lost", "push_late", "push_duplicate"),
        *("push_refused", "push_short"),
    ),
    hindering=(
        *("page_gone", "endless_pages", "rate_limited", "user_rate_limited", "too_many_requests"),
        *("forbidden", "insufficient_permissions", "not_configured", "server_error"),
        *("unavailable", "unauthorized", "calendar_gone", "html", "cut", "invalid_grant"),
        *("no_refresh_token", "token_unavailable", "freebusy_errors"),
    ),
    distorting=("inverted_times", "uid_without_deleted"),
    elsewhere={
        "wrong_issuer": "answers of the consent page, in tests/connecting",
        "lost_answers": "of writing, in tests/contract/test_naive_google_writing.py",
        "meet_missing": "of writing, in tests/contract/test_naive_google_writing.py",
        "meet_forbidden": "of writing, in tests/contract/test_naive_google_writing.py",
    },
    values={
        "slow": 0.001,
        "meet_pending": 2,
        "user_rate_limited": 5,
        "push_late": 90,
        "push_short": 600,
    },
)
assert WRONGS.are_all(FAULTS)

When: TypeAlias = date | datetime
_starts = st.builds(
    lambda day, hour: datetime(2026, 11, 16, hour, tzinfo=BERLIN) + timedelta(days=day),
    st.integers(0, 30),
    st.integers(6, 20),
)


class GoogleOwner(Owner):
    """Ann edits her calendar; Bob's she sees as busy time alone."""

    provider = "google"
    people: ClassVar = {"accounts": [{"email": ANN, "timezone": "Europe/Berlin"}, {"email": BOB}]}
    wrongs = WRONGS
    edits = (
        *("create", "invite", "answer", "be_busy", "move", "change_occurrence", "delete"),
        *("move_occurrence", "move_occurrence", "move_occurrence"),
        *("delete_occurrence", "delete_occurrence", "revive", "split", "recur"),
        *("rename", "rename"),
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.ann, self.bob = (self.running.person(email) for email in (ANN, BOB))
        self.calendar = self.running.world.calendar(ANN)

    @property
    def faults(self) -> Faults:
        return self.running.world.account(ANN).faults

    def furnish(self) -> None:
        self.bob.share(ANN, "freeBusyReader")

    def section(self) -> Mapping[str, Any]:
        return CLIENT.section(self.running.url)

    def readable(self) -> list[str]:
        return ["primary", *([BOB] if self.more else [])]

    def grant(self) -> Grant | None:
        asked = Asked(
            CLIENT.id,
            _REDIRECT,
            challenge="",
            method="",
            is_offline=True,
            is_forced=True,
            is_incremental=False,
        )
        grants = self.running.google.grants
        code = grants.consent(asked, ANN, _SCOPES)
        given = grants.exchange(CLIENT, code, _REDIRECT, "")
        if not given.refresh:
            return None
        return Grant(
            SecretStr(given.access),
            SecretStr(given.refresh),
            lifetime=timedelta(seconds=ACCESS_LIFE.total_seconds()),
            scopes=_SCOPES,
            subject=self.running.world.account(ANN).number,
        )

    def revoke(self) -> None:
        grants = self.running.google.grants
        for each in grants.of(ANN):
            grants.end(each)

    @thing()
    def forget(self) -> None:
        with self.running.world.lock:
            self.running.world.share(self.calendar, BOB, "reader")

    @property
    def own(self) -> str:
        return self.calendar.id

    def add_news(self, start: datetime) -> None:
        self.edit(self.ann, "create", "News", start)

    def busy(self) -> Spans:
        until = self.now + AHEAD
        spans = reckoning.busy(self.calendar, until)
        if self.more:
            spans += reckoning.busy(self.running.world.calendar(BOB), until)
        return spans

    def check_mirror(self) -> None:
        held = reckoning.held(self.calendar, self.now)
        assert stored(self.bridge.texts(ANN), self.now, BERLIN) == held

    # What people do

    @property
    def masters(self) -> list[str]:
        """Single events and series; those with changed occurrences several times."""
        every = [each.event for each in self.calendar.records.values()]
        changed = [each["recurringEventId"] for each in every if "recurringEventId" in each]
        whole = [each for each in every if "recurringEventId" not in each]
        alive = [each["id"] for each in whole if each["status"] != "cancelled"]
        return [*alive, *(name for name in alive for _ in range(min(3, changed.count(name))))]

    @property
    def occurrences(self) -> list[str]:
        """Instances of series, changed ones too, by id; the first of each series."""
        found: list[str] = []
        until = utc(NOW + 60 * DAY)
        for name in dict.fromkeys(self.masters):
            event = self.calendar.records[name].event
            if series.is_series(event):
                every = series.instances(event, self.calendar, until)
                found += [it["id"] for it in every if it["status"] != "cancelled"][:6]
        return found

    def edit(self, person: Person, name: str, *given: Any, **named: Any) -> None:
        with suppress(ApiError):
            getattr(person, name)(*given, **named)

    @thing(
        start=_starts,
        hours=st.integers(1, 30),
        line=st.none() | st.sampled_from(RULES),
        more=st.none() | st.integers(0, 1),
        days=st.booleans(),
        kind=st.sampled_from(["", "", "free", "private", "tentative", "home", "meet"]),
    )
    def create(
        self,
        start: datetime,
        hours: int,
        line: str | None,
        more: int | None,
        days: bool,
        kind: str,
    ) -> None:
        if len(set(self.masters)) > MOST:
            self.edit(self.ann, "delete", self.masters[0])
        made: Json = {
            "free": {"transparency": "transparent"},
            "private": {"visibility": "private"},
            "tentative": {"status": "tentative"},
            "home": {"eventType": "workingLocation"},
            "meet": {"conferenceData": {"createRequest": {"requestId": f"r{start}"}}},
        }.get(kind, {})
        if line:
            lists = [] if more is None else [(LISTS if days else TIMED_LISTS)[more]]
            made["recurrence"] = [line, *lists]
        if days:
            first = start.date()
            self.edit(self.ann, "create", "Days", first, first + timedelta(days=2), **made)
        else:
            end = start + timedelta(hours=hours)
            self.edit(self.ann, "create", "Talk", start, end, **made)

    @thing(start=_starts, line=st.none() | st.sampled_from(RULES[:2]))
    def invite(self, start: datetime, line: str | None) -> None:
        more: Json = {"recurrence": [line]} if line else {}
        guests = [{"email": ANN}, {"email": "eve@example.test"}]
        self.edit(self.bob, "create", "Meeting", start, attendees=guests, **more)

    @thing(data=st.data(), answer=st.sampled_from(["accepted", "declined", "tentative"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        every = self.calendar.records.items()
        invited = [name for name, each in every if "attendees" in each.event]
        if name := self.drawn(data, invited):
            self.edit(self.ann, "answer", name, answer)

    @thing(start=_starts, data=st.data())
    def be_busy(self, start: datetime, data: st.DataObject) -> None:
        """Change what Ann sees of Bob's calendar."""
        theirs = self.running.world.calendar(BOB)
        mine = [name for name, each in theirs.records.items() if not each.is_cancelled]
        if len(mine) < 3:
            self.edit(self.bob, "create", "Secret", start)
        elif name := self.drawn(data, mine):
            self.edit(self.bob, "delete", name)

    @thing(data=st.data(), start=_starts)
    def move(self, data: st.DataObject, start: datetime) -> None:
        if name := self.drawn(data, self.masters):
            days = "date" in self.calendar.records[name].event["start"]
            when: When = start.date() if days else start
            self.edit(self.ann, "move", name, when, when + timedelta(days=1) if days else None)

    @thing(data=st.data(), start=_starts)
    def move_occurrence(self, data: st.DataObject, start: datetime) -> None:
        if name := self.drawn(data, self.occurrences):
            found = series.find(self.running.world, self.calendar, name)
            assert found is not None
            days = "date" in found["start"]
            when: When = start.date() if days else start
            self.edit(
                self.ann, "move", name, when, when + timedelta(days=1 if days else 0, hours=2)
            )

    @thing(data=st.data(), free=st.booleans())
    def change_occurrence(self, data: st.DataObject, free: bool) -> None:
        if name := self.drawn(data, self.occurrences):
            said = "transparent" if free else "opaque"
            self.edit(self.ann, "change", name, transparency=said)

    @thing(data=st.data())
    def delete_occurrence(self, data: st.DataObject) -> None:
        if name := self.drawn(data, self.occurrences):
            self.edit(self.ann, "delete", name)

    @thing(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if name := self.drawn(data, self.masters):
            self.edit(self.ann, "delete", name)

    @thing(data=st.data())
    def revive(self, data: st.DataObject) -> None:
        """Take a deletion back, of an event or of an occurrence."""
        if name := self.drawn(data, list(self.calendar.records)):
            self.edit(self.ann, "change", name, status="confirmed")

    @thing(data=st.data())
    def split(self, data: st.DataObject) -> None:
        """Change "this and following"."""
        if name := self.drawn(data, self.occurrences):
            found = series.find(self.running.world, self.calendar, name)
            assert found is not None
            said = found["originalStartTime"]
            original: When = (
                date.fromisoformat(said["date"])
                if "date" in said
                else datetime.fromisoformat(said["dateTime"])
            )
            self.edit(self.ann, "split", found["recurringEventId"], original)

    @thing(data=st.data(), line=st.none() | st.sampled_from(RULES))
    def recur(self, data: st.DataObject, line: str | None) -> None:
        if name := self.drawn(data, self.masters):
            self.edit(self.ann, "change", name, recurrence=[line] if line else None)

    @thing(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        if name := self.drawn(data, self.masters):
            self.edit(self.ann, "change", name, summary=f"Renamed {self.steps}")


assert are_all_done(GoogleOwner)
