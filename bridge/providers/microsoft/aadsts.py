"""What Entra ID's numbers say went wrong, and who can do what about it.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes. One word of RFC 6749
stands for many things there; the number tells them apart. Descriptions are looked into for their
number alone: they may quote what was sent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.oauth import CLIENT, NOT_NOW, word

logger = logging.getLogger(__name__)

_NUMBER = re.compile(r"AADSTS(\d{4,12})\b")
_GUID = re.compile(r"[0-9a-fA-F-]{36}")
_CENTER = "Entra admin center, App registrations"
_AGAIN = "connect the account again"
_OVER = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
PUBLIC = 700025
"""The tokens were given to a public client: no secret may come with them."""


class _Known(NamedTuple):
    kind: Callable[..., ProviderError]
    code: str | None
    text: str
    hint: str


def _refused(code: str, text: str, hint: str) -> _Known:
    """What stays so until somebody puts it right elsewhere; what was granted before is as good."""
    return _Known(RemoteRejected, code, text, hint)


def _over(code: str | None, text: str, hint: str = _AGAIN) -> _Known:
    """What ends a grant: its owner has to sign in again, sometimes after an admin did something."""
    return _Known(AuthorizationExpired, code, text, hint)


_WRONG_TENANT = _refused(
    "tenant_unknown",
    "Microsoft knows no such tenant",
    "check providers.microsoft.tenant: common, organizations, consumers, or the id or a domain of "
    "one organization; and providers.microsoft.cloud",
)
_REDIRECT = _refused(
    "redirect_uri_mismatch",
    "the application does not know the address to which its users return",
    f"in the {_CENTER}, Authentication, add to the platform Web the redirect URI: server.base_url "
    "followed by /oauth/microsoft/callback",
)
_NEEDS_CONSENT = "the account's owner, or an administrator for all, has to agree"
_ADMIN = _refused(
    "admin_consent_required",
    "only an administrator of the organization may let this application in",
    f"have one agree for all: {_CENTER}, API permissions, Grant admin consent; or on the page that "
    "the owner saw",
)
_MFA = _over(
    "mfa_required",
    "the organization asks for another proof of who one is",
    "connect the account again: the sign-in page asks for it",
)
_BLOCKED = _over(
    "conditional_access",
    "a Conditional Access policy of the organization keeps this application out",
    "its administrator finds the policy in the sign-in logs of the Entra admin center, and lets "
    "this application or this server's address in; then connect the account again",
)
_PASSWORD = _over(
    "password_changed", "the account's password was changed, or its sessions were ended"
)
_EXPIRED = _over(None, "the permission has expired")
_FOREIGN = _refused(
    "account_not_in_tenant",
    "the account does not belong to the organization",
    "sign in with an account of the organization that providers.microsoft.tenant names; or set it "
    "to common or organizations",
)
_PERSONAL = _refused(
    "personal_account",
    "the application is not for personal accounts",
    f"in the {_CENTER}, Authentication, choose the supported account types with personal accounts, "
    "and set providers.microsoft.tenant to common; or sign in with a work account",
)

_KNOWN: Mapping[int, _Known] = {
    # The application's registration, and the file
    700016: _refused(
        "application_unknown",
        "Microsoft does not know the application",
        "check providers.microsoft.client_id: it is the Application (client) ID; and that tenant "
        "and cloud are those in which it is registered",
    ),
    7000215: _refused(
        "invalid_client",
        "Microsoft does not take the client secret",
        "providers.microsoft.client_secret has to be the value of a secret, not its id: make "
        f"another one in the {_CENTER}, Certificates & secrets",
    ),
    7000222: _refused(
        "client_secret_expired",
        "the client secret has expired",
        f"make another one in the {_CENTER}, Certificates & secrets, and put its value into "
        "providers.microsoft.client_secret; nobody has to agree again",
    ),
    7000218: _refused(
        "client_secret_missing",
        "Microsoft wants a client secret",
        f"put the value of one into providers.microsoft.client_secret; {_CENTER}, Certificates & "
        "secrets",
    ),
    PUBLIC: _refused(
        "public_client",
        "the application is registered as one without secrets",
        f"in the {_CENTER}, Authentication, register the redirect URI under the platform Web",
    ),
    7000229: _refused(
        "application_not_in_tenant",
        "the organization has not let the application in",
        f"its administrator grants admin consent: {_CENTER}, API permissions, Grant admin consent",
    ),
    50011: _REDIRECT,
    500112: _REDIRECT,
    50194: _refused(
        "tenant_required",
        "the application is for one organization alone",
        "put the id of that organization into providers.microsoft.tenant; or let the application "
        "be for accounts in any organization",
    ),
    50059: _WRONG_TENANT,
    90002: _WRONG_TENANT,
    90013: _WRONG_TENANT,
    900023: _WRONG_TENANT,
    650053: _refused(
        "invalid_scope",
        "Microsoft knows no such permission",
        "check providers.microsoft.scopes",
    ),
    70011: _refused(
        "invalid_scope",
        "Microsoft knows no such permission",
        "check providers.microsoft.scopes",
    ),
    # What was permitted
    65001: _over("consent_required", f"{_NEEDS_CONSENT} to what this application wants to do"),
    65004: _refused("access_denied", "the owner did not agree", "ask again, or ask the owner"),
    90094: _ADMIN,
    90095: _ADMIN,
    90093: _ADMIN,
    # Rules of the organization
    53000: _BLOCKED,
    53001: _BLOCKED,
    53002: _BLOCKED,
    53003: _BLOCKED,
    530032: _BLOCKED,
    50072: _MFA,
    50074: _MFA,
    50076: _MFA,
    50078: _MFA,
    50079: _MFA,
    50158: _MFA,
    50105: _refused(
        "account_not_assigned",
        "the account may not use this application",
        "an administrator assigns it: Entra admin center, Enterprise applications, Users and "
        "groups; or does without assignment",
    ),
    # The account
    50020: _FOREIGN,
    50034: _FOREIGN,
    90072: _FOREIGN,
    50128: _FOREIGN,
    500200: _PERSONAL,
    50057: _over(
        "account_disabled",
        "the account is disabled",
        "an administrator of the organization enables it; then connect it again",
    ),
    50055: _PASSWORD,
    50133: _PASSWORD,
    50173: _PASSWORD,
    # The grant
    70000: _EXPIRED,
    70008: _EXPIRED,
    70043: _over(
        "conditional_access",
        "the organization has its members sign in again from time to time",
        "connect the account again; to end that, an administrator excludes this application from "
        "the policy with the sign-in frequency",
    ),
    700082: _over(None, "the permission was not used for too long"),
    700084: _EXPIRED,
}


def number_of(document: Mapping[str, Any]) -> int:
    """Read which error it is; 0 where Entra does not say."""
    codes = document.get("error_codes")
    if isinstance(codes, list) and codes and isinstance(codes[0], int):
        return codes[0]
    found = _NUMBER.search(str(document.get("error_description", "")))
    return int(found[1]) if found else 0


def meaning(document: Mapping[str, Any]) -> ProviderError:
    """Say what an error of Entra asks of whom.

    Args:
        document: of RFC 6749 section 5.2, or the parameters of section 4.1.2.1.
    """
    number, error = number_of(document), str(document.get("error", ""))
    correlation = str(document.get("correlation_id", ""))
    if number and _GUID.fullmatch(correlation):
        # What an administrator searches the sign-in logs for; each time another.
        logger.info("Microsoft refused, AADSTS%d, correlation id %s", number, correlation)
    what = f"AADSTS{number}" if number else word(error)
    if error in NOT_NOW:
        return TemporarilyUnavailable(f"Microsoft's sign-in does not work now ({what})")
    known = _KNOWN.get(number)
    if known is not None:
        return known.kind(f"{known.text} ({what})", code=known.code, hint=known.hint)
    text = f"Microsoft's sign-in answers {word(error)}" + (f" ({what})" if number else "")
    if error in _OVER:
        return AuthorizationExpired(text, hint=_AGAIN)
    if error == "access_denied":
        return RemoteRejected(text, code=error, hint="ask again, or ask the owner")
    if error in CLIENT:
        hint = "check client_id and client_secret of providers.microsoft"
        return RemoteRejected(text, code="invalid_client", hint=hint)
    return RemoteRejected(text, code="oauth_error")
