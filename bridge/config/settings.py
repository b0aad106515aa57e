"""The settings tree: frozen, typed, complete with defaults; INTERFACE section 3 is its picture.

A key is here when something reads it. Each field's description is its line in
`docs/configuration.md` and its comment in `config.example.yaml`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, PrivateAttr, SerializeAsAny, model_validator

from bridge.config.booking import (
    Bookings,
    Conferences,
    EventDefaults,
    EventDefaultsOverride,
    EventType,
)
from bridge.config.hours import WorkingHours
from bridge.config.logins import Auth, Id
from bridge.config.mirroring import Mirror
from bridge.config.notify import Notify
from bridge.config.observing import Logging, Metrics
from bridge.config.policy import (
    Availability,
    AvailabilityOverride,
    Privacy,
    PrivacyMode,
    PrivacyOverride,
)
from bridge.config.section import Section, section, written
from bridge.config.supplements import Origin
from bridge.config.syncing import Sync, SyncOverride, SyncWindow
from bridge.config.values import (
    BaseUrl,
    Bind,
    Cidr,
    CidrPort,
    DatabaseUrl,
    Duration,
    Email,
    FilePath,
    RateLimit,
    Secret,
    Size,
    Way,
    Zone,
)
from bridge.model.resource import CUType, Direction


class RateLimits(Section):
    """Limits on what one client may ask."""

    per_client: RateLimit = written("600/min", "requests of one client address")
    login_failures: RateLimit = written("10/min", "failed logins of one address or one name")


class Server(Section):
    """Where BusyBridge listens, and for whom."""

    bind: Bind = Field(default="127.0.0.1:5232", description="address and port to listen on")
    base_url: BaseUrl = Field(
        default="",
        description="public URL, used in links; empty: http:// and bind",
        examples=["https://cal.example.com"],
    )
    trusted_proxies: tuple[Cidr, ...] = Field(
        default=(),
        description="proxies whose X-Forwarded headers are believed",
        examples=[["127.0.0.1/32"]],
    )
    timezone: Zone = Field(default="UTC", description="default zone of floating and all-day times")
    max_request_size: Size = Field(
        default="1MiB",
        validate_default=True,
        ge=16 << 10,
        le=64 << 20,
        description="largest request body",
    )
    rate_limit: RateLimits = section()
    threads: int = Field(default=16, ge=2, le=256, description="request threads")
    role: Literal["all", "web", "worker"] = Field(
        default="all", description="share of the work; several processes share one PostgreSQL"
    )

    @property
    def public_url(self) -> str:
        """The URL that links begin with, without a slash at its end."""
        return self.base_url or f"http://{self.bind}"


class Storage(Section):
    """Where data and keys are kept."""

    database: DatabaseUrl = written(
        "sqlite:///busybridge.sqlite3", "sqlite:///file, or postgresql://user@host/name"
    )
    database_password: Secret | None = Field(
        default=None,
        description="password of the PostgreSQL user",
        examples=["BUSYBRIDGE_DATABASE_PASSWORD"],
    )
    encryption_key_file: FilePath = written(
        "busybridge.key", "key file that `busybridge init` wrote; holds the instance id"
    )


class Outbound(Section):
    """What BusyBridge may connect to."""

    allow_networks: tuple[CidrPort, ...] = Field(
        default=(),
        description="private networks that connections may reach; public addresses always",
        examples=[["10.0.0.0/8", "127.0.0.1/32:8080"]],
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="PEM file with further certificate authorities",
        examples=["/etc/ssl/private-ca.pem"],
    )


class ReadCalendar(Section):
    """One entry of `read_calendars`; an entry without overrides may be just its name."""

    calendar: str = Field(
        min_length=1, description="id, name, or primary", examples=["Maintenance"]
    )
    availability: AvailabilityOverride = section()
    privacy: PrivacyOverride = section()

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"calendar": value} if isinstance(value, str) else value


class Connection(Section):
    """One account at one provider. Beside these keys it takes those of its provider."""

    id: Id = Field(description="id within the resource", examples=["work"])
    adopt: bool = Field(
        default=False, description="take over what was made by API under this id, with its account"
    )
    provider: str = Field(description="kind of calendar system", examples=["caldav"])
    account_email: Email = Field(
        default="",
        description="address of the account's owner, whose replies count; empty: the resource's",
        examples=["room-a@example.com"],
    )
    read_calendars: tuple[ReadCalendar, ...] | None = Field(
        default=None,
        description="calendars that block time: ids, names or primary; none given: all; []: none",
    )
    write_calendar: str | None = Field(
        default=None,
        description="calendar that bookings go to; it is read, too",
        examples=["primary"],
    )
    primary: bool = Field(
        default=False, description="this connection's write_calendar receives the bookings"
    )
    direction: Way | None = Field(
        default=None,
        description="which way it works; left out: the resource's",
        examples=["both"],
    )
    validate_availability: bool = Field(
        default=True, description="false: it is pulled, but blocks nothing"
    )
    cancel_if_declined_or_deleted: bool = Field(
        default=True,
        description="a booking whose event is declined or deleted there is cancelled",
    )
    notify_attendees: bool | None = Field(
        default=None,
        description="whether the provider mails the guests of bookings written there; left out: as"
        " `event_defaults` says",
        examples=[False],
    )
    paused: bool = Field(default=False, description="not pulled; its last busy time stays")
    sync: SyncOverride = section()
    availability: AvailabilityOverride = section()
    privacy: PrivacyOverride = section()
    options: SerializeAsAny[BaseModel] | None = Field(default=None, exclude=True)
    """The kind's own keys, secrets resolved; put here by `load`, no key of the YAML."""
    acts_for: Email = Field(default="", exclude=True)
    """`account_email`, where the account is opened without its owner's consent; put here, too."""
    unwritable: str = Field(default="", exclude=True)
    """Why its kind takes no events, `is a feed, which is read-only`; put here, too."""


class Feed(Section):
    """A secret URL that calendar programs subscribe to."""

    name: Id = Field(description="name within the resource", examples=["team"])
    detail: PrivacyMode = Field(
        default=PrivacyMode.BUSY_ONLY, description="never more than the resource's privacy allows"
    )
    window: SyncWindow = section(past="1d", future="60d")
    refresh: Duration = written("15m", "how often subscribers are asked to look", least="1m")


class FreeBusy(Section):
    """The free-busy URL."""

    public: bool = Field(default=False, description="answer without login")
    min_window: Duration = written("6w", "least span when the request names none", least="1d")


class Resource(Section):
    """A person, room or thing whose busy time is published."""

    id: Id = Field(description="first part of its URLs", examples=["room-a"])
    adopt: bool = Field(default=False, description="take over what was made by API under this id")
    name: str = Field(
        default="", max_length=200, description="name that people see", examples=["Room A"]
    )
    email: Email = Field(
        default="", description="address for free-busy look-ups", examples=["room-a@example.com"]
    )
    type: CUType = Field(
        default=CUType.INDIVIDUAL,
        description="what calendar programs show it as",
        examples=["room"],
    )
    timezone: Zone | None = Field(
        default=None,
        description="zone of its floating and all-day times; left out: server.timezone",
        examples=["Europe/Berlin"],
    )
    working_hours: WorkingHours = Field(
        default={},
        description="when it can be booked, where bookings.outside_hours is reject",
        examples=[{"mon-fri": "08:00-18:00"}],
    )
    direction: Way = Field(
        default=Direction.BOTH,
        description="inbound: its calendars are only read; outbound: they block nothing",
    )
    connections: tuple[Connection, ...] = ()
    availability: AvailabilityOverride = section()
    privacy: PrivacyOverride = section()
    feeds: tuple[Feed, ...] = ()
    freebusy: FreeBusy = section()
    bookings: Bookings = section()
    event_defaults: EventDefaultsOverride = section()
    mirror: tuple[Mirror, ...] = ()


class Settings(Section):
    """The whole file."""

    version: Literal[1] = Field(description="version of this file's format", examples=[1])
    environment: str = Field(
        default="production",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="name of this installation",
    )
    allow_inline_secrets: bool = Field(
        default=False, description="accept secrets in this file itself, not only by _env and _file"
    )
    server: Server = section()
    storage: Storage = section()
    auth: Auth = section()
    providers: dict[str, SerializeAsAny[BaseModel]] = Field(default_factory=dict, exclude=True)
    """Defaults of each provider kind, by the kind's name; empty when `load` was given no kinds."""
    outbound: Outbound = section()
    sync: Sync = section()
    availability: Availability = section()
    privacy: Privacy = section()
    event_defaults: EventDefaults = section()
    conference: Conferences = section()
    event_types: tuple[EventType, ...] = ()
    resources: tuple[Resource, ...] = ()
    notify: Notify = section()
    logging: Logging = section()
    metrics: Metrics = section()
    removed_resources: Literal["park", "purge"] = Field(
        default="park",
        description="what becomes of a resource that left the file, and of what was written for it",
    )
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _made_by_api: frozenset[str] = PrivateAttr(default=frozenset())
    _origin: Origin | None = PrivateAttr(default=None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unwise in the file, though it can be used; for `check` and the log."""
        return self._warnings

    def warn(self, warnings: list[str]) -> None:
        """Attach warnings; for `load` alone, before anyone else holds the settings."""
        self._warnings = tuple(warnings)

    @property
    def made_by_api(self) -> frozenset[str]:
        """Ids of the resources (`room-a`) and connections (`room-a.work`) that no file names."""
        return self._made_by_api

    @property
    def origin(self) -> Origin | None:
        """What they were made of; None for settings that are not in force anywhere."""
        return self._origin

    def were_made(self, ids: frozenset[str]) -> None:
        """Attach `made_by_api`; for `load` alone, as with `warn`."""
        self._made_by_api = ids

    def come_from(self, origin: Origin) -> None:
        """Attach the origin; for `load` alone, as with `warn`."""
        self._origin = origin
