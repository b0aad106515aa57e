"""Settings -> one plan for each resource and connection, every default and override settled.

Plans are what the store keeps (as JSON, `model_dump_json` and `model_validate_json`) and what tells
whether a reload changed anything: equal plans mean that nothing has to be read or built again. They
hold no secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel, Field, SecretStr

from bridge.config.booking import Bookings, Conferences, EventDefaults, EventType
from bridge.config.hours import WorkingHours
from bridge.config.mirroring import RESOURCE
from bridge.config.policy import Availability, AvailabilityOverride, Privacy, PrivacyOverride
from bridge.config.schema import keys
from bridge.config.section import Section
from bridge.config.settings import Connection, Feed, FreeBusy, Resource, Settings
from bridge.config.syncing import Backoff, ExpansionLimits, ShrinkGuard, SyncWindow
from bridge.config.values import Duration, Share, Zone
from bridge.model.resource import ConnectionId, CUType, Direction, ResourceId

_Model = TypeVar("_Model", bound=BaseModel)


class CalendarPolicy(Section):
    """What the events of one calendar do to its owner's time, and how much of them may show."""

    availability: Availability
    privacy: Privacy


class CalendarChoice(Section):
    """One entry of `read_calendars`."""

    calendar: str
    """An id, a name, or `primary`."""
    policy: CalendarPolicy


class ConnectionPlan(Section):
    """One connection of one resource."""

    id: ConnectionId
    """Global: `room-a.work`."""
    resource_id: ResourceId
    name: str
    """The id within the resource: `work`."""
    provider: str
    """Name of the kind, synonyms resolved."""
    account_email: str
    """Address whose replies count; the resource's when the connection names none."""
    read_calendars: tuple[CalendarChoice, ...] | None
    """None = every calendar of the account, each under `policy`."""
    write_calendar: str | None
    """Always pulled too, under `policy` when `read_calendars` does not name it."""
    is_primary: bool
    """Its `write_calendar` receives the resource's bookings."""
    validate_availability: bool
    direction: Direction = Direction.BOTH
    """Its own, else the resource's."""
    is_delegated: bool = False
    """Its account is opened without its owner's consent."""
    cancel_if_declined_or_deleted: bool = True
    notify_attendees: bool | None = None
    """Whether guests of what is written there are mailed; None: as `event_defaults` says."""
    paused: bool
    interval: Duration
    jitter: Share
    full_reconcile: Duration
    policy: CalendarPolicy
    """For calendars without an entry of their own."""
    fingerprint: str
    """SHA-256 of the kind's own keys without their secrets: another account, another value."""

    @property
    def blocks(self) -> bool:
        """Whether anything of it blocks time."""
        return self.validate_availability and self.direction.reads


class MirrorPlan(Section):
    """One mirror of one resource."""

    to: str
    """As the file has it: `team/primary`."""
    connection_id: ConnectionId
    """Of the calendar that gets the blocks."""
    calendar: str
    """An id, a name, or `primary`."""
    sources: tuple[ConnectionId, ...]
    title: str
    """Of its blocks, its template filled in."""
    ahead: Duration


class ResourcePlan(Section):
    """One resource."""

    id: ResourceId
    name: str
    """Never empty."""
    email: str
    type: CUType
    direction: Direction = Direction.BOTH
    timezone: Zone
    working_hours: WorkingHours = Field(default_factory=dict)
    environment: str
    window: SyncWindow
    limits: ExpansionLimits
    shrink_guard: ShrinkGuard
    backoff: Backoff
    privacy: Privacy
    feeds: tuple[Feed, ...] = Field(default=())
    freebusy: FreeBusy
    bookings: Bookings = Field(default_factory=Bookings)
    event_defaults: EventDefaults = Field(default_factory=EventDefaults)
    conference: Conferences = Field(default_factory=Conferences)
    event_types: tuple[EventType, ...] = Field(default=())
    mirror: tuple[MirrorPlan, ...] = Field(default=())


def plan(settings: Settings) -> tuple[tuple[ResourcePlan, tuple[ConnectionPlan, ...]], ...]:
    """Settle every resource with its connections, in the order of the file."""
    return tuple(_resource(settings, resource) for resource in settings.resources)


def _resource(
    settings: Settings, resource: Resource
) -> tuple[ResourcePlan, tuple[ConnectionPlan, ...]]:
    sync = settings.sync
    policy = _policy(
        CalendarPolicy(availability=settings.availability, privacy=settings.privacy),
        resource.availability,
        resource.privacy,
    )
    settled = ResourcePlan(
        id=ResourceId(resource.id),
        name=resource.name or resource.id,
        email=resource.email,
        type=resource.type,
        direction=resource.direction,
        timezone=resource.timezone or settings.server.timezone,
        working_hours=resource.working_hours,
        environment=settings.environment,
        window=sync.window,
        limits=sync.limits,
        shrink_guard=sync.shrink_guard,
        backoff=sync.backoff,
        privacy=policy.privacy,
        feeds=resource.feeds,
        freebusy=resource.freebusy,
        bookings=resource.bookings,
        event_defaults=_overlay(settings.event_defaults, resource.event_defaults),
        conference=settings.conference,
        event_types=settings.event_types,
        mirror=tuple(_mirrors(resource)),
    )
    return settled, tuple(_connections(settings, resource, policy))


def _mirrors(resource: Resource) -> Iterator[MirrorPlan]:
    names = [connection.id for connection in resource.connections]
    for mirror in resource.mirror:
        yield MirrorPlan(
            to=mirror.to,
            connection_id=ConnectionId(f"{resource.id}.{mirror.connection}"),
            calendar=mirror.calendar,
            sources=tuple(
                ConnectionId(f"{resource.id}.{name}") for name in mirror.sources_among(names)
            ),
            title=mirror.title.replace(RESOURCE, resource.name or resource.id),
            ahead=mirror.ahead,
        )


def _connections(
    settings: Settings, resource: Resource, inherited: CalendarPolicy
) -> Iterator[ConnectionPlan]:
    writers = [each for each in resource.connections if each.write_calendar is not None]
    for connection in resource.connections:
        policy = _policy(inherited, connection.availability, connection.privacy)
        direction = connection.direction or resource.direction
        yield ConnectionPlan(
            id=ConnectionId(f"{resource.id}.{connection.id}"),
            resource_id=ResourceId(resource.id),
            name=connection.id,
            provider=connection.provider,
            account_email=connection.account_email or resource.email,
            read_calendars=_choices(connection, policy),
            write_calendar=connection.write_calendar,
            is_primary=connection in writers and (connection.primary or len(writers) == 1),
            validate_availability=connection.validate_availability,
            direction=direction,
            cancel_if_declined_or_deleted=connection.cancel_if_declined_or_deleted,
            notify_attendees=connection.notify_attendees,
            paused=connection.paused,
            interval=connection.sync.interval or settings.sync.interval,
            jitter=settings.sync.jitter,
            full_reconcile=settings.sync.full_reconcile,
            policy=policy,
            fingerprint=fingerprint(connection),
            is_delegated=connection.acts_for != "",
        )


def _choices(
    connection: Connection, inherited: CalendarPolicy
) -> tuple[CalendarChoice, ...] | None:
    if connection.read_calendars is None:
        return None
    return tuple(
        CalendarChoice(
            calendar=entry.calendar, policy=_policy(inherited, entry.availability, entry.privacy)
        )
        for entry in connection.read_calendars
    )


def _policy(
    inherited: CalendarPolicy, availability: AvailabilityOverride, privacy: PrivacyOverride
) -> CalendarPolicy:
    return CalendarPolicy(
        availability=_overlay(inherited.availability, availability),
        privacy=_overlay(inherited.privacy, privacy),
    )


def _overlay(below: _Model, above: BaseModel) -> _Model:
    """Take what `above` says and `below` for the rest; mappings and sections are merged by key."""
    update: dict[str, object] = {}
    for name in above.model_fields_set:
        value, inherited = getattr(above, name), getattr(below, name)
        if value is None:
            continue
        if isinstance(inherited, dict):
            value = inherited | value
        elif isinstance(inherited, BaseModel):
            value = _overlay(inherited, value)
        update[name] = value
    return below.model_copy(update=update)


def fingerprint(connection: Connection) -> str:
    """Name the account that a connection means, as `ConnectionPlan.fingerprint` does."""
    own: dict[str, object] = {}
    if connection.options is not None:
        own = connection.options.model_dump(mode="json")
        for key in keys(type(connection.options)):
            value = getattr(connection.options, key.name)
            if key.is_secret:
                del own[key.name]
            elif isinstance(value, SecretStr):
                # The address of a feed: kept out of sight, but it is what names the source.
                own[key.name] = value.get_secret_value()
    if connection.acts_for:
        own["acts_for"] = connection.acts_for
    text = json.dumps([connection.provider, own], sort_keys=True)
    return sha256(text.encode()).hexdigest()
