"""A bridge whose bookings have meetings at Zoom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

from bridge.config.init import write_example
from bridge.registry import KINDS
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.directory import ACCOUNT_ID
from bridge.sandbox.zoom.scenario import CLIENT_ID, CLIENT_SECRET, SERVER_ID, SERVER_SECRET
from tests.connecting.home import House, document, serving
from tests.connecting.outlook import consent
from tests.connecting.owner import ANN, BOB, Browser
from tests.databases import migrated

WEBHOOK_SECRET = "CANARY-webhook-secret"


class Zoom:
    """A stand-in, and what came to its token endpoint."""

    def __init__(self) -> None:
        people = [{"email": ANN}, {"email": BOB}]
        self.sandbox = Sandbox({"zoom": {"accounts": people}}, seed=1)
        self.calls: list[str] = []
        oauth = self.sandbox.zoom.oauth
        answer = oauth.token

        def counted(query: Any, form: Any, authorization: str, root: str) -> Any:
            self.calls.append(form.get("grant_type", ""))
            assert authorization.startswith("Basic "), "as Zoom's documentation has it"
            assert "client_secret" not in form
            return answer(query, form, authorization, root)

        oauth.token = counted  # type: ignore[method-assign]

    def section(self, *, alone: bool) -> dict[str, Any]:
        url = self.sandbox.url
        app = {"auth": "oauth", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        program = {
            "account_id": ACCOUNT_ID,
            "client_id": SERVER_ID,
            "client_secret": SERVER_SECRET,
        }
        return (program if alone else app) | {
            "webhook_secret": WEBHOOK_SECRET,
            "api_url": f"{url}/v2",
            "authorize_url": f"{url}/oauth/authorize",
            "token_url": f"{url}/oauth/token",
            "revoke_url": f"{url}/oauth/revoke",
        }

    def fault(self, name: str, value: Any = True, email: str = ANN, times: Any = None) -> None:
        self.sandbox.zoom.misbehave(email, name, value, times)

    def allows(self, email: str = ANN) -> bool:
        """Whether somebody lets the bridge do anything."""
        with self.sandbox.world.lock:
            zoom = self.sandbox.zoom
            return bool(zoom.grants.of(zoom.directory.user(email)))


@dataclass
class Studio(House):
    """Room A has a Zoom account."""

    zoom: Zoom

    def connect(
        self, browser: Browser | None = None, account: str = ANN, decision: str = "allow"
    ) -> httpx2.Response:
        """Go all the way, as an owner does."""
        browser = browser or Browser()
        return browser.get(consent(browser, self.asks(browser), account, decision))


@contextmanager
def opened(
    folder: Path, adjust: Callable[[Zoom, Any], None] | None = None, *, alone: bool = False
) -> Iterator[Studio]:
    """Open a bridge; `adjust` changes what stands in its file."""
    zoom = Zoom()
    with zoom.sandbox:
        path, _ = write_example(folder)
        url, config = document()
        config["providers"] = {"zoom": zoom.section(alone=alone)}
        own = {"id": "work", "provider": "zoom"} | ({"account_email": ANN} if alone else {})
        config["resources"] = [{"id": "room-a", "connections": [own]}]
        if adjust is not None:
            adjust(zoom, config)
        path.write_text(yaml.safe_dump(config))
        migrated(folder)
        with serving(path, KINDS, lambda bridge: Studio(bridge, url, zoom)) as studio:
            yield studio
        assert zoom.sandbox.world.defects == []
