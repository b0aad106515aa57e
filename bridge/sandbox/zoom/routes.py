"""The methods of the API that the stand-in has: what they need, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.sandbox.world import Json, World
from bridge.sandbox.zoom import shown, times
from bridge.sandbox.zoom.directory import Directory, Meeting, User
from bridge.sandbox.zoom.editing import Editor
from bridge.sandbox.zoom.errors import invalid, no_meeting
from bridge.sandbox.zoom.grants import Sender
from bridge.sandbox.zoom.listing import Listing


@dataclass(frozen=True, slots=True)
class Call:
    """What a method gets, after its sender is known and let in."""

    world: World
    directory: Directory
    sender: Sender
    user: User
    """Whom it is about: the host."""
    meeting: Meeting | None
    query: Json
    body: Json

    @property
    def found(self) -> Meeting:
        """The meeting that the path names."""
        assert self.meeting is not None  # noqa: S101 - such routes have one
        return self.meeting

    @property
    def editor(self) -> Editor:
        """Write in the sender's name."""
        sender = self.sender
        return Editor(self.directory, self.user, sender.client.id, sender.user or self.owner)

    @property
    def owner(self) -> User:
        """Who owns the account: its first user, in whose name programs without one act."""
        return next(self.directory.of(self.user.account))


Handler = Callable[[Call], Json | None]


@dataclass(frozen=True, slots=True)
class Route:
    """One method."""

    handler: Handler
    scope: str
    """The granular one."""
    classic: str
    category: str
    """How heavy it is: Light or Medium."""
    is_write: bool = False
    """Whether it counts for the day's limit."""
    lost: str = ""
    """The fault that does it and says nothing."""
    status: int = 200

    @property
    def scopes(self) -> frozenset[str]:
        """What permits it for oneself; with `:admin` for everybody in the account."""
        return frozenset({self.scope, self.classic})


def routes(listing: Listing) -> Mapping[str, Route]:
    """Give the methods by the ids of their operations."""
    return {
        "user": Route(_user, "user:read:user", "user:read", "Light"),
        "meetings": Route(
            lambda call: listing.page(call.user, call.query),
            "meeting:read:list_meetings",
            "meeting:read",
            "Medium",
        ),
        "meetingCreate": Route(
            _create,
            "meeting:write:meeting",
            "meeting:write",
            "Medium",
            is_write=True,
            lost="create_lost",
            status=201,
        ),
        "meeting": Route(_get, "meeting:read:meeting", "meeting:read", "Light"),
        "meetingUpdate": Route(
            _update,
            "meeting:update:meeting",
            "meeting:write",
            "Light",
            is_write=True,
            lost="update_lost",
        ),
        "meetingDelete": Route(
            _delete, "meeting:delete:meeting", "meeting:write", "Light", lost="delete_lost"
        ),
    }


def _user(call: Call) -> Json:
    user = call.user
    first, _, last = user.name.partition(" ")
    return {
        "id": user.id,
        "first_name": first,
        "last_name": last,
        "email": user.email,
        "type": 2 if user.is_licensed else 1,
        "role_name": "Owner" if user is call.owner else "Member",
        "pmi": user.pmi,
        "use_pmi": False,
        "timezone": user.timezone,
        "verified": 1,
        "dept": "",
        "created_at": "2020-01-01T00:00:00Z",
        "language": "en-US",
        "status": "active",
        "account_id": user.account,
    }


def _create(call: Call) -> Json:
    return shown.created(call.user, call.editor.create(call.body))


def _get(call: Call) -> Json:
    name = call.query.get("occurrence_id", "")
    occurrence = call.found.occurrence(name) if name else None
    if name and occurrence is None:
        raise no_meeting(f"{call.found.id}, occurrence {name}")
    every = call.query.get("show_previous_occurrences", False)
    since = 0.0 if every else times.stamp(call.world.now) / 1000
    return shown.whole(call.user, call.found, since, occurrence)


def _update(call: Call) -> None:
    call.editor.patch(call.found, call.body, call.query.get("occurrence_id", ""))


def _delete(call: Call) -> None:
    if call.query.get("cancel_meeting_reminder", "false") not in ("true", "false"):
        raise invalid("cancel_meeting_reminder")
    is_mailed = call.query.get("schedule_for_reminder", False)
    call.editor.delete(call.found, call.query.get("occurrence_id", ""), is_mailed=is_mailed)
