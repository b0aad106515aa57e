"""Mailboxes: calendars, and the items in them.

An item is one event or a whole series with its exceptions. Its `event` is never changed in place:
whoever writes puts a new one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from bridge.sandbox.faults import Faults
from bridge.sandbox.microsoft.times import Json

_REGULAR, _IMMUTABLE = "AAMkAD", "AAkALg"

ROLES = ("freeBusyRead", "limitedRead", "read", "write")
"""What others may do in a calendar that was shared with them, from least to most."""


class Override(NamedTuple):
    """What is different in one occurrence of a series."""

    properties: Json
    change: int


@dataclass(slots=True)
class Item:
    """An event or a series, and when it changed last."""

    key: str
    """Stays for ever, wherever the item goes."""
    uid: str
    event: Json
    change: int
    created: datetime
    modified: datetime
    generation: int = 0
    """Counts moves between calendars: each gives another regular id."""
    overrides: dict[date, Override] = field(default_factory=dict)
    """By the day on which the occurrence was meant to be."""
    cancelled: set[date] = field(default_factory=set)
    before: Json | None = None
    """The event as it was before the latest change."""
    pending_reads: int = 0
    """So many more reads until the link to its online meeting is there."""

    @property
    def is_series(self) -> bool:
        """Whether it recurs."""
        return bool(self.event.get("recurrence"))


@dataclass(slots=True)
class Calendar:
    """One calendar of a mailbox."""

    id: str
    name: str
    is_default: bool = False
    items: dict[str, Item] = field(default_factory=dict)
    change: int = 0
    roles: dict[str, str] = field(default_factory=dict)
    """What others may do here, by the id of their user."""


@dataclass(slots=True)
class Mailbox:
    """A user with a mailbox, or without one."""

    id: str
    """Object id in the directory."""
    email: str
    name: str
    tenant: str
    """Id of the directory that it belongs to."""
    timezone: str = "UTC"
    """Windows name."""
    is_personal: bool = False
    is_room: bool = False
    is_enabled: bool = True
    """Whether there is a licence for a mailbox."""
    faults: Faults = field(default_factory=Faults)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    transactions: dict[str, str] = field(default_factory=dict)
    """Items by the transactionId that they were made with."""

    @property
    def default(self) -> Calendar:
        """The first calendar."""
        return next(each for each in self.calendars.values() if each.is_default)

    def find(self, identity: str, calendar: Calendar | None = None) -> Found | None:
        """Find what an id of an event names, in either form."""
        for each in [calendar] if calendar else self.calendars.values():
            if found := _found(each, identity):
                return found
        return None

    def copies(self, uid: str) -> Iterator[tuple[Calendar, Item]]:
        """Find the items of one meeting."""
        for calendar in self.calendars.values():
            for item in list(calendar.items.values()):
                if item.uid == uid:
                    yield calendar, item


class Found(NamedTuple):
    """What an id names: an item, or one occurrence of it."""

    calendar: Calendar
    item: Item
    original: date | None


def event_id(calendar: Calendar, item: Item, original: date | None, *, immutable: bool) -> str:
    """Name an item or an occurrence.

    Only immutable ids stay the same when the item is moved to another calendar
    (https://learn.microsoft.com/graph/outlook-immutable-id).
    """
    name = item.key if original is None else f"{item.key}.{original:%Y%m%d}"
    if immutable:
        return _IMMUTABLE + _encode(name)
    return _REGULAR + _encode(f"{calendar.id[-12:]}/{item.generation}/{name}")


def is_event_id(identity: str) -> bool:
    """Tell whether something could be the id of an event."""
    return identity.startswith((_REGULAR, _IMMUTABLE))


def _found(calendar: Calendar, identity: str) -> Found | None:
    try:
        text = base64.urlsafe_b64decode(identity[len(_REGULAR) :].encode()).decode()
    except (binascii.Error, ValueError):
        return None
    name = text.rpartition("/")[2]
    key, _, stamp = name.partition(".")
    item = calendar.items.get(key)
    if item is None:
        return None
    original = None
    if stamp:
        try:
            original = datetime.strptime(stamp, "%Y%m%d").date()  # noqa: DTZ007 - a day, no moment
        except ValueError:
            return None
    good = {event_id(calendar, item, original, immutable=each) for each in (True, False)}
    return Found(calendar, item, original) if identity in good else None


def _encode(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()
