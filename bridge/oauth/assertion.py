"""Programs that act for somebody by a key of their own (RFC 7523)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http
from bridge.oauth.answers import NOT_NOW, Session, error_of, granted, unreadable, word

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


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
    answer = Session(http).post(token_url, form, headers)
    error = error_of(answer.response)
    if error in NOT_NOW:
        raise TemporarilyUnavailable(f"{where} answers {error}")
    if error:
        raise AssertionRefused(word(error), str(answer.json().get("error_description", "")))
    answer.raise_for_status()
    try:
        document = answer.json()
    except ValueError:
        raise unreadable(where) from None
    if not isinstance(document, dict):
        raise unreadable(where)
    return granted(document, where)
