"""Who asks, and the one function that decides what they may do. Pure; the default is no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase

from bridge.config.logins import Grant
from bridge.config.plan import ResourcePlan
from bridge.config.policy import PrivacyMode
from bridge.config.settings import Feed
from bridge.model.resource import Access, Projection, ResourceId

_LEVELS = {level: rank for rank, level in enumerate(Access)}


class PrincipalKind(Enum):
    """How somebody has shown who they are."""

    LOGIN = "login"
    APP_PASSWORD = "app_password"  # noqa: S105 - a word, not a secret
    API_KEY = "api_key"
    FEED = "feed"
    PUBLIC = "public"
    """Not at all."""


class Scope(Enum):
    """What an API key can be made for."""

    BUSY_READ = "busy:read"
    """Busy times of the resources that the key names."""
    CONNECTIONS_READ = "connections:read"
    """How their accounts fare."""
    CONNECTIONS_WRITE = "connections:write"
    """Connecting and disconnecting them."""
    RESOURCES_READ = "resources:read"
    """What resources there are, and how they are set up."""
    RESOURCES_WRITE = "resources:write"
    """Making, changing and removing them."""
    BOOKINGS_READ = "bookings:read"
    """What is booked, and what stands in the way."""
    BOOKINGS_WRITE = "bookings:write"
    """Making, changing and cancelling bookings."""


_GRANTED_BY = {
    Scope.BUSY_READ.value: Access.FREE_BUSY,
    Scope.CONNECTIONS_READ.value: Access.READ,
    Scope.CONNECTIONS_WRITE.value: Access.MANAGE,
    Scope.RESOURCES_READ.value: Access.READ,
    Scope.RESOURCES_WRITE.value: Access.MANAGE,
    Scope.BOOKINGS_READ.value: Access.READ,
    Scope.BOOKINGS_WRITE.value: Access.WRITE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who asks."""

    kind: PrincipalKind
    name: str = ""
    """Login, id of the API key, `room-a/team` for a feed, empty for the public."""
    email: str = ""
    """Address of the person behind a login, where one is known."""
    is_admin: bool = False
    grants: Mapping[str, Grant] = field(default_factory=dict)
    """Resource id or glob -> what is granted."""
    scopes: frozenset[str] = frozenset()
    """Of an API key: what its requests may be about; `Scope` values."""


def authorize(principal: Principal, resource_id: str, needed: Access) -> bool:
    """Tell whether a principal may do something with a resource, which need not exist."""
    level = _level(principal, resource_id)
    return level is not None and _LEVELS[level] >= _LEVELS[needed]


def projection(principal: Principal, resource: ResourcePlan) -> Projection | None:
    """Return the view of a resource's busy time that a principal gets, None for none at all."""
    if authorize(principal, resource.id, Access.READ):
        return Projection.DETAILS
    if authorize(principal, resource.id, Access.FREE_BUSY):
        return Projection.TIMES
    return None


def listed(principal: Principal, resource_ids: Iterable[str]) -> list[str]:
    """Pick the resources that a principal's home shows: those its access names.

    A glob permits looking up what it matches, and shows it only where it says `list: true`.
    """
    shown = [name for name, grant in principal.grants.items() if grant.list or not _is_glob(name)]
    return [each for each in resource_ids if any(_matches(each, name) for name in shown)]


def calendar_name(login: str, resource_id: str, word: str) -> str:
    """Name a calendar in a login's home: `busy` of its own resource, `room-a.busy` of another."""
    return word if resource_id == login else f"{resource_id}.{word}"


def api_key_principal(key_id: str, scopes: Iterable[str], resources: Iterable[str]) -> Principal:
    """Make the principal of an API key: its scopes, on the resources that its globs match."""
    known = frozenset(scopes)
    levels = [_GRANTED_BY[scope] for scope in known if scope in _GRANTED_BY]
    level = max(levels, key=_LEVELS.__getitem__, default=None)
    grants = {name: Grant(level=level) for name in resources} if level else {}
    return Principal(kind=PrincipalKind.API_KEY, name=key_id, grants=grants, scopes=known)


def acting_for(principal: Principal, resource_id: str) -> Principal:
    """Narrow a principal to one resource, which need not exist: it may do there what it may."""
    level = _level(principal, resource_id)
    grants = {resource_id: Grant(level=level)} if level else {}
    return replace(principal, grants=grants, is_admin=False)


def feed_principal(resource_id: ResourceId, feed: Feed) -> Principal:
    """Make the principal of a feed token, which reaches its one resource."""
    level = Access.FREE_BUSY if feed.detail is PrivacyMode.BUSY_ONLY else Access.READ
    name = f"{resource_id}/{feed.name}"
    grants = {str(resource_id): Grant(level=level)}
    return Principal(kind=PrincipalKind.FEED, name=name, grants=grants)


def public(resource: ResourcePlan) -> Principal:
    """Make the principal of a request that shows nothing, for one resource."""
    grants = {str(resource.id): Grant(level=Access.FREE_BUSY)} if resource.freebusy.public else {}
    return Principal(kind=PrincipalKind.PUBLIC, grants=grants)


def _level(principal: Principal, resource_id: str) -> Access | None:
    if principal.is_admin:
        return Access.MANAGE
    # A grant that names the resource goes before any glob, so that it can also narrow one.
    if named := principal.grants.get(resource_id):
        return named.level
    levels = [
        grant.level
        for name, grant in principal.grants.items()
        if _is_glob(name) and _matches(resource_id, name)
    ]
    return max(levels, key=_LEVELS.__getitem__, default=None)


def _is_glob(name: str) -> bool:
    return "*" in name or "?" in name


def _matches(resource_id: str, name: str) -> bool:
    return resource_id == name or (_is_glob(name) and fnmatchcase(resource_id, name))
