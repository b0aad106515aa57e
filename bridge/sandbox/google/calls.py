"""One request to the API, after its sender is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.sandbox.description import Method
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.google.errors import not_found
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import ROLES, Account, Calendar, World

FREE_BUSY_SCOPE = "https://www.googleapis.com/auth/calendar.events.freebusy"


@dataclass(frozen=True, slots=True)
class Call:
    """What a method gets."""

    world: World
    account: Account
    scopes: frozenset[str]
    client: str
    method: Method
    path: Mapping[str, str]
    query: Json
    body: Json
    if_match: str = ""
    may_invite: bool = True

    def calendar(self, name: str = "") -> Calendar:
        """Find the calendar that the path names, or another one that the account can see.

        Raises:
            ApiError: 404.
        """
        asked = name or self.path["calendarId"]
        calendar = self.world.calendars.get(self.account.email if asked == "primary" else asked)
        if calendar is None or calendar.role(self.account.email) == "none":
            raise not_found()
        if self.account.faults.happens("calendar_gone"):
            raise not_found()
        return calendar

    def role(self, calendar: Calendar) -> str:
        """Tell what the sender sees of a calendar: what its owner and the user allow."""
        role = calendar.role(self.account.email)
        if self.scopes & self.method.scopes == {FREE_BUSY_SCOPE}:
            return min(role, "freeBusyReader", key=ROLES.index)
        return role

    def editor(self, calendar: Calendar) -> Editor:
        """Write into a calendar as this request asks."""
        updates = self.query.get("sendUpdates")
        if updates is None:
            updates = "all" if self.query.get("sendNotifications") else "none"
        return Editor(
            self.world,
            calendar,
            self.account.email,
            updates=updates,
            conference=self.query.get("conferenceDataVersion", 0) == 1,
            attachments=bool(self.query.get("supportsAttachments")),
            may_invite=self.may_invite,
            if_match=self.if_match,
            faults=self.account.faults,
        )


Handler = Callable[[Call], Json | None]
