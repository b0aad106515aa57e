"""Zoom accounts, their users, and the meetings that these host."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.faults import Faults
from bridge.sandbox.world import Json, Unknown, World
from bridge.sandbox.zoom.faults import FAULTS

ACCOUNT_ID = "5andb0xZoomAccountId01"
"""Where users are of whom nothing else is said."""
INSTANT, SCHEDULED, TIMELESS, SERIES = 1, 2, 3, 8
"""Types of meetings: now, once, whenever (a series without times), a series."""


@dataclass(slots=True)
class Occurrence:
    """One time of a series."""

    id: str
    """When it was meant to be at first, in milliseconds: it stays when the occurrence is moved."""
    start: datetime
    duration: int
    """Minutes."""
    is_deleted: bool = False
    agenda: str | None = None
    """None where it is the meeting's; so are the settings."""
    settings: Json = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        """When it is over."""
        return self.start + timedelta(minutes=self.duration)


@dataclass(slots=True)
class Meeting:
    """One meeting or series."""

    id: int
    """Longer than 32 bits."""
    uuid: str
    type: int
    topic: str
    agenda: str
    timezone: str
    duration: int
    """Minutes."""
    password: str
    settings: Json
    created: datetime
    zak: str
    """Lets whoever has it be the host."""
    start: datetime | None = None
    recurrence: Json | None = None
    occurrences: list[Occurrence] = field(default_factory=list)
    tracking: dict[str, str] = field(default_factory=dict)
    is_started: bool = False
    is_ended: bool = False

    @property
    def end(self) -> datetime | None:
        """When it is over, None for never."""
        if self.type == SERIES:
            return max(each.end for each in self.occurrences)
        if self.type == TIMELESS or self.start is None:
            return None
        return self.start + timedelta(minutes=self.duration)

    def occurrence(self, name: str) -> Occurrence | None:
        """Find an occurrence that is still there."""
        every = (each for each in self.occurrences if not each.is_deleted)
        return next((each for each in every if each.id == name), None)


class Deed(NamedTuple):
    """Something that was done to a meeting: what tests count."""

    when: datetime
    kind: str
    """created, updated or deleted."""
    meeting: int
    occurrence: str
    """Empty: all of it."""
    client: str
    """Which program did it; empty for the owner at Zoom."""
    topic: str
    """What the meeting was called then."""


@dataclass(slots=True)
class User:
    """A person with an account at Zoom."""

    id: str
    email: str
    name: str
    timezone: str
    account: str
    """Id of the Zoom account that the person belongs to."""
    pmi: int
    is_licensed: bool = True
    defaults: Json = field(default_factory=dict)
    """The person's own settings for new meetings."""
    faults: Faults = field(default_factory=lambda: Faults(FAULTS))
    meetings: dict[int, Meeting] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    """Everything that was ever done to the meetings."""


class Change(NamedTuple):
    """A deed, as it is told to programs."""

    deed: Deed
    before: Json
    """What webhooks say of the meeting; empty for a new one."""
    after: Json
    """Empty for a deleted one."""
    operator: User
    """In whose name."""


class Directory:
    """Everybody; guarded by the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.users: dict[str, User] = {}
        self.tracking_fields: dict[str, set[str]] = {}
        """By account: what its administrator defined; other tracking fields are dropped."""
        self.listeners: list[Callable[[User, Change], None]] = []

    def add(self, email: str, name: str = "", timezone: str = "UTC", account: str = "") -> User:
        """Add a person; the same person has the same ids in every stand-in."""
        if self.find(email):
            raise ValueError(f"{email} is there already")
        digest = hashlib.sha256(email.lower().encode()).digest()
        user = User(
            base64.urlsafe_b64encode(digest[:16]).decode().rstrip("="),
            email,
            name or email.partition("@")[0].title(),
            timezone,
            account or ACCOUNT_ID,
            2_000_000_000 + int.from_bytes(digest[16:20]) % 7_000_000_000,
        )
        self.users[user.id] = user
        return user

    def find(self, name: str) -> User | None:
        """Find somebody by id or address."""
        if name in self.users:
            return self.users[name]
        return next((u for u in self.users.values() if u.email.lower() == name.lower()), None)

    def user(self, name: str) -> User:
        """Find somebody by id or address.

        Raises:
            Unknown: there is nobody of that name.
        """
        found = self.find(name)
        if found is None:
            raise Unknown(f"no Zoom account {name}")
        return found

    def of(self, account: str) -> Iterator[User]:
        """Go through the users of a Zoom account."""
        return (each for each in self.users.values() if each.account == account)

    def meeting(self, number: int) -> tuple[User, Meeting] | None:
        """Find a meeting and its host."""
        for user in self.users.values():
            if number in user.meetings:
                return user, user.meetings[number]
        return None

    def number(self) -> int:
        """Make up the id of a meeting, which is no other's."""
        while True:
            made = self.world.random.randrange(80_000_000_000, 100_000_000_000)
            if self.meeting(made) is None:
                return made

    def tell(self, user: User, change: Change) -> None:
        """Note what was done, and tell the listeners."""
        user.deeds.append(change.deed)
        for listener in self.listeners:
            listener(user, change)
