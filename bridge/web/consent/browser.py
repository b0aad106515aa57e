"""The cookie by which a browser is known again: what one began, no other one ends."""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from secrets import token_bytes
from typing import NamedTuple

from bridge.config.settings import Settings
from bridge.store.keys import base32
from bridge.web.exchange import Request

_NAME = "busybridge-connect"
_VALUE = re.compile(r"[a-z2-7]{52}")
_LIFE = 86400


class Browser(NamedTuple):
    """One browser."""

    secret: str
    """What its cookie holds; empty when it sent none of ours."""
    is_secure: bool
    """It is spoken to over https alone."""

    @classmethod
    def of(cls, request: Request, settings: Settings) -> Browser:
        """Read the cookie of a request."""
        is_secure = settings.server.public_url.startswith("https:")
        try:
            morsel = SimpleCookie(request.header("Cookie") or "").get(_name(is_secure=is_secure))
        except CookieError:
            morsel = None
        value = morsel.value if morsel else ""
        return cls(value if _VALUE.fullmatch(value) else "", is_secure)

    def known(self) -> Browser:
        """Return the same, with a secret."""
        return self if self.secret else self._replace(secret=base32(token_bytes(32)))

    def cookie(self) -> tuple[str, str]:
        """Write the header that keeps it.

        Lax: the provider's page sends the browser back here, which is another site's doing.
        """
        flags = "; Secure" if self.is_secure else ""
        name = _name(is_secure=self.is_secure)
        return (
            "Set-Cookie",
            f"{name}={self.secret}; Path=/; Max-Age={_LIFE}; HttpOnly; SameSite=Lax{flags}",
        )


def _name(*, is_secure: bool) -> str:
    # RFC 6265bis section 4.1.3.2: no subdomain, and nobody on the way, can have set such a one.
    return f"__Host-{_NAME}" if is_secure else _NAME
