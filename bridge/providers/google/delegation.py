"""Service accounts that act for everybody of a Workspace domain, without asking each owner.

https://developers.google.com/identity/protocols/oauth2/service-account
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.errors import AuthorizationExpired, ProviderError, RemoteRejected
from bridge.model.http import Http
from bridge.oauth import AssertionRefused, Program, assume

_TYPE = "service_account"
_CONSOLE = "Admin console, Security, API controls, Domain-wide delegation"


def read_key(text: str) -> Program:
    """Read the JSON file that the Cloud console gives for a service account's key.

    Raises:
        ValueError: it is none; the text holds nothing of it.
    """
    try:
        found = json.loads(text)
    except ValueError:
        raise ValueError("is not JSON; it is the file that the Cloud console gives") from None
    if not isinstance(found, dict) or found.get("type") != _TYPE:
        raise ValueError('is no key of a service account; its "type" says otherwise')
    names = ("client_email", "private_key", "private_key_id", "client_id")
    given = {name: value for name in names if isinstance(value := found.get(name), str)}
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise ValueError(f"lacks {' and '.join(missing)}")
    made = Program(
        email=given["client_email"],
        client_id=given["client_id"],
        key_id=given["private_key_id"],
        private_key=SecretStr(given["private_key"]),
    )
    if not made.can_sign():
        raise ValueError("holds no private RSA key in PEM form")
    return made


def act_for(
    http: Http, token_url: str, program: Program, address: str, scopes: Sequence[str]
) -> Grant:
    """Ask for an access token of somebody's account.

    Raises:
        AuthorizationExpired: there is no such account in the domain, or the key is not good.
        RemoteRejected: the domain's admin does not allow this.
        ProviderError: it could not be asked.
    """
    try:
        return assume(http, token_url, program, address, scopes)
    except AssertionRefused as err:
        raise _meaning(err, program, address, scopes) from None


def _meaning(
    refused: AssertionRefused, program: Program, address: str, scopes: Sequence[str]
) -> ProviderError:
    """Say what Google's refusal asks of whom; it uses one word for several things."""
    said = refused.description.lower()
    if refused.error in ("unauthorized_client", "access_denied"):
        return RemoteRejected(
            f"the service account may not act for {address}",
            code="delegation_not_allowed",
            hint=f"allow client id {program.client_id} the scopes {', '.join(scopes)} in the "
            f"{_CONSOLE}; Google may take a day to follow",
        )
    if refused.error == "invalid_grant" and "jwt" in said and "signature" not in said:
        return AuthorizationExpired(
            "Google does not accept the time of this machine",
            code="clock_skew",
            hint="set the clock of this machine right, with NTP",
        )
    if refused.error == "invalid_client" or "jwt" in said or "account not found" in said:
        return AuthorizationExpired(
            f"Google does not accept the key {program.key_id} of the service account",
            code="invalid_client",
            hint="it may be deleted or disabled: make another key in the Cloud console",
        )
    if refused.error == "invalid_grant":
        return AuthorizationExpired(
            f"Google knows no account {address} in the domain",
            code="account_unknown",
            hint="check account_email: an alias, a group, a suspended account or one of another "
            "domain has no calendar of its own",
        )
    return RemoteRejected(f"Google answers {refused.error}", code="oauth_error")
