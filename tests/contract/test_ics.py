"""An ICS feed keeps the contract: by ETag, by Last-Modified, without either, and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from bridge.config.settings import Outbound
from bridge.model.http import Http
from bridge.model.interval import Window
from bridge.provider import (
    Account,
    CalendarId,
    CalendarInfo,
    EventSource,
    Page,
    Provider,
    SyncToken,
)
from bridge.providers.ics import KIND, IcsConnection, IcsDefaults
from bridge.transport import Transport
from tests.contract.provider_contract import Planned, ProviderContract, mirror
from tests.servers.origin import Answer, Origin, Request, half

__all__ = ["mirror"]


@dataclass
class Published:
    """One calendar and how it is written as a file."""

    events: dict[str, list[str]] = field(default_factory=dict)
    version: int = 0

    def edit(self, uid: str, lines: list[str] | None) -> None:
        self.version += 1
        if lines is None:
            del self.events[uid]
        else:
            self.events[uid] = lines

    @property
    def text(self) -> bytes:
        head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//contract//EN", "X-WR-CALNAME:Team"]
        body = [line for lines in self.events.values() for line in lines]
        return "\r\n".join([*head, *body, "END:VCALENDAR", ""]).encode()


@dataclass(frozen=True)
class Named:
    """A feed calls its calendar the same everywhere; the suite wants names of its own."""

    source: EventSource
    name: CalendarId

    def list_calendars(self) -> Sequence[CalendarInfo]:
        return [replace(info, id=self.name) for info in self.source.list_calendars()]

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        assert calendar == self.name
        return self.source.changes(CalendarId("feed"), since, window)


@dataclass
class IcsWorld:
    """Feeds on a loopback server; `validator` is the header that it answers with."""

    http: Http
    origin: Origin
    validator: str = ""
    calendars: dict[CalendarId, Published] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)
    cut: bool = False

    def settings(self, calendar: CalendarId) -> IcsConnection:
        url = self.origin.url(f"/{calendar}.ics?token=secret")
        return IcsConnection.model_validate({"url": url})

    def open(self, calendar: CalendarId) -> Provider:
        account = Account("r.c", self.settings(calendar), IcsDefaults(), self.http)
        source = KIND.open(account).source
        assert source is not None
        return Provider(source=Named(source, calendar))

    def new_calendar(self) -> CalendarId:
        calendar = CalendarId(f"calendar-{next(self.numbers)}")
        self.calendars[calendar] = Published()
        self.origin.routes[f"/{calendar}.ics"] = lambda request: self.serve(calendar, request)
        return calendar

    def serve(self, calendar: CalendarId, request: Request) -> Answer:
        published = self.calendars[calendar]
        headers = {"Content-Type": "text/calendar; charset=utf-8"}
        if self.validator == "ETag":
            headers["ETag"] = f'"{published.version}"'
        elif self.validator:
            minutes = published.version
            clock = f"{minutes // 3600:02}:{minutes // 60 % 60:02}:{minutes % 60:02}"
            headers["Last-Modified"] = f"Sat, 21 Nov 2026 {clock} GMT"
        asked = {"ETag": "if-none-match", "Last-Modified": "if-modified-since"}
        if self.cut:
            return half(published.text, headers)
        if self.validator and request.headers.get(asked[self.validator]) == headers[self.validator]:
            return Answer(304, headers)
        return Answer(200, headers, published.text)

    def edit(self, calendar: CalendarId, uid: str, lines: list[str] | None) -> None:
        self.calendars[calendar].edit(uid, lines)

    def put(self, calendar: CalendarId, uid: str, plan: Planned) -> None:
        self.edit(calendar, uid, plan.lines(uid))

    def delete(self, calendar: CalendarId, uid: str) -> None:
        self.edit(calendar, uid, None)

    def spoil(self, calendar: CalendarId, uid: str) -> None:
        lines = self.calendars[calendar].events[uid]
        spoilt = ["DTSTART:whenever" if line.startswith("DTSTART") else line for line in lines]
        self.edit(calendar, uid, spoilt)

    def expire(self, calendar: CalendarId) -> None:
        """Feeds have no tokens; a validator that is forgotten is answered with 200."""
        self.calendars[calendar].version += 1

    @contextmanager
    def refusing_tokens(self) -> Iterator[None]:
        validator, self.validator = self.validator, ""
        yield
        self.validator = validator

    @contextmanager
    def cutting(self) -> Iterator[None]:
        self.cut = True
        yield
        self.cut = False

    @property
    def listings(self) -> int:
        return len(self.origin.requests)


@dataclass
class FileWorld(IcsWorld):
    """The same calendars as files."""

    folder: Path = Path()
    opened: int = 0

    def settings(self, calendar: CalendarId) -> IcsConnection:
        self.opened += 1
        text = self.calendars[calendar].text
        path = self.folder / f"{calendar}.ics"
        path.write_bytes(text[: len(text) // 2] if self.cut else text)
        return IcsConnection.model_validate({"path": str(path)})

    @property
    def listings(self) -> int:
        return self.opened


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as server:
        yield server


@pytest.fixture
def http(origin: Origin) -> Iterator[Transport]:
    outbound = Outbound.model_validate({"allow_networks": [f"127.0.0.1/32:{origin.port}"]})
    transport = Transport(outbound, user_agent="BusyBridge/test")
    yield transport
    transport.close()


class TestByETag(ProviderContract):
    @pytest.fixture
    def world(self, http: Http, origin: Origin) -> IcsWorld:
        return IcsWorld(http, origin, "ETag")


class TestByLastModified(ProviderContract):
    @pytest.fixture
    def world(self, http: Http, origin: Origin) -> IcsWorld:
        return IcsWorld(http, origin, "Last-Modified")


class TestWithoutValidators(ProviderContract):
    @pytest.fixture
    def world(self, http: Http, origin: Origin) -> IcsWorld:
        return IcsWorld(http, origin)


class TestFile(ProviderContract):
    @pytest.fixture
    def world(self, http: Http, origin: Origin, tmp_path: Path) -> IcsWorld:
        return FileWorld(http, origin, folder=tmp_path)
