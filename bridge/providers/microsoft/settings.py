"""What the configuration says of Microsoft: of all of it, and of one connection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from bridge.config.section import Section
from bridge.config.values import RateLimit, Secret
from bridge.model.resource import Direction

CloudName = Literal["global", "us_government", "us_government_dod", "china"]


class Cloud(NamedTuple):
    """Where one of Microsoft's clouds is: https://learn.microsoft.com/graph/deployments."""

    login_url: str
    graph_url: str


CLOUDS: Mapping[str, Cloud] = {
    "global": Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "us_government": Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "us_government_dod": Cloud(
        "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"
    ),
    "china": Cloud(
        "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"
    ),
}
SHARED = ("common", "organizations", "consumers")
"""Tenants that are nobody's own."""
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_READING = ("Calendars.Read", "User.Read")
_WRITING = ("Calendars.ReadWrite", "User.Read")


class MicrosoftConnection(Section):
    """Keys of a connection of this kind; its account is connected by its owner, or app-only."""

    consent: bool = Field(
        default=False,
        description="the account's owner is asked, although the application may read every mailbox",
    )


class MicrosoftDefaults(Section):
    """Keys of the section `providers.microsoft`."""

    client_id: str = Field(
        default="",
        description="of the application, registered in the Entra admin center",
        examples=["00000000-0000-0000-0000-000000000000"],
    )
    client_secret: Secret | None = Field(
        default=None,
        description="a secret of that application: its value, not its id",
        examples=["MS_SECRET"],
    )
    tenant: str = Field(
        default="common",
        description="whose accounts may be connected: common (all), organizations, consumers, or "
        "the id or a domain of one organization",
    )
    cloud: CloudName = Field(default="global", description="which of Microsoft's clouds")
    application: bool = Field(
        default=False,
        description="an administrator allowed the application to read mailboxes: it reads the "
        "account_email of each connection, and no owner is asked; needs a tenant of its own",
    )
    scopes: Literal["auto"] | tuple[str, ...] = Field(
        default="auto",
        description="what owners are asked to permit, `Calendars.ReadWrite`; auto: what the "
        "direction of a connection needs",
    )
    sandbox_url: str = Field(
        default="",
        description="root of a stand-in on loopback for every host of the cloud, "
        "`http://127.0.0.1:8080`; empty: Microsoft itself",
    )

    # https://learn.microsoft.com/graph/throttling-limits
    requests: RateLimit = Field(
        default="780000/min",
        validate_default=True,
        description="that the application may send, for all accounts together",
    )
    requests_per_account: RateLimit = Field(
        default="1000/min", validate_default=True, description="that each mailbox takes"
    )

    @property
    def login_url(self) -> str:
        """Where people sign in and tokens come from: without a stand-in, whatever is set."""
        return CLOUDS[self.cloud].login_url

    @property
    def graph_url(self) -> str:
        """What permissions are of, `https://graph.microsoft.com`: without a stand-in, too."""
        return CLOUDS[self.cloud].graph_url

    @property
    def api_url(self) -> str:
        """Root of the API, `https://graph.microsoft.com/v1.0`."""
        return f"{self.sandbox_url or self.graph_url}/v1.0"

    def wanted_scopes(self, direction: Direction) -> tuple[str, ...]:
        """Give what a consent has to cover."""
        names: tuple[str, ...] = _WRITING if direction.writes else _READING
        if self.scopes != "auto":
            names = self.scopes
            if not any(each.lower().endswith("user.read") for each in names):
                names = (*names, "User.Read")  # nobody says whose account it is without
        return self.whole(names)

    def whole(self, names: Sequence[str]) -> tuple[str, ...]:
        """Give scopes as this cloud has to be asked for them."""
        if self.cloud == "global":
            return tuple(names)
        # A bare name stands for the API of where people sign in, and two clouds share that.
        return tuple(each if "/" in each else f"{self.graph_url}/{each}" for each in names)

    @field_validator("tenant")
    @classmethod
    def _named(cls, value: str) -> str:
        name = value.strip()
        if not _TENANT.fullmatch(name):
            raise ValueError("is neither common, organizations, consumers, nor an id or a domain")
        return name

    @field_validator("application")
    @classmethod
    def _alone(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic calls it
        if value and str(info.data.get("tenant", "")).lower() in SHARED:
            raise ValueError(
                "needs an organization of its own: put its id or one of its domains into tenant"
            )
        if value and "client_secret" in info.data and not info.data["client_secret"]:
            raise ValueError("needs a client_secret")
        return value

    @field_validator("sandbox_url")
    @classmethod
    def _on_loopback(cls, value: str) -> str:
        url = value.strip().rstrip("/")
        if not url:
            return ""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.path or parts.query or parts.fragment:
            raise ValueError("is not the root of an http or https URL")
        if not _is_loopback(parts.hostname or ""):
            raise ValueError("is not on this machine: secrets would be sent to it")
        return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
