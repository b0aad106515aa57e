"""Owners who have their browser elsewhere (RFC 8628).

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from bridge.authorizer import DeviceCode, Grant
from bridge.errors import AuthorizationExpired, ProviderError, RemoteRejected
from bridge.oauth import unreadable
from bridge.providers.microsoft import aadsts
from bridge.providers.microsoft.consent import MicrosoftConsent
from bridge.providers.microsoft.entra import TITLE

_PENDING = ("authorization_pending", "slow_down")
_DECLINED = ("authorization_declined", "access_denied")
_OVER = ("expired_token", "bad_verification_code")
_NEEDS_SECRET = 7000218


@dataclass(frozen=True, slots=True)
class MicrosoftDevice:
    """Implements `bridge.authorizer.DeviceAuthorizer`; no secret goes with it."""

    consent: MicrosoftConsent

    def begin(self) -> DeviceCode:
        """See `DeviceAuthorizer`."""
        entra = self.consent.entra
        flow = entra.application(public=True).initiate_device_flow(self.consent.asked)
        if "error" in flow:
            raise _meaning(flow)
        try:
            return DeviceCode(
                device_code=SecretStr(flow["device_code"]),
                user_code=flow["user_code"],
                verification_uri=entra.shown(flow["verification_uri"]),
                lifetime=timedelta(seconds=flow["expires_in"]),
                interval=timedelta(seconds=flow["interval"]),
            )
        except KeyError:
            raise unreadable(TITLE) from None

    def poll(self, code: DeviceCode) -> Grant | DeviceCode:
        """See `DeviceAuthorizer`; MSAL would wait by itself, and is let ask once."""
        flow: dict[str, Any] = {
            "device_code": code.device_code.get_secret_value(),
            "interval": int(code.interval.total_seconds()),
        }
        application = self.consent.entra.application(public=True)
        answer = application.acquire_token_by_device_flow(flow, exit_condition=lambda _: True)
        if answer.get("error") in _PENDING:
            # After a slow_down it is longer.
            return replace(code, interval=timedelta(seconds=flow["interval"]))
        if "error" in answer:
            raise _meaning(answer)
        return self.consent.granted(answer)


def _meaning(answer: Mapping[str, Any]) -> ProviderError:
    error = answer["error"]
    if error in _DECLINED:
        return RemoteRejected("the owner did not agree", code="access_denied", hint="ask again")
    if error in _OVER:
        return AuthorizationExpired(
            "the code is over", code="device_code_expired", hint="begin again"
        )
    if aadsts.number_of(answer) == _NEEDS_SECRET:
        return RemoteRejected(
            f"the application may not use codes of other devices (AADSTS{_NEEDS_SECRET})",
            code="device_not_allowed",
            hint="in the Entra admin center, App registrations, Authentication, allow public "
            "client flows; or connect the account in a browser",
        )
    return aadsts.meaning(answer)
