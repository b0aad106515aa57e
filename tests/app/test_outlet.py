"""Replacing the transport under requests that are on their way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from bridge import deadline
from bridge.app.outlet import Outlet, make_transport
from bridge.errors import AddressRefused, Disposition, TemporarilyUnavailable
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


@pytest.mark.covers("F22")
def test_the_deadline_of_a_pull_ends_its_requests_and_begins_no_further_one() -> None:
    opened = Event()

    def silent(_request: Request) -> Answer:
        opened.wait(600)
        return Answer(200, {}, b"late")

    with Origin() as origin:
        origin.routes["/silent"] = silent
        outlet = Outlet(transport("127.0.0.1/32"))
        with deadline.within(0.3):
            for _ in range(3):
                with pytest.raises(TemporarilyUnavailable) as caught:
                    outlet.request("GET", origin.url("/silent"), timeout=timedelta(minutes=10))
                assert caught.value.code == "timeout"
                assert caught.value.disposition is Disposition.RETRY
        assert len(origin.requests) <= 1, "the first, if there was the time to send it"
        opened.set()
        assert outlet.request("GET", origin.url("/silent")).body == b"late", "only the pull ended"
        outlet.close()
