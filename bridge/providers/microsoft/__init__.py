"""Calendars of Microsoft 365 and Outlook accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from bridge.authorizer import Grant
from bridge.model.http import Rates
from bridge.notifier import Delivery, Notices, unreachable
from bridge.provider import Account, Provider, ProviderKind
from bridge.providers.microsoft.settings import CLOUDS, MicrosoftConnection, MicrosoftDefaults

if TYPE_CHECKING:
    from bridge.providers.microsoft.consent import MicrosoftConsent
    from bridge.providers.microsoft.device import MicrosoftDevice

__all__ = ["CLOUDS", "KIND", "MicrosoftConnection", "MicrosoftDefaults"]

_AT_ONCE = 4
"""Requests of one application that a mailbox takes at the same time:
https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits."""


def _of(account: Account) -> MicrosoftDefaults:
    if not isinstance(account.defaults, MicrosoftDefaults):
        raise TypeError("not the section of Microsoft")
    return account.defaults


def _open(account: Account) -> Provider:
    from bridge.providers.microsoft.adapter import open_account

    return open_account(account, _of(account).api_url)


def _consent(account: Account) -> MicrosoftConsent:
    from bridge.providers.microsoft.consent import MicrosoftConsent

    defaults = _of(account)
    return MicrosoftConsent(account.http, defaults, defaults.wanted_scopes(account.direction))


def _device(account: Account) -> MicrosoftDevice:
    from bridge.providers.microsoft.device import MicrosoftDevice

    return MicrosoftDevice(_consent(account))


def _refresh(account: Account, grant: Grant) -> Grant:
    if not account.acts_for:
        return _consent(account).refresh(grant)
    from bridge.providers.microsoft.entra import Entra

    return Entra(account.http, _of(account)).alone()


def _is_delegated(settings: BaseModel, defaults: BaseModel) -> bool:
    if not isinstance(settings, MicrosoftConnection) or not isinstance(defaults, MicrosoftDefaults):
        raise TypeError("not the settings of Microsoft")
    return defaults.application and not settings.consent


def _notices(delivery: Delivery) -> Notices:
    from bridge.providers.microsoft.push import notices

    return notices(delivery)


def _unreachable(defaults: BaseModel, address: str) -> str:
    if not isinstance(defaults, MicrosoftDefaults):
        raise TypeError("not the section of Microsoft")
    return unreachable(address, defaults.api_url)


def _rates(defaults: BaseModel) -> Rates:
    if not isinstance(defaults, MicrosoftDefaults):
        raise TypeError("not the section of Microsoft")
    each = defaults.requests_per_account.per_minute
    return Rates(defaults.requests.per_minute, each, at_once=_AT_ONCE)


_CAPABILITIES: Mapping[str, str] = {
    "read events": "done; of all calendars, those that others shared among them",
    "incremental": "done: delta rounds",
    "write events": "done, with Teams meetings",
    "push": "done: subscriptions",
}

_ADVICE = (
    "a client secret ends after two years at most, and nothing is read from then on "
    "(client_secret_expired): the Entra admin center shows when, under App registrations, "
    "Certificates & secrets; make the next one before that",
    "organizations may keep out applications of publishers that are not verified: verify yours, "
    "under Branding & properties, or have an administrator grant admin consent, under API "
    "permissions",
    "with application: true every mailbox of the organization can be read, unless RBAC for "
    "Applications, or an application access policy, of Exchange leaves only those that are needed",
)

KIND = ProviderKind(
    name="microsoft",
    title="Microsoft 365 and Outlook",
    connection_settings=MicrosoftConnection,
    provider_settings=MicrosoftDefaults,
    open=_open,
    refresh=_refresh,
    authorizer=_consent,
    takes_back=False,
    device=_device,
    is_delegated=_is_delegated,
    notices=_notices,
    unreachable=_unreachable,
    rates=_rates,
    synonyms=("outlook", "office365", "m365"),
    capabilities=_CAPABILITIES,
    advice=_ADVICE,
)
