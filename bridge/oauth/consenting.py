"""The part of an `Authorizer` that is the same wherever a server keeps to the RFCs."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bridge.authorizer import Grant
from bridge.model.http import Bearer, Http, Response
from bridge.oauth.answers import TIMEOUT
from bridge.oauth.flow import CodeFlow, Registration


class Consenting(ABC):
    """A kind adds what it asks for, and how it says whose account it is."""

    __slots__ = ()

    http: Http

    @property
    @abstractmethod
    def registration(self) -> Registration:
        """As which application owners are asked."""

    @property
    def flow(self) -> CodeFlow:
        """Speaks to the authorization server."""
        return CodeFlow(self.http, self.registration)

    def is_issuer(self, name: str) -> bool:
        """See `Authorizer`."""
        return name == self.registration.issuer

    def refusal(self, error: str, description: str) -> None:  # noqa: B027 - it says nothing
        """See `Authorizer`; the RFC's own words need no explanation."""

    def exchange(self, code: str, redirect_url: str, verifier: str) -> Grant:
        """See `Authorizer`."""
        return self.flow.exchange(code, redirect_url, verifier)

    def refresh(self, grant: Grant) -> Grant:
        """See `bridge.provider.ProviderKind.refresh`."""
        return self.flow.refresh(grant)


def ask_who(http: Http, grant: Grant, url: str) -> Response:
    """Ask an API whose account was granted.

    Args:
        http: sends, without credentials of its own.
        grant: that is good at this moment.
        url: what says so.

    Returns:
        Whatever it answers.
    """
    return http.request(
        "GET",
        url,
        headers={"Accept": "application/json"},
        auth=Bearer(grant.access_token.get_secret_value()),
        timeout=TIMEOUT,
    )
