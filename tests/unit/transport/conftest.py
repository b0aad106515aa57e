from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.config.settings import Outbound
from bridge.transport import Resolver, Transport
from tests.servers.names import Names
from tests.servers.origin import Origin

MakeTransport = Callable[..., Transport]
LOCAL = Names(
    {
        name: ["127.0.0.1"]
        for name in (
            "cal.example.com", "dav.example.com", "example.com", "cal.example.org", "other.test",
            "ann.github.io", "bob.github.io", "caldav.icloud.com", "p42-caldav.icloud.com",
            "a.example.co.uk", "b.example.co.uk", "other.co.uk", "nas", "nas.home.arpa",
        )
    }
)  # fmt: skip


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A server that tests may reach by the names of `LOCAL`."""
    with Origin() as server:
        yield server


@pytest.fixture
def trap() -> Iterator[Origin]:
    """A server on an address that is not listed: nobody may ever connect to it."""
    with Origin() as server:
        yield server


@pytest.fixture
def make_transport() -> Iterator[MakeTransport]:
    """Make transports that reach just the given origins."""
    made: list[Transport] = []

    def make(
        *origins: Origin, resolver: Resolver | None = LOCAL, ca_file: Path | None = None
    ) -> Transport:
        listed = [f"{server.address}/32:{server.port}" for server in origins]
        outbound = Outbound.model_validate(
            {"allow_networks": listed, "ca_file": str(ca_file) if ca_file else None}
        )
        made.append(Transport(outbound, resolver=resolver, user_agent="BusyBridge/test"))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def transport(make_transport: MakeTransport, origin: Origin) -> Transport:
    """Reaches `origin` and nothing else."""
    return make_transport(origin)
