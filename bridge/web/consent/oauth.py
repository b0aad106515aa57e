"""Sending a browser to a provider, and taking it back: `/oauth/{provider}/start` and `/callback`.

Each provider has a callback of its own, so that no code of one is ever shown to another (RFC 9700
section 4.4).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bridge.config.live import Live
from bridge.connecting import (
    Asked,
    Connecting,
    ConsentRefused,
    Crowded,
    Ended,
    Invitations,
    RedirectNotAllowed,
    Response,
)
from bridge.errors import (
    AccountMismatch,
    AlreadyConnected,
    AuthorizationExpired,
    ConfigError,
    ProviderError,
    TemporarilyUnavailable,
)
from bridge.model.resource import ConnectionId
from bridge.store.consents import Returned
from bridge.web.consent.browser import Browser
from bridge.web.consent.html import not_good, said, told
from bridge.web.exchange import Headers, Reply, Request
from bridge.web.problem import method_not_allowed, not_found

_PATH = re.compile(r"/oauth/([a-z0-9_]{1,40})/(start|callback)")
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 10
_FORBIDDEN = frozenset({"access_denied", "admin_consent_required", "invalid_scope"})
_WHY = (
    "Without access nobody can see when these calendars are busy, and their time would look free. "
    "Whoever sent you here decides who sees what of it."
)


class OAuth:
    """Answers below `/oauth`."""

    def __init__(self, connecting: Connecting, invitations: Invitations, live: Live) -> None:
        self._connecting = connecting
        self._invitations = invitations
        self._live = live

    def answer(self, request: Request) -> Reply:
        """Answer one request; HEAD would use up what a GET needs.

        Raises:
            Problem: 404, 405.
        """
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise not_found()
        provider, step = match.groups()
        browser = Browser.of(request, self._live.current)
        if step == "callback":
            if request.method != "GET":
                raise method_not_allowed(["GET"])
            return self._finish(request, provider, browser)
        if request.method == "GET":
            given = request.query
            if not _is_visit(request):
                return said(400, "Not in a page", "Open this link in a tab of its own.")
            # Such a link leads here from the application that it was made for.
            return self._start(provider, given.get("token", ""), None, browser.known())
        if request.method != "POST":
            raise method_not_allowed(["GET", "POST"])
        form = self._form(request)
        # Another site can have a browser post here, but not its cookie with it (SameSite).
        if form is None or not browser.secret or not self._is_ours(request):
            return said(400, "Not from here", "Open the link again and press the button there.")
        wanted = ConnectionId(form.get("connection", ""))
        return self._start(provider, form.get("token", ""), wanted, browser)

    def _start(
        self, provider: str, token: str, wanted: ConnectionId | None, browser: Browser
    ) -> Reply:
        found = self._invitations.look(token, browser.secret)
        if found is None:
            return not_good()
        link, rows = found
        name = wanted or link.connection_id
        row = next((it for it in rows if it.id == name and it.provider == provider), None)
        # A button was pressed; who only followed a link may be a program that looks at all of them.
        was_pressed = wanted is not None
        if row is None or (was_pressed and not self._invitations.claim(link, browser.secret)):
            return not_good()
        actor = link.actor if link.actor.startswith("key:") else f"link:{link.id}"
        asked = Asked(
            row.id,
            browser.secret,
            actor,
            redirect_url=link.redirect_url,
            popup=link.popup,
            replaces=link.replaces,
            link_id="" if was_pressed else link.id,
        )
        try:
            self._invitations.check(link.redirect_url)
            url = self._connecting.begin(asked)
        except (ConfigError, ConsentRefused, RedirectNotAllowed):
            return not_good()
        except Crowded:
            return _crowded("Many accounts are being connected. Go back and try again.")
        except ProviderError as err:
            return said(502, "This account cannot be connected now", *_told(err))
        return _see_other(url, [browser.cookie()])

    def _finish(self, request: Request, provider: str, browser: Browser) -> Reply:
        given = request.query
        returned = Returned(provider, given.get("state", ""), browser.secret)
        response = Response.of(returned, given)
        try:
            ended = self._connecting.finish(response)
        except ConsentRefused:
            return said(
                400,
                "Nothing was connected",
                "This page was opened twice, too late, or in another browser than the one that "
                "began. Open your link again.",
            )
        except Crowded:
            # Nothing was used up: the same address is good once more.
            return _crowded("Many accounts are being connected.", ("Refresh", "5"))
        if ended.redirect_url:
            return self._send_on(provider, ended)
        status, title, lines = _outcome(ended.error)
        return said(status, title, *lines)

    def _send_on(self, provider: str, ended: Ended) -> Reply:
        """Send the browser back to the application, if that is allowed still (T1)."""
        try:
            self._invitations.check(ended.redirect_url)
        except RedirectNotAllowed:
            return said(400, "This is the end", "The application may not be returned to.")
        outcome = {"success": "true"}
        if ended.error is not None:
            outcome = {"error": ended.error.code, "message": str(ended.error)}
        if isinstance(ended.error, AlreadyConnected):
            outcome["existingConnectionId"] = ended.error.connection_id
        outcome |= {"provider": provider, "connectionId": ended.connection_id}
        if ended.popup:
            status, title, lines = _outcome(ended.error)
            return told(ended.redirect_url, outcome, status, title, lines)
        parts = urlsplit(ended.redirect_url)
        query = [*parse_qsl(parts.query, keep_blank_values=True), *outcome.items()]
        return _see_other(urlunsplit(parts._replace(query=urlencode(query))), [])

    def _form(self, request: Request) -> dict[str, str] | None:
        if (request.environ.get("CONTENT_TYPE") or "").partition(";")[0].strip() != _FORM:
            return None
        try:
            return dict(parse_qsl(request.body.decode(), max_num_fields=_MOST_FIELDS))
        except ValueError:
            return None

    def _is_ours(self, request: Request) -> bool:
        """Tell whether a page of ours can have sent this, as far as the browser says."""
        site, origin = request.header("Sec-Fetch-Site"), request.header("Origin")
        parts = urlsplit(self._live.current.server.public_url)
        ours = f"{parts.scheme}://{parts.netloc}"
        # Our pages send no referrer, and browsers then say that the origin is null.
        return site in (None, "same-origin") and origin in (None, "null", ours)


def _is_visit(request: Request) -> bool:
    """Tell whether somebody goes there, as far as the browser says: no script, picture or frame."""
    mode, target = request.header("Sec-Fetch-Mode"), request.header("Sec-Fetch-Dest")
    return mode in (None, "navigate") and target in (None, "document")


def _see_other(url: str, headers: Headers) -> Reply:
    return Reply(303, [("Location", url), ("Cache-Control", "no-store"), *headers])


def _crowded(text: str, *headers: tuple[str, str]) -> Reply:
    return said(503, "One moment", text, headers=[("Retry-After", "5"), *headers])


def _outcome(err: ProviderError | None) -> tuple[int, str, Sequence[str]]:
    """Say what came of a question: status, title, sentences."""
    if err is None:
        text = "Your calendars are being read. You can close this page."
        return 200, "Connected", [text]
    why = _WHY if err.code == "access_denied" else ""
    return _status(err), "Not connected", [*_told(err), why]


def _status(err: ProviderError) -> int:
    if isinstance(err, AccountMismatch | AlreadyConnected):
        return 409
    if isinstance(err, AuthorizationExpired):
        return 400
    if err.code in _FORBIDDEN:
        return 403
    return 503 if isinstance(err, TemporarilyUnavailable) else 502


def _told(err: ProviderError) -> list[str]:
    """Say in sentences what is wrong and what to do."""
    return [f"{text[:1].upper()}{text[1:]}." for text in (str(err), err.hint) if text]
