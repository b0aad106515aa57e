"""The composition root: everything that one process is made of, put together in one place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from bridge.accounts import Accounts
from bridge.amending import Amending, Promotion
from bridge.app.applying import apply_settings
from bridge.app.opening import pin_instance, pin_keys, try_opening
from bridge.app.outlet import Outlet, make_transport
from bridge.app.rebuilding import rebuild_wanted
from bridge.app.reload import Reload
from bridge.budgets import Budgets
from bridge.config.document import read
from bridge.config.keyfile import KeyFile
from bridge.config.keyring import KeyRing
from bridge.config.live import Live
from bridge.config.load import settle
from bridge.config.settings import Settings
from bridge.inventory import InventoryReport, Overtaken
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.provider import ProviderKind
from bridge.publish import Publisher
from bridge.registry import KINDS
from bridge.scheduler.ground import DISPATCHES, MIRRORS, Ground, read_clock
from bridge.store import restored
from bridge.store.database import Database
from bridge.store.vault import Vault
from bridge.store.wake import Wake
from bridge.tokens import Tokens

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from bridge.access import Gate
    from bridge.bookings import Bookings
    from bridge.channels.hearing import Hearing
    from bridge.channels.keeper import Keeper
    from bridge.connecting import Connecting, Invitations, Listing
    from bridge.ingest import Ingest
    from bridge.notify import Notifier
    from bridge.scheduler.dispatching import Dispatching
    from bridge.scheduler.mirroring import Rounds
    from bridge.scheduler.scheduler import Scheduler
    from bridge.web.metrics import Metrics

_BESIDE = 6 + DISPATCHES + MIRRORS
"""Connections to the database for threads that neither answer nor pull: claims, jobs, signals,
bookings, mirrors."""
_GOODBYE = 15.0  # seconds in which providers take back what was granted to what left


class Bridge:
    """One process' parts, each made when it is first asked for.

    A command takes what it needs of them; `serve` takes all. They follow `live`: a reload swaps
    the settings in it, and every part stays the same object.
    """

    def __init__(
        self,
        config_path: str | Path,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], Instant] = read_clock,
        kinds: Mapping[str, ProviderKind] = KINDS,
    ) -> None:
        """Read the configuration and the key file; nothing is opened or started.

        Raises:
            ConfigError: one of them cannot be used.
        """
        self.config_path = Path(config_path)
        self.environ = environ
        self.clock = clock
        self.kinds = kinds
        settings = settle(read(self.config_path, environ), kinds)
        self.keyring = KeyRing(settings.storage.encryption_key_file)
        self.live = Live(settings)
        self.reload = Reload(self)
        """Reads the file again and puts it in force, whole or not at all."""
        self.followers: list[Callable[[Settings], None]] = []
        """Told of the settings that a reload put in force."""
        self.farewells: list[Thread] = []

    @property
    def keyfile(self) -> KeyFile:
        """The key file in force."""
        return self.keyring.current

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.live.current

    def read_settings(self) -> Settings:
        """Read the configuration file as it is now, and lay over it what was set by API.

        Raises:
            ConfigError: with every problem.
            StoreError: the database cannot be used.
        """
        return self.amending.lay(read(self.config_path, self.environ))

    def open(self) -> InventoryReport:
        """Bring the database to this version's schema and to the settings in force.

        Raises:
            ConfigError: the database belongs to another key file, or needs keys that this one
                lacks, or has ids made by API.
            StoreError: the database cannot be used.
        """
        self.prepare()
        while True:
            self.amending.begin()
            try:
                report = self.apply(self.settings)
            except Overtaken:
                continue
            break
        self.keeper.begin()
        self.rebuild()
        return report

    def prepare(self) -> None:
        """Bring the database to this version's schema, if it is ours; raises as `open` does."""
        self.database.migrate()
        pin_instance(self)
        with self.database.write() as conn:
            restored.renew_epochs(conn, self.clock())
        pin_keys(self)

    def apply(self, settings: Settings, *, purge: bool | None = None) -> InventoryReport:
        """Make the store follow settings, whole or not at all; see `apply_settings`."""
        return apply_settings(self, settings, purge=purge)

    def put_in_force(self, settings: Settings) -> None:
        """Swap the settings, and tell who has to know."""
        self.live.swap(settings)
        self.follow(settings)

    def follow(self, settings: Settings) -> None:
        """Give what a reload put in force to the parts that do not look at `live` themselves."""
        self.database.resize(_pool(settings))
        for follower in self.followers:
            follower(settings)

    def rebuild(self) -> list[ResourceId]:
        """Publish anew what a change of the settings touched, that of a killed process too.

        Returns:
            The resources that pulls kept changing meanwhile: they are left for the next call.

        Raises:
            StoreError: the database cannot be used; each resource is done whole or not at all,
                and what is left is done by the next call.
        """
        return rebuild_wanted(self)

    def close(self) -> None:
        """Close what was opened."""
        opened = vars(self)
        for farewell in self.farewells:
            farewell.join(_GOODBYE)
        for part in ("accounts", "http", "wake", "database"):
            if part in opened:
                opened[part].close()

    @cached_property
    def database(self) -> Database:
        """The database; not opened yet."""
        storage = self.settings.storage
        password = storage.database_password
        return Database(
            storage.database,
            password=password.get_secret_value() if password else None,
            pool=_pool(self.settings),
        )

    @cached_property
    def wake(self) -> Wake:
        """Signals between this process' threads, and to other processes."""
        return Wake(self.database)

    @cached_property
    def ground(self) -> Ground:
        """What the scheduler's parts stand on."""
        return Ground(
            database=self.database,
            wake=self.wake,
            live=self.live,
            clock=self.clock,
            budgets=self.budgets,
        )

    @cached_property
    def budgets(self) -> Budgets:
        """What providers allow; whoever opens accounts and whoever pulls share them."""
        return Budgets()

    @cached_property
    def http(self) -> Outlet:
        """The way out.

        Raises:
            ConfigError: `outbound.ca_file` cannot be used.
        """
        return Outlet(make_transport(self.settings.outbound))

    @cached_property
    def accounts(self) -> Accounts:
        """Opens providers."""
        return Accounts(self.live, self.http, self.kinds, self.tokens, self.budgets)

    @cached_property
    def tokens(self) -> Tokens:
        """Keeps what owners granted, and refreshes it."""
        return Tokens(self.database, self.wake, self.vault, self.clock)

    @cached_property
    def connecting(self) -> Connecting:
        """Connects accounts by their owners' consent."""
        from bridge.connecting import Connecting

        made = Connecting(
            database=self.database,
            wake=self.wake,
            live=self.live,
            accounts=self.accounts,
            tokens=self.tokens,
            vault=self.vault,
            clock=self.clock,
            before_revoking=self.keeper.dismiss,
        )
        made.followers.append(self.promotion.connected)
        return made

    @cached_property
    def keeper(self) -> Keeper:
        """Has providers tell of changes."""
        from bridge.channels.keeper import Keeper

        return Keeper(self.database, self.live, self.accounts, self.kinds, clock=self.clock)

    @cached_property
    def hearing(self) -> Hearing:
        """Takes what providers tell."""
        from bridge.channels.hearing import Hearing
        from bridge.connecting.leaving import Leaving
        from bridge.dispatch.told import Told

        heard = Hearing(self.database, self.wake, self.kinds, clock=self.clock, live=self.live)
        heard.followers.append(Told(self.database, self.wake, self.clock))
        heard.partings.append(Leaving(self.database, self.tokens, self.wake, self.clock))
        return heard

    @cached_property
    def amending(self) -> Amending:
        """Changes what is set by API."""
        return Amending(
            database=self.database,
            wake=self.wake,
            vault=self.vault,
            live=self.live,
            clock=self.clock,
            kinds=self.kinds,
            identity=self.keyfile.identity,
            try_opening=partial(try_opening, self),
            put_in_force=self.put_in_force,
            rebuild=self.rebuild,
        )

    @cached_property
    def promotion(self) -> Promotion:
        """Lets connections receive bookings once they are connected."""
        return Promotion(self.database, self.amending, lambda: self.listing)

    @cached_property
    def invitations(self) -> Invitations:
        """Makes links for owners."""
        from bridge.connecting import Invitations

        return Invitations(self.database, self.live, self.keyfile.identity, self.clock)

    @cached_property
    def listing(self) -> Listing:
        """Lists the calendars of accounts."""
        from bridge.connecting import Listing

        return Listing(self.database, self.accounts)

    @cached_property
    def vault(self) -> Vault:
        """Encrypts what the database must not show."""
        return Vault(self.keyring.find)

    @cached_property
    def publisher(self) -> Publisher:
        """Reads and writes busy blocks."""
        return Publisher(self.keyfile.identity, self.keyfile.instance)

    @cached_property
    def ingest(self) -> Ingest:
        """Pulls and publishes."""
        from bridge.ingest import Ingest

        return Ingest(self.database, self.accounts, self.publisher)

    @cached_property
    def bookings(self) -> Bookings:
        """Takes bookings."""
        from bridge.app.booking import make_bookings

        return make_bookings(self)

    @cached_property
    def dispatching(self) -> Dispatching:
        """Carries bookings out."""
        from bridge.app.booking import make_dispatching

        return make_dispatching(self)

    @cached_property
    def rounds(self) -> Rounds:
        """Writes mirrors."""
        from bridge.app.mirroring import make_rounds

        return make_rounds(self)

    @cached_property
    def notifier(self) -> Notifier:
        """Tells the admin."""
        from bridge.app.alerting import Ways
        from bridge.notify import Notifier

        return Notifier(self.database, self.live, Ways(self.http), self.clock)

    @cached_property
    def gate(self) -> Gate:
        """Tells who asks."""
        from bridge.access import Gate

        return Gate(self.database, self.live)

    @cached_property
    def metrics(self) -> Metrics:
        """What this process counts."""
        from bridge.web.metrics import Metrics

        return Metrics()

    @cached_property
    def scheduler(self) -> Scheduler:
        """Pulls what is due, unless `server.role` is `web`; not started."""
        return self.make_scheduler(pulling=self.settings.server.role != "web")

    def make_scheduler(self, *, pulling: bool) -> Scheduler:
        """Make a scheduler that pulls, or one that only passes wishes on."""
        from bridge.app.scheduling import make_scheduler

        return make_scheduler(self, pulling=pulling)

    @cached_property
    def wsgi(self) -> WSGIApplication:
        """Answers requests."""
        from bridge.app.answering import make_context
        from bridge.web.dispatcher import make_wsgi

        return make_wsgi(make_context(self))

    @cached_property
    def dav(self) -> WSGIApplication:
        """Answers CalDAV."""
        from bridge.app.answering import make_calendars

        return make_calendars(self)


def _pool(settings: Settings) -> int:
    """Count the threads that may use the database at the same time."""
    return settings.server.threads + settings.sync.concurrency + _BESIDE
