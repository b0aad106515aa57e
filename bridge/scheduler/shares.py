"""How the slots for pulls are shared, so that those that hang leave some to all the others.

Nobody sees beforehand that a pull will hang. Two things are known: whether the connection went
well the last time, and which server it goes to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from bridge.config.settings import Connection, Settings
from bridge.registry import KINDS

_SMALL = 4
"""Up to so many slots, a share of them for each server would be one: all may take all."""


class Shares:
    """Decides which pulls may start beside those that run.

    At least half of the slots (of an odd number the smaller half; a single one cannot be shared)
    are kept for connections whose last pull went well; no server gets more than a quarter.
    """

    def __init__(self, slots: int, sites: Mapping[str, str]) -> None:
        """Begin with nothing running.

        Args:
            slots: how many pulls may run.
            sites: the server of each connection; without one it counts for none.
        """
        self._unproven = slots - slots // 2
        self._of_site = -(-slots // 4) if slots > _SMALL else slots
        self._sites = sites
        self._taken: Counter[str] = Counter()
        self._taken_unproven = 0

    def add(self, connection_id: str, *, proven: bool) -> None:
        """Count a pull that runs; `proven`: the one before went well."""
        self._taken[self._sites.get(connection_id, "")] += 1
        self._taken_unproven += not proven

    def admit(self, connection_id: str, *, proven: bool) -> bool:
        """Count a pull if it may start beside the others."""
        site = self._sites.get(connection_id, "")
        if site and self._taken[site] >= self._of_site:
            return False
        if not proven and self._taken_unproven >= self._unproven:
            return False
        self.add(connection_id, proven=proven)
        return True


def sites_of(settings: Settings) -> dict[str, str]:
    """Name the server of every connection, `cloud.example.com:443`; empty when it has none."""
    return {
        f"{resource.id}.{connection.id}": _site(settings, connection)
        for resource in settings.resources
        for connection in resource.connections
    }


def _site(settings: Settings, connection: Connection) -> str:
    kind = KINDS.get(connection.provider)
    defaults = settings.providers.get(kind.name) or kind.provider_settings() if kind else None
    texts = [*_texts(connection.options), *_texts(defaults)]
    for text in texts:
        if "://" in text:
            parts = urlsplit(text)
            return parts.netloc.rpartition("@")[2].lower()
    # A mail address stands for the server that its domain names (RFC 6764 section 6).
    return next((text.rpartition("@")[2].lower() for text in texts if "@" in text), "")


def _texts(options: BaseModel | None) -> Iterator[str]:
    if options is None:
        return
    for name in type(options).model_fields:
        value = getattr(options, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
            # A secret can be a URL, and a password can hold any character.
            if not value.startswith(("http://", "https://", "webcal://", "webcals://")):
                continue
        if isinstance(value, str):
            yield value
