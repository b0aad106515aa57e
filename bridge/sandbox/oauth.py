"""What the authorisation servers of all providers do alike (RFC 6749, RFC 7636, RFC 8252)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from bridge.sandbox.faults import Faults


def is_loopback(redirect_uri: str) -> bool:
    """Tell whether an answer goes to a program on its user's own machine, on whatever port."""
    parts = urlsplit(redirect_uri)
    here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return here and parts.scheme == "http" and "@" not in parts.netloc and not parts.fragment


def is_taken(registered: Iterable[str], redirect_uri: str, *, on_loopback: bool) -> bool:
    """Tell whether an answer may go there: to exactly the registered URIs.

    Args:
        registered: those.
        redirect_uri: where it would go.
        on_loopback: the program runs on its user's machine, where any port will do.
    """
    return redirect_uri in registered or (on_loopback and is_loopback(redirect_uri))


def is_proven(challenge: str, method: str, verifier: str) -> bool:
    """Hold a code verifier against its challenge (RFC 7636 4.6)."""
    made = verifier
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return made == challenge


def credentials(form: Mapping[str, str], authorization: str) -> tuple[str, str]:
    """Read id and secret of a client, from its header or else from its form.

    Raises:
        ValueError: the header is garbled.
    """
    if not authorization.startswith("Basic "):
        return form.get("client_id", ""), form.get("client_secret", "")
    text = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode()
    identity, _, secret = text.partition(":")
    return unquote(identity), unquote(secret)


def with_query(target: str, fields: Mapping[str, str]) -> str:
    """Add an answer to what an address has in its query already."""
    parts = urlsplit(target)
    known = parse_qsl(parts.query, keep_blank_values=True)
    return urlunsplit(parts._replace(query=urlencode([*known, *fields.items()])))


@dataclass(frozen=True, slots=True)
class Asked:
    """What the authorize page was asked for."""

    client: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str = ""
    method: str = "plain"
    nonce: str = ""


class Freshness:
    """Numbers access tokens; with `expired_tokens` those of before it are refused."""

    def __init__(self) -> None:
        self._number = 0
        self._refused_below: dict[str, int] = {}

    def next(self) -> int:
        """Number a new token."""
        self._number += 1
        return self._number

    def is_good(self, number: int, owner: str, faults: Faults) -> bool:
        """Tell whether the token with that number is taken from its owner."""
        if not faults.is_on("expired_tokens"):
            self._refused_below.pop(owner, None)
            return True
        return number >= self._refused_below.setdefault(owner, self._number + 1)
