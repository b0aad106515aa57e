"""Sources for whole-system tests: real servers, a calendar of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.served import Served
from tests.e2e.sources import CalDavCalendar, IcsUrl, Source
from tests.e2e.town import Town
from tests.e2e.trio import Trio, trio
from tests.servers.origin import Origin
from tests.servers.radicale import radicale_account, shared_radicale
from tests.servers.xandikos import shared_xandikos, xandikos_account

_numbers = count()


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as server:
        yield server


@pytest.fixture
def radicale_calendar(server_folder: Path) -> CalDavCalendar:
    account = radicale_account(shared_radicale(server_folder / "radicale"))
    return CalDavCalendar(account, f"radicale-{next(_numbers)}")


@pytest.fixture
def xandikos_calendar(server_folder: Path) -> CalDavCalendar:
    account = xandikos_account(shared_xandikos(server_folder / "xandikos"))
    return CalDavCalendar(account, f"xandikos-{next(_numbers)}")


@pytest.fixture
def ics_url(origin: Origin) -> IcsUrl:
    return IcsUrl(origin, "/closures.ics")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start a bridge with one resource `ann` that reads the given sources.

    Keywords go into the resource; `top` goes into the file.
    """
    started: list[Served] = []

    def begin(*sources: Source, top: dict | None = None, **resource) -> Served:
        config = {
            "outbound": {"allow_networks": ["127.0.0.1/32"]},
            "allow_inline_secrets": True,
            **(top or {}),
            "resources": [
                {
                    "id": "ann",
                    "freebusy": {"public": True},
                    "feeds": [{"name": "all", "window": {"past": "5d", "future": "60d"}}],
                    "connections": [source.connection() for source in sources],
                    **resource,
                }
            ],
        }
        served = Served(tmp_path / f"bridge-{len(started)}", config)
        started.append(served)
        return served.start()

    yield begin
    for served in started:
        served.__exit__()


@pytest.fixture(scope="session")
def town(server_folder: Path) -> Iterator[Town]:
    with Origin() as origin, ExitStack() as proxies:
        yield Town(server_folder, origin, proxies)


@pytest.fixture(scope="session")
def three(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with trio(tmp_path_factory.mktemp("trio"), town) as opened:
        yield opened
        assert opened.booked.sandbox.world.defects == []
