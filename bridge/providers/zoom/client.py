"""The requests to Zoom's API.

Requests carry no credentials of their own: the `Http` that is given adds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode

from msgspec import Struct

from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http, Response
from bridge.paging import Progress
from bridge.providers.zoom import wire
from bridge.providers.zoom.refusals import check
from bridge.transport.status import unlike

_TIMEOUT = timedelta(seconds=15)
"""Somebody waits."""
_MAX_SIZE = 4 << 20
_PAGE = "300"
_ME = "me"

_Shape = TypeVar("_Shape", wire.Made, wire.Page, wire.User)


class Client:
    """Sends requests about the meetings of one host."""

    def __init__(self, http: Http, api_url: str, host: str = "") -> None:
        """Make a client without touching the network.

        Args:
            http: authorizes and sends.
            api_url: root of the API, `https://api.zoom.us/v2`.
            host: mail address of the host; empty: whoever the token is of. A program on its own is
                nobody, and has to name one; a user's token must not.
        """
        self._http = http
        self._root = api_url.rstrip("/")
        self._host = quote(host, safe="@") or _ME

    def user(self) -> wire.User:
        """Ask who the host is: https://developers.zoom.us/docs/api/users/."""
        return self._read(self._send("GET", f"/users/{self._host}"), wire.User, "the host at Zoom")

    def listing(self) -> Iterator[wire.Listed]:
        """List the host's meetings that are not long over; one that was just made may be missing.

        https://developers.zoom.us/docs/api/meetings/#tag/meetings/GET/users/{userId}/meetings
        """
        what = "the list of meetings"
        progress, token = Progress(what), ""
        while True:
            query = {"type": "scheduled", "page_size": _PAGE, "next_page_token": token}
            given = urlencode({name: value for name, value in query.items() if value})
            response = self._send("GET", f"/users/{self._host}/meetings?{given}")
            if token and response.status == 400:
                raise TemporarilyUnavailable(f"{what} cannot be continued")
            page = self._read(response, wire.Page, what)
            yield from page.meetings
            token = page.next_page_token
            if not token:
                return
            progress.follow(each.id for each in page.meetings)

    def meeting(self, reference: str) -> wire.Made:
        """Read a meeting.

        Raises:
            RemoteNotFound: it is not there any more.
        """
        return self._read(self._send("GET", _path(reference)), wire.Made, "the meeting")

    def create(self, meeting: wire.Meeting) -> wire.Made:
        """Make a meeting; another one each time.

        Raises:
            NoSuchTimes: not with these times.
        """
        response = self._send("POST", f"/users/{self._host}/meetings", meeting)
        return self._read(response, wire.Made, "the meeting")

    def change(self, reference: str, meeting: wire.Meeting) -> None:
        """Change what is said of a meeting, and nothing else.

        Raises:
            RemoteNotFound: it is not there any more.
            NoSuchTimes: not to these times.
        """
        check(self._send("PATCH", _path(reference), meeting), "the meeting")

    def delete(self, reference: str) -> None:
        """Delete a meeting; nobody is mailed.

        Raises:
            RemoteNotFound: it is not there any more.
            Over: it has ended.
        """
        check(self._send("DELETE", _path(reference)), "the meeting")

    def _send(self, method: str, path: str, document: Struct | None = None) -> Response:
        headers = {"Accept": "application/json"}
        if document is not None:
            headers["Content-Type"] = "application/json"
        return self._http.request(
            method,
            f"{self._root}{path}",
            headers=headers,
            content=None if document is None else wire.write(document),
            timeout=_TIMEOUT,
            max_size=_MAX_SIZE,
            follow=document is None,
        )

    def _read(self, response: Response, shape: type[_Shape], what: str) -> _Shape:
        check(response, what)
        try:
            return wire.read(response.body, shape)
        except wire.NotThatShape as err:
            raise unlike(response, what, "Zoom") from err


def _path(reference: str) -> str:
    return f"/meetings/{quote(reference, safe='')}"
