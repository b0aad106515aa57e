"""What stands at a path, for whoever asks. Pure; the default is nothing.

`/`                          the root
`/{login}/`                  principal and calendar home of a login, for that login alone
`/{resource}/`               principal of a resource, for everyone who may look up its busy time
`/{login}/busy/`             busy time of the resource of the login's own name
`/{login}/{resource}.busy/`  busy time of another resource; `bookings` alike
`/{login}/inbox/`            what RFC 6638 wants a login to have: nothing is ever in it
`/{login}/outbox/`           where a login asks for the busy time of others
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from bridge.access import Principal, authorize, calendar_name, listed
from bridge.access.directory import Directory, Entry
from bridge.model.resource import Access


class Kind(Enum):
    """What a collection is."""

    ROOT = "root"
    HOME = "home"
    """Principal and home of a login."""
    RESOURCE = "resource"
    """Principal of a resource."""
    BUSY = "busy"
    BOOKINGS = "bookings"
    INBOX = "inbox"
    """Of scheduling messages (RFC 6638 section 2.2)."""
    OUTBOX = "outbox"
    """Where busy time is asked for (RFC 6638 section 2.1)."""


CALENDARS = frozenset({Kind.BUSY, Kind.BOOKINGS})
PRINCIPALS = frozenset({Kind.HOME, Kind.RESOURCE})
BOXES = frozenset({Kind.INBOX, Kind.OUTBOX})
LISTS = CALENDARS | {Kind.INBOX}
"""What holds objects, or may one day: clients list them, and ask what changed."""
_NEEDED = {Kind.BUSY: Access.FREE_BUSY, Kind.BOOKINGS: Access.READ}


class Place(NamedTuple):
    """One collection."""

    kind: Kind
    path: str
    """With a slash at both ends, not percent-encoded: it holds only letters, digits, `-_.`."""
    entry: Entry | None = None
    """The resource; at a home the one of the same name, where the login may see it."""
    name: str = ""
    """Of an object in a calendar; empty for the collection itself."""

    @property
    def collection(self) -> Place:
        """The collection of an object."""
        return self._replace(name="")


def find(path: str, principal: Principal, directory: Directory) -> Place | None:
    """Return what stands at a path; None for what is not there and for what may not be seen."""
    parts = path.strip("/").split("/")
    if parts == [""]:
        return Place(Kind.ROOT, "/")
    first = parts[0]
    if len(parts) == 1:
        return _principal_place(first, principal, directory)
    if len(parts) > 3 or first != principal.name:
        return None
    if len(parts) == 3 and path.endswith("/"):
        return None  # an object is no collection, and has one address
    collection = _box_place(parts[1], principal) or _calendar_place(parts[1], principal, directory)
    if collection is None or len(parts) == 2:
        return collection
    return collection._replace(name=parts[2])


def home_path(principal: Principal) -> str:
    """Return the path of a login's home, which is its principal, too."""
    return f"/{principal.name}/"


def box_path(principal: Principal, kind: Kind) -> str:
    """Return the path of a login's inbox or outbox."""
    return f"/{principal.name}/{kind.value}/"


def calendars(principal: Principal, directory: Directory) -> Iterator[Place]:
    """List the calendars in a login's home, the one of its own name first."""
    shown = listed(principal, directory.ids())
    for resource_id in sorted(shown, key=lambda each: each != principal.name):
        for kind in (Kind.BUSY, Kind.BOOKINGS):
            name = calendar_name(principal.name, resource_id, kind.value)
            place = _calendar_place(name, principal, directory)
            if place is not None:
                yield place


def resource_principals(principal: Principal, directory: Directory) -> Iterator[Place]:
    """List the principals of all resources that somebody may look up."""
    for resource_id in directory.ids():
        place = _principal_place(resource_id, principal, directory)
        if place is not None:
            yield place


def resource_path(entry: Entry) -> str:
    """Return the path of a resource's principal."""
    return f"/{entry.plan.id}/"


def _principal_place(name: str, principal: Principal, directory: Directory) -> Place | None:
    entry = directory.get(name)
    if entry is not None and not authorize(principal, name, Access.FREE_BUSY):
        entry = None
    if name == principal.name:
        return Place(Kind.HOME, f"/{name}/", entry)
    return Place(Kind.RESOURCE, f"/{name}/", entry) if entry else None


def _box_place(name: str, principal: Principal) -> Place | None:
    kind = next((each for each in BOXES if each.value == name), None)
    return Place(kind, box_path(principal, kind)) if kind else None


def _calendar_place(name: str, principal: Principal, directory: Directory) -> Place | None:
    resource_id, dot, word = name.rpartition(".")
    if not dot:
        resource_id = principal.name
    elif resource_id == principal.name:
        return None  # it has a shorter name, and one calendar has one address
    try:
        kind = Kind(word)
        needed = _NEEDED[kind]
    except (ValueError, KeyError):
        return None
    entry = directory.get(resource_id)
    if entry is None or not authorize(principal, resource_id, needed):
        return None
    return Place(kind, f"/{principal.name}/{name}/", entry)
