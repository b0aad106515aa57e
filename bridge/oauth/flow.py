"""The code flow with PKCE, refreshing, and giving back of grants; authlib speaks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.http import Http
from bridge.oauth.answers import CLIENT, NOT_NOW, Session, error_of, granted, unreadable, word
from bridge.transport import raise_for_status

_INVALID_GRANT = "invalid_grant"


@dataclass(frozen=True, slots=True)
class Registration:
    """An application as it is known to an authorization server."""

    title: str
    """Of the provider, for messages: `Google Calendar`."""
    section: str
    """Where the settings name it: `providers.google`."""
    authorize_url: str
    token_url: str
    revoke_url: str
    client_id: str
    client_secret: SecretStr | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What this server needs besides, when somebody is asked for consent."""
    method: str = "client_secret_post"
    """How the application shows that it is itself (RFC 7591 section 2)."""

    @property
    def issuer(self) -> str:
        """What the server calls itself in `iss` (RFC 9207)."""
        parts = urlsplit(self.authorize_url)
        return f"{parts.scheme}://{parts.netloc}"


class CodeFlow:
    """Speaks to one authorization server as one application; keeps nothing."""

    def __init__(self, http: Http, registration: Registration) -> None:
        """Take what sends: without credentials of its own."""
        self._session = Session(http)
        self._registration = registration

    def url(
        self,
        scopes: tuple[str, ...],
        redirect_url: str,
        state: str,
        verifier: str,
        hint: str = "",
    ) -> str:
        """Make the address that an owner is sent to.

        Raises:
            RemoteRejected: the settings name no application.
        """
        known = self._registration
        if not known.client_id:
            raise unregistered(known.section, known.title)
        more = {"login_hint": hint} if hint else {}
        made: str = self._client().create_authorization_url(
            known.authorize_url,
            state=state,
            code_verifier=verifier,
            redirect_uri=redirect_url,
            scope=" ".join(scopes),
            **known.parameters,
            **more,
        )[0]
        return made

    def exchange(self, code: str, redirect_url: str, verifier: str) -> Grant:
        """Trade a code for a grant; a code is good once.

        Args:
            code: what came back.
            redirect_url: where it came back to.
            verifier: of RFC 7636; empty: the question had no challenge.

        Raises:
            AuthorizationExpired: the code is not good, or the verifier not its own.
            ProviderError: as the class says.
        """
        client = self._client()
        proof = {"code_verifier": verifier} if verifier else {}
        return self._ask(
            lambda: client.fetch_token(
                self._registration.token_url,
                grant_type="authorization_code",
                code=code,
                redirect_uri=redirect_url,
                **proof,
            ),
            over=_INVALID_GRANT,
        )

    def refresh(self, grant: Grant) -> Grant:
        """Ask for a new access token.

        Raises:
            AuthorizationExpired: the grant is over.
            ProviderError: as the class says.
        """
        token = lasting(grant, self._registration.title)
        client = self._client(grant)
        return self._ask(
            lambda: client.refresh_token(self._registration.token_url, refresh_token=token),
            grant.client_id,
        )

    def alone(self, grant_type: str, **fields: str) -> Grant:
        """Ask for an access token of the application itself.

        Args:
            grant_type: of RFC 6749 section 4.4, or this server's own (section 4.5).
            fields: what that needs besides.

        Raises:
            ProviderError: as the class says.
        """
        client = self._client()
        url = self._registration.token_url
        return self._ask(lambda: client.fetch_token(url, grant_type=grant_type, **fields))

    def revoke(self, grant: Grant) -> None:
        """Give a grant back; one that is over already is given back.

        Raises:
            ProviderError: the server did not take it, or not now.
        """
        token = grant.refresh_token or grant.access_token
        url = self._registration.revoke_url
        if not url or not token.get_secret_value():
            return
        answer = self._client(grant).revoke_token(url, token=token.get_secret_value()).response
        if answer.status == 400 and error_of(answer) in ("invalid_token", "invalid_grant"):
            return
        raise_for_status(answer, what=f"giving back what {self._registration.title} granted")

    def _client(self, grant: Grant | None = None) -> Any:
        # It takes a tenth of a second, and few commands need it.
        from authlib.oauth2.client import OAuth2Client

        known = self._registration
        client_id, secret = application_of(grant, known.client_id, known.client_secret)
        method = known.method if secret else "none"
        return OAuth2Client(
            self._session,
            client_id=client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            code_challenge_method="S256",
        )

    def _ask(
        self,
        send: Callable[[], Mapping[str, Any]],
        client_id: str = "",
        over: str | None = None,
    ) -> Grant:
        """Send; `client_id` may be another application's, `over` is the code of a bad grant."""
        from authlib.oauth2 import OAuth2Error

        title = self._registration.title
        try:
            token = send()
        except OAuth2Error as err:
            raise self._refusal(
                str(err.error), client_id, over
            ) from None  # its text may quote what was sent
        except ValueError:
            raise unreadable(title) from None
        return granted(token, title)

    def _refusal(self, error: str, client_id: str, over: str | None) -> ProviderError:
        """Say what an error of RFC 6749 section 5.2 asks of whom."""
        known = self._registration
        text = f"{known.title} answers {word(error)}"
        if error == _INVALID_GRANT:
            return AuthorizationExpired(text, code=over, hint="connect the account again")
        if error in CLIENT:
            own = client_id and client_id != known.client_id
            whose = "that came with the refresh token" if own else f"of {known.section}"
            return RemoteRejected(
                f"{text}: it does not know this application",
                code=error,
                hint=f"check client_id and client_secret {whose}",
            )
        if error == "redirect_uri_mismatch":
            return RemoteRejected(
                text,
                code=error,
                hint="register with the application the redirect URL: server.base_url followed by "
                f"/oauth/{known.section.rpartition('.')[2]}/callback",
            )
        if error in NOT_NOW:
            return TemporarilyUnavailable(text)
        return RemoteRejected(text, code="oauth_error")


def application_of(
    grant: Grant | None, client_id: str, secret: SecretStr | None
) -> tuple[str, SecretStr | None]:
    """Give the application that a grant was given to: that of the settings, or the one it names."""
    if grant is None or not grant.client_id:
        return client_id, secret
    if grant.client_id != client_id or grant.client_secret is not None:
        secret = grant.client_secret
    return grant.client_id, secret


def unregistered(section: str, title: str) -> RemoteRejected:
    """Say that the settings name no application."""
    return RemoteRejected(
        f"{section} names no client_id",
        code="invalid_config",
        hint=f"register an application for {title} and name it there",
    )


def lasting(grant: Grant, title: str) -> str:
    """Give the token by which a grant is refreshed.

    Raises:
        AuthorizationExpired: there is none.
    """
    if grant.refresh_token is None:
        raise AuthorizationExpired(
            f"{title} gave no lasting permission", hint="connect the account again"
        )
    return grant.refresh_token.get_secret_value()
