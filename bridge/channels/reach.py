"""Whether a kind of provider can tell us anything, by the configuration alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.config.settings import Settings
from bridge.provider import ProviderKind


def address(settings: Settings, kind: ProviderKind) -> str:
    """Give the URL that a kind's notifications are posted to."""
    return f"{settings.server.public_url}/hooks/{kind.name}"


def why_not(settings: Settings, kind: ProviderKind) -> str:
    """Say why calendars of a kind are polled only; empty when their changes can be told."""
    if kind.notices is None or kind.unreachable is None:
        return f"{kind.title} tells of no changes"
    if settings.sync.push == "off":
        return "sync.push is off"
    defaults = settings.providers.get(kind.name) or kind.provider_settings()
    return kind.unreachable(defaults, address(settings, kind))


def silent(settings: Settings, kinds: Mapping[str, ProviderKind]) -> dict[str, str]:
    """Say why of those configured kinds that could tell of changes and cannot here, by title."""
    used = {each.provider for resource in settings.resources for each in resource.connections}
    found = {
        kind.title: why_not(settings, kind)
        for kind in kinds.values()
        if kind.name in used and kind.notices is not None
    }
    return {title: reason for title, reason in found.items() if reason}
