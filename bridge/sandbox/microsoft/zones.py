"""Time zones by the names that Outlook has for them: Windows names, and IANA names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.sandbox.microsoft.errors import GraphError

CUSTOM = "tzone://Microsoft/Custom"
"""What Outlook calls a zone that somebody made; nobody can find it."""


def zone(name: str) -> ZoneInfo:
    """Find a zone.

    Raises:
        GraphError: 400.
    """
    try:
        return ZoneInfo(_windows().get(name.lower(), name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        text = f"A valid TimeZone value must be specified. The following is not supported: '{name}'"
        raise GraphError(400, "TimeZoneNotSupportedException", f"{text}.") from err


def windows_name(name: str) -> str:
    """Name a zone as Windows does; where it does not know it, the name stays."""
    if name == "UTC":
        return name
    return _inverse().get(name, name)


def _table() -> Mapping[str, str]:
    text = (files("bridge.sandbox") / "schemas" / "windows-zones.json").read_text("utf-8")
    zones: dict[str, str] = json.loads(text)["zones"]
    return zones


@lru_cache(maxsize=1)
def _windows() -> Mapping[str, str]:
    return {name.lower(): place for name, place in _table().items()}


@lru_cache(maxsize=1)
def _inverse() -> Mapping[str, str]:
    return {place: name for name, place in _table().items()}
