"""Requests that write events, and what their refusals mean to the person who booked.

After an answer that cannot be read nobody knows what was done: it counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import msgspec

from bridge.errors import RemoteRejected, UnreadableAnswer
from bridge.model.http import Response
from bridge.providers.google import wire
from bridge.providers.google.client import Client, forbidden, path_of
from bridge.transport import raise_for_status, where
from bridge.transport.status import lost, token_refused

_TIMEOUT = timedelta(seconds=30)
_GONE = (404, 410)
_LONGEST = 200
"""Characters of what Google says that are passed on."""
# https://developers.google.com/workspace/calendar/api/guides/errors
_FORBIDDEN: Mapping[str, tuple[str, str, str]] = {
    "forbiddenForServiceAccounts": (
        "the account may not invite guests",
        "forbidden",
        "a service account needs domain-wide delegation to invite",
    ),
    "forbiddenForNonOrganizer": (
        "the event belongs to somebody else by now, who alone may change it",
        "forbidden",
        "",
    ),
}
_NOT_WRITABLE = (
    "the account may not write to this calendar",
    "calendar_not_writable",
    "ask the calendar's owner for the right to make changes to events",
)


@dataclass(frozen=True, slots=True)
class Editing:
    """Writes events of one calendar."""

    client: Client
    calendar: str
    notify: bool
    """Whether guests are mailed, all of them."""

    def insert(self, event: wire.Event) -> wire.Event | None:
        """Create an event under an id of ours; None where the id is taken, for ever.

        https://developers.google.com/workspace/calendar/api/v3/reference/events/insert
        """
        response = self._send("POST", (), wire.write(event), updates=self.notify)
        return None if response.status == 409 else self._read(response)

    def patch(
        self, event: wire.Event, changes: Mapping[str, object], *, unseen: bool = False
    ) -> wire.Event:
        """Change some of an event, as long as it is as it was read.

        https://developers.google.com/workspace/calendar/api/v3/reference/events/patch

        Args:
            event: as it was read.
            changes: its properties; null removes one.
            unseen: there is nothing in them that guests are told.

        Raises:
            RemoteChanged: it was changed since.
        """
        content = msgspec.json.encode(changes)
        notify = self.notify and not unseen
        response = self._send("PATCH", (event.id,), content, updates=notify, if_match=event.etag)
        return self._read(response)

    def delete(self, event_id: str) -> None:
        """Delete an event, a series or one occurrence; one that is gone is fine.

        https://developers.google.com/workspace/calendar/api/v3/reference/events/delete
        """
        response = self._send("DELETE", (event_id,), b"", updates=self.notify)
        if response.status not in _GONE:
            self._check(response)

    def _send(
        self,
        method: str,
        name: tuple[str, ...],
        content: bytes,
        *,
        updates: bool,
        if_match: str = "",
    ) -> Response:
        query = {"sendUpdates": "all" if updates else "none"}
        if content:
            # Without these a conference is left as it is, and attachments are lost.
            query |= {"conferenceDataVersion": "1", "supportsAttachments": "true"}
        path = f"{path_of(self.calendar, *name)}?{urlencode(query)}"
        try:
            return self.client.send(method, path, content, _TIMEOUT, if_match=if_match)
        except UnreadableAnswer as err:
            raise lost(self._what) from err

    def _read(self, response: Response) -> wire.Event:
        self._check(response)
        try:
            return wire.read(response.body, wire.Event)
        except wire.NotThatShape as err:
            raise lost(self._what) from err

    @property
    def _what(self) -> str:
        return f"an event of {self.calendar!r}"

    def _check(self, response: Response) -> None:
        what = self._what
        if response.status == 401:
            raise token_refused(response, what)
        if response.status == 403:
            raise forbidden(response, f"{what}: {where(response.url)}") or _refused(response)
        if response.status == 400:
            said = wire.message(response.body)[:_LONGEST] or "without saying why"
            raise RemoteRejected(f"Google Calendar does not take the event: {said}")
        try:
            raise_for_status(response, what=what)
        except UnreadableAnswer as err:
            raise lost(self._what) from err


def _refused(response: Response) -> RemoteRejected:
    reasons = wire.reasons(response.body)
    known = (_FORBIDDEN[reason] for reason in reasons if reason in _FORBIDDEN)
    said, code, hint = next(known, _NOT_WRITABLE)
    return RemoteRejected(f"Google Calendar refuses it: {said}", code=code, hint=hint)
