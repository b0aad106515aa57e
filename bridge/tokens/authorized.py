"""HTTP with an access token, for adapters: 401 -> one refresh, one more try, then it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bridge.authorizer import TokenSource
from bridge.errors import AuthorizationExpired
from bridge.model.http import Bearer, Credentials, Http, Response, Service


@dataclass(frozen=True, slots=True)
class Authorized:
    """Implements `Http` by another, with the token of a source where no `auth` is given."""

    http: Http
    tokens: TokenSource

    def request(  # noqa: PLR0913 - the Protocol's
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: Credentials | None = None,
        timeout: timedelta | None = None,
        max_size: int | None = None,
        trusted_sites: Sequence[str] = (),
        follow: bool = True,
    ) -> Response:
        """See `Http`; a request that was answered 401 did nothing, and is sent once more.

        Raises:
            AuthorizationExpired: a new token was refused as well, or cannot be had.
        """

        def send(credentials: Credentials) -> Response:
            return self.http.request(
                method,
                url,
                headers=headers,
                content=content,
                auth=credentials,
                timeout=timeout,
                max_size=max_size,
                trusted_sites=trusted_sites,
                follow=follow,
            )

        if auth is not None:
            return send(auth)
        token = self.tokens.token()
        answer = send(Bearer(token))
        if answer.status == 401:
            answer = send(Bearer(self.tokens.renewed(token)))
        if answer.status == 401:
            raise AuthorizationExpired(
                "a token that was just issued is refused",
                hint="connect the account again, with all that is asked for",
            )
        return answer

    def services(self, name: str) -> Sequence[Service]:
        """See `Http`."""
        return self.http.services(name)

    def texts(self, name: str) -> Sequence[str]:
        """See `Http`."""
        return self.http.texts(name)
