"""A bridge whose accounts are at Microsoft."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

from bridge.config.init import write_example
from bridge.provider import ProviderKind
from bridge.registry import KINDS
from bridge.sandbox.server import Sandbox
from tests.connecting.home import APP, House, document, serving
from tests.connecting.owner import ANN, BOB, Browser

CLIENT, SECRET = "0bc1d7e4-0000-4000-8000-000000000001", "CANARY-client-secret"
HANS = "hans@outlook.example"
_SENT = ("code", "code_verifier", "device_code", "refresh_token", "client_secret")
_GIVEN = ("access_token", "refresh_token", "id_token", "device_code")


class Microsoft:
    """A stand-in, and what came to its token endpoint."""

    def __init__(self) -> None:
        client = {
            "id": CLIENT,
            "secret": SECRET,
            "name": "The bridge",
            "public": True,
            "loopback": True,
            "redirect_uris": [APP],
        }
        people = [{"email": ANN}, {"email": BOB}, {"email": HANS, "personal": True}]
        self.sandbox = Sandbox({"microsoft": {"accounts": people, "clients": [client]}}, seed=1)
        self.calls: list[str] = []
        self.described = 0
        """How often a tenant's metadata were asked for."""
        self.secrets: set[str] = {SECRET}
        """Everything that was sent there and came back from there."""
        entra = self.sandbox.microsoft.entra
        answer, describe = entra.token, entra.metadata

        def counted(tenant: str, form: Any, authorization: str = "") -> Any:
            self.calls.append(form.get("grant_type", ""))
            self.secrets |= {form[name] for name in _SENT if form.get(name)}
            given = answer(tenant, form, authorization)
            self.secrets |= {given[name] for name in _GIVEN if name in given}
            return given

        def seen(tenant: str, root: str) -> Any:
            self.described += 1
            return describe(tenant, root)

        entra.token = counted  # type: ignore[method-assign]
        entra.metadata = seen  # type: ignore[method-assign]

    def section(self) -> dict[str, Any]:
        return {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "sandbox_url": self.sandbox.url,
        }

    def fault(self, name: str, value: Any = True, email: str = ANN) -> None:
        self.sandbox.microsoft.misbehave(email, name, value)

    def id_of(self, email: str = ANN) -> str:
        with self.sandbox.world.lock:
            return self.sandbox.microsoft.directory.mailbox(email).id


def consent(browser: Browser, url: str, account: str = ANN, decision: str = "allow") -> str:
    """Choose on Microsoft's page, and give the address that it sends the browser to."""
    assert browser.get(url).status_code == 200
    answer = browser.http.post(url, data={"account": account, "decision": decision})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


@dataclass
class Office(House):
    """Room A and room B have a Microsoft account each."""

    microsoft: Microsoft

    def consent(
        self, browser: Browser, url: str, account: str = ANN, decision: str = "allow"
    ) -> str:
        return consent(browser, url, account, decision)

    def connect(
        self, browser: Browser | None = None, account: str = ANN, decision: str = "allow"
    ) -> httpx2.Response:
        """Go all the way, as an owner does."""
        browser = browser or Browser()
        return browser.get(self.consent(browser, self.asks(browser), account, decision))


@contextmanager
def opened(
    folder: Path,
    adjust: Callable[[Microsoft, Any], None] | None = None,
    kinds: Mapping[str, ProviderKind] | None = None,
) -> Iterator[Office]:
    """Open a bridge; `adjust` changes what stands in its file, `kinds` take the place of ours."""
    microsoft = Microsoft()
    with microsoft.sandbox:
        path, _ = write_example(folder)
        url, config = document()
        config["providers"] = {"microsoft": microsoft.section()}
        config["resources"] = [
            {"id": "room-a", "connections": [{"id": "work", "provider": "outlook"}]},
            {"id": "room-b", "connections": [{"id": "desk", "provider": "microsoft"}]},
        ]
        if adjust is not None:
            adjust(microsoft, config)
        path.write_text(yaml.safe_dump(config))
        with serving(
            path, KINDS | (kinds or {}), lambda bridge: Office(bridge, url, microsoft)
        ) as office:
            yield office
        assert microsoft.sandbox.world.defects == []
