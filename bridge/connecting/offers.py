"""Kinds of accounts that can be connected here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind."""

    name: str
    title: str
    synonyms: tuple[str, ...] = ()
    needs_consent: bool = False
    """Its accounts are connected by their owners, in a browser."""
    scopes: Mapping[str, str] = field(default_factory=dict)
    """What an owner has to permit -> what it is for."""
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """Ability -> `done`, or why not."""


def offers(accounts: Accounts) -> list[Offer]:
    """List the kinds that work with the settings in force: others lack their application."""
    return [
        Offer(
            name=kind.name,
            title=kind.title,
            synonyms=kind.synonyms,
            needs_consent=authorizer is not None,
            scopes=authorizer.scopes if authorizer else {},
            capabilities=kind.capabilities,
        )
        for kind, authorizer in accounts.kinds()
        if authorizer is None or authorizer.is_registered
    ]
