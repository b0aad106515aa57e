"""The settings tree: frozen, typed, complete with defaults; INTERFACE section 3 is its picture.

A key is here when something reads it. Each field's description is its line in `docs/configuration.md`
and its comment in `config.example.yaml`.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from bridge.config.values import CidrPort, Duration, RateLimit, Secret, Share, Size, Zone
from bridge.model.resource import Access, CUType

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""Ids and logins: lower case, no dots (a dot joins the ids of a resource and a connection)."""


class Section(BaseModel):
    """A mapping of the YAML: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RateLimits(Section):
    per_client: RateLimit = Field(
        default="600/min", validate_default=True, description="requests of one client address"
    )
    login_failures: RateLimit = Field(
        default="10/min", validate_default=True, description="failed logins of one address or name"
    )


class Server(Section):
    bind: str = Field(default="127.0.0.1:5232", description="address and port to listen on")
    base_url: str = Field(
        default="", description="public URL, used in links; empty = http:// and bind"
    )
    trusted_proxies: tuple[CidrPort, ...] = Field(
        default=(), description="proxies whose X-Forwarded headers are believed"
    )
    timezone: Zone = Field(default="UTC", description="default zone for floating and all-day times")
    max_request_size: Size = Field(
        default="1MiB", validate_default=True, description="largest request body"
    )
    rate_limit: RateLimits = RateLimits()
    threads: int = Field(default=16, ge=2, le=256, description="request threads")
    role: Literal["all", "web", "worker"] = Field(
        default="all",
        description="all | web | worker: several processes share one PostgreSQL database",
    )


class Storage(Section):
    database: str = Field(
        default="sqlite:///busybridge.sqlite3",
        description="sqlite:///file, or postgresql+psycopg://user@host/db",
    )
    database_password: Secret | None = Field(
        default=None, description="password of the PostgreSQL user"
    )
    encryption_key_file: str = Field(
        default="busybridge.key", description="key file that `init` wrote; holds the instance id"
    )


class User(Section):
    name: Id
    email: str = Field(default="", description="mail address of the person")
    role: Literal["user", "admin"] = Field(
        default="user", description="user | admin: an admin may do everything"
    )
    password_hash: Secret | None = Field(
        default=None, description="bcrypt or argon2 hash; none = app passwords only"
    )
    access: dict[str, Access | GlobAccess] = Field(
        default_factory=dict, description="resource or glob -> free-busy | read | write | manage"
    )


class GlobAccess(Section):
    level: Access
    list: bool = Field(default=False, description="list the resources that a glob names, too")


class Auth(Section):
    users: tuple[User, ...] = ()
    htpasswd_file: str | None = Field(
        default=None,
        description="more logins, with bcrypt or argon2 hashes; they see what `*` grants",
    )


class Outbound(Section):
    allow_networks: tuple[CidrPort, ...] = Field(
        default=(),
        description="private addresses that connections may reach, as CIDR[:port]; public addresses always",
    )
    ca_file: str | None = Field(
        default=None, description="PEM file with further certificate authorities"
    )


class SyncWindow(Section):
    past: Duration = Field(
        default="7d", validate_default=True, description="how far back busy time is kept"
    )
    future: Duration = Field(
        default="400d", validate_default=True, description="how far ahead busy time is known"
    )


class JustInTime(Section):
    enabled: bool = Field(default=True, description="let ?sync=true pull before it answers")
    min_interval: Duration = Field(
        default="30s",
        validate_default=True,
        description="a connection pulled more recently is fresh enough",
    )
    timeout: Duration = Field(
        default="5s", validate_default=True, description="longest wait of a request"
    )


class Backoff(Section):
    initial: Duration = Field(
        default="30s",
        validate_default=True,
        description="wait after the first failure, doubled with each",
    )
    max: Duration = Field(default="6h", validate_default=True, description="longest wait")


class ExpansionLimits(Section):
    occurrences_per_series: int = Field(
        default=10000, ge=1, le=100000, description="a series with more in the window is refused"
    )
    expand_time: Duration = Field(
        default="2s",
        validate_default=True,
        description="CPU time for the expansion of one whole pull beyond 10 ms per series",
    )


class ShrinkGuard(Section):
    ratio: Share = Field(
        default=0.5, description="share of future occurrences that may vanish at once"
    )
    min_events: int = Field(
        default=20,
        ge=0,
        description="guard calendars that had at least so many; an emptied one always",
    )


class SyncOverride(Section):
    interval: Duration | None = Field(
        default=None, description="between two pulls of this connection"
    )


class Sync(Section):
    interval: Duration = Field(
        default="5m", validate_default=True, description="between two pulls of a connection"
    )
    jitter: Share = Field(
        default="20%",
        validate_default=True,
        description="random share added to or taken from the interval",
    )
    window: SyncWindow = SyncWindow()
    full_reconcile: Duration = Field(
        default="24h",
        validate_default=True,
        description="between two full listings of a calendar that is pulled incrementally",
    )
    concurrency: int = Field(default=20, ge=1, le=200, description="pulls at the same time")
    just_in_time: JustInTime = JustInTime()
    backoff: Backoff = Backoff()
    limits: ExpansionLimits = ExpansionLimits()
    shrink_guard: ShrinkGuard = ShrinkGuard()


class Blocks(Enum):
    """What a kind of event does to the owner's time."""

    BUSY = "busy"
    BUSY_TENTATIVE = "busy_tentative"
    BUSY_UNAVAILABLE = "busy_unavailable"
    FREE = "free"


class AllDay(Enum):
    """What an all-day event does."""

    BUSY = "busy"
    FREE = "free"
    BY_STATUS = "by_status"


class OnStale(Enum):
    """What becomes of a source that could not be read for `max_stale`."""

    KEEP_LAST = "keep_last"
    BUSY = "busy"
    FREE = "free"


class Buffers(Section):
    before: Duration = Field(
        default="0m", validate_default=True, description="busy time added before each event"
    )
    after: Duration = Field(
        default="0m", validate_default=True, description="busy time added after each event"
    )


EVENT_TYPES = {
    "focusTime": Blocks.BUSY,
    "outOfOffice": Blocks.BUSY_UNAVAILABLE,
    "workingLocation": Blocks.FREE,
    "birthday": Blocks.FREE,
    "fromGmail": Blocks.BUSY,
}


class Availability(Section):
    all_day: AllDay = Field(default=AllDay.BY_STATUS, description="busy | free | by_status")
    tentative: Blocks = Field(
        default=Blocks.BUSY_TENTATIVE,
        description="busy | busy_tentative | free: STATUS:TENTATIVE, shown as tentative, accepted as tentative",
    )
    unanswered: Blocks = Field(
        default=Blocks.BUSY_TENTATIVE, description="an invitation without a reply"
    )
    declined: Blocks = Field(
        default=Blocks.FREE, description="an invitation that the owner declined"
    )
    out_of_office: Blocks = Field(
        default=Blocks.BUSY_UNAVAILABLE, description="shown as out of office"
    )
    working_elsewhere: Blocks = Field(default=Blocks.FREE, description="shown as working elsewhere")
    event_types: dict[str, Blocks] = Field(
        default_factory=lambda: dict(EVENT_TYPES),
        description="special kinds of events; named ones are added to the defaults",
    )
    buffers: Buffers = Buffers()
    on_stale: OnStale = Field(
        default=OnStale.KEEP_LAST,
        description="keep_last | busy | free, once a source is older than max_stale",
    )
    max_stale: Duration = Field(
        default="6h",
        validate_default=True,
        description="age from which a source that cannot be read counts as stale for on_stale",
    )


class AvailabilityOverride(Section):
    """The same keys; those left out come from the level above (calendar < connection < resource < file)."""

    all_day: AllDay | None = None
    tentative: Blocks | None = None
    unanswered: Blocks | None = None
    declined: Blocks | None = None
    out_of_office: Blocks | None = None
    working_elsewhere: Blocks | None = None
    event_types: dict[str, Blocks] | None = None
    buffers: Buffers | None = None
    on_stale: OnStale | None = None
    max_stale: Duration | None = None


class PrivacyMode(Enum):
    """How much of an event a view with details shows."""

    BUSY_ONLY = "busy_only"
    PRIVATE = "private"
    FULL = "full"


class Privacy(Section):
    mode: PrivacyMode = Field(
        default=PrivacyMode.BUSY_ONLY,
        description="busy_only | private | full: times only | what show_* allows, private events as times | everything of public events",
    )
    title: str = Field(
        default="Busy",
        description="title of a block; may hold {{calendar_name}} and {{event_name}}",
    )
    show_title: bool = Field(default=False, description="in mode private: the event's title")
    show_description: bool = Field(default=False, description="in mode private: the description")
    show_attendees: bool = Field(
        default=False, description="in mode private: organizer and attendees"
    )
    show_location: bool = Field(
        default=False, description="in mode private: the place; a meeting link counts as place"
    )


class PrivacyOverride(Section):
    mode: PrivacyMode | None = None
    title: str | None = None
    show_title: bool | None = None
    show_description: bool | None = None
    show_attendees: bool | None = None
    show_location: bool | None = None


class ReadCalendar(Section):
    """One entry of `read_calendars`, which may also be just its name."""

    calendar: str = Field(description="id, name, or primary")
    availability: AvailabilityOverride = AvailabilityOverride()
    privacy: PrivacyOverride = PrivacyOverride()


class Connection(Section):
    """Keys that every connection has; those of its provider stand in `options`."""

    id: Id
    provider: str
    account_email: str = Field(
        default="", description="address of the account's owner: whose replies count"
    )
    read_calendars: tuple[ReadCalendar | str, ...] | None = Field(
        default=None,
        description="calendars that block time: ids, names, or primary; none given = all of an account, [] = none",
    )
    write_calendar: str | None = Field(
        default=None, description="calendar that bookings go to; it is read, too"
    )
    primary: bool = Field(
        default=False, description="this connection's write_calendar receives the bookings"
    )
    validate_availability: bool = Field(
        default=True, description="false = pulled, but blocks nothing"
    )
    paused: bool = Field(default=False, description="not pulled; its last busy time stays")
    sync: SyncOverride = SyncOverride()
    availability: AvailabilityOverride = AvailabilityOverride()
    privacy: PrivacyOverride = PrivacyOverride()
    options: SerializeAsAny[BaseModel] | None = Field(
        default=None, exclude=True, description="settings of the provider kind, secrets resolved"
    )


class Feed(Section):
    name: Id
    detail: PrivacyMode = Field(
        default=PrivacyMode.BUSY_ONLY,
        description="busy_only | private | full, never more than the resource's privacy allows",
    )
    window: SyncWindow = SyncWindow(past="1d", future="60d")
    refresh: Duration = Field(
        default="15m", validate_default=True, description="how often subscribers are asked to look"
    )


class FreeBusy(Section):
    public: bool = Field(default=False, description="answer the free-busy URL without login")
    min_window: Duration = Field(
        default="6w", validate_default=True, description="span when the request names none"
    )


class Resource(Section):
    id: Id
    name: str = Field(default="", description="name that people see; the id when empty")
    email: str = Field(default="", description="address for free-busy look-ups")
    type: CUType = Field(
        default=CUType.INDIVIDUAL, description="individual | room | resource | group"
    )
    timezone: Zone | None = Field(
        default=None, description="zone of floating and all-day times; server.timezone when absent"
    )
    connections: tuple[Connection, ...] = ()
    availability: AvailabilityOverride = AvailabilityOverride()
    privacy: PrivacyOverride = PrivacyOverride()
    feeds: tuple[Feed, ...] = ()
    freebusy: FreeBusy = FreeBusy()
    adopt: bool = Field(
        default=False, description="take over a resource of this id that was made by API"
    )


class Logging(Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug | info | warning | error"
    )
    format: Literal["console", "json"] = Field(default="console", description="console | json")


class Metrics(Section):
    enabled: bool = Field(default=True, description="serve /metrics")
    allow_networks: tuple[CidrPort, ...] = Field(
        default=("127.0.0.0/8", "::1/128"),
        validate_default=True,
        description="who may read /metrics",
    )


class Settings(Section):
    """The whole file."""

    version: Literal[1] = Field(description="version of this file's format")
    environment: str = Field(
        default="production", description="name of this installation, kept apart from others"
    )
    allow_inline_secrets: bool = Field(
        default=False, description="accept secrets in this file itself"
    )
    server: Server = Server()
    storage: Storage = Storage()
    auth: Auth = Auth()
    providers: dict[str, SerializeAsAny[BaseModel]] = Field(
        default_factory=dict, exclude=True, description="defaults of each provider kind"
    )
    outbound: Outbound = Outbound()
    sync: Sync = Sync()
    availability: Availability = Availability()
    privacy: Privacy = Privacy()
    resources: tuple[Resource, ...] = ()
    logging: Logging = Logging()
    metrics: Metrics = Metrics()
    removed_resources: Literal["park", "purge"] = Field(
        default="park",
        description="park | purge: what a reload does with a resource that left the file",
    )


User.model_rebuild()
