"""A resolver for tests: names as a dictionary, and a count of the questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address

from bridge.model.http import Service
from bridge.transport import unresolved


class Names:
    """Implements `bridge.transport.Resolver`; an unknown name does not exist.

    `hosts` maps a name to its addresses, or to a function that is asked each time.
    """

    def __init__(
        self,
        hosts: Mapping[str, Sequence[str] | Callable[[], Iterable[str]]],
        *,
        services: Mapping[str, Sequence[Service] | None] | None = None,
        texts: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.asked: list[str] = []
        self._hosts = hosts
        self._services = services or {}
        self._texts = texts or {}

    def addresses(self, host: str, _timeout: float):
        self.asked.append(host)
        found = self._hosts.get(host)
        if found is None:
            raise unresolved(host)
        return [ip_address(text) for text in (found() if callable(found) else found)]

    def services(self, name: str, _timeout: float) -> Sequence[Service]:
        found = self._services.get(name, ())
        if found is None:
            raise unresolved(name)
        return found

    def texts(self, name: str, _timeout: float) -> Sequence[str]:
        return self._texts.get(name, ())
