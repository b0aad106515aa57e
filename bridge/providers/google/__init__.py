"""Calendars of Google accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from bridge.authorizer import Grant
from bridge.model.http import Rates
from bridge.notifier import Delivery, Notices, unreachable
from bridge.provider import Account, Provider, ProviderKind
from bridge.providers.google.settings import GoogleConnection, GoogleDefaults

if TYPE_CHECKING:
    from bridge.providers.google.consent import GoogleConsent

__all__ = ["KIND", "GoogleConnection", "GoogleDefaults"]


def _open(account: Account) -> Provider:
    from bridge.providers.google.adapter import open_account

    if not isinstance(account.defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    return open_account(account, account.defaults.api_url)


def _consent(account: Account) -> GoogleConsent:
    from bridge.providers.google.consent import GoogleConsent

    if not isinstance(account.defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    wanted = account.defaults.wanted_scopes(account.direction)
    return GoogleConsent(account.http, account.defaults, wanted)


def _refresh(account: Account, grant: Grant) -> Grant:
    consent = _consent(account)
    if not account.acts_for:
        return consent.refresh(grant)
    from bridge.providers.google.delegation import act_for, read_key

    defaults = account.defaults
    if not isinstance(defaults, GoogleDefaults) or defaults.service_account is None:
        raise TypeError("there is no service account")
    program = read_key(defaults.service_account.get_secret_value())
    scopes = tuple(consent.scopes)
    return act_for(account.http, defaults.token_url, program, account.acts_for, scopes)


def _is_delegated(settings: BaseModel, defaults: BaseModel) -> bool:
    if not isinstance(settings, GoogleConnection) or not isinstance(defaults, GoogleDefaults):
        raise TypeError("not the settings of Google")
    return defaults.service_account is not None and not settings.consent


def _notices(delivery: Delivery) -> Notices:
    from bridge.providers.google.push import notices

    return notices(delivery)


def _unreachable(defaults: BaseModel, address: str) -> str:
    if not isinstance(defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    return unreachable(address, defaults.api_url)


def _rates(defaults: BaseModel) -> Rates:
    if not isinstance(defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    return Rates(defaults.requests.per_minute, defaults.requests_per_account.per_minute)


_CAPABILITIES: Mapping[str, str] = {
    "read events": "done; of calendars that share only their busy time, that",
    "incremental": "done: sync tokens",
    "write events": "done: with Meet links",
    "push": "done: watch channels",
}

_ADVICE = (
    "the project of the OAuth client has to have the Google Calendar API enabled, under APIs & "
    "Services of the Google Cloud console",
    'while the project\'s OAuth consent screen has the publishing status "Testing", only the test '
    "users that it lists can agree, and what they permit ends after seven days (token_expired): "
    "publish the app, or make its user type Internal where all accounts are of your Google "
    "Workspace organization; whoever agreed before has to agree once more after that",
)

KIND = ProviderKind(
    name="google",
    title="Google Calendar",
    connection_settings=GoogleConnection,
    provider_settings=GoogleDefaults,
    open=_open,
    refresh=_refresh,
    authorizer=_consent,
    notices=_notices,
    unreachable=_unreachable,
    is_delegated=_is_delegated,
    rates=_rates,
    capabilities=_CAPABILITIES,
    advice=_ADVICE,
)
