"""The requests to Google's Calendar API, and what its refusals mean.

Requests carry no credentials of their own: the `Http` that is given adds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode

from bridge.errors import (
    AuthorizationExpired,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    SyncTokenExpired,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Http, Response
from bridge.paging import Progress, each_once
from bridge.providers.google import wire
from bridge.transport import raise_for_status, where
from bridge.transport.status import retry_after, token_refused, unlike

_TIMEOUT = timedelta(seconds=60)
_SHORT = timedelta(seconds=15)
_MAX_SIZE = 64 << 20
"""A page of 2,500 events with long descriptions and many guests is some 20 MiB."""
_PAGE_OF_CALENDARS = "250"
_CALENDARS = "the list of calendars"

# https://developers.google.com/workspace/calendar/api/guides/errors; 403 means three things.
_LIMITS = frozenset(
    {
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "quotaExceeded",
        "calendarUsageLimitsExceeded",
        "dailyLimitExceeded",
        "variableTermLimitExceeded",
        "servingLimitExceeded",
        "RATE_LIMIT_EXCEEDED",
    }
)
_SCOPES = frozenset(
    {
        "insufficientPermissions",
        "insufficientScopes",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    }
)
_SWITCHED_OFF = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_GONE = "fullSyncRequired"
_UNWATCHABLE = "pushNotSupportedForRequestedResource"

_Shape = TypeVar(
    "_Shape",
    wire.Calendar,
    wire.CalendarPage,
    wire.Event,
    wire.EventPage,
    wire.FreeBusyAnswer,
    wire.Channel,
)


class Client:
    """Sends requests as one account."""

    def __init__(self, http: Http, api_url: str) -> None:
        """Make a client without touching the network.

        Args:
            http: authorizes and sends.
            api_url: root of the API, `https://www.googleapis.com/calendar/v3`.
        """
        self._http = http
        self._root = api_url.rstrip("/")

    def calendars(self) -> Iterator[wire.Calendar]:
        """List the calendars of the account.

        https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list
        """
        pages = (page.items for page in self._calendar_pages())
        return each_once(pages, lambda it: it.id, _CALENDARS)

    def calendar(self, calendar: str) -> wire.Calendar:
        """Show one entry of the account's list.

        https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/get
        """
        path = f"/users/me/calendarList/{quote(calendar, safe='')}"
        return self._get(path, {}, wire.Calendar, f"calendar {calendar!r}")

    def event(self, calendar: str, event: str) -> wire.Event:
        """Show one event, a deleted one too.

        https://developers.google.com/workspace/calendar/api/v3/reference/events/get
        """
        return self._get(path_of(calendar, event), {}, wire.Event, f"an event of {calendar!r}")

    def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
        """List events page by page; the parameters stay the same for all pages.

        https://developers.google.com/workspace/calendar/api/v3/reference/events/list

        Raises:
            SyncTokenExpired: the sync token in the query is not good any more.
        """
        what = f"calendar {calendar!r}"
        path = path_of(calendar)
        progress = Progress(what)
        page_token = ""
        while True:
            page = self._get(path, {**query, "pageToken": page_token}, wire.EventPage, what)
            named = [bytes(each) for each in page.items]
            yield page
            page_token = page.next_page_token
            if not page_token:
                return
            progress.follow(named)

    def busy(self, calendar: str, start: str, end: str) -> list[wire.Busy]:
        """Ask when a calendar is busy; at most some three months at once.

        https://developers.google.com/workspace/calendar/api/v3/reference/freebusy/query

        Raises:
            ProviderError: also where the answer as a whole is 200 and the calendar's part an error.
        """
        what = f"the busy time of calendar {calendar!r}"
        question = wire.FreeBusyQuestion(
            time_min=start, time_max=end, items=[wire.Item(id=calendar)]
        )
        response = self._post("/freeBusy", wire.write(question), _TIMEOUT)
        answer = self._read(response, wire.FreeBusyAnswer, what)
        found = answer.calendars.get(calendar)
        if found is None:
            raise UnreadableAnswer(f"{what}: the answer does not speak of it")
        if found.errors:
            raise _busy_error(what, found.errors[0].reason)
        return found.busy

    def watch(self, calendar: str, channel: wire.Channel) -> wire.Channel:
        """Have changes of a calendar's events posted to an address.

        https://developers.google.com/workspace/calendar/api/v3/reference/events/watch

        Raises:
            RemoteRejected: of this calendar, or to this address, nothing is told.
        """
        what = f"notifications of calendar {calendar!r}"
        path = path_of(calendar, "watch")
        try:
            response = self._post(path, wire.write(channel), _SHORT)
        except AuthorizationExpired as err:
            raise _not_told(what, ()) from err
        if response.status in (400, 401):
            raise _not_told(what, wire.reasons(response.body))
        return self._read(response, wire.Channel, what)

    def stop(self, channel: wire.Channel) -> None:
        """End a channel; one that is gone is fine.

        https://developers.google.com/workspace/calendar/api/v3/reference/channels/stop
        """
        response = self._post("/channels/stop", wire.write(channel), _SHORT)
        if response.status not in (404, 410):
            _raise_for_status(response, "the end of notifications")

    def send(
        self,
        method: str,
        path: str,
        content: bytes,
        timeout: timedelta,
        *,
        if_match: str = "",
    ) -> Response:
        """Send what changes something; the answer's status is the caller's to judge."""
        headers = {"Accept": "application/json"}
        headers |= {"Content-Type": "application/json"} if content else {}
        headers |= {"If-Match": if_match} if if_match else {}
        return self._http.request(
            method,
            f"{self._root}{path}",
            headers=headers,
            content=content or None,
            timeout=timeout,
            max_size=_MAX_SIZE,
            follow=False,  # a body may hold what notifications are known by
        )

    def _calendar_pages(self) -> Iterator[wire.CalendarPage]:
        query = {"maxResults": _PAGE_OF_CALENDARS}
        while True:
            page = self._get("/users/me/calendarList", query, wire.CalendarPage, _CALENDARS)
            yield page
            if not page.next_page_token:
                return
            query["pageToken"] = page.next_page_token

    def _post(self, path: str, content: bytes, timeout: timedelta) -> Response:
        return self.send("POST", path, content, timeout)

    def _get(self, path: str, query: Mapping[str, str], shape: type[_Shape], what: str) -> _Shape:
        given = {name: value for name, value in query.items() if value}
        response = self._http.request(
            "GET",
            f"{self._root}{path}?{urlencode(given)}",
            headers={"Accept": "application/json"},
            timeout=_TIMEOUT,
            max_size=_MAX_SIZE,
        )
        if response.status in (400, 410):
            _refuse_token(response, given, what)
        return self._read(response, shape, what)

    def _read(self, response: Response, shape: type[_Shape], what: str) -> _Shape:
        _raise_for_status(response, what)
        try:
            return wire.read(response.body, shape)
        except wire.NotThatShape as err:
            raise unlike(response, what, "Google Calendar") from err


def path_of(calendar: str, *more: str) -> str:
    """Give the path of a calendar's events, or of one of them."""
    names = ("calendars", calendar, "events", *more)
    return "".join(f"/{quote(name, safe='')}" for name in names)


def _refuse_token(response: Response, query: Mapping[str, str], what: str) -> None:
    """Raise what 400 and 410 mean beside a token.

    410 comes with fullSyncRequired or updatedMinTooLongAgo; 400 for a token that Google cannot
    read, or that was made with other parameters.
    """
    place = f"{what}: {where(response.url)} answered {response.status}"
    if "syncToken" in query:
        raise SyncTokenExpired(f"{place}: the sync token is not good any more")
    if "pageToken" in query or _GONE in wire.reasons(response.body):
        raise TemporarilyUnavailable(f"{place}: the listing cannot be continued")


def _raise_for_status(response: Response, what: str) -> None:
    place = f"{what}: {where(response.url)}"
    if response.status == 401:
        raise token_refused(response, what)
    if response.status == 403:
        raise forbidden(response, place) or RemoteRejected(
            f"{place} does not allow this account to read it",
            code="forbidden",
            hint="ask the calendar's owner to share it, or leave it out of read_calendars",
        )
    raise_for_status(response, what=what)


def forbidden(
    response: Response, place: str
) -> RateLimited | AuthorizationExpired | RemoteRejected | None:
    """Tell the meanings of 403 apart; None: the account may not, for good."""
    reasons = wire.reasons(response.body)
    pause = retry_after(response.headers)
    if pause is not None or not _LIMITS.isdisjoint(reasons):
        return RateLimited(f"{place} asks for a pause", retry_after=pause)
    challenge = response.headers.get("www-authenticate", "")
    if not _SCOPES.isdisjoint(reasons) or "insufficient_scope" in challenge:
        return AuthorizationExpired(
            f"{place} misses a permission",
            code="scope_missing",
            hint="connect the account again and leave every permission ticked",
        )
    if not _SWITCHED_OFF.isdisjoint(reasons):
        return RemoteRejected(
            f"{place}: the Google Calendar API is not enabled",
            code="api_not_enabled",
            hint="enable it in the Google Cloud project that client_id belongs to",
        )
    return None


def _not_told(what: str, reasons: Sequence[str]) -> RemoteRejected:
    """Say why no channel was opened.

    An address that Google does not take is answered 401 as well as 400, beside a token that has
    just listed the calendar. Holidays, birthdays and the like cannot be watched.
    """
    if _UNWATCHABLE in reasons:
        return RemoteRejected(f"{what}: Google sends none of it", code="push_unsupported")
    named = f" ({', '.join(reasons)[:80]})" if reasons else ""
    return RemoteRejected(
        f"{what}: Google does not take the address{named}",
        code="push_refused",
        hint="server.base_url has to be an https URL with a certificate that everybody accepts",
    )


def _busy_error(what: str, reason: str) -> TemporarilyUnavailable | RemoteNotFound:
    """Say why one calendar of an answer with 200 could not be read."""
    if reason == "notFound":
        return RemoteNotFound(
            f"{what}: the calendar is not there, or not shared any more",
            hint="ask its owner, or leave it out of read_calendars",
        )
    return TemporarilyUnavailable(f"{what}: Google cannot tell it now ({reason[:40]})")
