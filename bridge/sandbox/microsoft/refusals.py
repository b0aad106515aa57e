"""What Entra refuses, with the numbers by which an administrator finds out why.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SIGN_IN_FAULTS = ("invalid_grant", "password_changed", "conditional_access", "mfa_required")
"""Faults of an account that end its refresh tokens."""


class _Known(NamedTuple):
    error: str
    number: int
    text: str
    status: int = 400
    suberror: str = ""


_KNOWN: Mapping[str, _Known] = {
    "unknown_client": _Known(
        "unauthorized_client", 700016, "Application was not found in the directory."
    ),
    "wrong_secret": _Known(
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client "
        "secret value, not the client secret ID.",
        401,
    ),
    "expired_secret": _Known(
        "invalid_client", 7000222, "The provided client secret keys are expired.", 401
    ),
    "no_secret": _Known(
        "invalid_client",
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or "
        "'client_secret'.",
        401,
    ),
    "not_public": _Known(
        "invalid_client", 7000218, "The client is not allowed to use public client flows.", 401
    ),
    "secret_of_public": _Known(
        "invalid_client",
        700025,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        401,
    ),
    "wrong_tenant": _Known("invalid_request", 90002, "Tenant not found."),
    "no_tenant": _Known(
        "invalid_request",
        50059,
        "No tenant-identifying information found in either the request or implied by any provided "
        "credentials.",
    ),
    "single_tenant": _Known(
        "invalid_request",
        50194,
        "Application is not configured as a multi-tenant application. Usage of the /common "
        "endpoint is not supported for such apps.",
    ),
    "foreign_user": _Known(
        "access_denied", 50020, "User account does not exist in the tenant and cannot access it."
    ),
    "redirect": _Known(
        "invalid_request", 50011, "The redirect URI does not match the redirect URIs configured."
    ),
    "code_redirect": _Known(
        "invalid_client", 500112, "The reply address does not match the one of the request."
    ),
    "code_malformed": _Known("invalid_grant", 9002313, "Invalid request. Request is malformed."),
    "code_redeemed": _Known(
        "invalid_grant", 54005, "OAuth2 Authorization code was already redeemed."
    ),
    "code_expired": _Known(
        "invalid_grant", 70008, "The provided authorization code has expired.", 400
    ),
    "proof": _Known("invalid_grant", 50148, "The code_verifier does not match the code_challenge."),
    "refresh_malformed": _Known("invalid_grant", 9002313, "Invalid request. Request is malformed."),
    "refresh_expired": _Known(
        "invalid_grant",
        700082,
        "The refresh token has expired due to inactivity.",
        400,
        "token_expired",
    ),
    "invalid_grant": _Known(
        "invalid_grant", 70008, "The refresh token has expired or was revoked.", 400, "bad_token"
    ),
    "password_changed": _Known(
        "invalid_grant",
        50173,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The "
        "user might have changed or reset their password.",
        400,
        "bad_token",
    ),
    "conditional_access": _Known(
        "invalid_grant",
        53003,
        "Access has been blocked by Conditional Access policies. The access policy does not allow "
        "token issuance.",
        400,
        "message_only",
    ),
    "mfa_required": _Known(
        "invalid_grant",
        50076,
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must use multi-factor authentication to access the resource.",
        400,
        "basic_action",
    ),
    "consent_missing": _Known(
        "invalid_grant",
        65001,
        "The user or administrator has not consented to use the application. Send an interactive "
        "authorization request for this user and resource.",
        400,
        "consent_required",
    ),
    "declined": _Known("access_denied", 65004, "User declined to consent to access the app."),
    "admin_consent": _Known(
        "access_denied", 90094, "An administrator has to consent to use the application."
    ),
    "login_required": _Known(
        "login_required", 50058, "A silent sign-in request was sent but no user is signed in."
    ),
    "interaction_required": _Known(
        "interaction_required",
        65001,
        "The user or administrator has not consented to use the application.",
    ),
    "scope": _Known("invalid_scope", 70011, "The provided value for scope is not valid."),
    "default_scope": _Known(
        "invalid_scope",
        1002012,
        "The provided value for scope is not valid. Client credential flows must have a scope "
        "value with /.default suffixed to the resource identifier.",
    ),
    "grant_type": _Known(
        "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
    ),
    "response_type": _Known("unsupported_response_type", 700054, "response_type is not enabled."),
    "unknown_scope": _Known(
        "invalid_client", 650053, "The application asked for a scope that doesn't exist."
    ),
    "not_in_tenant": _Known(
        "unauthorized_client",
        7000229,
        "The client application is missing service principal in the tenant.",
    ),
    "request": _Known("invalid_request", 900144, "The request misses a parameter."),
    "device_pending": _Known(
        "authorization_pending", 70016, "The user has not yet finished to sign in."
    ),
    "device_hasty": _Known("slow_down", 70016, "The device asks too often."),
    "device_declined": _Known("authorization_declined", 70016, "The end user denied the request."),
    "device_expired": _Known("expired_token", 70020, "The device code has expired."),
    "unavailable": _Known(
        "temporarily_unavailable", 90033, "A transient error has occurred. Try again.", 503
    ),
}


class EntraError(Exception):
    """An error of the authorisation server."""

    def __init__(self, name: str) -> None:
        known = _KNOWN[name]
        super().__init__(known.error)
        self.name = name
        self.error = known.error
        self.number = known.number
        self.text = known.text
        self.status = known.status
        self.suberror = known.suberror


def refusal(name: str) -> EntraError:
    """Make the error of that name."""
    return EntraError(name)
