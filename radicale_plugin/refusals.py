"""What a CalDAV request is refused with: a status, the precondition not met, and the reason."""

from __future__ import annotations

from radicale.types import WSGIResponse

from bridge.errors import StoreError
from radicale_plugin import xml


class Refused(Exception):
    """A request that is answered with an error and changes nothing.

    Not a ValueError: Radicale turns those into 400 by itself.
    """

    def __init__(
        self,
        status: int,
        *preconditions: str,
        reason: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Say why.

        Args:
            status: of the answer.
            preconditions: elements of the DAV:error body, as XML.
            reason: a sentence for the reader.
            headers: more of the answer's headers.
        """
        super().__init__(reason or str(status))
        self.status = status
        self.preconditions = preconditions
        self.reason = reason
        self.headers = headers or {}
        self.body: bytes | None = None
        """Instead of a DAV:error body; `headers` say what it is."""

    def response(self) -> WSGIResponse:
        """Write the answer."""
        if self.body is not None:
            return self.status, self.headers, self.body, None
        body = xml.error(*self.preconditions, reason=self.reason)
        return self.status, {"Content-Type": xml.MEDIA_TYPE, **self.headers}, body, None


def not_found() -> Refused:
    """Say that nothing is there; the same whether it does not exist or may not be seen."""
    return Refused(404, reason="There is nothing here.")


def need_privileges(path: str, privilege: str, reason: str) -> Refused:
    """Refuse what this login may not do (RFC 3744 section 7.1.1).

    Args:
        path: with the prefix, not percent-encoded.
        privilege: element of the privilege, as XML.
        reason: for the reader.
    """
    needed = f"<D:resource>{xml.href(path)}<D:privilege>{privilege}</D:privilege></D:resource>"
    return Refused(403, f"<D:need-privileges>{needed}</D:need-privileges>", reason=reason)


def forbidden(precondition: str, reason: str) -> Refused:
    """Refuse with 403 and one precondition by its Clark name."""
    return Refused(403, xml.element(precondition), reason=reason)


def precondition_failed(reason: str) -> Refused:
    """Say that a condition of the request does not hold (RFC 9110 section 15.5.13)."""
    return Refused(412, reason=reason)


def unsupported_report() -> Refused:
    """Say that something cannot be asked this (RFC 3253 section 3.6)."""
    return forbidden(xml.dav("supported-report"), "there is no such report here")


def not_read_yet() -> Refused:
    """Say that nothing is known of a resource, so that nothing is called free."""
    return Refused(
        503,
        reason="The calendars of this resource were not read yet.",
        headers={"Retry-After": "10"},
    )


def storage_trouble(err: StoreError) -> Refused:
    """Say that the database cannot be used now, or has no room."""
    if err.full:
        return Refused(
            507, "<D:quota-not-exceeded/>", reason="The server has no room left; reading goes on."
        )
    return Refused(
        503,
        reason="The server cannot look that up at this moment; ask again.",
        headers={"Retry-After": "5"},
    )


def too_many_failures(seconds: int) -> Refused:
    """Ask who has failed to log in too often to wait."""
    return Refused(
        429,
        reason=f"Too many failed logins; wait {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )
