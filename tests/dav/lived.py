"""A resource that lives: the real engine behind, the real CalDAV in front, days that pass."""

from __future__ import annotations

from typing import Any

from bridge.access import Gate
from bridge.config.live import Live
from bridge.publish import Publisher
from bridge.store.database import Database
from bridge.web.context import WebContext
from bridge.web.dispatcher import make_wsgi
from radicale_plugin.application import make_dav
from radicale_plugin.ground import Ground
from tests.access.people import user
from tests.builders import make_settings
from tests.dav.door import D, Door, Got, Sent, changes_in
from tests.engine.house import DAY, IDENTITY, INSTANCE, House
from tests.web.site import Engine, basic

AUTH = {
    "users": [
        user("times", "times' password", access={"room-a": "free-busy"}),
        user("details", "details' password", access={"room-a": "read"}),
    ]
}
LOGINS = ("times", "details")
SERVER = {"rate_limit": {"per_client": "100000000/min"}}


class Life:
    """One process after another on one database."""

    def __init__(self, database: Database, **resource: Any) -> None:
        self.resource = resource
        self.house = House(database, **resource)
        self._mount()

    def restart(self, database: Database) -> None:
        """Go on in a new process; what the providers hold is still there."""
        old = self.house
        self.house = House(database, old.now, **self.resource)
        self.house.accounts.memories.update(old.accounts.memories)
        self._mount()

    def _mount(self) -> None:
        house = self.house
        settings = make_settings(
            server=SERVER, auth=AUTH, resources=[{"id": "room-a", **self.resource}]
        )
        live = Live(settings)
        gate = Gate(house.database, live)
        ground = Ground(
            database=house.database,
            publisher=Publisher(IDENTITY, INSTANCE),
            gate=gate,
            live=live,
            instance=INSTANCE,
            clock=lambda: house.now,
        )
        context = WebContext(
            database=house.database,
            publisher=ground.publisher,
            gate=gate,
            live=live,
            engine=Engine(),
            instance=INSTANCE,
            dav=make_dav(ground),
            clock=ground.clock,
        )
        self._wsgi = make_wsgi(context)

    def day(self, *, later: int = DAY) -> None:
        """Let a day pass with all that the scheduler does in it."""
        house = self.house
        house.now += later
        house.ingest.advance_horizons(house.now)
        house.pull(later=0, full=True)
        house.ingest.check_staleness(house.now)

    def client(self, login: str) -> Client:
        return Client(self, login)

    def door(self, login: str) -> Door:
        return Door(self._wsgi, basic(login, f"{login}' password"))


class Client:
    """A calendar client: it keeps what it was told and asks what changed since."""

    def __init__(self, life: Life, login: str) -> None:
        self.life = life
        self.login = login
        self.path = f"/{login}/room-a.busy/"
        self.token = ""
        self.known: set[str] = set()

    @property
    def door(self) -> Door:
        return self.life.door(self.login)

    def sync(self, more: str = "") -> tuple[set[str], set[str]]:
        """Take in what changed; return hrefs that changed and hrefs that are gone."""
        changed, gone, self.token = changes_in(self.ask(more))
        self.known = (self.known | changed) - gone
        return changed, gone

    def ask(self, more: str = "") -> Got:
        return self.door.sync(self.path, self.token, more)

    def get(self, query: str = "") -> Got:
        """Get the whole calendar, or its free-busy time."""
        return self.door.send(Sent("GET", self.path, query=query))

    def etags(self) -> dict[str, str]:
        return self.door.objects(self.path)

    def texts(self) -> dict[str, str]:
        """Every object as it is served, by href."""
        found = {}
        for href, etag in self.etags().items():
            got = self.door.send(Sent("GET", href))
            assert (got.status, got.headers["etag"]) == (200, etag)
            found[href] = got.body.decode()
        return found

    def tags(self) -> tuple[str, str]:
        """The calendar's getctag and sync token."""
        got = self.door.propfind(
            self.path, "{http://calendarserver.org/ns/}getctag", f"{D}sync-token"
        )
        [ctag] = got.texts("{http://calendarserver.org/ns/}getctag")
        [token] = got.texts(f"{D}sync-token")
        return ctag, token


def is_refused(got: Got) -> bool:
    """Tell whether a sync token was refused as one that cannot be continued."""
    return got.status == 403 and got.xml.find(f"{D}valid-sync-token") is not None
