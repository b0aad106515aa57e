"""A person who edits a Google calendar, a provider that misbehaves, and a bridge that reads it.

Each run begins with a stand-in, a database and a process of its own, so that a seed repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http
from bridge.model.interval import utc
from bridge.model.resource import ConnectionStatus
from bridge.providers.google import GoogleDefaults
from bridge.sandbox.faults import FAULTS
from bridge.sandbox.google import series
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.person import Person
from bridge.sandbox.google.times import Json
from bridge.sandbox.scenario import CLIENT
from bridge.sandbox.server import Sandbox
from bridge.scheduler.pulls import LEASE
from tests.builders import make_settings
from tests.engine import reckoning
from tests.engine.door import Door
from tests.engine.process import Killed, Line, Process

ANN, BOB = "ann@example.test", "bob@example.test"
BERLIN = ZoneInfo("Europe/Berlin")
NOW = int(datetime(2026, 11, 20, 12, tzinfo=BERLIN).timestamp())
MINUTE, DAY = 60, 86400
AHEAD = 300 * DAY
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

HARMLESS = (
    *("short_pages", "duplicate_pages", "bare_tombstones", "lone_masters", "invalid_recurrence"),
    *("attendees_omitted", "sync_gone", "meet_pending", "meet_fails", "expired_tokens"),
    *("testing_app", "slow", "push_lost", "push_late", "push_duplicate", "push_refused"),
    "push_short",
)
"""With these on, everything still becomes right."""
HINDERING = (
    *("page_gone", "endless_pages", "rate_limited", "user_rate_limited", "too_many_requests"),
    *("forbidden", "insufficient_permissions", "not_configured", "server_error", "unavailable"),
    *("unauthorized", "calendar_gone", "html", "cut", "invalid_grant", "no_refresh_token"),
    *("token_unavailable", "freebusy_errors"),
)
"""As long as one of these is on, something cannot be read."""
DISTORTING = ("inverted_times", "uid_without_deleted")
"""What was read meanwhile may be wrong until it changes, or is read anew."""
ELSEWHERE: Mapping[str, str] = {
    "wrong_issuer": "answers of the consent page, in tests/connecting",
}
"""Not switched on here, and where it is shown."""
VALUES: Mapping[str, Any] = {
    "slow": 0.001,
    "meet_pending": 2,
    "user_rate_limited": 5,
    "push_late": 90,
    "push_short": 600,
}
assert {*HARMLESS, *HINDERING, *DISTORTING, *ELSEWHERE} == FAULTS.keys()

When: TypeAlias = date | datetime
_MOST = 6
_starts = st.builds(
    lambda day, hour: datetime(2026, 11, 16, hour, tzinfo=BERLIN) + timedelta(days=day),
    st.integers(0, 30),
    st.integers(6, 20),
)


_THINGS: dict[str, dict[str, Any]] = {}


def thing(**drawn: Any) -> Any:
    """Name what a method that does one of the things is given."""

    def noted(method: Any) -> Any:
        _THINGS[method.__name__] = drawn
        return method

    return noted


class Place(NamedTuple):
    """Where a run takes place."""

    database_url: str
    """Of a fresh database."""
    folder: Path
    http: Http
    """Shared by all runs: it remembers nothing."""


class Owner(RuleBasedStateMachine):
    """Ann edits her calendar; Bob's she sees as busy time alone."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.steps = 0
        self.told = 0
        """How often something was read because it was told."""
        self.place, self.now, self.ends = place, NOW, ExitStack()
        people = {"accounts": [{"email": ANN, "timezone": "Europe/Berlin"}, {"email": BOB}]}
        self.running = self.ends.enter_context(Sandbox(people, clock=lambda: utc(self.now), seed=1))
        self.ann, self.bob = (self.running.person(email) for email in (ANN, BOB))
        self.calendar = self.running.world.calendar(ANN)
        self.faults = self.running.world.account(ANN).faults
        self.door = self.ends.enter_context(Door())
        self.line = Line(place.http)
        self.distorted = False
        self.process: Process | None = None

    @initialize(both=st.booleans(), reconciled=st.booleans())
    def begin(self, both: bool, reconciled: bool) -> None:
        if both:
            self.bob.share(ANN, "freeBusyReader")
        self.both = both
        # What a full listing would mend has to be right without.
        self.reconcile = "1d" if reconciled else "365d"
        self.restart()
        self.reconnect()

    @property
    def bridge(self) -> Process:
        assert self.process is not None
        return self.process

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Do one thing of all that can be done; hypothesis would leave most out in a run."""
        self.steps += 1
        kind = data.draw(st.sampled_from(_KINDS))
        name = data.draw(st.sampled_from(kind))
        given = {key: data.draw(drawn, key) for key, drawn in _THINGS[name].items()}
        given |= {"data": data} if "data" in given else {}
        getattr(self, name)(**given)
        self.hear()

    def hear(self) -> None:
        """Let what was posted by now be heard."""
        self.running.flush()
        self.bridge.hear(self.door.taken())

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

    def drawn(self, data: st.DataObject, names: list[str]) -> str | None:
        return data.draw(st.sampled_from(names)) if names else None

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
        if len(set(self.masters)) > _MOST:  # in a small calendar more happens to each
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

    # What goes wrong

    @thing(fault=st.sampled_from(HARMLESS + HINDERING + DISTORTING), on=st.booleans())
    def misbehave(self, fault: str, on: bool) -> None:
        self.distorted = self.distorted or (fault in DISTORTING and on)
        self.faults.switch(fault, VALUES.get(fault, True) if on else None)

    @thing(fault=st.sampled_from(HINDERING), times=st.integers(1, 3))
    def hinder(self, fault: str, times: int) -> None:
        """Do something wrong so many times, beginning in the middle of what comes."""
        self.faults.switch(fault, VALUES.get(fault, True), times)
        self.bridge.mark()
        self.work()

    @thing()
    def share(self) -> None:
        """Let sync tokens end."""
        with self.running.world.lock:
            self.running.world.share(self.calendar, BOB, "reader")

    @thing(after=st.integers(1, 6))
    def lose(self, after: int) -> None:
        """Lose an answer on its way, also one of the token endpoint."""
        self.line.left, self.line.loss = after, TemporarilyUnavailable("the line is cut")

    @thing(after=st.integers(1, 6))
    def kill(self, after: int) -> None:
        """End the process in the middle of a pull; another one takes over."""
        self.bridge.mark()
        self.line.left, self.line.loss = after, Killed()
        with suppress(Killed):
            self.bridge.work()
        self.line.left = 0
        self.restart()

    @thing()
    def restart(self) -> None:
        if self.process is not None:
            self.process.close()
        self.process = Process(
            self.place.database_url,
            self.place.folder / "busybridge.key",
            self.line,
            self._settings(),
            lambda: self.now,
        )

    @thing(again=st.booleans())
    def take_back(self, again: bool) -> None:
        """Take the permission back on the page of the account; perhaps give it again."""
        with self.running.world.lock:
            for grant in self.running.google.grants.of(ANN):
                self.running.google.grants.end(grant)
        self.work()
        if again:
            self.reconnect()

    def reconnect(self) -> None:
        self.bridge.connect(self.running, ANN)

    # What time does

    @thing(times=st.sampled_from([0, 2]))
    def notify(self, times: int) -> None:
        """Notifications are lost, come, or come twice."""
        self.bridge.mark(times)
        self.work()

    @thing(start=_starts)
    def be_told(self, start: datetime) -> None:
        """Of what changes, once all is well: nothing but what was posted has it read."""
        self.check()
        if self.faults.shown() or not self.bridge.is_told():
            return
        self.hear()
        self.work()
        self.now += MINUTE  # what came together is read together
        self.edit(self.ann, "create", "News", start)
        for seconds in (1, 7):  # one that overtakes its change is followed by another look
            self.hear()
            self.now += seconds
            self.work()
        assert self.mirror_is_right()
        self.told += 1

    @thing(minutes=st.integers(1, 90))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE
        self.work()

    @thing(days=st.integers(1, 8))
    def pass_days(self, days: int) -> None:
        self.now += days * DAY
        self.work()

    @thing()
    def work(self) -> None:
        try:
            self.bridge.work()
        except Killed:
            self.restart()

    @thing()
    def pull(self) -> None:
        """Pull as after most changes."""
        self.notify(1)

    @thing()
    def check(self) -> None:
        self.heal()
        for _ in range(2):  # an empty listing is believed the second time
            self.now = max(self.now + MINUTE, self.bridge.row().limited_until or 0)
            self.bridge.mark()
            assert self.bridge.work()
        row = self.bridge.row()
        assert (row.status, row.failures) == (ConnectionStatus.ACTIVE, 0), row
        window = self.now, self.now + AHEAD
        expected = reckoning.busy(self.calendar, window[1])
        if self.both:
            expected += reckoning.busy(self.running.world.calendar(BOB), window[1])
        found = self.bridge.periods()
        assert reckoning.united(found, *window) == reckoning.united(expected, *window)
        assert self.mirror_is_right()

    def mirror_is_right(self) -> bool:
        held = reckoning.held(self.calendar, self.now)
        return reckoning.stored(self.bridge.texts(ANN), self.now, BERLIN) == held

    def heal(self) -> None:
        """End whatever keeps the calendar from being read."""
        self.now += LEASE + MINUTE  # what a killed process holds
        self.line.left = 0
        for fault in HINDERING + DISTORTING:
            self.faults.switch(fault, value=False)
        if self.distorted:
            self.distorted = False
            self.share()
        self.bridge.mark()
        self.bridge.work()  # which may find that nobody permits it any more
        if self.bridge.row().status is not ConnectionStatus.ACTIVE:
            assert self.bridge.connect(self.running, ANN)

    def teardown(self) -> None:
        try:
            if self.process is not None:
                self.check()
                assert self.running.world.defects == []
        finally:
            if self.process is not None:
                self.process.close()
            self.ends.close()

    def _settings(self) -> Any:
        url = self.running.url
        google = {
            "client_id": CLIENT.id,
            "client_secret": CLIENT.secret,
            "api_url": f"{url}/calendar/v3",
            "authorize_url": f"{url}/o/oauth2/v2/auth",
            "token_url": f"{url}/token",
            "revoke_url": f"{url}/revoke",
            "requests": "1000000/min",
            "requests_per_account": "1000000/min",
        }
        read = ["primary", *([BOB] if self.both else [])]
        return make_settings(
            server={"base_url": self.door.url},
            sync={"shrink_guard": {"ratio": "100%"}, "full_reconcile": self.reconcile},
            providers={"google": GoogleDefaults.model_validate(google)},
            resources=[
                {
                    "id": "room-a",
                    "timezone": "Europe/Berlin",
                    "email": ANN,
                    "connections": [{"id": "work", "provider": "google", "read_calendars": read}],
                }
            ],
        )


_EDITS = (
    *(
        "move_occurrence",
        "delete_occurrence",
        "create",
        "invite",
        "answer",
        "be_busy",
        "move",
        "move_occurrence",
    ),
    *("move_occurrence", "change_occurrence", "delete_occurrence", "delete", "revive", "split"),
    *("recur", "rename", "rename"),
)
_TROUBLE = ("misbehave", "misbehave", "hinder", "share", "lose", "kill", "restart", "take_back")
_TIME = ("notify", "wait", "pass_days", "pull", "pull", "pull", "work", "check", "be_told")
_KINDS = (_EDITS, _EDITS, _EDITS, _EDITS, _TROUBLE, _TIME, _TIME)
assert {*_EDITS, *_TROUBLE, *_TIME} == _THINGS.keys()
