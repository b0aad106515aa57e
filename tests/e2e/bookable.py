"""A bridge that books at Google, Microsoft and CalDAV servers, with Meet, Teams and Zoom."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.ical.parse import parse_calendar
from bridge.sandbox.microsoft import scenario as microsoft
from bridge.sandbox.scenario import CLIENT
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom import scenario as at_zoom
from bridge.sandbox.zoom.directory import ACCOUNT_ID
from tests.app.running import in_file
from tests.bookings.hall import PATIENT
from tests.connecting import outlook
from tests.connecting.owner import ANN, BOB, Browser
from tests.e2e import inside
from tests.e2e.served import Login, Served, ical
from tests.e2e.sources import HEAD, TAIL, CalDavCalendar, vevent

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Place(NamedTuple):
    """Whose calendar a room has."""

    provider: str
    owner: str
    meeting: str = "auto"


ROOMS = {
    "meet": Place("google", ANN),
    "teams": Place("microsoft", ANN),
    "zoom": Place("google", BOB, "zoom"),
}
"""Resources at the stand-ins, by what their meetings are."""
HOME = "home"
"""The resource whose calendar is at an Apple-style CalDAV server."""
PLACES = {**ROOMS, HOME: Place("apple", ANN, "zoom")}
HOST = "host@example.test"
GUEST, EVE = "guest@example.net", "eve@example.net"
WEBHOOK_SECRET = "signs what Zoom posts"
_WORLD = {
    "accounts": [{"email": ANN}, {"email": BOB}],
    "clients": [{"id": CLIENT.id, "secret": "secret", "installed": True}],
    "microsoft": {"accounts": [{"email": ANN}]},
    "zoom": {"accounts": [{"email": HOST}]},
}


class Answer(NamedTuple):
    status: int
    etag: str
    body: bytes


@dataclass(frozen=True)
class Bookable:
    """One bridge, or several processes of one."""

    sandbox: Sandbox
    processes: list[Served]
    login: Login
    """Ann, whose calendars they are."""
    other: Login
    """Eve, who may book them, too: she is a guest of what she books."""
    calendar: CalDavCalendar | None = None
    """Of `HOME`."""

    @property
    def rooms(self) -> list[str]:
        """Its resources."""
        return [it["id"] for it in self.served.config["resources"]]

    @property
    def served(self) -> Served:
        """The first process; commands are run beside it."""
        return self.processes[0]

    def client(self, process: int = 0, login: Login | None = None) -> Client:
        return Client(self.processes[process].port, login or self.login)

    def events(self, room: str) -> dict[str, list[tuple[int, str]]]:
        """Start and link of what stands in the room's calendar at its provider, by title."""
        found: dict[str, list[tuple[int, str]]] = {}
        with self.sandbox.world.lock:
            for title, start, link in self._events(room):
                found.setdefault(title, []).append((start, link))
        return found

    def _events(self, room: str) -> Iterator[tuple[str, int, str]]:
        place = PLACES[room]
        if place.provider == "apple":
            yield from self._objects()
        elif place.provider == "google":
            link = "location" if place.meeting == "zoom" else "hangoutLink"
            for record in self.sandbox.world.calendar(place.owner).records.values():
                if not record.is_cancelled:
                    event = record.event
                    yield event["summary"], _instant(event["start"]), event.get(link, "")
        else:
            box = self.sandbox.microsoft.directory.mailbox(place.owner)
            for item in box.default.items.values():
                event = item.event
                meeting = event.get("onlineMeeting") or {}
                yield event["subject"], _instant(event["start"]), meeting.get("joinUrl", "")

    def _objects(self) -> Iterator[tuple[str, int, str]]:
        assert self.calendar is not None
        for found in self.calendar.objects().values():
            [parsed] = parse_calendar(found).series
            for event in parsed.series.events():
                assert isinstance(event.start, datetime)
                yield event.summary, int(event.start.timestamp()), event.location

    def meetings(self) -> list[tuple[str, int]]:
        """Title and start of what stands at Zoom."""
        with self.sandbox.world.lock:
            every = self.sandbox.zoom.directory.user(HOST).meetings.values()
            return [(it.topic, int(it.start.timestamp())) for it in every if it.start]

    def meetings_made(self) -> list[str]:
        """Titles of those that were ever made there."""
        with self.sandbox.world.lock:
            deeds = self.sandbox.zoom.directory.user(HOST).deeds
            return [deed.topic for deed in deeds if deed.kind == "created"]


def _instant(moment: dict[str, Any]) -> int:
    said = datetime.fromisoformat(moment["dateTime"][:19] + "+00:00")
    assert moment["dateTime"].endswith("Z") or moment.get("timeZone", "UTC") == "UTC", moment
    return int(said.astimezone(UTC).timestamp())


class Client:
    """One connection of one calendar program, kept alive where the server lets it."""

    def __init__(self, port: int, login: Login) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        told = base64.b64encode(f"{login.name}:{login.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {told}", "Content-Type": "text/calendar"}

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send a request; `_` in a header's name means `-`.

        Raises:
            OSError, http.client.HTTPException: no answer came.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, body, {**self._headers, **named})
            answer = self._connection.getresponse()
            return Answer(answer.status, answer.headers.get("ETag", ""), answer.read())
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()


def path(room: str, name: str, login: str = "ann") -> str:
    return f"/{login}/{room}.bookings/{name}.ics"


def text(room: str, uid: str, start: int, *more: str, hours: float = 1) -> str:
    """An event of the room's owner with a guest; its title is its UID."""
    lines = (
        f"DTSTART:{ical(start)}",
        f"DTEND:{ical(int(start + hours * 3600))}",
        f"ORGANIZER:mailto:{PLACES[room].owner}",
        f"ATTENDEE:mailto:{GUEST}",
        *more,
    )
    return HEAD + vevent(uid, *lines).replace(f"secret of {uid}", uid) + TAIL


@contextmanager
def bookable(
    folder: Path,
    *,
    rooms: tuple[str, ...] = tuple(ROOMS),
    urls: tuple[str, ...] = ("",),
    calendar: CalDavCalendar | None = None,
    around: Callable[[WSGIApplication], WSGIApplication] = lambda application: application,
    **top: Any,
) -> Iterator[Bookable]:
    """Serve rooms whose calendars were connected by Ann, and are bookable.

    Args:
        folder: for the processes.
        rooms: some of `PLACES`.
        urls: of the database, one for each process; empty for SQLite.
        calendar: of `HOME`, where that is one of them.
        around: what every request to the providers passes.
        top: sections of the file.
    """
    with Sandbox(_WORLD, around=around) as sandbox, ExitStack() as started:
        config = _config(sandbox, rooms, calendar, top)
        processes: list[Served] = []
        for number, url in enumerate(urls):
            own = deepcopy(config)
            if url:
                own["storage"] = {"database": in_file(url)}
            served = Served(folder / f"bridge-{number}", own)
            if processes:
                shutil.copy(processes[0].folder / "busybridge.key", served.folder)
            if url:
                served.key = "none"  # nobody asks for JSON
            started.push(served.__exit__)
            processes.append(served.start())
        first = processes[0]
        for room in rooms:
            if room != HOME:
                _connect(first, room)
        logins = [_login(first, name) for name in ("ann", "eve")]
        first.wait(lambda: _all_read(first), "every calendar was read")
        yield Bookable(sandbox, processes, logins[0], logins[1], calendar)


def _all_read(served: Served) -> bool:
    return all(each["last_sync_at"] for each in served.status()["connections"])


def _login(served: Served, name: str) -> Login:
    made = served.cli("users", "app-password", "create", name, "tests", "--json")
    return Login(name, json.loads(made)["password"])


def _connect(served: Served, room: str) -> None:
    browser = Browser()
    link = inside.run(served.config_path, "auth", "url", room).stdout
    page = browser.get(link.strip())
    agreed = browser.press(page).headers["Location"]
    place = PLACES[room]
    consent = Browser.consent if place.provider == "google" else outlook.consent
    assert browser.get(consent(browser, agreed, place.owner)).status_code == 200


def _config(
    sandbox: Sandbox,
    rooms: tuple[str, ...],
    calendar: CalDavCalendar | None,
    top: dict[str, Any],
) -> dict[str, Any]:
    google = replace(CLIENT, secret="secret").section(sandbox.url)
    outlook_ = {
        "client_id": microsoft.CLIENT_ID,
        "client_secret": microsoft.CLIENT_SECRET,
        "sandbox_url": sandbox.url,
    }
    zoom = {
        "account_id": ACCOUNT_ID,
        "client_id": at_zoom.SERVER_ID,
        "client_secret": at_zoom.SERVER_SECRET,
        "host": HOST,
        "webhook_secret": WEBHOOK_SECRET,
        "api_url": f"{sandbox.url}/v2",
        "token_url": f"{sandbox.url}/oauth/token",
        "requests": "100000/min",
        "requests_per_account": "100000/min",
    }
    providers: dict[str, Any] = {"google": google, "microsoft": outlook_, "zoom": zoom}
    if calendar is not None:
        providers["apple"] = {"server_url": calendar.account.url}
    access: dict[str, Any] = dict.fromkeys(rooms, "write")
    eve = {"name": "eve", "email": EVE, "access": access}
    server = {"rate_limit": {"per_client": "1000000/min"}, **top.pop("server", {})}
    return {
        "server": server,
        "allow_inline_secrets": True,
        "outbound": {"allow_networks": ["127.0.0.1/32"]},
        "sync": {"push": "off"},
        "providers": providers,
        "auth": {"users": [{"name": "ann", "access": access}, eve]},
        "resources": [_resource(room, calendar) for room in rooms],
        **top,
    }


def _resource(room: str, calendar: CalDavCalendar | None) -> dict[str, Any]:
    place = PLACES[room]
    work = {"id": "work", "provider": place.provider, "write_calendar": "primary"}
    if room == HOME:
        assert calendar is not None
        account = calendar.account
        work |= {"username": account.username, "password": account.password}
        work |= {"write_calendar": calendar.name, "account_email": place.owner}
        work["read_calendars"] = [calendar.name]  # other tests have calendars there
    return {
        "id": room,
        "freebusy": {"public": True},
        "connections": [work],
        "event_defaults": {"conference": place.meeting},
        "bookings": PATIENT,
    }


class Clock:
    """Knows when a stand-in was at work, as the WSGI application around it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[tuple[float, float]] = []

    def around(self, application: WSGIApplication) -> WSGIApplication:
        def answered(environ: Any, start_response: Any) -> Any:
            begin = time.perf_counter()
            try:
                return [b"".join(application(environ, start_response))]
            finally:
                with self._lock:
                    self._spans.append((begin, time.perf_counter()))

        return answered

    def within(self, begin: float, end: float) -> float:
        """Give the seconds of a span in which at least one request was being answered."""
        with self._lock:
            spans = sorted(each for each in self._spans if each[1] > begin and each[0] < end)
        total, until = 0.0, begin
        for first, last in spans:
            total += max(0.0, min(last, end) - max(first, until))
            until = max(until, last)
        return total
