"""One request to Graph, after its sender is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.editing import Editor
from bridge.sandbox.microsoft.errors import GraphError, not_found
from bridge.sandbox.microsoft.mailbox import Calendar, Found, Mailbox, is_event_id
from bridge.sandbox.microsoft.queries import Query
from bridge.sandbox.microsoft.shown import View, Wishes, role_in
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.world import World

_SHARED = frozenset({"calendars.read.shared", "calendars.readwrite.shared"})
_BASIC = frozenset({"calendars.readbasic"})
_WHOLE = frozenset({"calendars.read", "calendars.readwrite", *_SHARED})


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asks."""

    client: str
    tenant: str
    scopes: frozenset[str]
    """In lower case and short; of a program alone its roles."""
    user: Mailbox | None = None
    """None: a program on its own (client credentials)."""
    mailboxes: frozenset[str] | None = None
    """The only ones that an access policy lets the program into."""


class Place(NamedTuple):
    """A calendar, whose it is, and what the sender may do there."""

    box: Mailbox
    calendar: Calendar
    role: str


@dataclass(frozen=True, slots=True)
class Call:
    """What a method gets."""

    world: World
    directory: Directory
    sender: Sender
    owner: Mailbox | None
    """Whom the path names: the sender itself with /me."""
    path: Mapping[str, str]
    query: Query
    body: Json
    wishes: Wishes
    base: str
    """Root of the API as the sender called it, `http://127.0.0.1:8765/v1.0`."""
    target: str
    """The path below it, for links to the next page."""
    if_match: str = ""
    validated: frozenset[str] = frozenset()
    """Addresses that want notifications."""

    @property
    def box(self) -> Mailbox:
        """The mailbox that the path names."""
        assert self.owner is not None  # noqa: S101 - such routes have one
        return self.owner

    def place(self) -> Place:
        """Find the calendar that the path names, the first one where it names none.

        Raises:
            GraphError: 404.
        """
        name = self.path.get("calendar")
        if self.box.faults.happens("calendar_gone"):
            raise not_found()
        if name is None:
            return self._place(self.box, self.box.default)
        if name in self.box.calendars:
            return self._place(self.box, self.box.calendars[name])
        for other, calendar in shared_with(self.directory, self.box):
            if calendar.id == name:
                return self._place(other, calendar)
        raise not_found()

    def found(self) -> tuple[Place, Found]:
        """Find the event that the path names.

        Raises:
            GraphError: 404.
        """
        identity = self.path["event"]
        if not is_event_id(identity):
            raise GraphError(400, "ErrorInvalidIdMalformed")
        if "calendar" not in self.path and self.box.faults.happens("calendar_gone"):
            raise not_found()
        inside = self.place().calendar if "calendar" in self.path else None
        boxes = [self.box, *(each for each, _ in shared_with(self.directory, self.box))]
        for box in boxes:
            if found := box.find(identity, inside):
                return self._place(box, found.calendar), found
        raise not_found()

    def editor(self, place: Place) -> Editor:
        """Write into a calendar.

        Raises:
            GraphError: 403.
        """
        if place.role not in ("owner", "write"):
            raise GraphError(403, "ErrorAccessDenied")
        return Editor(self.directory, place.box, self.if_match)

    def view(self, place: Place) -> View:
        """Look at a calendar."""
        is_basic = not self.sender.scopes & _WHOLE
        return View(place.box, self.wishes, place.role, is_basic)

    def _place(self, box: Mailbox, calendar: Calendar) -> Place:
        viewer = self.sender.user
        role = role_in(box, calendar, viewer)
        if not role:
            raise not_found()
        if viewer is not None and box is not viewer and not self.sender.scopes & _SHARED:
            raise GraphError(403, "ErrorAccessDenied")
        return Place(box, calendar, role)


def shared_with(directory: Directory, box: Mailbox) -> list[tuple[Mailbox, Calendar]]:
    """List the calendars of others that somebody may use."""
    return [
        (other, calendar)
        for other in directory.mailboxes.values()
        for calendar in other.calendars.values()
        if other is not box and box.id in calendar.roles
    ]


class Collection(NamedTuple):
    """An answer that is a page of a list."""

    items: list[Json]
    following: str = ""
    """Address of the next page."""
    delta: str = ""
    """Address of the next round."""
    number: int | None = None
    """How many there are on all pages, where that was asked for."""


class Created(NamedTuple):
    """An answer 201."""

    document: Json


class Accepted(NamedTuple):
    """An answer 202 without a body."""


Result = Json | Collection | Created | Accepted | None
Handler = Callable[[Call], Result]
