"""A bridge that serves over HTTP, and stand-ins for the providers that its accounts are at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, TypeVar

import httpx2
import yaml
from pydantic import SecretStr
from sqlalchemy import func, select

from bridge.app.bridge import Bridge
from bridge.app.server import Server
from bridge.authorizer import Grant
from bridge.config.init import write_example
from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.provider import ProviderKind
from bridge.providers import google
from bridge.registry import KINDS
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.google.times import Json
from bridge.sandbox.scenario import CLIENT
from bridge.sandbox.server import Sandbox
from bridge.scheduler.pulls import Pulls
from bridge.store import connections, keys, schema
from bridge.store.connections import ConnectionRow
from tests.builders import NOW
from tests.connecting.owner import ANN, BOB, Browser, asked
from tests.databases import migrated
from tests.servers.ports import free_port

APP = "https://app.example.com/calendar/callback?tenant=7"
ROOM, WORK, OTHER = ResourceId("room-a"), ConnectionId("room-a.work"), ConnectionId("room-a.other")
ROOM_B, DESK = ResourceId("room-b"), ConnectionId("room-b.desk")
SECRET = "CANARY-client-secret"
_SENT = ("code", "code_verifier", "refresh_token", "client_secret")
_GIVEN = ("access_token", "refresh_token")


class Provider:
    """A stand-in, and what came to its token endpoint."""

    def __init__(self) -> None:
        client = {
            "id": CLIENT.id,
            "secret": SECRET,
            "installed": True,
            "redirect_uris": [APP],
        }
        people = {"accounts": [{"email": ANN}, {"email": BOB}], "clients": [client]}
        self.sandbox = Sandbox(people, seed=1)
        self.calls: list[str] = []
        self.open = Event()
        """Until it is set, whoever asks for tokens waits."""
        self.open.set()
        self.rotates = False
        """Each refresh gives another refresh token, and ends the one before."""
        self.secrets: set[str] = {SECRET}
        """Everything that was sent there and came back from there."""
        answer = self.sandbox.google.oauth.token

        def counted(form: Any, authorization: str, issuer: str) -> Json:
            assert self.open.wait(60)
            self.calls.append(form.get("grant_type", ""))
            self.secrets |= {form[name] for name in _SENT if form.get(name)}
            document = answer(form, authorization, issuer)
            if self.rotates and form.get("grant_type") == "refresh_token":
                document["refresh_token"] = self._rotated(form["refresh_token"])
            self.secrets |= {document[name] for name in _GIVEN if name in document}
            return document

        self.sandbox.google.oauth.token = counted  # type: ignore[method-assign]

    def _rotated(self, token: str) -> str:
        grants = self.sandbox.google.grants
        with self.sandbox.world.lock:
            lasting = grants._refresh.pop(token)
            del lasting.grant.refresh_tokens[token]
            return grants._lasting(lasting.grant, lasting.scopes)

    def section(self) -> dict[str, str]:
        return replace(CLIENT, secret=SECRET).section(self.sandbox.url)

    def fault(self, name: str, value: Any = True, email: str = ANN) -> None:
        self.sandbox.world.account(email).faults.switch(name, value)

    def meet(self, start: int, calendar: str = ANN, email: str = ANN) -> None:
        """Put an event of an hour into a calendar."""
        times = {"start": start, "end": start + 3600}
        body = {name: {"dateTime": rfc3339(at)} for name, at in times.items()}
        world = self.sandbox.world
        with world.lock:
            Editor(world, world.calendar(calendar), email).insert(body | {"summary": "Tea"})

    def calendar(self, name: str, owner: str = ANN, share: str = "") -> str:
        """Add a calendar, which somebody else may read; give its id."""
        world = self.sandbox.world
        with world.lock:
            made = world.add_calendar(owner, name)
            if share:
                world.share(made, share, "reader")
        return made.id

    def allows(self, email: str = ANN) -> bool:
        """Whether somebody lets the bridge do anything."""
        with self.sandbox.world.lock:
            return bool(self.sandbox.google.grants.of(email))


@dataclass
class House:
    """One bridge; its clock stands still until a test moves it."""

    bridge: Bridge
    url: str
    now: int = field(default=NOW, kw_only=True)

    def link(self, resource: ResourceId = ROOM) -> str:
        return self.bridge.invitations.page(resource, "cli")[0]

    def direct(self, redirect_url: str = "", connection: ConnectionId = WORK) -> str:
        row = self.row(connection)
        wanted = (connection, row.provider)
        return self.bridge.invitations.direct(row.resource_id, wanted, "cli", redirect_url)[0]

    def asks(self, browser: Browser, link: str = "", number: int = 0) -> str:
        """Press a button of the connect page; give the address at the provider."""
        page = browser.get(link or self.link())
        assert page.status_code == 200, page.text
        answer = browser.press(page, number)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    def key(self, *globs: str, scope: str = "connections:write") -> str:
        with self.bridge.database.write() as conn:
            _, key = keys.create_api_key(
                conn, "tests", scopes=scope.split(), resources=globs or ("*",), now=self.now
            )
        return key

    def api(self, key: str, target: str, body: object = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self.url}/api/v1{target}"
        if body is None:
            return Browser().http.get(url, headers=headers)
        return Browser().http.post(url, headers=headers, json=body)

    def call(
        self, key: str, method: str, target: str, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask the API; give status and document."""
        answer = Browser().http.request(
            method,
            f"{self.url}/api/v1{target}",
            headers={"Authorization": f"Bearer {key}"},
            json=body,
        )
        return answer.status_code, answer.json()

    def pull(self, connection: ConnectionId = WORK) -> str:
        """Pull now, as the scheduler does; give the outcome."""
        pulls = Pulls(self.bridge.ground, self.bridge.ingest)
        job = pulls.take(connection)
        assert job is not None
        return pulls.run(job).outcome

    def used(self) -> int:
        """How many questions were answered."""
        query = select(func.count()).where(schema.consents.c.used_at.is_not(None))
        with self.bridge.database.read() as conn:
            return int(conn.execute(query).scalar_one())

    def until(self, condition: Callable[[], bool], what: str) -> None:
        ends, pause = monotonic() + 60, Event()
        while not condition():
            assert monotonic() < ends, f"never: {what}"
            pause.wait(0.02)

    def row(self, connection: ConnectionId = WORK) -> ConnectionRow:
        with self.bridge.database.read() as conn:
            found = connections.get(conn, connection)
        assert found is not None
        return found

    def status(self, connection: ConnectionId = WORK) -> ConnectionStatus:
        return self.row(connection).status

    def grant(self, connection: ConnectionId = WORK) -> Grant | None:
        return self.bridge.tokens.grant(connection)

    def token(self, connection: ConnectionId = WORK) -> str:
        """An access token for this moment; refreshed when it has to be."""
        kind, account = self.bridge.accounts.describe(connection)
        refresh = kind.refresh
        assert refresh is not None
        return self.bridge.tokens.token(connection, lambda grant: refresh(account, grant))


@dataclass
class Home(House):
    """With Google accounts, and such of another provider that is like Google."""

    google: Provider
    other: Provider

    def connect(
        self, browser: Browser | None = None, account: str = ANN, **choices: str
    ) -> httpx2.Response:
        """Go all the way, as an owner does."""
        browser = browser or Browser()
        return browser.get(browser.consent(self.asks(browser), account, **choices))


def document() -> tuple[str, dict[str, Any]]:
    """Where a bridge will be, and what every one has in its file."""
    url = f"http://127.0.0.1:{free_port()}"
    return url, {
        "version": 1,
        "allow_inline_secrets": True,
        "logging": {"level": "debug"},
        "auth": {"oauth": {"allowed_redirects": [APP]}},
        "outbound": {"allow_networks": ["127.0.0.1/32"]},
        "server": {"bind": url.removeprefix("http://")},
    }


AnyHouse = TypeVar("AnyHouse", bound=House)


@contextmanager
def serving(
    path: Path, kinds: Mapping[str, ProviderKind], make: Callable[[Bridge], AnyHouse]
) -> Iterator[AnyHouse]:
    """Open a bridge with that file, and listen."""
    houses: list[AnyHouse] = []
    bridge = Bridge(path, environ={}, clock=lambda: houses[0].now, kinds=kinds)
    houses.append(make(bridge))
    bridge.open()
    listening = Server(bridge.wsgi, bridge.settings)
    listening.start()
    try:
        yield houses[0]
    finally:
        listening.begin_stop(10)
        assert listening.wait(60)
        bridge.close()


@contextmanager
def opened(
    folder: Path,
    adjust: Callable[[Provider, Any], None] | None = None,
    kinds: Mapping[str, ProviderKind] | None = None,
    **sections: Any,
) -> Iterator[Home]:
    """Open a bridge; `adjust` changes what stands in its file, `kinds` take the place of ours."""
    google_, other = Provider(), Provider()
    with google_.sandbox, other.sandbox:
        path, _ = write_example(folder)
        url, config = document()
        config |= {
            "providers": {"google": google_.section(), "other": other.section()},
            "resources": [
                {
                    "id": "room-a",
                    "name": "Room <A>",
                    "connections": [
                        {"id": "work", "provider": "google"},
                        {"id": "other", "provider": "other"},
                    ],
                },
                {"id": "room-b", "connections": [{"id": "desk", "provider": "google"}]},
            ],
        } | sections
        config.setdefault("server", {}).setdefault("bind", url.removeprefix("http://"))
        if adjust is not None:
            adjust(google_, config)
        path.write_text(yaml.safe_dump(config))
        if "storage" not in config:
            migrated(folder)
        other_kind = replace(google.KIND, name="other", title="Another")
        known = KINDS | {"other": other_kind} | (kinds or {})
        with serving(path, known, lambda bridge: Home(bridge, url, google_, other)) as home:
            yield home
        assert google_.sandbox.world.defects == []


def revealed(grant: Grant | None) -> list[str]:
    """The secrets of a grant."""
    assert grant is not None
    held: list[SecretStr | None] = [grant.access_token, grant.refresh_token]
    return [each.get_secret_value() for each in held if each]


def state_of(url: str) -> str:
    return asked(url)["state"]
