"""The stand-in for Google that the demo's reader connects: `busybridge sandbox`."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

from bridge.demo.children import Child, Children
from bridge.errors import BridgeError

_START_TIMEOUT = 30.0
_SETTINGS = ("client_id", "api_url", "authorize_url", "token_url", "revoke_url")


@dataclass(frozen=True, slots=True)
class Google:
    """The running stand-in, as it presents itself."""

    url: str
    accounts: tuple[str, ...]
    section: Mapping[str, str]
    """What belongs into `providers.google`, but for the secret."""
    secret: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 80

    def page(self, account: str) -> str:
        """Where a person sees and edits an account's calendars."""
        return f"{self.url}/accounts/{account}"


def start(children: Children, port: int) -> Child:
    """Start it; `presented` waits until it answers."""
    return children.start("bridge", "sandbox", "--json", "--port", str(port), is_heard=True)


def presented(process: Child) -> Google:
    """Return what it says of itself, which it does when it listens.

    Raises:
        BridgeError: it ended, or says nothing.
    """
    heard, ends = b"", monotonic() + _START_TIMEOUT
    assert process.stdout is not None  # noqa: S101 - for the type checker
    out = process.stdout.fileno()
    while not heard.endswith(b"\n}\n"):
        if not select.select([out], [], [], max(0.0, ends - monotonic()))[0]:
            raise BridgeError("the demo's stand-in for Google does not start")
        part = os.read(out, 65536)
        if not part:
            raise BridgeError("the demo's stand-in for Google ended by itself")
        heard += part
    told = json.loads(heard)
    section = {name: str(told[name]) for name in _SETTINGS}
    return Google(told["url"], tuple(told["accounts"]), section, told["client_secret"])
