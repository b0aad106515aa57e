"""Questions that owners are asked, the answers that browsers bring, and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.access import Scope, authorize
from bridge.access.principal import api_key_principal
from bridge.errors import BridgeError, ProviderError, RemoteRejected, TemporarilyUnavailable
from bridge.model.interval import Instant
from bridge.model.resource import Access, ConnectionId, ResourceId
from bridge.store import keys
from bridge.store.consents import Returned
from bridge.store.database import Transaction


class ConsentRefused(BridgeError):
    """An answer that belongs to no open question of this browser: nobody is asked anything."""


class Crowded(BridgeError):
    """Too many owners at once; the same may succeed in a moment."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that an owner is about to be asked."""

    connection_id: ConnectionId
    browser: str = field(repr=False)
    """What only the browser has that will bring the answer."""
    actor: str
    """Who asks: `cli`, `link:<id>`, `key:<id>`."""
    callback: str = ""
    """Where the provider sends the browser; empty: our own address for that."""
    redirect_url: str = ""
    """Where the browser goes from there: one that was allowed."""
    popup: bool = False
    """It stays on a page of ours, which tells the one at `redirect_url`."""
    replaces: bool = False
    """Another account may take the place of the connected one."""
    link_id: str = ""
    """The link that led here, where nobody pressed a button: it becomes the browser's when that
    brings the answer, since programs open links, too."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a browser brings back (RFC 6749 section 4.1.2, RFC 9207)."""

    returned: Returned
    code: str = field(default="", repr=False)
    error: str = ""
    description: str = field(default="", repr=False)
    """Anybody can have written it: it is not shown."""
    issuer: str = ""

    @classmethod
    def of(cls, returned: Returned, given: Mapping[str, str]) -> Response:
        """Read the parameters of the address that the browser was sent to."""
        return cls(
            returned,
            code=given.get("code", ""),
            error=given.get("error", ""),
            description=given.get("error_description", ""),
            issuer=given.get("iss", ""),
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a question."""

    connection_id: ConnectionId
    redirect_url: str = ""
    error: ProviderError | None = None
    """Why the account is not connected, or not anew; None: it is."""
    popup: bool = False
    """As it was asked."""


def may_connect(conn: Transaction, key_id: str, resource_id: ResourceId, now: Instant) -> bool:
    """Tell whether an API key may connect accounts of a resource at this moment."""
    row = keys.api_key(conn, key_id)
    if row is None or row.revoked_at is not None or (row.expires_at or now + 1) <= now:
        return False
    principal = api_key_principal(row.id, row.scopes, row.resources)
    allowed = Scope.CONNECTIONS_WRITE.value in principal.scopes
    return allowed and authorize(principal, resource_id, Access.MANAGE)


def denied(error: str) -> ProviderError:
    if error == "access_denied":
        return RemoteRejected(
            "the owner did not agree", code="access_denied", hint="ask again, or ask the owner"
        )
    if error in ("temporarily_unavailable", "server_error"):
        return TemporarilyUnavailable("the provider cannot ask its user now")
    return RemoteRejected(
        "the provider did not ask its user", hint="check the application that it knows"
    )
