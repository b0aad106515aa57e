"""The directory: tenants, their users, and who owns which mailbox."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.sandbox.faults import Faults
from bridge.sandbox.microsoft.faults import FAULTS
from bridge.sandbox.microsoft.mailbox import Calendar, Item, Mailbox
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.microsoft.zones import windows_name
from bridge.sandbox.world import Unknown, World

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal accounts."""
SHARED = ("common", "organizations", "consumers")
"""Names that stand for several tenants."""


@dataclass(slots=True)
class Tenant:
    """An organisation."""

    id: str
    domain: str
    name: str
    may_consent: bool = True
    """Whether users may let programs in themselves; else an administrator has to."""
    consented: dict[str, set[str]] = field(default_factory=dict)
    """What an administrator allowed for everybody: scopes and roles by client id."""


class Directory:
    """All of them; guarded by the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tenants: dict[str, Tenant] = {}
        self.mailboxes: dict[str, Mailbox] = {}
        """By object id."""
        self.listeners: list[Callable[[Mailbox, Calendar, Item, str], None]] = []
        """Called with what changed, and how: created, updated, deleted."""
        self.tenants[CONSUMERS] = Tenant(CONSUMERS, "consumers", "Personal accounts")

    def guid(self) -> str:
        """Make up an id of the directory."""
        return str(uuid.UUID(int=self.world.random.getrandbits(128), version=4))

    def tenant(self, name: str) -> Tenant | None:
        """Find a tenant by its id or its domain."""
        wanted = CONSUMERS if name == "consumers" else name.lower()
        found = self.tenants.get(wanted)
        return found or next((t for t in self.tenants.values() if t.domain == wanted), None)

    def add_tenant(self, domain: str, name: str = "", identity: str = "") -> Tenant:
        """Add an organisation, or return the one of that domain."""
        if known := self.tenant(domain):
            return known
        made = Tenant(identity or self.guid(), domain, name or domain.partition(".")[0].title())
        self.tenants[made.id] = made
        return made

    def add_mailbox(
        self,
        email: str,
        name: str = "",
        *,
        timezone: str = "UTC",
        personal: bool = False,
        room: bool = False,
    ) -> Mailbox:
        """Add a user with a mailbox and a calendar; `timezone` is a Windows or an IANA name."""
        domain = "consumers" if personal else email.partition("@")[2].lower()
        box = Mailbox(
            # The same after a restart: a bridge knows whom it was connected to.
            str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{email.lower()}")),
            email,
            name or email.partition("@")[0].title(),
            self.add_tenant(domain).id,
            windows_name(timezone),
            is_personal=personal,
            is_room=room,
            faults=Faults(FAULTS),
        )
        self.mailboxes[box.id] = box
        self.add_calendar(box, "Calendar").is_default = True
        return box

    def add_calendar(self, box: Mailbox, name: str, identity: str = "") -> Calendar:
        """Add a calendar to a mailbox."""
        calendar = Calendar(identity or f"AAMkADg{self.world.token(40)}AAA=", name)
        calendar.change = self.world.tick()
        box.calendars[calendar.id] = calendar
        return calendar

    def find(self, name: str) -> Mailbox | None:
        """Find a user by object id or address, whatever its letters' case."""
        if name in self.mailboxes:
            return self.mailboxes[name]
        wanted = name.lower()
        return next((b for b in self.mailboxes.values() if b.email.lower() == wanted), None)

    def mailbox(self, name: str) -> Mailbox:
        """Find a user by object id or address.

        Raises:
            Unknown: there is none.
        """
        found = self.find(name)
        if found is None:
            raise Unknown(f"no Microsoft account {name}")
        return found

    def put(self, box: Mailbox, calendar: Calendar, item: Item, event: Json) -> Item:
        """Write an item's event, number the change and tell the listeners."""
        kind = "updated" if item.key in calendar.items else "created"
        item.before = item.event if kind == "updated" else None
        item.event, item.change, item.modified = event, self.world.tick(), self.world.now
        calendar.items[item.key] = item
        calendar.change = item.change
        self.tell(box, calendar, item, kind)
        return item

    def remove(self, box: Mailbox, calendar: Calendar, item: Item) -> None:
        """Delete an item and tell the listeners."""
        del calendar.items[item.key]
        calendar.change = self.world.tick()
        self.tell(box, calendar, item, "deleted")

    def tell(self, box: Mailbox, calendar: Calendar, item: Item, kind: str) -> None:
        """Tell the listeners of a change."""
        for listener in self.listeners:
            listener(box, calendar, item, kind)
