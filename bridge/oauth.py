"""What OAuth providers share: the code flow with PKCE, refreshing and giving back of grants.

RFC 6749, RFC 7636 and RFC 7009 are authlib's; everything that it sends leaves through `Http`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Http, Response
from bridge.provider import Grant
from bridge.transport import raise_for_status

TIMEOUT = timedelta(seconds=10)
"""Of each request: people wait for what is asked here."""
_MAX_SIZE = 64 << 10
_LONGEST_LIFE = timedelta(days=3650)
_WORD = re.compile(r"[a-z0-9_]{1,40}")
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_NOT_NOW = frozenset({"temporarily_unavailable", "server_error"})
_INVALID_GRANT = "invalid_grant"
_CLIENT = frozenset({"invalid_client", "unauthorized_client"})


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

    @property
    def issuer(self) -> str:
        """What the server calls itself in `iss` (RFC 9207)."""
        parts = urlsplit(self.authorize_url)
        return f"{parts.scheme}://{parts.netloc}"


class CodeFlow:
    """Speaks to one authorization server as one application; keeps nothing."""

    def __init__(self, http: Http, registration: Registration) -> None:
        """Take what sends: without credentials of its own."""
        self._session = _Session(http)
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
            raise RemoteRejected(
                f"{known.section} names no client_id",
                code="invalid_config",
                hint=f"register an application for {known.title} and name it there",
            )
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
        if grant.refresh_token is None:
            raise AuthorizationExpired(
                f"{self._registration.title} gave no lasting permission",
                hint="connect the account again",
            )
        client = self._client(grant)
        token = grant.refresh_token.get_secret_value()
        return self._ask(
            lambda: client.refresh_token(self._registration.token_url, refresh_token=token),
            grant.client_id,
        )

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
        if answer.status == 400 and _error(answer) in ("invalid_token", "invalid_grant"):
            return
        raise_for_status(answer, what=f"giving back what {self._registration.title} granted")

    def _client(self, grant: Grant | None = None) -> Any:
        # It takes a tenth of a second, and few commands need it.
        from authlib.oauth2.client import OAuth2Client

        known = self._registration
        client_id, secret = known.client_id, known.client_secret
        if grant is not None and grant.client_id:
            if grant.client_id != client_id or grant.client_secret is not None:
                secret = grant.client_secret
            client_id = grant.client_id
        method = "client_secret_post" if secret else "none"
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
            raise _unreadable(title) from None
        return _grant(token, title)

    def _refusal(self, error: str, client_id: str, over: str | None) -> ProviderError:
        """Say what an error of RFC 6749 section 5.2 asks of whom."""
        known = self._registration
        word = error if _WORD.fullmatch(error) else "an error"
        text = f"{known.title} answers {word}"
        if error == _INVALID_GRANT:
            return AuthorizationExpired(text, code=over, hint="connect the account again")
        if error in _CLIENT:
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
        if error in _NOT_NOW:
            return TemporarilyUnavailable(text)
        return RemoteRejected(text, code="oauth_error")


@dataclass(frozen=True, slots=True)
class Program:
    """A program with a key of its own, instead of a secret (RFC 7523)."""

    email: str
    """What it calls itself in `iss`."""
    client_id: str
    key_id: str
    private_key: SecretStr
    """RSA, in PEM form."""

    def can_sign(self) -> bool:
        """Tell whether the key is one."""
        try:
            self.sign("https://nowhere.invalid", "", ())
        except ValueError:
            return False
        return True

    def sign(self, audience: str, subject: str, scopes: Sequence[str]) -> str:
        """Write an assertion that is good for an hour.

        Raises:
            ValueError: the key is none; the text says nothing about it.
        """
        from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
        from joserfc.errors import JoseError
        from joserfc.jwk import RSAKey

        try:
            signed: Any = sign_jwt_bearer_assertion(
                RSAKey.import_key(self.private_key.get_secret_value()),
                self.email,
                audience,
                subject,
                claims={"scope": " ".join(scopes)},
                header={"alg": "RS256", "typ": "JWT", "kid": self.key_id},
            )
        except (JoseError, ValueError):
            raise ValueError("the private key cannot sign") from None
        return str(signed)


class AssertionRefused(Exception):
    """What a server says to an assertion; its kind tells what that means.

    Attributes:
        error: a word of RFC 6749 section 5.2.
        description: the server's own text, to look into and not to show.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def assume(
    http: Http, token_url: str, program: Program, subject: str, scopes: Sequence[str]
) -> Grant:
    """Ask for an access token of somebody whom a program may act for (RFC 7523 section 2.1).

    Raises:
        AssertionRefused: the server will not.
        ProviderError: it cannot, or could not be asked.
    """
    where = "the authorization server"
    form = {"grant_type": _JWT_BEARER, "assertion": program.sign(token_url, subject, scopes)}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = _Session(http).post(token_url, form, headers)
    error = _error(answer.response)
    if error in _NOT_NOW:
        raise TemporarilyUnavailable(f"{where} answers {error}")
    if error:
        word = error if _WORD.fullmatch(error) else "an error"
        raise AssertionRefused(word, str(answer.json().get("error_description", "")))
    answer.raise_for_status()
    try:
        document = answer.json()
    except ValueError:
        raise _unreadable(where) from None
    if not isinstance(document, dict):
        raise _unreadable(where)
    return _grant(document, where)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What authlib asks of an answer of `requests`."""

    response: Response

    @property
    def status_code(self) -> int:
        return self.response.status

    def raise_for_status(self) -> None:
        raise_for_status(self.response, what="the authorization server")

    def json(self) -> Any:
        return json.loads(self.response.body)


class _Session:
    """What authlib asks of a session of `requests`, over `Http`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def post(
        self,
        url: str,
        data: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> _Answer:
        fields, body = dict(headers or {}), urlencode(data)
        if auth is not None:
            url, fields, body = auth.prepare("POST", url, fields, body)
        response = self._http.request(
            "POST",
            url,
            headers=fields,
            content=body.encode(),
            timeout=TIMEOUT,
            max_size=_MAX_SIZE,
            follow=False,  # the body holds a client secret and a token
        )
        if 300 <= response.status < 400:
            raise_for_status(response, what="the authorization server")
        if response.status >= 400 and not _error(response):
            raise_for_status(response, what="the authorization server")
        return _Answer(response)


def _error(response: Response) -> str:
    try:
        document = json.loads(response.body)
    except ValueError:
        return ""
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, str) else ""


def _grant(token: Mapping[str, Any], title: str) -> Grant:
    access, refresh = token.get("access_token"), token.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise _unreadable(title)
    scope = token.get("scope")
    return Grant(
        access_token=SecretStr(access),
        refresh_token=SecretStr(refresh) if isinstance(refresh, str) and refresh else None,
        lifetime=_lifetime(token.get("expires_in")),
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def _lifetime(seconds: object) -> timedelta | None:
    try:
        life = timedelta(seconds=int(str(seconds)))
    except (ValueError, OverflowError):
        return None
    return life if timedelta() < life < _LONGEST_LIFE else None


def _unreadable(title: str) -> UnreadableAnswer:
    return UnreadableAnswer(
        f"the authorization server of {title} does not answer as RFC 6749 says",
        hint="a proxy or a login page of the network may stand before it",
    )
