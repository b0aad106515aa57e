"""A person who edits an Outlook calendar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, TypeAlias
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.model.interval import utc
from bridge.sandbox.faults import Faults
from bridge.sandbox.microsoft import recurrence, series, times
from bridge.sandbox.microsoft.errors import GraphError
from bridge.sandbox.microsoft.faults import FAULTS
from bridge.sandbox.microsoft.grants import ACCESS_LIFE
from bridge.sandbox.microsoft.mailbox import Calendar, Item, Mailbox, event_id
from bridge.sandbox.microsoft.push import LIFECYCLE
from bridge.sandbox.microsoft.scenario import CLIENT_ID, CLIENT_SECRET
from bridge.sandbox.microsoft.times import Json
from tests.engine import microsoft_reckoning as reckoning
from tests.engine.microsoft_reckoning import ZONES
from tests.engine.owner import (
    AHEAD,
    ANN,
    BERLIN,
    BOB,
    DAY,
    MOST,
    Owner,
    Place,
    Wrongs,
    are_all_done,
    thing,
)
from tests.engine.reckoning import Spans

_SCOPES = ("Calendars.ReadWrite", "User.Read")
_ASKED = (*_SCOPES, "offline_access", "openid", "profile")
_EVERY = list(recurrence.DAYS)
PATTERNS: list[Json] = [
    {"type": "daily", "interval": 1},
    {"type": "daily", "interval": 3},
    {"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "thursday"]},
    {"type": "weekly", "interval": 1, "daysOfWeek": _EVERY[:5], "firstDayOfWeek": "monday"},
    # Which weeks are left out depends on where a week begins.
    {
        "type": "weekly",
        "interval": 2,
        "daysOfWeek": ["sunday", "monday", "saturday"],
        "firstDayOfWeek": "sunday",
    },
    {
        "type": "weekly",
        "interval": 2,
        "daysOfWeek": ["sunday", "monday", "wednesday"],
        "firstDayOfWeek": "monday",
    },
    {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31},
    {"type": "absoluteMonthly", "interval": 2, "dayOfMonth": 29},
    {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 5},
    {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"},
    {"type": "relativeMonthly", "interval": 1, "daysOfWeek": _EVERY[:5], "index": "last"},
    {"type": "relativeMonthly", "interval": 3, "daysOfWeek": _EVERY[5:], "index": "first"},
    {"type": "relativeMonthly", "interval": 1, "daysOfWeek": _EVERY, "index": "last"},
    {"type": "absoluteYearly", "interval": 1, "month": 12, "dayOfMonth": 24},
    {"type": "absoluteYearly", "interval": 1, "month": 2, "dayOfMonth": 29},
    {
        "type": "relativeYearly",
        "interval": 1,
        "month": 11,
        "daysOfWeek": ["thursday"],
        "index": "fourth",
    },
]
SHOWN = ["busy", "busy", "busy", "free", "tentative", "oof", "workingElsewhere", "unknown"]
ANSWERS = ["accepted", "tentativelyAccepted", "declined"]

WRONGS = Wrongs(
    harmless=(
        *("short_pages", "sync_gone", "resync_required", "bad_token", "duplicates"),
        *("stale_duplicates", "occurrence_tombstones", "single_occurrences", "lone_masters"),
        *("typed_tombstones", "expired_tokens", "single_use_refresh", "qualified_scopes"),
        *("join_url_late", "online_meeting_fails", "push_lost", "push_late", "push_duplicate"),
        *("subscription_conflict", "subscription_limit", "subscription_short", "slow"),
        *("endless_series_times_out", "custom_zones"),
    ),
    hindering=(
        *("endless_pages", "page_gone", "unauthorized", "forbidden"),
        *("mailbox_gone", "calendar_gone", "too_many_requests", "concurrency", "server_error"),
        *("transient_error", "unavailable", "bad_gateway", "gateway_timeout", "invalid_grant"),
        *("password_changed", "conditional_access", "mfa_required", "no_refresh_token"),
        *("token_unavailable", "schedule_errors", "html", "cut"),
    ),
    distorting=("null_fields",),
    elsewhere={
        "transaction_repeats": "of writing, in tests/contract/test_naive_microsoft_writing.py",
        "transaction_conflict": "of writing, in tests/contract/test_naive_microsoft_writing.py",
        "lost_answers": "of writing, in tests/contract/test_naive_microsoft_writing.py",
    },
    values={
        "slow": 0.001,
        "join_url_late": 2,
        "push_late": 90,
        "subscription_short": 600,
    },
)
assert WRONGS.are_all(FAULTS)

When: TypeAlias = date | datetime
End: TypeAlias = tuple[str, int] | None
"""Of a series: its kind, and how many occurrences or days; None for no end."""
_days, _hours = st.integers(0, 30), st.integers(6, 20)
_zones = st.sampled_from(["", "", *ZONES])
_patterns = st.sampled_from(PATTERNS)
_ends = st.none() | st.tuples(st.sampled_from(["numbered", "endDate"]), st.integers(1, 40))


class MicrosoftOwner(Owner):
    """Ann edits her calendars, of which perhaps only the first one is read; Bob invites her.

    Perhaps he lets her see when he is busy, too.
    """

    provider = "microsoft"
    people: ClassVar = {
        "microsoft": {
            "accounts": [
                {
                    "email": ANN,
                    "timezone": "Europe/Berlin",
                    "calendars": [{"name": "Private"}],
                },
                {"email": BOB, "timezone": "America/New_York"},
            ]
        }
    }
    wrongs = WRONGS
    most = 3
    edits = (
        *("create", "create_series", "invite", "answer", "answer_occurrence", "change_meeting"),
        *("move", "move_occurrence", "move_occurrence", "move_occurrence", "show", "recur"),
        *("show_occurrence", "delete_occurrence", "delete_occurrence", "delete", "revive"),
        *("split", "end", "carry", "rename", "rename_occurrence"),
    )
    trouble = (*Owner.trouble, "lifecycle")
    time = (*Owner.time, "pass_months")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.microsoft = self.running.microsoft
        self.box = self.microsoft.directory.mailbox(ANN)
        self.ann, self.bob = (self.microsoft.person(email) for email in (ANN, BOB))
        self.removed: list[tuple[Calendar, Item]] = []

    @property
    def faults(self) -> Faults:
        return self.box.faults

    @property
    def read(self) -> list[Calendar]:
        return [each for each in self.box.calendars.values() if each.is_default or self.more > 1]

    @property
    def shared(self) -> list[Calendar]:
        """Calendars that share only their busy time."""
        return [self.bob.box.default] if self.more == 3 else []

    def furnish(self) -> None:
        if self.more == 3:
            self.bob.share(ANN, "freeBusyRead")

    def section(self) -> Mapping[str, Any]:
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "sandbox_url": self.running.url,
        }

    def readable(self) -> list[str]:
        second = ["Private"] if self.more > 1 else []
        return ["primary", *second, *(each.id for each in self.shared)]

    def grant(self) -> Grant | None:
        grants = self.microsoft.grants
        client = grants.clients[CLIENT_ID]
        grants.consent(self.box, client, {each.lower() for each in _ASKED})
        given = grants.give(client, self.box, _ASKED)
        if not given.refresh:
            return None
        return Grant(
            SecretStr(given.access),
            SecretStr(given.refresh),
            lifetime=timedelta(seconds=ACCESS_LIFE.total_seconds()),
            scopes=_SCOPES,
            subject=self.box.id,
        )

    def revoke(self) -> None:
        self.microsoft.grants.revoke(self.box)

    def heal(self) -> None:
        super().heal()
        # What was taken back is missed once the access token ends, up to an hour later.
        if not self.microsoft.grants.of(self.box, self.microsoft.grants.clients[CLIENT_ID]):
            assert self.reconnect()

    @thing()
    def forget(self) -> None:
        for each in ("sync_gone", "resync_required"):  # one each: of two calendars both are told
            self.faults.switch(each, True, 1)

    @property
    def own(self) -> str:
        return next(each.id for each in self.read if each.is_default)

    def add_news(self, start: datetime) -> None:
        self.edit(self.ann.create, "News", start)

    def busy(self) -> Spans:
        until = self.now + AHEAD
        found = [reckoning.busy(each, until, BERLIN) for each in self.read]
        found += [reckoning.busy(each, until) for each in self.shared]
        return [span for each in found for span in each]

    def check_mirror(self) -> None:
        window = self.now, self.now + AHEAD
        for each in self.read:
            reckoning.check(each, self.bridge.texts(each.id), BERLIN, *window)

    def at(self, day: int, hour: int) -> datetime:
        """Say when something is, from four days ago on."""
        today = utc(self.now).astimezone(BERLIN).replace(hour=0, minute=0, second=0)
        return today + timedelta(days=day - 4, hours=hour)

    # What there is

    @property
    def items(self) -> list[tuple[Calendar, Item]]:
        every = self.box.calendars.values()
        return [(each, item) for each in every for item in each.items.values()]

    @property
    def masters(self) -> list[str]:
        """Single events and series; those with changed occurrences several times."""
        return [
            event_id(calendar, item, None, immutable=True)
            for calendar, item in self.items
            for _ in range(1 + min(3, len(item.overrides) + len(item.cancelled)))
        ]

    @property
    def recurring(self) -> list[str]:
        return [each for each in self.masters if self._item(each).is_series]

    @property
    def occurrences(self) -> list[str]:
        """Instances of series, changed ones too; of each series a few from now on."""
        found: list[str] = []
        for calendar, item in self.items:
            days = _coming(item, self.at(0, 0).date())
            found += [event_id(calendar, item, day, immutable=True) for day in days]
        return found

    @property
    def invitations(self) -> list[str]:
        return [name for name in dict.fromkeys(self.masters) if self._item(name).event["attendees"]]

    def edit(self, deed: Callable[..., Any], *given: Any, **named: Any) -> Any:
        with suppress(GraphError):
            return deed(*given, **named)

    # What people do

    @thing(
        day=_days,
        hour=_hours,
        hours=st.integers(0, 30),
        days=st.booleans(),
        zone=_zones,
        shown=st.sampled_from(SHOWN),
        kind=st.sampled_from(["", "", "private", "nameless", "elsewhere", "teams"]),
    )
    def create(
        self, day: int, hour: int, hours: int, days: bool, zone: str, shown: str, kind: str
    ) -> None:
        self._make_room()
        more: Json = {
            "private": {"sensitivity": "private"},
            "elsewhere": {"calendar": list(self.box.calendars)[1]},
            "teams": {"isOnlineMeeting": True},
        }.get(kind, {})
        start = self.at(day, hour)
        end: When = start + timedelta(hours=hours)
        if days:
            start, end = start.date(), start.date() + timedelta(days=1 + hours // 10)
        name = None if kind == "nameless" else "Talk"
        self.edit(self.ann.create, name, start, end, zone=zone, showAs=shown, **more)

    @thing(
        day=_days,
        hour=_hours,
        hours=st.integers(1, 30),
        days=st.booleans(),
        zone=_zones,
        there=_zones,
        pattern=_patterns,
        until=_ends,
    )
    def create_series(
        self,
        day: int,
        hour: int,
        hours: int,
        days: bool,
        zone: str,
        there: str,
        pattern: Json,
        until: End,
    ) -> None:
        self._make_room()
        start = self.at(day, hour)
        end: When = start + timedelta(hours=hours)
        zone = zone or self.box.timezone
        there = there or zone
        first = start.astimezone(ZoneInfo(ZONES[there])).date()
        if days:
            first = start.date()
            start, end = first, first + timedelta(days=1 + hours // 20)
        rule = _rule(pattern, first, there, until)
        self.edit(self.ann.create, "Series", start, end, zone=zone, recurrence=rule)

    @thing(data=st.data(), pattern=st.none() | _patterns, until=_ends)
    def recur(self, data: st.DataObject, pattern: Json | None, until: End) -> None:
        """Give an event another rule, its first one, or take its rule away."""
        name = self.drawn(data, self.masters)
        if name and pattern is None:
            self.edit(self.ann.change, name, recurrence=None)
        elif name and pattern:
            start = self._item(name).event["start"]["dateTime"]
            self.edit(
                self.ann.make_recurring,
                name,
                pattern,
                **_end(date.fromisoformat(start[:10]), until),
            )

    @thing(data=st.data(), until=_ends)
    def end(self, data: st.DataObject, until: End) -> None:
        """Let a series end sooner or later."""
        if name := self.drawn(data, self.recurring):
            rule = self._item(name).event["recurrence"]
            first = date.fromisoformat(rule["range"]["startDate"])
            place = rule["range"]["recurrenceTimeZone"]
            changed = _rule(rule["pattern"], first, place, until)
            self.edit(self.ann.change, name, recurrence=changed)

    @thing(day=_days, hour=_hours, pattern=st.none() | _patterns, until=_ends)
    def invite(self, day: int, hour: int, pattern: Json | None, until: End) -> None:
        self._make_room()
        start = self.at(day, hour)
        guests = [_guest(ANN), _guest("eve@example.test")]
        more: Json = {}
        if pattern:
            there = ZoneInfo("America/New_York")
            first = start.astimezone(there).date()
            more = {"recurrence": _rule(pattern, first, "Eastern Standard Time", until)}
        self.edit(self.bob.create, "Meeting", start, attendees=guests, **more)

    @thing(
        data=st.data(),
        day=_days,
        hour=_hours,
        how=st.sampled_from(["move", "rename", "uninvite", "cancel", "moves", "cancels"]),
    )
    def change_meeting(self, data: st.DataObject, day: int, hour: int, how: str) -> None:
        """Let Bob change one of his meetings, or an occurrence of one."""
        box = self.bob.box
        since = self.at(0, 0).date()
        name = self.drawn(
            data,
            [
                event_id(box.default, item, day, immutable=True)
                for item in box.default.items.values()
                for day in (_coming(item, since) if how.endswith("s") else [None])
            ],
        )
        if name is None:
            return
        if how == "move":
            self.edit(self.bob.move, name, self.at(day, hour))
        elif how == "moves":
            self._shift(self.bob, box, name, hours=day - 15)
        elif how == "rename":
            self.edit(self.bob.change, name, subject=f"Renamed {self.steps}")
        elif how == "uninvite":
            self.edit(self.bob.change, name, attendees=[_guest("eve@example.test")])
        else:
            self.edit(self.bob.delete, name)

    @thing(data=st.data(), answer=st.sampled_from(ANSWERS))
    def answer(self, data: st.DataObject, answer: str) -> None:
        if name := self.drawn(data, self.invitations):
            self.edit(self.ann.answer, name, answer)

    @thing(data=st.data(), answer=st.sampled_from(ANSWERS))
    def answer_occurrence(self, data: st.DataObject, answer: str) -> None:
        invited = [each for each in self.occurrences if self._item(each).event["attendees"]]
        if name := self.drawn(data, invited):
            self.edit(self.ann.answer, name, answer)

    @thing(data=st.data(), day=_days, hour=_hours)
    def move(self, data: st.DataObject, day: int, hour: int) -> None:
        if name := self.drawn(data, self.masters):
            start = self.at(day, hour)
            days = self._item(name).event["isAllDay"]
            self.edit(self.ann.move, name, start.date() if days else start)

    @thing(data=st.data(), hours=st.integers(-30, 30))
    def move_occurrence(self, data: st.DataObject, hours: int) -> None:
        if name := self.drawn(data, self.occurrences):
            self._shift(self.ann, self.box, name, hours)

    @thing(data=st.data(), shown=st.sampled_from(SHOWN))
    def show(self, data: st.DataObject, shown: str) -> None:
        if name := self.drawn(data, self.masters):
            self.edit(self.ann.change, name, showAs=shown)

    @thing(data=st.data(), shown=st.sampled_from(SHOWN))
    def show_occurrence(self, data: st.DataObject, shown: str) -> None:
        if name := self.drawn(data, self.occurrences):
            self.edit(self.ann.change, name, showAs=shown)

    @thing(data=st.data())
    def delete_occurrence(self, data: st.DataObject) -> None:
        if name := self.drawn(data, self.occurrences):
            self.edit(self.ann.delete, name)

    @thing(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if name := self.drawn(data, self.masters):
            self._delete(name)

    @thing(data=st.data())
    def revive(self, data: st.DataObject) -> None:
        """Take something out of the deleted items; its id is still the same."""
        if self.removed:
            calendar, item = self.removed.pop(data.draw(st.integers(0, len(self.removed) - 1)))
            with self.running.world.lock:
                self.microsoft.directory.put(self.box, calendar, item, item.event)

    @thing(data=st.data())
    def split(self, data: st.DataObject) -> None:
        """Change "this and following"."""
        if name := self.drawn(data, self.occurrences):
            found = self.box.find(name)
            assert found is not None
            assert found.original is not None
            master = event_id(found.calendar, found.item, None, immutable=True)
            self.edit(self.ann.split, master, found.original)

    @thing(data=st.data())
    def carry(self, data: st.DataObject) -> None:
        """Drag something to the other calendar."""
        if name := self.drawn(data, self.masters):
            found = self.box.find(name)
            assert found is not None
            [other] = [each for each in self.box.calendars.values() if each is not found.calendar]
            self.edit(self.ann.move_to, name, other.id)

    @thing(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        if name := self.drawn(data, self.masters):
            self.edit(self.ann.change, name, subject=f"Renamed {self.steps}")

    @thing(data=st.data())
    def rename_occurrence(self, data: st.DataObject) -> None:
        if name := self.drawn(data, self.occurrences):
            self.edit(self.ann.change, name, subject=f"Renamed {self.steps}")

    @thing(event=st.sampled_from(LIFECYCLE))
    def lifecycle(self, event: str) -> None:
        """Tell what becomes of subscriptions."""
        self.microsoft.tell(ANN, event)

    @thing(days=st.integers(9, 85) | st.integers(9, 85) | st.integers(9, 400))
    def pass_months(self, days: int) -> None:
        """Let grants, subscriptions, and the window of a delta end."""
        self.now += days * DAY
        self.work()

    def _make_room(self) -> None:
        names = list(dict.fromkeys(self.masters))
        if len(names) > MOST:
            self._delete(names[0])

    def _delete(self, name: str) -> None:
        found = self.box.find(name)
        assert found is not None
        self.edit(self.ann.delete, name)
        self.removed = [*self.removed[-3:], (found.calendar, found.item)]

    def _item(self, name: str) -> Item:
        found = self.box.find(name)
        assert found is not None
        return found.item

    def _shift(self, person: Any, box: Mailbox, name: str, hours: int) -> None:
        """Move an occurrence a little: over its neighbours it cannot go."""
        found = box.find(name)
        entry = series.entry(found) if found else None
        assert entry is not None
        span = times.span(entry.event)
        start: When = span.start + timedelta(hours=hours)
        if entry.event["isAllDay"]:
            start = times.wall(entry.event["start"]).date() + timedelta(days=hours // 24)
        self.edit(person.move, name, start)


def _rule(pattern: Json, first: date, zone: str, until: End) -> Json:
    span = {"type": "noEnd", "startDate": first.isoformat(), "recurrenceTimeZone": zone}
    return {"pattern": pattern, "range": {**span, **_end(first, until)}}


def _end(first: date, until: End) -> Json:
    if until is None:
        return {}
    kind, number = until
    if kind == "numbered":
        return {"type": kind, "numberOfOccurrences": number}
    return {"type": kind, "endDate": (first + timedelta(days=3 * number - 3)).isoformat()}


def _guest(email: str) -> Json:
    return {"emailAddress": {"address": email, "name": email.partition("@")[0]}}


def _coming(item: Item, since: date) -> list[date]:
    """Give the next days on which a series happens, a few."""
    if not item.is_series:
        return []
    every = recurrence.days(item.event["recurrence"], since + timedelta(days=60))
    return [day for day in every if day >= since and day not in item.cancelled][:6]


assert are_all_done(MicrosoftOwner)
