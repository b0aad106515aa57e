"""The requests to Microsoft Graph's calendars, and what its refusals mean.

Requests carry no credentials of their own: the `Http` that is given adds them, and keeps to how
many a mailbox takes at once. One is sent after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from bridge.errors import (
    RemoteNotFound,
    RemoteRejected,
    SyncTokenExpired,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Http, Response
from bridge.paging import Progress, each_once
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.refusals import (
    TooSlow,
    is_forbidden,
    raise_for_status,
    unscheduled,
)
from bridge.transport import where
from bridge.transport.status import unlike

_SERVICE = "Microsoft Graph"
_TIMEOUT = timedelta(seconds=60)
_MAX_SIZE = 64 << 20
_PAGE = 200
"""Events of a page: with long bodies and many guests they are some 20 MiB."""
_PAGE_OF_CALENDARS = 100
_CALENDARS = "the list of calendars"
_PREFER = 'outlook.timezone="UTC", IdType="ImmutableId", outlook.body-content-type="text"'
"""Of every request: ids of another form, or times of another zone, would be other events."""

_Shape = TypeVar(
    "_Shape",
    wire.CalendarPage,
    wire.EventPage,
    wire.SchedulePage,
    wire.Subscription,
    wire.UserPage,
)


class Span(NamedTuple):
    """A window as Graph's queries have it: `2026-03-01T00:00:00Z`, the end exclusive."""

    start: str
    end: str

    @property
    def query(self) -> str:
        """Write it as a query."""
        return urlencode({"startDateTime": self.start, "endDateTime": self.end})


class Client:
    """Sends requests as one account, or for one mailbox."""

    def __init__(self, http: Http, api_url: str, acts_for: str = "") -> None:
        """Make a client without touching the network.

        Args:
            http: authorizes and sends.
            api_url: root of the API, `https://graph.microsoft.com/v1.0`.
            acts_for: mail address of the mailbox that an application reads on its own; empty: that
                of whoever agreed.
        """
        self._http = http
        self._root = api_url.rstrip("/")
        self._acts_for = acts_for

    @cached_property
    def mailbox(self) -> str:
        """Whose calendars these are, as a path: `/me`, `/users/<id>`.

        An application has no `/me`. Its mailbox is looked up: a mail address is not always the name
        by which a user is known, and a name with an apostrophe breaks paths.
        """
        address = self._acts_for
        if not address:
            return "/me"
        escaped = address.replace("'", "''")
        query = {
            "$filter": f"mail eq '{escaped}' or userPrincipalName eq '{escaped}'",
            "$select": "id,mail,userPrincipalName",
        }
        what = f"the mailbox of {address}"
        response = self._send("GET", f"{self._root}/users?{urlencode(query)}")
        if is_forbidden(response) and "'" not in address:
            # It may read calendars and no directory: then the address has to be the user's name.
            return f"/users/{quote(address, safe='@')}"
        found = self._read(response, wire.UserPage, what).value
        if len({each.id for each in found}) > 1:
            raise RemoteRejected(
                f"{what}: it is the mail address of one user and the name of another",
                code="invalid_config",
                hint="put the user principal name of the one that is meant into account_email, or "
                "have an administrator end the doubt",
            )
        if not found or not found[0].id:
            raise RemoteNotFound(
                f"{what}: the directory has no such user",
                hint="check account_email and providers.microsoft.tenant",
            )
        return f"/users/{quote(found[0].id, safe='')}"

    def calendars(self) -> Iterator[wire.Calendar]:
        """List the calendars of the mailbox, those that others share with it among them.

        https://learn.microsoft.com/graph/api/user-list-calendars
        """
        pages = (page.value for page in self._calendar_pages())
        return each_once(pages, lambda it: it.id, _CALENDARS)

    def may_read(self, calendar: str) -> bool:
        """Tell whether the account may read the events of a calendar at all.

        Whatever else is wrong with it shows when it is read.
        """
        return not is_forbidden(
            self._send("GET", f"{self._calendar(calendar)}/events?$top=1&$select=id")
        )

    def first_round(self, calendar: str, span: Span) -> Iterator[wire.EventPage]:
        """List a window for the first time: events, series, and occurrences of these.

        https://learn.microsoft.com/graph/delta-query-events. The last page has the link by which
        the next round is asked for; it is for this window for ever.

        Raises:
            TooSlow: it took Graph too long to begin.
        """
        return self._pages(f"{self._calendar(calendar)}/calendarView/delta?{span.query}", calendar)

    def next_round(self, calendar: str, link: str) -> Iterator[wire.EventPage]:
        """List what changed since the round that gave the link; see `first_round`.

        Raises:
            SyncTokenExpired: the link is not good any more.
        """
        what = f"calendar {calendar!r}"
        if not self.is_ours(link):
            raise SyncTokenExpired(f"{what}: the link is one of another server")
        return self._pages(link, calendar, is_delta=True)

    def view(self, calendar: str, span: Span) -> Iterator[wire.EventPage]:
        """List events and occurrences of a window, without series.

        https://learn.microsoft.com/graph/api/calendar-list-calendarview
        """
        return self._pages(f"{self._calendar(calendar)}/calendarView?{span.query}", calendar)

    def event(self, calendar: str, event: str) -> dict[str, Any] | None:
        """Read one event of a calendar; None where it is not there any more.

        https://learn.microsoft.com/graph/api/event-get

        Returns:
            It, as a page has it.
        """
        what = f"an event of calendar {calendar!r}"
        response = self._send("GET", self._event(calendar, event))
        try:
            raise_for_status(response, what)
        except RemoteNotFound:
            return None
        try:
            return wire.document(response.body)
        except wire.NotThatShape as err:
            raise unlike(response, what, _SERVICE) from err

    def instances(self, calendar: str, event: str, span: Span) -> Iterator[wire.EventPage]:
        """List the occurrences that a series has in a window.

        https://learn.microsoft.com/graph/api/event-list-instances
        """
        return self._pages(f"{self._event(calendar, event)}/instances?{span.query}", calendar)

    def events(self, calendar: str, query: str) -> Iterator[wire.EventPage]:
        """List events and series of a calendar, without occurrences.

        https://learn.microsoft.com/graph/api/calendar-list-events
        """
        return self._pages(f"{self._calendar(calendar)}/events?{query}", calendar)

    def rest(self, calendar: str, link: str) -> Iterator[wire.EventPage]:
        """List what an answer has left out, by the link that it gives."""
        return self._pages(self._ours(link, f"calendar {calendar!r}"), calendar)

    def schedule(self, address: str, span: Span, minutes: int) -> wire.Schedule:
        """Ask when somebody is busy; of at most 62 days at once.

        https://learn.microsoft.com/graph/api/calendar-getschedule

        Args:
            address: mail address of whose calendar it is.
            span: the days.
            minutes: of each slot in the answer.

        Raises:
            ProviderError: also where the answer as a whole is 200 and the person's part an error.
        """
        what = f"the busy time of {address}"
        question = wire.Question(
            schedules=[address],
            start_time=wire.When(date_time=span.start.removesuffix("Z"), time_zone="UTC"),
            end_time=wire.When(date_time=span.end.removesuffix("Z"), time_zone="UTC"),
            availability_view_interval=minutes,
        )
        url = f"{self._root}{self.mailbox}/calendar/getSchedule"
        response = self._send("POST", url, wire.write(question))
        found = self._read(response, wire.SchedulePage, what).value
        if len(found) != 1:
            raise UnreadableAnswer(f"{what}: the answer does not speak of it")
        if found[0].error is not None:
            raise unscheduled(what, found[0].error.response_code)
        return found[0]

    def answer(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Give the answer to a request below the root, whatever its status is.

        Args:
            method: of HTTP.
            path: below the root.
            content: JSON.
            headers: more of them, or others than usual.
        """
        return self._send(method, f"{self._root}{path}", content, headers=headers)

    def subscription(self, response: Response, what: str) -> wire.Subscription:
        """Read an answer that is a subscription."""
        return self._read(response, wire.Subscription, what)

    def is_ours(self, link: str) -> bool:
        """Tell whether a link leads to the API, so that the token may be sent there."""
        try:
            ours, other = urlsplit(self._root), urlsplit(link)
        except ValueError:
            return False
        same = (ours.scheme, ours.netloc.lower()) == (other.scheme, other.netloc.lower())
        return same and f"{other.path}/".startswith(f"{ours.path}/")

    def _calendar_pages(self) -> Iterator[wire.CalendarPage]:
        url = f"{self._root}{self.mailbox}/calendars"
        while True:
            response = self._send("GET", url, page=_PAGE_OF_CALENDARS)
            page = self._read(response, wire.CalendarPage, _CALENDARS)
            yield page
            if not page.next_link:
                return
            url = self._ours(page.next_link, _CALENDARS)

    def _pages(
        self, url: str, calendar: str, *, is_delta: bool = False
    ) -> Iterator[wire.EventPage]:
        what = f"calendar {calendar!r}"
        progress = Progress(what)
        is_first = True
        while True:
            try:
                response = self._send("GET", url, page=_PAGE)
            except TemporarilyUnavailable as err:
                if is_first and err.code == "timeout":
                    raise TooSlow(str(err), code=err.code, hint=err.hint) from err
                raise
            if response.status in (400, 410):
                _refuse_link(response, what, is_delta=is_delta, is_first=is_first)
            if response.status == 504 and is_first:
                raise TooSlow(f"{what}: {where(response.url)} takes too long to list it")
            page = self._read(response, wire.EventPage, what)
            page.date = response.headers.get("date", "")
            yield page
            if not page.next_link:
                return
            progress.follow(map(_named, page.value))
            url, is_first = self._ours(page.next_link, what), False

    def _calendar(self, calendar: str) -> str:
        return f"{self._root}{self.mailbox}/calendars/{quote(calendar, safe='')}"

    def _event(self, calendar: str, event: str) -> str:
        return f"{self._calendar(calendar)}/events/{quote(event, safe='')}"

    def _ours(self, link: str, what: str) -> str:
        if not self.is_ours(link):
            raise UnreadableAnswer(f"{what}: it goes on at another server, which is not asked")
        return link

    def _send(
        self,
        method: str,
        url: str,
        content: bytes | None = None,
        page: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        prefer = f"{_PREFER}, odata.maxpagesize={page}" if page else _PREFER
        headers = {"Accept": "application/json", "Prefer": prefer, **(headers or {})}
        if content is not None:
            headers["Content-Type"] = "application/json"
        return self._http.request(
            method,
            url,
            headers=headers,
            content=content,
            timeout=_TIMEOUT,
            max_size=_MAX_SIZE,
            follow=content is None,  # a body may hold what notifications are known by
        )

    def _read(self, response: Response, shape: type[_Shape], what: str) -> _Shape:
        raise_for_status(response, what)
        try:
            return wire.read(response.body, shape)
        except wire.NotThatShape as err:
            raise unlike(response, what, _SERVICE) from err


def _refuse_link(response: Response, what: str, *, is_delta: bool, is_first: bool) -> None:
    """Raise what 400 and 410 mean to a listing.

    410 comes with SyncStateNotFound, resyncRequired, fullSyncRequired and others, in any case of
    letters, and a Location that is not needed; 400 for a link that Graph cannot read.
    """
    place = f"{what}: {where(response.url)} answered {response.status}"
    if is_first and is_delta:
        raise SyncTokenExpired(f"{place}: the link is not good any more")
    if not is_first or response.status == 410:
        raise TemporarilyUnavailable(f"{place}: the listing cannot be continued")


def _named(item: object) -> object:
    """Name what a page has, in the state that it has."""
    if not isinstance(item, dict):
        return None
    return item.get("id"), item.get("@odata.etag"), item.get("lastModifiedDateTime")
