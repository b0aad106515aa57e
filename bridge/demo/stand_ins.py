"""The stand-ins for Google, Microsoft and Zoom that the demo has: `busybridge sandbox`."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from bridge.demo.children import Child, Children
from bridge.errors import BridgeError

_START_TIMEOUT = 60.0
_GOOGLE = ("client_id", "api_url", "authorize_url", "token_url", "revoke_url")
_MICROSOFT = ("client_id", "sandbox_url")
_ZOOM = ("account_id", "client_id", "api_url", "token_url")


@dataclass(frozen=True, slots=True)
class StandIn:
    """One of them, as it presents itself."""

    url: str
    accounts: tuple[str, ...]
    pages: str
    """Path of the accounts' pages, with a slash at the end."""
    section: Mapping[str, str]
    """What belongs into its section of `providers`, but for the secret."""
    secret: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 80

    def page(self, account: str) -> str:
        """Where a person sees an account's calendars."""
        return f"{self.url}{self.pages}{account}"


@dataclass(frozen=True, slots=True)
class StandIns:
    """The running process, which is all of them."""

    google: StandIn
    microsoft: StandIn
    zoom: StandIn

    @property
    def person(self) -> str:
        """Address of somebody who has an account at each."""
        others = {*self.microsoft.accounts} & {*self.zoom.accounts}
        return next(each for each in self.google.accounts if each in others)


def start(children: Children, port: int) -> Child:
    """Start it; `presented` waits until it answers."""
    return children.start("bridge", "sandbox", "--json", "--port", str(port), is_heard=True)


def presented(process: Child) -> StandIns:
    """Return what it says of itself, which it does when it listens.

    Raises:
        BridgeError: it ended, or says nothing.
    """
    heard, ends = b"", monotonic() + _START_TIMEOUT
    assert process.stdout is not None  # noqa: S101 - for the type checker
    out = process.stdout.fileno()
    while not heard.endswith(b"\n}\n"):
        if not select.select([out], [], [], max(0.0, ends - monotonic()))[0]:
            raise BridgeError("the demo's sandbox does not start")
        part = os.read(out, 65536)
        if not part:
            raise BridgeError("the demo's sandbox ended by itself")
        heard += part
    told = json.loads(heard)
    return StandIns(
        _stand_in(told["url"], told, _GOOGLE, "/accounts/"),
        _stand_in(told["url"], told["microsoft"], _MICROSOFT, "/microsoft/accounts/"),
        _stand_in(told["url"], told["zoom"], _ZOOM, "/zoom/accounts/"),
    )


def _stand_in(url: str, told: Mapping[str, Any], names: tuple[str, ...], pages: str) -> StandIn:
    section = {name: str(told[name]) for name in names}
    return StandIn(url, tuple(told["accounts"]), pages, section, told["client_secret"])
