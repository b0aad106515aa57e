"""One installation on disk, and the two grounds that serve it: `busybridge serve` and Radicale."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import yaml
from defusedxml.ElementTree import fromstring
from radicale.config import Configuration
from radicale.config import load as load_configuration

from bridge.access.passwords import hash_password
from bridge.config.load import load
from bridge.model.interval import FBType, Instant, Window
from bridge.model.resource import ResourceId
from bridge.store import events, resources
from bridge.store.database import Database
from radicale_plugin import ground as plugin_ground
from radicale_plugin.application import make_dav
from tests.servers.process import Server, start
from tests.web.site import DAY, IDENTITY, NOW, TODAY, Response, Site

ROOT = Path(__file__).parents[3]
HOUR = 3600
PASSWORD = "correct horse battery staple"
WINDOW = Window(TODAY, TODAY + 30 * DAY)
Periods = list[tuple[int, int, str]]

USERS: Mapping[str, Mapping[str, str]] = {
    "room-a": {"room-a": "read", "room-b": "free-busy"},
    "bob": {
        "room-b": "read",
        "room-c": "free-busy",
        "unread": "free-busy",
        "types": "free-busy",
        "moving": "free-busy",
    },
    "carl": {"*": "free-busy", "types": "read"},
    "dora": {},
}
RESOURCES = ("room-a", "room-b", "room-c", "types", "moving", "unread", "closed")
SHOWN: Mapping[str, set[str]] = {
    "room-a": {"/room-a/", "/room-a/busy/", "/room-a/bookings/", "/room-a/room-b.busy/"},
    "bob": {
        "/bob/",
        "/bob/room-b.busy/",
        "/bob/room-b.bookings/",
        "/bob/room-c.busy/",
        "/bob/types.busy/",
        "/bob/moving.busy/",
        "/bob/unread.busy/",
    },
    "carl": {"/carl/", "/carl/types.busy/", "/carl/types.bookings/"},
    "dora": {"/dora/"},
}
"""What each home lists."""


class Filled(Site):
    """A store that was filled by our own functions; one resource was never read."""

    def pulled(self, resource_id: str, at: Instant) -> None:
        if resource_id != "unread":
            super().pulled(resource_id, at)


class Installation:
    """Configuration, key file and database in a folder, as an admin has them."""

    def __init__(
        self, folder: Path, database_url: str, *, login_failures: str = "1000/min"
    ) -> None:
        self.folder = folder
        self.path = folder / "busybridge.yaml"
        hashed = hash_password(PASSWORD)
        self.path.write_text(
            yaml.safe_dump(
                {
                    "version": 1,
                    "allow_inline_secrets": True,
                    "storage": {
                        "database": database_url,
                        "encryption_key_file": "busybridge.key",
                    },
                    "server": {
                        "rate_limit": {
                            "per_client": "100000/min",
                            "login_failures": login_failures,
                        }
                    },
                    "auth": {
                        "users": [
                            {"name": name, "access": dict(access)}
                            | ({"password_hash": hashed} if name == "bob" else {})
                            for name, access in USERS.items()
                        ]
                    },
                    "resources": [
                        {"id": each, "name": each.title(), "email": f"{each}@example.com"}
                        for each in RESOURCES
                    ],
                }
            )
        )
        keyfile = folder / "busybridge.key"
        keyfile.write_text(
            "busybridge-key 1\ninstance 0123456789abcdef\n"
            f"identity {IDENTITY.hex()}\nkey {'5e' * 32}\n"
        )
        keyfile.chmod(0o600)
        self.database = Database(database_url)
        self.site = Filled(self.database, load(self.path))
        self._fill()
        self.passwords = {name: self.site.app_password(name) for name in USERS}

    def _fill(self) -> None:
        hours = [TODAY + day * DAY + 9 * HOUR for day in range(60)]
        for name in ("room-a", "room-b", "room-c", "closed"):
            spans = [(start, start + HOUR) for start in hours]
            self.site.fill(name, spans, title=f"canary of {name}")
        for number, fbtype in enumerate(FBType):
            spans = [(start + number * 1800, start + number * 1800 + HOUR) for start in hours[::3]]
            self.site.fill("types", spans, fbtype, title=f"canary of {fbtype.name}")

    def periods(self, resource_id: str, window: Window = WINDOW) -> Periods:
        """What every output of ours is made from."""
        with self.database.read() as conn:
            found = self.site.publisher.periods(conn, ResourceId(resource_id), window)
        return [(start, end, kind.rfc) for start, end, kind in found]

    def remove(self, resource_id: str, span: Window) -> None:
        """Take away what is busy in a span, as a pull would."""
        with self.database.write() as conn:
            row = resources.lock(conn, ResourceId(resource_id))
            assert row is not None
            found = events.at(conn, ResourceId(resource_id), span, longest=DAY)
            events.remove_occurrences(conn, [each.id for each in found])
            self.site.publisher.publish(conn, row, [span], NOW)

    def radicale_text(self, **server: str) -> str:
        """The configuration that `docs/operation.md` tells an admin to write, for this folder."""
        page = (ROOT / "docs" / "operation.md").read_text()
        [snippet] = re.findall(r"^```ini\n(\[storage\]\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
        parsed = ConfigParser(interpolation=None)
        parsed.read_string(snippet)
        parsed.set("storage", "bridge_config", str(self.path))
        for name, value in server.items():
            if not parsed.has_section("server"):
                parsed.add_section("server")
            parsed.set("server", name, value)
        return "\n".join(
            f"[{section}]\n" + "\n".join(f"{key} = {value}" for key, value in parsed.items(section))
            for section in parsed.sections()
        )

    def radicale_configuration(self) -> Configuration:
        """The same, read by Radicale in this process."""
        file = self.folder / "radicale.ini"
        file.write_text(self.radicale_text())
        return load_configuration([(str(file), False)])

    def close(self) -> None:
        self.database.close()
        plugin_ground._open.cache_clear()


@dataclass(frozen=True)
class Ground:
    """A server that shows an installation to calendar clients."""

    name: str
    port: int
    installation: Installation = field(repr=False)

    @property
    def is_stock(self) -> bool:
        return self.name == "stock"

    def send(
        self,
        method: str,
        path: str,
        login: str | None = "bob",
        body: str = "",
        *,
        password: str | None = None,
        **headers: str,
    ) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if login is not None:
            given = self.installation.passwords[login] if password is None else password
            named["Authorization"] = "Basic " + b64encode(f"{login}:{given}".encode()).decode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body.encode() if body else None, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, found, answer.read())
        finally:
            connection.close()

    def propfind(
        self, path: str, *names: str, login: str | None = "bob", depth: int = 0
    ) -> dict[str, dict[str, Element]]:
        """Each href's properties that were found, by their names without a namespace."""
        wanted = "".join(f"<{name}/>" for name in names)
        body = f"<D:propfind {SPACES}><D:prop>{wanted}</D:prop></D:propfind>"
        answer = self.send("PROPFIND", path, login, body, Depth=str(depth))
        assert answer.status == 207, answer
        return responses(answer)

    def report(self, path: str, body: str, login: str = "bob") -> Response:
        return self.send("REPORT", path, login, body, Depth="1")

    def sync(self, path: str, token: str = "", login: str = "bob") -> Response:
        return self.report(
            path,
            f"<D:sync-collection {SPACES}><D:sync-token>{token}</D:sync-token>"
            "<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>",
            login,
        )


SPACES = (
    'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" '
    'xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"'
)
_D = "{DAV:}"


def responses(answer: Response) -> dict[str, dict[str, Element]]:
    found = {}
    for each in fromstring(answer.body).findall(f"{_D}response"):
        props: dict[str, Element] = {}
        for stat in each.findall(f"{_D}propstat"):
            if " 200 " in (stat.findtext(f"{_D}status") or ""):
                props |= {
                    str(prop.tag).rpartition("}")[2]: prop for prop in stat.find(f"{_D}prop") or ()
                }
        found[each.findtext(f"{_D}href") or ""] = props
    return found


def gone(answer: Response) -> set[str]:
    """Hrefs that a report calls missing."""
    return {
        each.findtext(f"{_D}href") or ""
        for each in fromstring(answer.body).findall(f"{_D}response")
        if " 404 " in (each.findtext(f"{_D}status") or "")
    }


def sync_token(answer: Response) -> str:
    token = fromstring(answer.body).findtext(f"{_D}sync-token")
    assert token
    return token


def href_in(element: Element) -> str | None:
    return element.findtext(f"{_D}href")


def start_stock(installation: Installation, folder: Path) -> Server:
    """Run `python -m radicale` with the documented configuration."""

    def arguments(port: int) -> list[str]:
        text = installation.radicale_text(hosts=f"127.0.0.1:{port}")
        (folder / "radicale.ini").write_text(text)
        return ["--config", str(folder / "radicale.ini")]

    return start("radicale", folder, arguments)


def own_site(installation: Installation) -> Site:
    """The whole of `busybridge serve` that answers requests."""
    ground = plugin_ground.of(installation.radicale_configuration())
    settings: Any = installation.site.live.current
    return Site(installation.database, settings, dav=make_dav(ground), store=False)
