"""Meetings of Zoom accounts. They have no calendars here, and nothing of them is ever busy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, Field, model_validator

from bridge.authorizer import Grant
from bridge.config.booking import Conferences
from bridge.config.section import Section
from bridge.config.values import Email, RateLimit, Secret, ServiceUrl
from bridge.model.http import Rates
from bridge.model.interval import Instant
from bridge.notifier import Delivery, Notices
from bridge.provider import Account, Provider, ProviderKind

if TYPE_CHECKING:
    from bridge.providers.zoom.consent import ZoomConsent


class ZoomConnection(Section):
    """A connection of this kind has no keys of its own; its account_email is the host."""


class ZoomDefaults(Section):
    """Keys of the section `providers.zoom`."""

    auth: Literal["server_to_server", "oauth"] = Field(
        default="server_to_server",
        description="type of the app at Zoom; server_to_server: it acts for every user of its own "
        "account; oauth: each host lets it in",
    )
    account_id: str = Field(
        default="",
        description="of the Zoom account, for server_to_server",
        examples=["AbCdEfGhIjKlMnOpQrStUv"],
    )
    client_id: str = Field(
        default="", description="of the app, made in the Zoom App Marketplace", examples=["aBcDeF"]
    )
    client_secret: Secret | None = Field(
        default=None, description="of that app", examples=["ZOOM_SECRET"]
    )
    host: Email = Field(
        default="",
        description="user in whose name server_to_server makes the meetings of resources without a "
        "zoom connection; empty: the resource's email",
        examples=["meetings@example.com"],
    )
    webhook_secret: Secret | None = Field(
        default=None,
        description="secret token of the app's event subscription, where Zoom is to tell of "
        "meetings that somebody changed or deleted, and of hosts who remove the app",
        examples=["ZOOM_WEBHOOK_SECRET"],
    )
    api_url: ServiceUrl = Field(default="https://api.zoom.us/v2", description="root of the API")
    authorize_url: ServiceUrl = Field(
        default="https://zoom.us/oauth/authorize", description="page on which hosts agree"
    )
    token_url: ServiceUrl = Field(
        default="https://zoom.us/oauth/token", description="where tokens come from"
    )
    revoke_url: ServiceUrl = Field(
        default="https://zoom.us/oauth/revoke", description="where grants are given back"
    )

    # https://developers.zoom.us/docs/api/rate-limits/
    requests: RateLimit = Field(
        default="1200/min",
        validate_default=True,
        description="that the Zoom account takes; those are of the plan Pro",
    )
    requests_per_account: RateLimit = Field(
        default="600/min", validate_default=True, description="that are sent for each host"
    )

    @property
    def asks_owners(self) -> bool:
        """Whether hosts let the app in."""
        return self.auth == "oauth"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.auth == "server_to_server" and self.client_id:
            if not self.account_id:
                raise ValueError("auth: server_to_server needs an account_id")
            if self.client_secret is None:
                raise ValueError("auth: server_to_server needs a client_secret")
        return self


def _of(defaults: BaseModel) -> ZoomDefaults:
    if not isinstance(defaults, ZoomDefaults):
        raise TypeError("not the section of Zoom")
    return defaults


def _open(account: Account) -> Provider:
    from bridge.providers.zoom.adapter import open_account

    given = account.conference
    conference = given if isinstance(given, Conferences) else Conferences()
    return open_account(account, _of(account.defaults).api_url, conference.zoom.settings)


def _consent(account: Account) -> ZoomConsent:
    from bridge.providers.zoom.consent import ZoomConsent

    return ZoomConsent(account.http, _of(account.defaults))


def _refresh(account: Account, grant: Grant) -> Grant:
    consent = _consent(account)
    return consent.alone() if account.acts_for else consent.refresh(grant)


def _is_delegated(_settings: BaseModel, defaults: BaseModel) -> bool:
    known = _of(defaults)
    return known.client_id != "" and not known.asks_owners


def _host(defaults: BaseModel, email: str) -> str:
    known = _of(defaults)
    return (known.host or email) if _is_delegated(known, known) else ""


def _signed(delivery: Delivery, defaults: BaseModel, now: Instant) -> Notices:
    from bridge.providers.zoom.push import notices

    known = _of(defaults)
    secret = known.webhook_secret.get_secret_value() if known.webhook_secret else ""
    return notices(delivery, (known.client_id, secret), now)


def _rates(defaults: BaseModel) -> Rates:
    known = _of(defaults)
    return Rates(known.requests.per_minute, known.requests_per_account.per_minute)


_CAPABILITIES: Mapping[str, str] = {
    "read events": "exempt: it has meetings, no calendars",
    "incremental": "exempt: it has meetings, no calendars",
    "write events": "done: the meetings of bookings in the other calendars",
    "push": "done: webhooks, of meetings that were changed or deleted",
}

_ADVICE = (
    "100 meetings a day can be made and changed for each host, whatever the plan is: a resource "
    "that is booked more often than that needs a host of its own",
    "an app with auth: oauth is good for the users of its own Zoom account alone until it is "
    "published in the Marketplace",
    "hosts without a licence (the plan Basic) have meetings of 40 minutes at most",
)

KIND = ProviderKind(
    name="zoom",
    title="Zoom",
    connection_settings=ZoomConnection,
    provider_settings=ZoomDefaults,
    open=_open,
    refresh=_refresh,
    authorizer=_consent,
    is_delegated=_is_delegated,
    is_one_program=True,
    has_calendars=False,
    unwritable="has meetings and no calendars",
    host=_host,
    signed=_signed,
    rates=_rates,
    capabilities=_CAPABILITIES,
    advice=_ADVICE,
)
