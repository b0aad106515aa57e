"""Errors as RFC 9457 problem details with a stable `code`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from xml.sax.saxutils import escape

from bridge.errors import BeyondHorizon, NotReadYet
from bridge.model.interval import rfc3339
from bridge.web.exchange import Headers, Reply

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        code: stable, snake_case; what programs branch on.
        detail: one sentence for the reader: what is wrong and what would be right.
        errors: one entry per wrong field, `{"field": "query.start", "message": "..."}`.
        headers: more headers of the answer.
        more: more members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Sequence[tuple[str, str]] = (),
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail or code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = tuple(headers)
        self.more = dict(more or {})

    def reply(self) -> Reply:
        """Render."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            document["detail"] = self.detail
        if self.errors:
            document["errors"] = list(self.errors)
        document |= self.more
        headers: Headers = [
            ("Content-Type", MEDIA_TYPE),
            ("Cache-Control", "no-store"),
            *self.headers,
        ]
        return Reply(self.status, headers, json.dumps(document).encode())


def not_found() -> Problem:
    """Say that nothing is there; the same bytes whatever the reason, so that nothing is learnt."""
    return Problem(404, "not_found", "There is nothing here.")


def method_not_allowed(allowed: Sequence[str]) -> Problem:
    """Name the methods that would be understood (RFC 9110 section 15.5.6)."""
    return Problem(
        405,
        "method_not_allowed",
        f"Use {' or '.join(allowed)}.",
        headers=[("Allow", ", ".join(allowed))],
    )


def login_required(realm: str = "BusyBridge") -> Problem:
    """Ask for a login."""
    return Problem(
        401,
        "login_required",
        "Log in with a name and an app password.",
        headers=[("WWW-Authenticate", f'Basic realm="{realm}", charset="UTF-8"')],
    )


def too_many(seconds: int, what: str) -> Problem:
    """Ask for a pause of so many seconds."""
    return Problem(
        429,
        "rate_limited",
        f"Too many {what} from this address; wait {seconds} s.",
        headers=[("Retry-After", str(seconds))],
    )


def nothing_known(err: NotReadYet | BeyondHorizon) -> Problem:
    """Say that nothing is known of what was asked, so that nothing of it is called free."""
    if isinstance(err, NotReadYet):
        return Problem(
            503,
            "not_read_yet",
            "The calendars of this resource were not read yet.",
            headers=[("Retry-After", "10")],
        )
    start, end = map(rfc3339, err.known)
    return Problem(422, "beyond_horizon", f"Busy time is known from {start} to {end}.")


_DAV_ELEMENTS = frozenset({"need-privileges", "propfind-finite-depth"})


def dav_error(status: int, precondition: str, detail: str) -> Reply:
    """Answer with a DAV:error body (RFC 4918 section 16) that names the precondition.

    The reason stands where CalDAV's own refusals have it, in an element of ours.

    Args:
        status: HTTP status.
        precondition: local name of the element, of RFC 4918 or RFC 4791; empty for none.
        detail: a sentence for the reader.
    """
    element = ""
    if precondition:
        element = f"<{'D' if precondition in _DAV_ELEMENTS else 'C'}:{precondition}/>"
    if status == 403 and precondition not in _DAV_ELEMENTS:
        # Without it DAVx5 gives up the whole collection, not the one object.
        element += "<D:need-privileges/>"
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
        ' xmlns:B="urn:busybridge:dav">'
        f"{element}<B:reason>{escape(detail)}</B:reason></D:error>"
    )
    return Reply(status, [("Content-Type", "application/xml; charset=utf-8")], body.encode())
