"""What a stand-in knows: people, calendars, events, who may see them, and the mail that went out.

Everything is in memory and guarded by one lock. Time and chance come from outside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bridge.sandbox.faults import Faults

Json = dict[str, Any]

ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
"""From nothing to everything."""
MEET = "hangoutsMeet"
_FAR = timedelta(days=800)


class Unknown(LookupError):
    """There is no such account or calendar."""


@dataclass(slots=True)
class Record:
    """One event, series or exception of a series, and when it changed last.

    `event` is never changed in place: whoever writes puts a new one.
    """

    event: Json
    change: int
    ghosts: dict[str, int] = field(default_factory=dict)
    """Instances that a series once had, by id, and the change that took them away."""
    pending_reads: int = 0
    """So many more reads until its conference is there."""

    @property
    def id(self) -> str:
        """Its id, kept for ever."""
        identity: str = self.event["id"]
        return identity

    @property
    def is_cancelled(self) -> bool:
        """Whether it is deleted."""
        return bool(self.event["status"] == "cancelled")


@dataclass(slots=True)
class Calendar:
    """One calendar; `owner` is empty for a room."""

    id: str
    summary: str
    owner: str
    timezone: str = "UTC"
    is_resource: bool = False
    solutions: tuple[str, ...] = (MEET,)
    """Kinds of conferences that its events may have."""
    records: dict[str, Record] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    """Who may do what, by e-mail address."""
    change: int = 0
    updated: str = ""
    """When an event changed last."""
    access_change: int = 0
    """When `roles` changed; older sync tokens are void."""

    def role(self, email: str) -> str:
        """Tell what an account may do here."""
        return "owner" if email == self.owner else self.roles.get(email, "none")

    def exceptions(self, series: str) -> list[Record]:
        """Return the changed and cancelled instances of a series."""
        every = self.records.values()
        return [each for each in every if each.event.get("recurringEventId") == series]


@dataclass(slots=True)
class Entry:
    """A calendar in somebody's list."""

    calendar: str
    change: int
    name: str = ""
    selected: bool = True
    hidden: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Account:
    """A person, or a service account, which has no calendar of its own."""

    email: str
    name: str
    number: str
    """What the provider calls the person for ever, whatever happens to the address."""
    is_service: bool = False
    faults: Faults = field(default_factory=Faults)
    entries: dict[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to a guest that would have been sent."""

    when: datetime
    sender: str
    to: str
    method: str
    """REQUEST, CANCEL or REPLY."""
    summary: str
    event: str


def system_clock() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)  # noqa: TID251 - what a stand-in lives by when nobody gives it a clock


def millisecond(when: datetime) -> str:
    """Write a moment as `created` and `updated` have it."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class World:
    """Everything that a stand-in knows.

    Hold `lock` while reading or writing; it may be taken again by its holder. With a `seed` what is
    made up is the same each time.
    """

    def __init__(
        self, clock: Callable[[], datetime] = system_clock, seed: int | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.random = Random(seed)  # noqa: S311 - repeatable on purpose; no secret of anybody's
        self.accounts: dict[str, Account] = {}
        self.calendars: dict[str, Calendar] = {}
        self.mail: list[Mail] = []
        self.defects: list[str] = []
        """Answers of the stand-in that its own description does not allow."""
        self.listeners: list[Callable[[Calendar], None]] = []
        """Called with a calendar whose events changed."""
        self._clock = clock
        self._ahead = timedelta()
        self._change = 0
        self.name = self.token(8)
        self.horizon = self.now + _FAR
        """How far a series without an end is shown; fixed, so that listings agree."""

    @property
    def now(self) -> datetime:
        """The time here."""
        return self._clock() + self._ahead

    def advance(self, by: timedelta) -> None:
        """Let time pass at once."""
        self._ahead += by

    def token(self, length: int = 26) -> str:
        """Make up an id; letters and digits that Google's own ids have."""
        return "".join(self.random.choices("abcdefghijklmnopqrstuv0123456789", k=length))

    def tick(self) -> int:
        """Number the next change."""
        self._change += 1
        return self._change

    @property
    def last_change(self) -> int:
        """Number of the latest change."""
        return self._change

    def account(self, email: str) -> Account:
        """Find an account.

        Raises:
            Unknown: there is none.
        """
        if email not in self.accounts:
            raise Unknown(f"no account {email}")
        return self.accounts[email]

    def calendar(self, name: str) -> Calendar:
        """Find a calendar; its owner's address names the first one of an account.

        Raises:
            Unknown: there is none.
        """
        if name not in self.calendars:
            raise Unknown(f"no calendar {name}")
        return self.calendars[name]

    def add_account(self, email: str, name: str = "", timezone: str = "UTC") -> Account:
        """Add a person with a calendar of the same address."""
        account = Account(email, name or email.partition("@")[0].title(), self._number())
        self.accounts[email] = account
        self.add_calendar(email, account.name, timezone=timezone, calendar_id=email)
        return account

    def add_service_account(self, email: str) -> Account:
        """Add an account that only a program uses."""
        account = Account(email, email.partition("@")[0], self._number(), is_service=True)
        self.accounts[email] = account
        return account

    def add_calendar(
        self, owner: str, summary: str, *, timezone: str = "UTC", calendar_id: str = ""
    ) -> Calendar:
        """Add a calendar of somebody, who has it listed."""
        made = calendar_id or f"c_{self.token()}@group.calendar.google.com"
        calendar = self.calendars[made] = Calendar(made, summary, owner, timezone)
        calendar.updated = millisecond(self.now)
        self._list(self.account(owner), calendar)
        return calendar

    def add_room(self, summary: str, *, timezone: str = "UTC", calendar_id: str = "") -> Calendar:
        """Add the calendar of a room; share it with those who may see or book it."""
        made = calendar_id or f"c_{self.token()}@resource.calendar.google.com"
        calendar = Calendar(made, summary, "", timezone, is_resource=True, solutions=())
        calendar.updated = millisecond(self.now)
        self.calendars[made] = calendar
        return calendar

    def share(self, calendar: Calendar, email: str, role: str) -> None:
        """Let an account use a calendar, or with `none` no more; earlier sync tokens end."""
        account = self.account(email)
        if role not in ROLES:
            raise Unknown(f"{role!r}: there are {', '.join(ROLES)}")
        calendar.roles[email] = role
        calendar.access_change = self.tick()
        if role == "none":
            if calendar.id in account.entries:
                account.entries[calendar.id].deleted = True
                account.entries[calendar.id].change = self.tick()
        else:
            self._list(account, calendar)

    def put(self, calendar: Calendar, event: Json, *, quiet: bool = False) -> Record:
        """Write an event as it is, number the change and tell the listeners.

        Args:
            calendar: where.
            event: new or changed; belongs to the world from now on.
            quiet: `updated` stays, as it does when a reminder changes.
        """
        change = self.tick()
        event["etag"] = f'"{3_000_000_000_000_000 + change * 2}"'
        if not quiet or "updated" not in event:
            event["updated"] = millisecond(self.now)
        record = calendar.records.get(event["id"])
        if record is None:
            record = calendar.records[event["id"]] = Record(event, change)
        record.event, record.change = event, change
        calendar.change, calendar.updated = change, millisecond(self.now)
        for listener in self.listeners:
            listener(calendar)
        return record

    def _list(self, account: Account, calendar: Calendar) -> None:
        account.entries[calendar.id] = Entry(calendar.id, self.tick())

    def _number(self) -> str:
        return "1" + "".join(self.random.choices("0123456789", k=20))
