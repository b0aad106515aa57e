"""Replacing the transport under requests that are on their way."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from bridge.app.outlet import Outlet, make_transport
from bridge.errors import AddressRefused
from tests.builders import make_settings
from tests.servers.origin import Answer, Origin, Request


def transport(*networks: str):
    return make_transport(make_settings(outbound={"allow_networks": list(networks)}).outbound)


def test_a_replaced_transport_ends_its_requests_and_takes_no_new_one() -> None:
    asked, opened = Event(), Event()

    def slow(_request: Request) -> Answer:
        asked.set()
        opened.wait(20)
        return Answer(200, {}, b"whole")

    with Origin() as origin, ThreadPoolExecutor(1) as pool:
        origin.routes["/slow"] = slow
        outlet = Outlet(transport("127.0.0.1/32"))
        waiting = pool.submit(outlet.request, "GET", origin.url("/slow"))
        assert asked.wait(20)
        outlet.replace(transport())
        with pytest.raises(AddressRefused):
            outlet.request("GET", origin.url("/slow"))
        opened.set()
        assert waiting.result(20).body == b"whole"
        outlet.close()
