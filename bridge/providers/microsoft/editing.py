"""The requests that write events of one calendar, and those that are needed for it.

An answer that is lost, or cannot be read, says nothing of whether it was done: that is a
`TemporarilyUnavailable`. Graph takes `If-Match` with the `@odata.etag` of an event, and answers 412
when its change key is another one; where it should not look at it, what is left is the moment
between reading and writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from bridge.errors import RemoteNotFound, UnreadableAnswer
from bridge.model.http import Response
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.client import Client, Span
from bridge.providers.microsoft.refusals import raise_for_status, raise_for_writing
from bridge.providers.microsoft.translate import MIRROR, ORIGIN, TOKEN
from bridge.transport.status import lost, unlike

_AS_HTML = 'outlook.timezone="UTC", IdType="ImmutableId", outlook.body-content-type="html"'
_USED_BEFORE = "ErrorDuplicateTransactionId"

_Shape = TypeVar("_Shape", wire.Event, wire.Calendar, wire.Occurrences)


class UsedBefore(NamedTuple):
    """A transaction that made an event already: its id, empty where Graph does not say it."""

    event: str


class Editor:
    """Writes events of one calendar."""

    def __init__(self, client: Client, calendar: str) -> None:
        """Make one without touching the network."""
        self._client = client
        self._calendar = calendar
        self._what = f"an event of calendar {calendar!r}"

    def makes_teams_meetings(self) -> bool:
        """Tell whether events of the calendar can have a Teams meeting.

        https://learn.microsoft.com/graph/outlook-calendar-online-meetings
        """
        what = f"calendar {self._calendar!r}"
        found = self._read(self._get(self._path, what=what), wire.Calendar, what)
        return "teamsForBusiness" in found.allowed_online_meeting_providers

    def find(self, token: str) -> list[wire.Event]:
        """List the events that were made with a token."""
        return self._having(TOKEN, token)

    def marked(self, origin: str) -> list[wire.Event]:
        """List the events that an instance wrote, with the marks that say so."""
        shown = " or ".join(f"id eq '{name}'" for name in (ORIGIN, MIRROR, TOKEN))
        return self._having(ORIGIN, origin, f"singleValueExtendedProperties($filter={shown})")

    def _having(self, name: str, value: str, expand: str = "") -> list[wire.Event]:
        """List the events that have a value in an extended property.

        https://learn.microsoft.com/graph/api/singlevaluelegacyextendedproperty-get
        """
        literal = value.replace("'", "''")
        wanted = f"ep/id eq '{name}' and ep/value eq '{literal}'"
        query = {"$filter": f"singleValueExtendedProperties/Any(ep: {wanted})"}
        if expand:
            query["$expand"] = expand
        return list(self._each(self._client.events(self._calendar, urlencode(query))))

    def event(self, event: str) -> wire.Event:
        """Read an event.

        Raises:
            RemoteNotFound: it is not there, or was cancelled.
        """
        found = self._read(self._get(self._event(event)), wire.Event, self._what)
        if found.is_cancelled:
            raise RemoteNotFound(f"{self._what}: it is cancelled")
        return found

    def occurrences(self, event: str) -> tuple[list[wire.Event], list[str]]:
        """Read what differs in a series: changed occurrences, and ids that name deleted ones.

        https://learn.microsoft.com/graph/api/resources/event; both are told when they are asked
        for alone.
        """
        query = {
            "$select": "exceptionOccurrences,cancelledOccurrences",
            "$expand": "exceptionOccurrences",
        }
        response = self._get(f"{self._event(event)}?{urlencode(query)}")
        told = self._read(response, wire.Occurrences, self._what)
        changed = [self._shaped(each) for each in told.exception_occurrences]
        if told.next_link:
            changed.extend(self._each(self._client.rest(self._calendar, told.next_link)))
        return changed, told.cancelled_occurrences

    def instances(self, event: str, span: Span) -> Iterator[wire.Event]:
        """List the occurrences that a series has in a window."""
        return self._each(self._client.instances(self._calendar, event, span))

    def html(self, event: str) -> str:
        """Read the body of an event as it stands."""
        path = f"{self._event(event)}?$select=body"
        found = self._read(self._get(path, {"Prefer": _AS_HTML}), wire.Event, self._what)
        return found.body.content if found.body else ""

    def create(self, event: wire.Event) -> wire.Event | UsedBefore:
        """Create an event, of each transaction at most one.

        https://learn.microsoft.com/graph/api/calendar-post-events; a transaction that was used is
        refused, and the event that it made named, or given again.
        """
        response = self._write("POST", f"{self._path}/events", wire.write(event))
        told = wire.failure(response.body) if response.status in (400, 409) else wire.Failure()
        if told.code == _USED_BEFORE:
            return UsedBefore(told.existing)
        return self._written(response)

    def change(self, event: str, changes: Mapping[str, Any], etag: str = "") -> wire.Event:
        """Change some properties of an event, a series or an occurrence.

        https://learn.microsoft.com/graph/api/event-update

        Args:
            event: its id.
            changes: by the names that Graph has for them.
            etag: of the state that it has to be in, as Graph says it; empty: of any.

        Raises:
            RemoteChanged: it is in another one.
        """
        headers = {"If-Match": etag} if etag else None
        content = msgspec.json.encode(changes)
        return self._written(self._write("PATCH", self._event(event), content, headers))

    def delete(self, event: str) -> None:
        """Delete an event, a series or an occurrence; one that is gone already is no error."""
        self._gone(self._write("DELETE", self._event(event)))

    def cancel(self, event: str) -> None:
        """Cancel a meeting, so that its guests are told; see `delete`.

        https://learn.microsoft.com/graph/api/event-cancel; what is none is deleted.
        """
        response = self._write("POST", f"{self._event(event)}/cancel", b"{}")
        if response.status == 400:
            self.delete(event)
        else:
            self._gone(response)

    @property
    def _path(self) -> str:
        return f"{self._client.mailbox}/calendars/{quote(self._calendar, safe='')}"

    def _event(self, event: str) -> str:
        return f"{self._path}/events/{quote(event, safe='')}"

    def _get(self, path: str, headers: Mapping[str, str] | None = None, what: str = "") -> Response:
        response = self._client.answer("GET", path, headers=headers)
        raise_for_status(response, what or self._what)
        return response

    def _each(self, pages: Iterable[wire.EventPage]) -> Iterator[wire.Event]:
        for page in pages:
            yield from map(self._shaped, page.value)

    def _write(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        try:
            return self._client.answer(method, path, content, headers=headers)
        except UnreadableAnswer as err:
            raise lost(self._what) from err

    def _written(self, response: Response) -> wire.Event:
        raise_for_writing(response, self._what)
        try:
            return self._read(response, wire.Event, self._what)
        except UnreadableAnswer as err:
            raise lost(self._what) from err

    def _gone(self, response: Response) -> None:
        if response.status not in (404, 410):
            raise_for_writing(response, self._what)

    def _read(self, response: Response, shape: type[_Shape], what: str) -> _Shape:
        try:
            return wire.read(response.body, shape)
        except wire.NotThatShape as err:
            raise unlike(response, what, "Microsoft Graph") from err

    def _shaped(self, item: Any) -> wire.Event:
        try:
            return wire.shaped(item, wire.Event)
        except wire.NotThatShape as err:
            raise UnreadableAnswer(f"{self._what}: it has another shape") from err
