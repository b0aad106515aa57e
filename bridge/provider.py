"""The provider interface: what a calendar system can be asked, as Protocols and values. No I/O.

Terms: a *calendar* has an id and may have a zone; a *remote id* names one calendar object (a
CalDAV href, an ICS UID, a Google event id); a *sync token* is an envelope that only its adapter
reads. An ability that is missing is `None` in `Provider`, never a method that raises.

What every adapter keeps (fixed by `tests/contract/`):

- `changes(calendar, None, window)` is a full listing. With a token it is what changed since.
- Only the last page carries a token. It is stored with the pages' rows, or not at all.
- The token is an envelope that knows the parameters it was made with; an adapter that is given
  one it cannot continue from raises `SyncTokenExpired`, and *ingest* restarts once without.
- A page that cannot be read whole raises; it never comes back shortened. One object that cannot be
  read comes back as `Unreadable`, which means "unknown", never "gone".
- Adapters do not retry, do not sleep and do not keep state that a restart would lose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, NewType, Protocol, TypeAlias

from pydantic import BaseModel

from bridge.authorizer import Authorizer, DeviceAuthorizer, Grant, TokenSource
from bridge.model.event import Event, EventSeries, ShowAs
from bridge.model.http import Http, Rates
from bridge.model.interval import Instant, Window
from bridge.model.remote import CalendarId as CalendarId  # noqa: PLC0414 - named from here, too
from bridge.model.remote import ETag as ETag  # noqa: PLC0414
from bridge.model.remote import RemoteId as RemoteId  # noqa: PLC0414
from bridge.model.resource import ConnectionId, Direction
from bridge.notifier import Delivery, Notices, Notifier
from bridge.sink import ConferenceMaker, EventSink

SyncToken = NewType("SyncToken", str)


def entity_tag(text: str) -> ETag | None:
    """Read an ETag as JSON has it, in its quotes, weak or not; None where there is none."""
    value = text.removeprefix("W/").strip('"')
    return ETag(value) if value else None


class AccessRole(Enum):
    """What the account may do with a calendar."""

    FREE_BUSY = "free_busy"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class CalendarInfo:
    """One calendar of an account."""

    id: CalendarId
    name: str
    role: AccessRole = AccessRole.READ
    is_primary: bool = False
    time_zone: str = ""
    """IANA name, empty when the provider does not say."""
    color: str = ""
    ignores_busy: bool = False
    """The owner marked the whole calendar as not blocking (CALDAV:schedule-calendar-transp)."""


PRIMARY = "primary"
"""Stands for the calendar that an account itself calls so, in the words of the settings."""


def named(name: str, infos: Sequence[CalendarInfo]) -> list[CalendarInfo]:
    """Find what a name of the settings means among the calendars of an account.

    It is the calendar of that id, else every calendar of that name, else the primary one.
    """
    by_id = [info for info in infos if info.id == name]
    by_name = [info for info in infos if info.name == name]
    if by_id or by_name or name != PRIMARY:
        return by_id or by_name
    primary = [info for info in infos if info.is_primary]
    return primary or list(infos if len(infos) == 1 else ())


@dataclass(frozen=True, slots=True)
class Series:
    """A whole object, master and overrides; it replaces what we had of it."""

    remote_id: RemoteId
    series: EventSeries
    etag: ETag | None = None
    text: str = ""
    """Its canonical iCalendar, where the adapter has it at hand; *ingest* writes it otherwise."""


@dataclass(frozen=True, slots=True)
class Override:
    """One changed occurrence of a series that the same or an earlier page named."""

    series_id: RemoteId
    event: Event
    etag: ETag | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One occurrence given by its times alone; it inherits the rest from its master."""

    series_id: RemoteId
    original_start: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class OccurrenceRemoved:
    """One occurrence of a series that no longer takes place.

    An event that does not recur is removed by `SeriesRemoved` alone.
    """

    series_id: RemoteId
    original_start: int


@dataclass(frozen=True, slots=True)
class SeriesRemoved:
    """An object that is gone."""

    remote_id: RemoteId


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that is there and cannot be understood: what we knew of it stays."""

    remote_id: RemoteId
    reason: str
    etag: ETag | None = None
    remains: EventSeries | None = None
    """Those of its events that can be understood, changed occurrences of a broken series for
    instance: they count, each in place of what we knew of it."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An object that is as it was when the token was given; only full listings name it so."""

    remote_id: RemoteId


Item: TypeAlias = (
    Series | Override | Instance | OccurrenceRemoved | SeriesRemoved | Unreadable | Unchanged
)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a listing; `token` only on the last."""

    items: Sequence[Item] = ()
    token: SyncToken | None = None
    full: bool = False
    """The listing that this page belongs to is complete: what it does not name is gone."""
    time_zone: str = ""
    """The calendar's zone where only the data tells (X-WR-TIMEZONE)."""
    notes: Sequence[str] = ()


class EventSource(Protocol):
    """Reads calendars and their events."""

    def list_calendars(self) -> Sequence[CalendarInfo]:
        """Name every calendar of the account that can hold events."""
        ...

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        """Yield what changed since the token, or everything.

        Objects wholly outside the window may be left out; a series is never cut.

        Raises:
            SyncTokenExpired: the provider, or the adapter, cannot continue from `since`.
            ProviderError: the pages yielded so far must be forgotten.
        """
        ...


class Shown(NamedTuple):
    """How a span [start, end) is shown; `availability` decides what that does to the time."""

    start: Instant
    end: Instant
    show_as: ShowAs


class BusySource(Protocol):
    """Reads busy times of calendars whose events cannot be read."""

    def busy(self, calendar: CalendarId, window: Window) -> Sequence[Shown]:
        """Return the spans that overlap the window, each time in one of a kind at most.

        What is shown as free may be left out, and nothing else: whether the owner who works
        elsewhere is free is for the settings to say. An error is never an empty answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """One opened account: what it can do, `None` where it cannot."""

    source: EventSource | None = None
    busy: BusySource | None = None
    notifier: Notifier | None = None
    sink: EventSink | None = None
    conferences: ConferenceMaker | None = None
    reach: Callable[[], None] | None = None
    """See that the account can be used, where there is no source; raises ProviderError."""
    close: Callable[[], None] = field(default=lambda: None)

    def calendars(self) -> Sequence[CalendarInfo]:
        """Name every calendar of the account; one that has none is reached all the same.

        Raises:
            ProviderError: it cannot be reached, or refuses.
        """
        if self.source is not None:
            return self.source.list_calendars()
        if self.reach is not None:
            self.reach()
        return ()


class Opener(Protocol):
    """Opens accounts; `bridge.accounts.Accounts` is one."""

    def open(self, connection_id: ConnectionId, fingerprint: str | None = None, /) -> Provider:
        """Give the provider of a connection, if it is the account of that fingerprint.

        Raises:
            ConfigError: no connection of this id is configured.
            ProviderError: its kind cannot work with its settings.
        """
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """What a factory needs to open an account; made by `accounts`, never stored."""

    connection: str
    """Global id, for messages."""
    settings: BaseModel
    """An instance of the kind's `connection_settings`, its secrets resolved."""
    defaults: BaseModel
    """An instance of the kind's `provider_settings` (the `providers.<kind>` section)."""
    http: Http
    owner: str = ""
    """Mail address of the account's owner, whose replies count (`account_email`)."""
    direction: Direction = Direction.BOTH
    """What is asked of its owner: no more than this needs."""
    acts_for: str = ""
    """Mail address of the account where nobody has to agree: its kind says `is_delegated`."""
    conference: BaseModel | None = None
    """How meetings are made: the section `conference` (`config.booking.Conferences`)."""
    tokens: TokenSource | None = None
    """Only where the kind can `refresh`; `http` sends its token then, unless told otherwise, and
    another one after a 401."""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """How a kind describes itself to `registry`; importing it must be cheap."""

    name: str
    title: str
    connection_settings: type[BaseModel]
    """Keys a connection of this kind takes in the YAML beside the common ones."""
    provider_settings: type[BaseModel]
    """Keys of the section `providers.<name>`."""
    open: Callable[[Account], Provider]
    """Open an account without touching the network."""
    refresh: Callable[[Account, Grant], Grant] | None = None
    """Ask for a new access token; None for kinds without any. Of an account that is acted for the
    grant is empty.

    Called without a lock held, at most once at a time for one credential; it ends within 30 s.

    Raises:
        AuthorizationExpired: the grant is over (`invalid_grant`).
        ProviderError: it could not be asked, or not now.
    """
    authorizer: Callable[[Account], Authorizer] | None = None
    """How its accounts are connected by their owners; None for kinds that need no consent.

    Its `Account` sends no token by itself.
    """
    takes_back: bool = True
    """Whether grants can be given back to it; else `Authorizer.revoke` raises NotRevocable."""
    device: Callable[[Account], DeviceAuthorizer] | None = None
    """How its accounts are connected by a code that is entered on another device; None for kinds
    that cannot do that. Its `Account` sends no token by itself."""
    notices: Callable[[Delivery], Notices] | None = None
    """Read a request to `/hooks/<name>`, which anybody can send: whatever it holds, this returns,
    soon. None for kinds that tell of nothing."""
    signed: Callable[[Delivery, BaseModel, Instant], Notices] | None = None
    """Read such a request of a kind that signs it with a secret of its section `providers.<name>`,
    at a time; as `notices`, which it has not."""
    unreachable: Callable[[BaseModel, str], str] | None = None
    """Say why this kind, with the section `providers.<name>`, cannot post to an address; empty when
    it can. Given by kinds with `notices`."""
    is_delegated: Callable[[BaseModel, BaseModel], bool] = lambda _settings, _defaults: False
    """Whether accounts of these settings, under the section `providers.<name>`, are opened without
    their owner's consent although the kind can ask for it. `account_email` says whose they are."""
    is_one_program: bool = False
    """Whether all its accounts that are acted for share one token: they are one program's."""
    has_calendars: bool = True
    """Whether its accounts have any; else their connections are never stale, and never busy."""
    unwritable: str = ""
    """Why none of its accounts takes events, said of a connection: `is a feed`; empty: some do."""
    host: Callable[[BaseModel, str], str] | None = None
    """Say in whose name, by the section `providers.<name>`, meetings are made for a resource of
    that mail address which has no connection of this kind: a mail address, or empty for nobody's.
    None for kinds that make none so."""
    rates: Callable[[BaseModel], Rates] | None = None
    """Requests that the vendor allows, by the section `providers.<name>`; None where it does not
    say."""
    synonyms: tuple[str, ...] = ()
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """Ability -> `done`, or why not: the row of the README's support table."""
    advice: tuple[str, ...] = ()
    """What an admin sees to at the vendor's, and no program can look up: `doctor KIND` tells it."""
